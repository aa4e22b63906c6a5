//! Bundles the modules of `static/js` into one script per kind of page, and the files of `static/css` into one style sheet.
//!
//! Owns how they are bundled: once, at start, without a build step (docs/decisions/0045). A module that is imported dynamically, with
//! `import(…)`, stays a file of its own, which browsers fetch when they need it. It must not know who requests a file.
//!
//! In a bundle each module is a function that returns its exports; the functions run in order of their dependencies. So modules must not
//! import each other in a cycle, export a `let`, or `await` at the top level: [`Scripts::new`] refuses what it cannot bundle, and a test
//! bundles everything there is.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The scripts that pages refer to: for signed-in people, for log-in and registration, for proving again who one is, for the offline page, for the
/// reference of the API, and for all other pages.
const ENTRIES: [&str; 6] = [SHARED, "js/auth.js", "js/prove.js", "js/offline.js", "js/reference.js", "js/install.js"];
/// The entry whose modules dynamically imported files share.
const SHARED: &str = "js/app.js";
/// Not modules: the inline script and the service worker.
const STANDALONE: [&str; 2] = ["js/first.js", crate::web::assets::WORKER];
/// The style sheet.
pub const SHEET: &str = "css/parlor.css";
/// Its parts, in cascade order.
const SHEETS: [&str; 51] = [
    "tokens",
    "base",
    "layout",
    "sidebar",
    "avatars",
    "sidebar-sections",
    "room-head",
    "log",
    "messages",
    "message-text",
    "message-references",
    "files",
    "link-previews",
    "notices",
    "log-buttons",
    "room-head-narrow",
    "icons",
    "message-toolbar",
    "message-menu",
    "emoji-picker",
    "dialogs",
    "reactions",
    "tooltips",
    "room-menu",
    "announcements",
    "menus-narrow",
    "buttons",
    "fields",
    "cards",
    "tabs",
    "rows",
    "gathered",
    "composer",
    "message-editor",
    "tray",
    "composer-narrow",
    "code",
    "reference",
    "portraits",
    "people",
    "direct-messages",
    "settings",
    "profile-narrow",
    "lightbox",
    "crop",
    "palette",
    "search",
    "column",
    "admin",
    "managing",
    "forced",
];

/// The style sheet, without comments and indentation. `text` reads a file.
#[must_use]
pub fn sheet(text: impl Fn(&str) -> String) -> String {
    let all: String = SHEETS.iter().map(|name| text(&format!("css/{name}.css"))).collect();
    let mut rules = String::with_capacity(all.len());
    for (at, part) in all.split("/*").enumerate() {
        rules.push_str(if at == 0 { part } else { part.split_once("*/").map_or("", |(_, rules)| rules) });
    }
    rules.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

/// The scripts that browsers load, by path below `static/`.
#[derive(Debug, Default)]
pub struct Scripts(pub BTreeMap<String, String>);

/// A parsed module.
struct Module {
    /// Its static imports: the names, as an object pattern, and the module.
    imports: Vec<(String, String)>,
    /// The names it exports.
    exports: Vec<String>,
    /// Its lines without imports and comments. Exports keep their `export`.
    lines: Vec<String>,
    /// The modules it imports dynamically.
    dynamic_imports: Vec<String>,
}

impl Module {
    fn new(path: &str, source: &str) -> Result<Self, String> {
        let mut module = Self { imports: Vec::new(), exports: Vec::new(), lines: Vec::new(), dynamic_imports: Vec::new() };
        for line in source.lines() {
            let cannot = || format!("{path}: this line cannot be bundled: {line}");
            let trimmed = line.trim();
            // Indented code is inside a function.
            let is_top = line == trimmed && !line.starts_with("//");
            if is_top && line.contains("await ") && !line.contains("async ") {
                return Err(cannot());
            }
            if let Some(import) = line.strip_prefix("import ") {
                let (names, from) = import.rsplit_once(" from ").unwrap_or(("{}", import));
                let from = from.strip_prefix("'#").and_then(|from| from.strip_suffix("';")).ok_or_else(cannot)?;
                let names = names.strip_prefix('{').and_then(|names| names.strip_suffix('}')).ok_or_else(cannot)?;
                module.imports.push((names.trim().replace(" as ", ": "), from.to_owned()));
            } else if !trimmed.is_empty() && !trimmed.starts_with("//") {
                if let Some(export) = line.strip_prefix("export ") {
                    let named = export.strip_prefix("async ").unwrap_or(export);
                    let kinds = ["function* ", "function ", "class ", "const "];
                    let named = kinds.iter().find_map(|kind| named.strip_prefix(kind)).ok_or_else(cannot)?;
                    let name: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if name.is_empty() {
                        return Err(cannot());
                    }
                    module.exports.push(name);
                }
                module.dynamic_imports.extend(dynamic_imports(trimmed).map(str::to_owned));
                module.lines.push(trimmed.to_owned());
            }
        }
        Ok(module)
    }

    /// Its code without the `export` keyword, which is not allowed inside a function.
    fn bare(&self) -> String {
        self.lines.iter().flat_map(|line| [line.strip_prefix("export ").unwrap_or(line), "\n"]).collect()
    }
}

/// The modules that a line imports dynamically.
fn dynamic_imports(line: &str) -> impl Iterator<Item = &str> {
    line.split("import('#").skip(1).filter_map(|rest| rest.split_once("')").map(|(path, _)| path))
}

impl Scripts {
    /// Bundles the modules. `text` reads a file, and `url` gives its address. Fails on a line that cannot be bundled and on an import cycle.
    pub fn new(text: impl Fn(&str) -> Option<String>, url: impl Fn(&str) -> String) -> Result<Self, String> {
        let mut modules = BTreeMap::new();
        let mut waiting: Vec<String> = ENTRIES.map(str::to_owned).into();
        while let Some(path) = waiting.pop() {
            let Entry::Vacant(place) = modules.entry(path) else { continue };
            let source = text(place.key()).ok_or_else(|| format!("{} is not there", place.key()))?;
            let module = Module::new(place.key(), &source)?;
            waiting.extend(
                module
                    .imports
                    .iter()
                    .map(|(_, path)| path)
                    .chain(&module.dynamic_imports)
                    .filter(|path| !is_vendored(path))
                    .cloned(),
            );
            place.insert(module);
        }
        let mut scripts = Self::default();
        let mut unbundled: BTreeSet<&String> = modules.keys().collect();
        let mut shared = BTreeSet::new();
        for entry in ENTRIES {
            let mut order = Vec::new();
            order_by_dependency(entry, &modules, &mut order, &mut Vec::new())?;
            let script = bundled(&order, &modules, &url);
            scripts.0.insert(entry.to_owned(), with_urls(&script, &url));
            order.iter().for_each(|path| _ = unbundled.remove(path));
            if entry == SHARED {
                shared = order.into_iter().collect();
            }
        }
        // The rest is imported dynamically, or by a module that is.
        for path in unbundled {
            let module = &modules[path];
            let mut script = format!("import {{ modules }} from '{}';\n", url(SHARED));
            for (names, from) in &module.imports {
                script += &if shared.contains(from) {
                    destructured(names, from)
                } else {
                    format!("import {{ {names} }} from '{}';\n", url(from))
                };
            }
            script.extend(module.lines.iter().flat_map(|line| [line, "\n"]));
            scripts.0.insert(path.clone(), with_urls(&script, &url));
        }
        Ok(scripts)
    }

    /// Whether a file is bundled, so that it is not served by itself.
    #[must_use]
    pub fn is_part(path: &str) -> bool {
        (path.ends_with(".js") && !is_vendored(path) && !STANDALONE.contains(&path)) || path.ends_with(".css")
    }
}

/// Whether a script is a third-party file, served as it is.
fn is_vendored(path: &str) -> bool {
    path.starts_with("vendor/")
}

/// Appends a module to `order`, after the modules it imports.
fn order_by_dependency(
    path: &str,
    modules: &BTreeMap<String, Module>,
    order: &mut Vec<String>,
    within: &mut Vec<String>,
) -> Result<(), String> {
    if is_vendored(path) || order.iter().any(|one| one == path) {
        return Ok(());
    }
    if within.iter().any(|one| one == path) {
        return Err(format!("import cycle: {} and again {path}", within.join(", ")));
    }
    within.push(path.to_owned());
    for (_, needed) in &modules[path].imports {
        order_by_dependency(needed, modules, order, within)?;
    }
    within.pop();
    order.push(path.to_owned());
    Ok(())
}

fn destructured(names: &str, from: &str) -> String {
    if names.is_empty() { String::new() } else { format!("const {{ {names} }} = modules['{from}'];\n") }
}

/// One script of modules in their order.
fn bundled(order: &[String], modules: &BTreeMap<String, Module>, url: impl Fn(&str) -> String) -> String {
    let mut imports = BTreeSet::new();
    let mut script = "const modules = {};\n".to_owned();
    for path in order {
        let module = &modules[path];
        script += &format!("modules['{path}'] = (() => {{\n");
        for (names, from) in &module.imports {
            if is_vendored(from) {
                imports.insert(format!("import {{ {names} }} from '{}';\n", url(from)));
            } else {
                script += &destructured(names, from);
            }
        }
        script += &format!("{}return {{ {} }};\n}})();\n", module.bare(), module.exports.join(", "));
    }
    imports.into_iter().collect::<String>() + &script + "export { modules };\n"
}

/// Replaces the paths in dynamic imports by addresses.
fn with_urls(script: &str, url: impl Fn(&str) -> String) -> String {
    let paths: BTreeSet<&str> = script.lines().flat_map(dynamic_imports).collect();
    paths.iter().fold(script.to_owned(), |script, path| {
        script.replace(&format!("import('#{path}')"), &format!("import('{}')", url(path)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Result<Scripts, String> {
        let entries = ENTRIES.map(|path| (path, ""));
        let find = |path: &str| files.iter().chain(&entries).find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        Scripts::new(find, |path| format!("/static/{path}"))
    }

    #[test]
    fn modules_run_in_order_of_their_dependencies() {
        let scripts = bundle(&[
            ("js/app.js", "import { b as c } from '#js/b.js';\nimport { io } from '#vendor/io.js';\nc(io);\n"),
            ("js/b.js", "// Comment.\nimport { a } from '#js/a.js';\nexport function b(x) {\n  return a(x);\n}\n"),
            ("js/a.js", "export const a = (x) => x;\n"),
        ]);
        let expected = "import { io } from '/static/vendor/io.js';\nconst modules = {};\n\
            modules['js/a.js'] = (() => {\nconst a = (x) => x;\nreturn { a };\n})();\n\
            modules['js/b.js'] = (() => {\nconst { a } = modules['js/a.js'];\nfunction b(x) {\nreturn a(x);\n}\nreturn { b };\n})();\n\
            modules['js/app.js'] = (() => {\nconst { b: c } = modules['js/b.js'];\nc(io);\nreturn {  };\n})();\nexport { modules };\n";
        assert_eq!(scripts.unwrap().0["js/app.js"], expected);
    }

    #[test]
    fn dynamic_imports_share_the_modules_of_the_entry() {
        let scripts = bundle(&[
            ("js/app.js", "import { a } from '#js/a.js';\na(() => import('#js/later.js'));\n"),
            ("js/a.js", "export const a = (x) => x;\n"),
            ("js/later.js", "import { a } from '#js/a.js';\nimport { d } from '#js/data.js';\nexport const l = a(d);\n"),
            ("js/data.js", "export const d = 1;\n"),
        ]);
        let scripts = scripts.unwrap().0;
        assert!(scripts["js/app.js"].contains("import('/static/js/later.js')"), "{scripts:?}");
        assert!(!scripts["js/app.js"].contains("modules['js/later.js']"), "{scripts:?}");
        let expected = "import { modules } from '/static/js/app.js';\nconst { a } = modules['js/a.js'];\n\
            import { d } from '/static/js/data.js';\nexport const l = a(d);\n";
        assert_eq!(scripts["js/later.js"], expected);
        assert!(scripts.contains_key("js/data.js"), "{scripts:?}");
        assert!(!scripts.contains_key("js/a.js"), "{scripts:?}");
    }

    #[test]
    fn what_cannot_be_bundled_is_refused() {
        for (source, expected) in [
            ("import * as a from '#js/a.js';", "import * as a"),
            ("import a from '#js/a.js';", "import a"),
            ("import { a } from './a.js';", "./a.js"),
            ("export default 1;", "export default"),
            ("export let a = 1;", "export let"),
            ("export { a };", "export { a }"),
            ("await a();", "await a()"),
            ("const a = await b();", "await b()"),
            ("import { a } from '#js/a.js';", "js/a.js is not there"),
            ("import { a } from '#js/app.js';", "import cycle"),
        ] {
            let error = bundle(&[("js/app.js", source)]).unwrap_err();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }

    #[test]
    fn a_sheet_has_no_comments() {
        let text = |path: &str| format!("/* {path} */\n.a {{\n  color: red; /* why\n not */\n}}\n");
        assert!(sheet(text).starts_with(".a {\ncolor: red;\n}\n.a {\n"), "{}", sheet(text));
    }
}
