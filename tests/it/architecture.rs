//! Dependencies point one way: a module may use only those that stand before it here. `docs/architecture.md` says why.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in `src/`, the lowest first. Those of one row must not use each other.
const LAYERS: [&[&str]; 14] = [
    &["clock", "encoding", "error", "pieces", "config", "transport"],
    &["log"],
    &["model"],
    &["fulltext", "permissions"],
    &["limits", "security_log"],
    &["db"],
    &["events"],
    &["accounts", "chat"],
    &["server"],
    &["http"],
    &["realtime"],
    &["web"],
    &["app"],
    &["cli"],
];

#[test]
fn dependencies_point_one_way() {
    let layer = |module: &str| LAYERS.iter().position(|row| row.contains(&module));
    let mut upward = Vec::new();
    for file in sources(Path::new("src")) {
        let inside = file.strip_prefix("src").unwrap().with_extension("");
        let module = inside.iter().next().unwrap().to_str().unwrap().to_owned();
        if ["lib", "main"].contains(&&*module) {
            continue;
        }
        let own = layer(&module).unwrap_or_else(|| panic!("{module} has no layer"));
        for used in used_by(&fs::read_to_string(&file).unwrap()) {
            // An item of `lib.rs` itself has no layer.
            if used != module && layer(&used).is_some_and(|layer| layer >= own) {
                upward.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    upward.sort();
    upward.dedup();
    assert!(upward.is_empty(), "{upward:#?}");
}

/// Every first name behind `crate::`.
fn used_by(text: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut used = Vec::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            // `use crate::{a, b::c}`: rustfmt makes one only where several modules are used as such.
            Some(list) => used.extend(
                list.split('}').next().unwrap().split(',').map(|name| name.trim().split("::").next().unwrap().to_owned()),
            ),
            None => used.push(rest.chars().take_while(|c| is_name(*c)).collect()),
        }
    }
    used
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
