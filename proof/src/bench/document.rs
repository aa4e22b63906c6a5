//! Writes results to the standard output, into a file, and into the document with its chart.
//!
//! Owns the order of the tables and the names of the blocks, not the layout of a table.

use std::fs;

use super::options::{Case, Kind, Options};
use super::results::{Better, Results};
use super::{Result, aims, chart, tables};
use crate::docs;

pub fn write(results: &Results, options: &Options) -> Result<()> {
    let blocks = blocks(results);
    for (_, text) in &blocks {
        println!("{text}");
    }
    if let Some(file) = &options.json {
        fs::write(file, json(results)?)?;
    }
    if let Some(document) = &options.docs {
        for (name, text) in &blocks {
            docs::put(document, name, text)?;
        }
        fs::write(document.with_extension("svg"), chart::draw(results))?;
        fs::write(document.with_extension("json"), json(results)?)?;
    }
    Ok(())
}

fn json(results: &Results) -> Result<String> {
    Ok(serde_json::to_string_pretty(results)? + "\n")
}

/// Everything that was measured, as named blocks.
fn blocks(results: &Results) -> Vec<(&'static str, String)> {
    let mut blocks = vec![("bench-machine", machine(results)), ("bench-aims", aims::table(results))];
    for (name, case) in [
        ("bench-posts", Case::Posts),
        ("bench-disks", Case::Disks),
        ("bench-fanout", Case::Fanout),
        ("bench-connects", Case::Connects),
        ("bench-idle", Case::Idle),
        ("bench-sizes", Case::Sizes),
        ("bench-start", Case::Start),
        ("bench-files", Case::Files),
        ("bench-integration", Case::Integration),
        ("bench-browser", Case::Browser),
        ("bench-cluster", Case::Cluster),
    ] {
        blocks.extend(tables::side_by_side(results, case).map(|table| (name, table)));
    }
    let pages: Vec<_> = [(Kind::Parlor, "on SQLite"), (Kind::ParlorPostgres, "on Postgres")]
        .into_iter()
        .filter_map(|(kind, title)| tables::growing(results, Case::Pages, kind, title, |it| !it.name.contains("p99")))
        .collect();
    if !pages.is_empty() {
        blocks.push(("bench-pages", pages.join("\n")));
    }
    let grows = grows(results);
    if !grows.is_empty() {
        blocks.push(("bench-grows", grows));
    }
    blocks
}

fn machine(results: &Results) -> String {
    let mut text = format!(
        "{}; {}. Made in {:.0} minutes by `{}`.\n",
        results.machine,
        results.remarks.join("; "),
        results.minutes,
        results.command
    );
    if !results.failures.is_empty() {
        text.push_str("\nWhat failed, and is marked (!) where other rounds did not:\n\n");
        results.failures.iter().for_each(|failure| text.push_str(&format!("- {failure}\n")));
    }
    text
}

/// Parlor's costs under growing load.
fn grows(results: &Results) -> String {
    let table = |case, title, wanted: &dyn Fn(&str, &str) -> bool| {
        tables::growing(results, case, Kind::Parlor, title, |it| it.better == Better::Less && wanted(&it.setting, &it.name))
    };
    [
        table(Case::Fanout, "against the listeners of a room", &|_, name| name.contains("CPU") || name.contains("paced: p99")),
        table(Case::Idle, "against connections", &|setting, _| setting.contains("connections")),
        table(Case::Posts, "against rooms", &|setting, name| setting.starts_with("128 ") && !name.contains("p50")),
        table(Case::Sizes, "against the length of a message", &|_, name| name.contains("CPU")),
        table(Case::Pages, "against the messages in a room", &|_, name| {
            name.contains("CPU") && !name.contains("gzip") && !name.contains("known")
        }),
        table(Case::Start, "against the messages in the database", &|_, name| name.contains("listens")),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join("\n")
}
