//! The performance aims, and whether they were reached.

use super::options::Kind;
use super::results::{Results, written};

/// An aim in words; where it was measured, the number and whether it is enough.
type Aim = (&'static str, Option<(String, bool)>);

pub fn table(results: &Results) -> String {
    let mut table = String::from("| aim, on one core in the same run | measured | |\n|---|---:|---|");
    for (words, measured) in aims(results) {
        let (number, verdict) = match measured {
            Some((number, true)) => (number, "reached"),
            Some((number, false)) => (number, "**not reached**"),
            None => (String::new(), "not measured"),
        };
        table.push_str(&format!("\n| {words} | {number} | {verdict} |"));
    }
    table.push('\n');
    table
}

fn aims(results: &Results) -> [Aim; 9] {
    let fanout = "1,000 listeners";
    let rate = "saturated: deliveries/s";
    let compare = |case: &str, setting: &str, name: &str, peer: Kind| {
        let ours = results.median(case, setting, name, Kind::Parlor)?;
        Some(ours / results.median(case, setting, name, peer)?)
    };
    let at_least = |ratio: Option<f64>, aim: f64| ratio.map(|it| (format!("{it:.1}×"), it >= aim));
    let below = |ratio: Option<f64>, aim: f64| ratio.map(|it| (format!("{it:.2}×"), it < aim));
    let page = |name: &str, aim: f64| {
        let deepest =
            results.series.iter().rfind(|it| it.case == "pages" && it.name == name && it.server == Kind::Parlor.to_string())?;
        let median = deepest.median();
        Some((format!("{}/s", written(median)), median >= aim))
    };
    let waiting = results.series.iter().rfind(|it| it.case == "idle" && it.name == "memory a connection, KiB");
    let waiting = waiting.map_or("", |it| &it.setting);
    [
        ("saturated deliveries/s to 1,000 listeners: 10× Node's", at_least(compare("fanout", fanout, rate, Kind::Node), 10.0)),
        ("the same: 20× Flask's", at_least(compare("fanout", fanout, rate, Kind::Flask), 20.0)),
        (
            "p99 of a delivery, 1,000 listeners, 20 posts/s: under half of Node's",
            below(compare("fanout", fanout, "paced: p99, ms", Kind::Node), 0.5),
        ),
        (
            "durable posts/s with 128 under way: 8× Node's",
            at_least(compare("posts", "128 under way, 1 room", "posts/s", Kind::Node), 8.0),
        ),
        (
            "memory for each idle connection: below Node's",
            below(compare("idle", waiting, "memory a connection, KiB", Kind::Node), 1.0),
        ),
        ("connects with a replay of 50: 4× Node's", at_least(compare("connects", "replay of 50", "connects/s", Kind::Node), 4.0)),
        ("room pages/s for somebody who has it already: 10,000", page("room, known: pages/s", 10_000.0)),
        ("room pages/s, made anew: 4,000", page("room: pages/s", 4_000.0)),
        ("a page of the longest room costs what one of the shortest does: under 1.2×", longest(results)),
    ]
}

/// The worst growth of a room's or a history's page over all lengths of rooms.
fn longest(results: &Results) -> Option<(String, bool)> {
    let parlor = Kind::Parlor.to_string();
    let costs = |name: &str| -> Vec<f64> {
        let wanted = results.series.iter().filter(|it| it.case == "pages" && it.server == parlor && it.name == name);
        wanted.map(|it| it.median()).collect()
    };
    let growth = |name: &str| match costs(name).as_slice() {
        [first, .., last] => Some(last / first),
        _ => None,
    };
    let worst = growth("room: CPU a page, µs")?.max(growth("history, JSON: CPU a page, µs")?);
    Some((format!("{worst:.2}×"), worst < 1.2))
}
