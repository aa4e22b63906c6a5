//! Settings that are valid, and probably a mistake.

use super::Finding;
use crate::config::Config;

const CHECK: &str = "settings";

/// Wrong ones are refused before this.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let doubts = config.warnings();
    if doubts.is_empty() {
        return vec![Finding::ok(CHECK, "all settings can be read")];
    }
    let advice = "Change the setting; .env.example explains it.";
    doubts.iter().map(|doubt| Finding::warning(CHECK, doubt.to_string(), advice)).collect()
}
