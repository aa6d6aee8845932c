//! Holds the arrows between the rooms of `src/`: the table here and in `src/lib.rs` change together.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each room and the rooms that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("routing", &["domain"]),
    ("inference", &["domain"]),
    ("simulation", &["domain", "routing", "inference"]),
    ("analysis", &["domain"]),
    ("controller", &["domain", "analysis"]),
    ("lab", &["domain", "routing", "inference", "simulation", "analysis", "controller"]),
    ("wire", &["domain", "analysis", "controller", "lab"]),
    ("plot", &["domain", "analysis"]),
    ("ui", &["domain", "inference", "simulation", "analysis", "controller", "lab", "wire", "plot"]),
    ("worker", &["domain", "inference", "simulation", "analysis", "controller", "lab", "wire"]),
    ("server", &["domain", "routing", "inference", "analysis", "controller", "wire"]),
    ("cli", &["domain", "inference", "simulation", "analysis", "controller", "lab", "wire", "server"]),
];

/// What the core must not name: it has no clock, no randomness of its own, no browser, no file and no network.
const PURE: &[&str] =
    &["domain", "routing", "inference", "simulation", "analysis", "controller", "lab", "wire"];
const IMPURE: &[&str] = &[
    "std::time::Instant",
    "SystemTime",
    "std::fs",
    "std::net",
    "web_sys",
    "js_sys",
    "thread_rng",
    "rand::rng()",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn room_sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut paths);
    // Tests may look wherever they must.
    paths.retain(|p| !p.ends_with("tests.rs"));
    paths.into_iter().map(|p| (p.clone(), fs::read_to_string(p).unwrap())).collect()
}

/// Rooms named after `crate::` in a text, in paths and in grouped imports.
fn named(text: &str) -> BTreeSet<String> {
    let text: String =
        text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut fresh = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => fresh = true,
                    c if depth == 0 && fresh && (c.is_alphanumeric() || c == '_') => word.push(c),
                    _ if !word.is_empty() => {
                        found.insert(std::mem::take(&mut word));
                        fresh = false;
                    }
                    _ => {}
                }
            }
            if !word.is_empty() {
                found.insert(word);
            }
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn every_room_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "bin" {
            assert!(ARROWS.iter().any(|(room, _)| *room == name), "src/{name} has no row in the table");
        }
    }
}

#[test]
fn arrows_point_one_way() {
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    for (room, may) in ARROWS {
        for (path, text) in room_sources(room) {
            for used in named(&text) {
                if rooms.contains(used.as_str()) && used != *room {
                    assert!(may.contains(&used.as_str()), "{room} may not use {used}: {}", path.display());
                }
            }
        }
    }
}

#[test]
fn the_core_has_no_clock_and_no_way_out() {
    for room in PURE {
        for (path, text) in room_sources(room) {
            for word in IMPURE {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn tract_is_named_in_one_room_only() {
    for (room, _) in ARROWS.iter().filter(|(room, _)| *room != "inference") {
        for (path, text) in room_sources(room) {
            assert!(!text.contains("tract_"), "{} names tract", path.display());
        }
    }
}

#[test]
fn the_reader_of_imports_reads_them() {
    let text = "use crate::{\n    domain::{A, B},\n    lab::C,\n};\nuse crate::wire::D;\n// crate::no\nfn f() { crate::plot::g() }";
    assert_eq!(named(text).into_iter().collect::<Vec<_>>(), ["domain", "lab", "plot", "wire"]);
}
