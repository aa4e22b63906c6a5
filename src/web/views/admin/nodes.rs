//! The nodes, for administrators.

use askama::Template;

use super::{duration, grouped};
use crate::clock::Millis;
use crate::cluster::node::RedisStatus;
use crate::cluster::nodes::{Listed, SKEWED};
use crate::web::views::AppLayout;

/// `GET /admin/nodes`.
#[derive(Debug, Template)]
#[template(path = "admin/nodes.html")]
pub struct NodesPage {
    layout: AppLayout,
    nodes: Vec<Card>,
}

/// A node.
#[derive(Debug)]
struct Card {
    name: String,
    is_this: bool,
    state: State,
    version: String,
    /// When it started: for programs, and for people.
    started_at: String,
    started: String,
    sockets: String,
    lag: String,
    is_behind: bool,
    redis: String,
    postgres: String,
    clock: String,
}

/// How a node is: the color, and the words.
#[derive(Debug, PartialEq, Eq)]
struct State {
    class: &'static str,
    words: String,
}

impl NodesPage {
    /// The page, as of now.
    pub fn new(layout: AppLayout, nodes: Vec<Listed>) -> Self {
        let nodes = nodes.into_iter().map(|node| Card::new(&layout, node)).collect();
        Self { layout, nodes }
    }
}

impl Card {
    fn new(layout: &AppLayout, node: Listed) -> Self {
        let state = State::of(&node);
        let Listed { name, version, started_at, is_this, status, .. } = node;
        let lag = match status.rooms_behind {
            0 => "Up to date".to_owned(),
            1 => format!("1 room behind by {}", duration(status.behind_ms)),
            rooms => format!("{rooms} rooms behind by {}", duration(status.behind_ms)),
        };
        let frames = frames(status.frames_dropped, "dropped") + &frames(status.frames_refused, "refused");
        let redis = match status.redis {
            RedisStatus::Up => format!("Up{frames}"),
            RedisStatus::Down => format!("Down{frames}"),
            RedisStatus::Off => "Not used".to_owned(),
        };
        Self {
            name,
            is_this,
            state,
            version,
            started_at: started_at.to_string(),
            started: moment(layout, started_at),
            sockets: grouped(status.sockets as u64),
            lag,
            is_behind: status.rooms_behind > 0,
            redis,
            postgres: status.postgres_ms.map_or_else(String::new, |ms| format!("Answers in {} ms", ms.max(1))),
            clock: status.clock_ahead_ms.map_or_else(String::new, clock),
        }
    }
}

/// How far a clock is from the database's.
fn clock(ahead_ms: i64) -> String {
    if ahead_ms.abs() <= SKEWED {
        return "Right".to_owned();
    }
    let direction = if ahead_ms > 0 { "Ahead" } else { "Behind" };
    format!("{direction} by {}", duration(ahead_ms.unsigned_abs()))
}

/// The number of frames with an outcome.
fn frames(count: u64, outcome: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!(" · 1 frame {outcome}"),
        count => format!(" · {} frames {outcome}", grouped(count)),
    }
}

impl State {
    fn of(node: &Listed) -> Self {
        if node.is_gone {
            let silent = u64::try_from(node.silent_ms).unwrap_or_default();
            return Self { class: "gone", words: format!("Gone for {}", duration(silent)) };
        }
        match node.status.reasons.iter().map(|reason| sentence(reason)).collect::<Vec<_>>() {
            reasons if reasons.is_empty() => Self { class: "ready", words: "Ready".to_owned() },
            reasons => Self { class: "unready", words: reasons.join(" · ") },
        }
    }
}

/// A reason in words; one of a newer version as it is.
fn sentence(reason: &str) -> String {
    match reason {
        "draining" => "Stopping".to_owned(),
        "database" => "No database".to_owned(),
        "notifications" => "Doesn’t hear Postgres".to_owned(),
        "clock" => "Clock is wrong".to_owned(),
        other => format!("Not ready: {other}"),
    }
}

fn moment(layout: &AppLayout, at: Millis) -> String {
    let times = &layout.times;
    times.moment(&times.at(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_or_says_why_not_or_is_gone() {
        let node = |silent_ms, reasons: &[&str]| {
            let status = crate::cluster::nodes::Status {
                reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
                ..Default::default()
            };
            let (id, name, version) = (String::new(), String::new(), String::new());
            let is_gone = silent_ms > 30_000;
            State::of(&Listed { id, name, version, started_at: Millis(0), silent_ms, is_gone, is_this: false, status }).words
        };
        assert_eq!(node(4_000, &[]), "Ready");
        assert_eq!(node(4_000, &["draining", "news"]), "Stopping · Not ready: news");
        assert_eq!(node(90_000, &["draining"]), "Gone for 90 s");
    }

    #[test]
    fn numbers_and_durations_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        assert_eq!([250, 12_000, 300_000, 90_000_000].map(duration), ["250 ms", "12 s", "5 min", "25 h"]);
        assert_eq!([0, -1_000, 1_001, -90_000].map(clock), ["Right", "Right", "Ahead by 1 s", "Behind by 90 s"]);
    }
}
