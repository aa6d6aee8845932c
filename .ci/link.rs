//! How page and worker are linked: with their relocations, by which `finish.py` cuts them into parts.

fn main() {
    println!("cargo:rerun-if-changed=.ci/link.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() != Ok("wasm") {
        return;
    }
    for module in ["page", "worker"] {
        if std::env::var_os(format!("CARGO_FEATURE_{}", module.to_uppercase())).is_some() {
            println!("cargo:rustc-link-arg-bin={module}=--emit-relocs");
        }
    }
}
