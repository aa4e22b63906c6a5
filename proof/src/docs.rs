//! Writes measured tables into the documents: the blocks between `<!-- NAME -->` and `<!-- /NAME -->`.

use std::path::Path;

/// Replaces the block of that name in a document.
pub fn put(file: &Path, name: &str, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    let document = std::fs::read_to_string(file).map_err(failed)?;
    let changed = replaced(&document, name, text).ok_or_else(|| format!("{} has no block called {name}", file.display()))?;
    std::fs::write(file, changed).map_err(failed)
}

fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", text.trim_end()))
}

/// The machine that this runs on, in one line: processor, cores, memory, system.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory: u64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    format!(
        "{}, {cores} cores, {} GiB, Linux {}",
        field(&read("/proc/cpuinfo"), "model name"),
        memory.div_ceil(1024 * 1024),
        release.trim()
    )
}

#[test]
fn only_the_block_is_replaced() {
    let document = "one\n<!-- a -->\nold\n<!-- /a -->\ntwo\n";
    assert_eq!(replaced(document, "a", "new\n").as_deref(), Some("one\n<!-- a -->\nnew\n<!-- /a -->\ntwo\n"));
    assert_eq!(replaced(document, "b", "new"), None);
}
