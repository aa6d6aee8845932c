//! How the page is linked: with its relocations, by which `finish.py` cuts it into parts.

fn main() {
    println!("cargo:rerun-if-changed=.ci/link.rs");
    if std::env::var("CARGO_FEATURE_PAGE").is_ok()
        && std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm")
    {
        println!("cargo:rustc-link-arg-bin=page=--emit-relocs");
    }
}
