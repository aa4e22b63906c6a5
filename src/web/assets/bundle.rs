//! Few files out of many: the modules of `static/js` as one script for each kind of page, the sheets of `static/css` as one.
//!
//! Owns how they are put together, once, when the program starts: there is no build step (docs/decisions/0045). What a module asks for
//! with `import(…)` is a file of its own, which the browser fetches when it is needed. It must not know who asks for a file.
//!
//! In a script, a module is a function that returns what the module exports, and the functions run in the order in which modules need
//! each other. So modules must not need each other in a circle, export a `let`, or `await` at their top: [`Scripts::new`] refuses what it
//! cannot put together, and a test puts together everything that is there.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The scripts that pages name: of pages inside, of the way in, of the page for when there is no network, and of
/// errors outside.
const ENTRIES: [&str; 4] = [SHARED, "js/door.js", "js/offline.js", "js/install.js"];
/// The one whose modules are there for those that come later.
const SHARED: &str = "js/app.js";
/// What stands in pages themselves, and the service worker: no modules.
const APART: [&str; 2] = ["js/first.js", crate::web::assets::WORKER];
/// The style sheet.
pub const SHEET: &str = "css/parlor.css";
/// What it is made of, in the order in which rules overrule each other.
const SHEETS: [&str; 15] = [
    "tokens", "base", "layout", "sidebar", "messages", "actions", "forms", "gathered", "composer", "code", "people", "palette",
    "search", "column", "forced",
];

/// The style sheet, without comments and indentation. `text` gives what a file says.
#[must_use]
pub fn sheet(text: impl Fn(&str) -> String) -> String {
    let all: String = SHEETS.iter().map(|name| text(&format!("css/{name}.css"))).collect();
    let mut rules = String::with_capacity(all.len());
    for (at, part) in all.split("/*").enumerate() {
        rules.push_str(if at == 0 { part } else { part.split_once("*/").map_or("", |(_, rules)| rules) });
    }
    rules.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

/// The scripts that browsers load, by their paths below `static/`.
#[derive(Debug, Default)]
pub struct Scripts(pub BTreeMap<String, String>);

/// A module, taken apart.
struct Module {
    /// What it needs: which names, as in an object's pattern, of which module.
    needs: Vec<(String, String)>,
    /// The names that it exports.
    exports: Vec<String>,
    /// Its lines without what it needs. Those that export still say so.
    lines: Vec<String>,
    /// The modules that it may ask for later.
    later: Vec<String>,
}

impl Module {
    fn new(path: &str, source: &str) -> Result<Self, String> {
        let mut module = Self { needs: Vec::new(), exports: Vec::new(), lines: Vec::new(), later: Vec::new() };
        for line in source.lines() {
            let cannot = || format!("{path}: this line cannot be put together with others: {line}");
            let trimmed = line.trim();
            // What is indented stands in a function.
            let is_top = line == trimmed && !line.starts_with("//");
            if is_top && line.contains("await ") && !line.contains("async ") {
                return Err(cannot());
            }
            if let Some(import) = line.strip_prefix("import ") {
                let (names, from) = import.rsplit_once(" from ").unwrap_or(("{}", import));
                let from = from.strip_prefix("'#").and_then(|from| from.strip_suffix("';")).ok_or_else(cannot)?;
                let names = names.strip_prefix('{').and_then(|names| names.strip_suffix('}')).ok_or_else(cannot)?;
                module.needs.push((names.trim().replace(" as ", ": "), from.to_owned()));
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
                module.later.extend(later(trimmed).map(str::to_owned));
                module.lines.push(trimmed.to_owned());
            }
        }
        Ok(module)
    }

    /// What it says, for where imports and exports cannot stand.
    fn bare(&self) -> String {
        self.lines.iter().flat_map(|line| [line.strip_prefix("export ").unwrap_or(line), "\n"]).collect()
    }
}

/// The modules that a line asks for when it runs.
fn later(line: &str) -> impl Iterator<Item = &str> {
    line.split("import('#").skip(1).filter_map(|rest| rest.split_once("')").map(|(path, _)| path))
}

impl Scripts {
    /// Puts the modules together. `text` gives what a file says, and `url` where a browser finds it.
    ///
    /// # Errors
    /// Which line cannot be put together, or which modules need each other.
    pub fn new(text: impl Fn(&str) -> Option<String>, url: impl Fn(&str) -> String) -> Result<Self, String> {
        let mut modules = BTreeMap::new();
        let mut waiting: Vec<String> = ENTRIES.map(str::to_owned).into();
        while let Some(path) = waiting.pop() {
            let Entry::Vacant(place) = modules.entry(path) else { continue };
            let source = text(place.key()).ok_or_else(|| format!("{} is not there", place.key()))?;
            let module = Module::new(place.key(), &source)?;
            waiting
                .extend(module.needs.iter().map(|(_, path)| path).chain(&module.later).filter(|path| !is_whole(path)).cloned());
            place.insert(module);
        }
        let mut scripts = Self::default();
        let mut apart: BTreeSet<&String> = modules.keys().collect();
        let mut shared = BTreeSet::new();
        for entry in ENTRIES {
            let mut order = Vec::new();
            arrange(entry, &modules, &mut order, &mut Vec::new())?;
            let script = together(&order, &modules, &url);
            scripts.0.insert(entry.to_owned(), located(&script, &url));
            order.iter().for_each(|path| _ = apart.remove(path));
            if entry == SHARED {
                shared = order.into_iter().collect();
            }
        }
        // What is left was asked for with `import(…)`, or is needed by what was.
        for path in apart {
            let module = &modules[path];
            let mut script = format!("import {{ modules }} from '{}';\n", url(SHARED));
            for (names, from) in &module.needs {
                script += &if shared.contains(from) {
                    shared_need(names, from)
                } else {
                    format!("import {{ {names} }} from '{}';\n", url(from))
                };
            }
            script.extend(module.lines.iter().flat_map(|line| [line, "\n"]));
            scripts.0.insert(path.clone(), located(&script, &url));
        }
        Ok(scripts)
    }

    /// Whether a file is a module, or is put together with others: nobody asks for it by itself.
    #[must_use]
    pub fn is_part(path: &str) -> bool {
        (path.ends_with(".js") && !is_whole(path) && !APART.contains(&path)) || path.ends_with(".css")
    }
}

/// Whether a script comes as one file from elsewhere.
fn is_whole(path: &str) -> bool {
    path.starts_with("vendor/")
}

/// Puts what a module needs before it, and the module behind that.
fn arrange(
    path: &str,
    modules: &BTreeMap<String, Module>,
    order: &mut Vec<String>,
    within: &mut Vec<String>,
) -> Result<(), String> {
    if is_whole(path) || order.iter().any(|one| one == path) {
        return Ok(());
    }
    if within.iter().any(|one| one == path) {
        return Err(format!("modules need each other: {} and again {path}", within.join(", ")));
    }
    within.push(path.to_owned());
    for (_, needed) in &modules[path].needs {
        arrange(needed, modules, order, within)?;
    }
    within.pop();
    order.push(path.to_owned());
    Ok(())
}

fn shared_need(names: &str, from: &str) -> String {
    if names.is_empty() { String::new() } else { format!("const {{ {names} }} = modules['{from}'];\n") }
}

/// One script of modules in their order.
fn together(order: &[String], modules: &BTreeMap<String, Module>, url: impl Fn(&str) -> String) -> String {
    let mut imports = BTreeSet::new();
    let mut script = "const modules = {};\n".to_owned();
    for path in order {
        let module = &modules[path];
        script += &format!("modules['{path}'] = (() => {{\n");
        for (names, from) in &module.needs {
            if is_whole(from) {
                imports.insert(format!("import {{ {names} }} from '{}';\n", url(from)));
            } else {
                script += &shared_need(names, from);
            }
        }
        script += &format!("{}return {{ {} }};\n}})();\n", module.bare(), module.exports.join(", "));
    }
    imports.into_iter().collect::<String>() + &script + "export { modules };\n"
}

/// With the addresses of what is asked for later in the place of its names.
fn located(script: &str, url: impl Fn(&str) -> String) -> String {
    let paths: BTreeSet<&str> = script.lines().flat_map(later).collect();
    paths.iter().fold(script.to_owned(), |script, path| {
        script.replace(&format!("import('#{path}')"), &format!("import('{}')", url(path)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_together(files: &[(&str, &str)]) -> Result<Scripts, String> {
        let entries = ENTRIES.map(|path| (path, ""));
        let find = |path: &str| files.iter().chain(&entries).find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        Scripts::new(find, |path| format!("/static/{path}"))
    }

    #[test]
    fn modules_stand_in_the_order_in_which_they_need_each_other() {
        let scripts = put_together(&[
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
    fn what_comes_later_shares_the_modules_that_are_there() {
        let scripts = put_together(&[
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
    fn what_cannot_be_put_together_is_refused() {
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
            ("import { a } from '#js/app.js';", "need each other"),
        ] {
            let error = put_together(&[("js/app.js", source)]).unwrap_err();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }

    #[test]
    fn a_sheet_has_no_comments() {
        let text = |path: &str| format!("/* {path} */\n.a {{\n  color: red; /* why\n not */\n}}\n");
        assert!(sheet(text).starts_with(".a {\ncolor: red;\n}\n.a {\n"), "{}", sheet(text));
    }
}
