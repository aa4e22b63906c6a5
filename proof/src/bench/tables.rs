//! Results as Markdown tables: servers side by side, or one server under growing load.
//!
//! Owns their layout. It computes only medians and ratios.

use super::options::{Case, Kind};
use super::results::{Better, Results, Series, written};

use clap::ValueEnum;

/// A table with a column for each server, with its ratio to Parlor: `3.1×` means that Parlor is 3.1 times better.
pub fn side_by_side(results: &Results, case: Case) -> Option<String> {
    let case = case.to_string();
    let servers: Vec<Kind> = Kind::value_variants()
        .iter()
        .copied()
        .filter(|kind| results.series.iter().any(|it| it.case == case && it.server == kind.to_string()))
        .collect();
    let rows = distinct(results.series.iter().filter(|it| it.case == case && it.better != Better::Neither));
    if rows.is_empty() {
        return None;
    }
    let mut table = format!("| {case} |");
    servers.iter().for_each(|server| table.push_str(&format!(" {server} |")));
    table.push_str("\n|---|");
    servers.iter().for_each(|_| table.push_str("---:|"));
    for (setting, name) in rows {
        table.push_str(&format!("\n| {setting}: {name} |"));
        for server in &servers {
            table.push_str(&format!(" {} |", cell(results, &case, setting, name, *server)));
        }
    }
    table.push('\n');
    Some(table)
}

fn cell(results: &Results, case: &str, setting: &str, name: &str, server: Kind) -> String {
    let Some(series) = results.find(case, setting, name, server) else { return String::new() };
    let value = series.median();
    let missing = results
        .failures
        .iter()
        .any(|failure| failure.starts_with(&format!("{case}, ")) && failure.contains(&format!(", {server}:")));
    let mark = if missing { " (!)" } else { "" };
    let text = format!("{}{mark}", written(value));
    match results.median(case, setting, name, Kind::Parlor) {
        Some(parlor) if server != Kind::Parlor => format!("{text} ({})", times(series.better, parlor, value)),
        _ => text,
    }
}

/// How many times better the first is.
pub fn times(better: Better, first: f64, second: f64) -> String {
    let ratio = if better == Better::More { first / second } else { second / first };
    match ratio {
        odd if !odd.is_finite() => "–".into(),
        small if small < 9.95 => format!("{small:.1}×"),
        large => format!("{large:.0}×"),
    }
}

/// A table of one server with a column for each setting, and the ratio of the last to the first.
pub fn growing(results: &Results, case: Case, server: Kind, title: &str, wanted: impl Fn(&Series) -> bool) -> Option<String> {
    let (case, server) = (case.to_string(), server.to_string());
    let all: Vec<_> = results.series.iter().filter(|it| it.case == case && it.server == server && wanted(it)).collect();
    let mut settings: Vec<&str> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for series in &all {
        if !settings.contains(&series.setting.as_str()) {
            settings.push(&series.setting);
        }
        if !names.contains(&series.name.as_str()) {
            names.push(&series.name);
        }
    }
    if names.is_empty() || settings.is_empty() {
        return None;
    }
    let mut table =
        format!("| {title} | {} | last to first |\n|---|{}---:|", settings.join(" | "), "---:|".repeat(settings.len()));
    for name in names {
        let value = |setting: &str| all.iter().find(|it| it.setting == setting && it.name == name).map(|it| it.median());
        let values: Vec<_> = settings.iter().map(|setting| value(setting)).collect();
        let cells: Vec<_> = values.iter().map(|value| value.map_or(String::new(), written)).collect();
        let present: Vec<f64> = values.into_iter().flatten().collect();
        let growth = match present.as_slice() {
            [first, .., last] if *first > 0.0 => format!("{:.2}×", last / first),
            _ => String::new(),
        };
        table.push_str(&format!("\n| {name} | {} | {growth} |", cells.join(" | ")));
    }
    table.push('\n');
    Some(table)
}

/// Each pair of setting and name, in the order of measuring.
fn distinct<'a>(series: impl Iterator<Item = &'a Series>) -> Vec<(&'a str, &'a str)> {
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for it in series {
        let row = (it.setting.as_str(), it.name.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}
