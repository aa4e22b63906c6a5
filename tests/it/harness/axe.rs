//! axe-core, which finds what keeps people out: contrast, names, roles, landmarks, sizes.
//!
//! Owns putting it into a page and saying what it found. It comes with the tests (`vendor/axe-core`), so that nothing has to be fetched.

use serde_json::Value;

use super::browser::Browser;

const AXE: &str = include_str!("../vendor/axe-core/axe.min.js");
/// The Web Content Accessibility Guidelines 2.2, levels A and AA, and what is good practice beyond them.
const TAGS: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";

/// What it finds on the page as it is now, one line for each element.
pub async fn violations(browser: &Browser) -> Vec<String> {
    let is_there = browser.execute("return !!window.axe", vec![]).await.expect("our own script runs");
    if is_there != Value::Bool(true) {
        browser.execute(AXE, vec![]).await.expect("axe can be put into the page");
    }
    let script = format!("return axe.run(document, {{ runOnly: {TAGS}, resultTypes: ['violations'] }})");
    let found = browser.promised(&script).await;
    let violations = found["violations"].as_array().unwrap_or_else(|| panic!("axe did not run: {found}"));
    assert!(found["testEngine"]["name"] == "axe-core", "{found}");
    let nodes = violations.iter().flat_map(|rule| {
        let nodes = rule["nodes"].as_array().into_iter().flatten();
        nodes.map(move |node| format!("{}: {} {}: {}", rule["id"], node["target"], node["html"], node["failureSummary"]))
    });
    nodes.collect()
}
