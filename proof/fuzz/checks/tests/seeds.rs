//! The checks on the fuzzer's seeds and on the inputs that it found.

use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("there is a folder of seeds") {
        let path = entry.expect("a folder can be read").path();
        // Printed only when the check fails.
        println!("{}", path.display());
        check(&std::fs::read(&path).expect("a seed can be read"));
        count += 1;
    }
    assert!(count >= 10, "{count} seeds in {}", folder.display());
}

#[test]
fn events_hold() {
    replay("events", checks::events::check);
}

#[test]
fn forms_hold() {
    replay("forms", checks::forms::check);
}

#[test]
fn markdown_holds() {
    replay("markdown", checks::markdown::check);
}

#[test]
fn search_holds() {
    replay("search", checks::search::check);
}
