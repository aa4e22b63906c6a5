//! Dependencies point one way: a module may use only those that stand before it here. `docs/architecture.md` says why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules in `src/`, the lowest first. Those of one row must not use each other.
const LAYERS: [&[&str]; 19] = [
    &["clock", "encoding", "error", "measure", "pieces", "config", "transport"],
    &["log"],
    &["model"],
    &["fulltext", "highlight", "permissions", "portable", "slack"],
    &["egress", "limits", "mail", "oidc", "pictures", "security_log"],
    &["db"],
    &["events", "jobs", "timekeeping"],
    &["files", "outbox"],
    &["settings"],
    &["accounts", "administration", "chat"],
    &["backup", "export", "hooks", "import", "links", "missed", "previews", "push", "reminders", "retention", "tls", "webhooks"],
    &["cluster"],
    &["server"],
    &["http"],
    &["realtime"],
    &["doctor", "monitoring"],
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

/// Files that import each other and are harmless: opening SQLite starts the follower of its search index, which keeps the writing pool.
const CYCLES: [&[&str]; 1] = [&["db::open", "db::search", "db::search::follow"]];

/// A file may import the `mod.rs` above it, whose type it extends; otherwise no files import each other, however many are between them.
#[test]
fn files_do_not_import_each_other() {
    let files: BTreeMap<String, PathBuf> = sources(Path::new("src")).into_iter().map(|path| (name(&path), path)).collect();
    let imports = |module: &str, path: &Path| -> BTreeSet<String> {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let used = uses(code).into_iter().filter_map(|path| resolve(module, &path, &files));
        used.filter(|used| used != module && !module.starts_with(&format!("{used}::"))).collect()
    };
    let graph: BTreeMap<&str, BTreeSet<String>> = files.iter().map(|(name, path)| (&**name, imports(name, path))).collect();
    let reached = |from: &str| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = next.pop() {
            next.extend(graph[&*module].iter().filter(|used| reached.insert((*used).clone())).cloned());
        }
        reached
    };
    let in_a_cycle: Vec<_> = files.keys().filter(|module| reached(module).contains(*module)).collect();
    assert_eq!(in_a_cycle, CYCLES.concat().iter().collect::<Vec<_>>());
}

/// `Db::open` makes checkpoints whatever `CHECKPOINTS` says, which is for tests: another program may own SQLite's log.
#[test]
fn what_opens_the_database_heeds_the_setting_of_checkpoints() {
    let is_of_tests = |path: &Path| path.ends_with("tests.rs");
    let mut deaf = Vec::new();
    for file in sources(Path::new("src")).into_iter().filter(|path| !is_of_tests(path)) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        if code.contains("Db::open(") {
            deaf.push(file);
        }
    }
    assert!(deaf.is_empty(), "use `Db::open_with` with the setting: {deaf:#?}");
}

/// What a file is called in paths.
fn name(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap().with_extension("");
    inside.iter().map(|part| part.to_str().unwrap()).filter(|part| *part != "mod").collect::<Vec<_>>().join("::")
}

/// The paths of all `use` declarations, braces expanded.
fn uses(code: &str) -> Vec<String> {
    let declarations = code.split(';').filter_map(|part| part.rsplit_once("use ")).filter(|(before, _)| {
        let line = before.rsplit('\n').next().unwrap().trim();
        line.is_empty() || line.starts_with("pub")
    });
    declarations.flat_map(|(_, tree)| expand(&tree.split_whitespace().collect::<String>())).collect()
}

fn expand(tree: &str) -> Vec<String> {
    let Some((before, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in rest[..rest.len() - 1].chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    parts.iter().filter(|part| !part.is_empty()).flat_map(|part| expand(part)).map(|part| format!("{before}{part}")).collect()
}

/// The file that a path leads to from a module, if it is one of ours.
fn resolve(module: &str, path: &str, files: &BTreeMap<String, PathBuf>) -> Option<String> {
    let mut at: Vec<&str> = module.split("::").collect();
    let mut parts: Vec<&str> = path.split("::").collect();
    match parts[0] {
        "crate" => at.clear(),
        "self" | "super" => {}
        _ => return None,
    }
    while matches!(parts.first(), Some(&"crate" | &"self" | &"super")) {
        if parts.remove(0) == "super" {
            at.pop();
        }
    }
    at.extend(parts);
    (1..=at.len()).rev().map(|length| at[..length].join("::")).find(|name| files.contains_key(name))
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

/// The files with code in a folder.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
