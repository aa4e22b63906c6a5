//! The overview, with its chart.

use askama::Template;

use super::charts::{Spark, spark};
use super::{count, grouped, size};
use crate::administration;
use crate::administration::overview::{Backups, Day, IndexState, Overview, Speed, Warning};
use crate::cluster::node::RedisStatus;
use crate::cluster::nodes::{Health, SKEWED};
use crate::db::retention::{Deleted, RetentionState};
use crate::monitoring::Chart;
use crate::tls::Status;
use crate::web::views::AppLayout;

/// The height of the chart, in units of its own.
const HEIGHT: i64 = 100;
/// The width of a day.
const WIDTH: usize = 10;

/// `GET /admin`.
#[derive(Debug, Template)]
#[template(path = "admin/overview.html")]
pub struct OverviewPage {
    layout: AppLayout,
    warnings: Vec<Warning>,
    facts: Vec<Fact>,
    health: Vec<Healthy>,
    sparks: Vec<Spark>,
    /// Those that say why.
    details: Vec<Spark>,
    bars: Vec<Bar>,
    /// The chart in words.
    chart: String,
    width: usize,
    first: String,
    last: String,
}

/// A number with its name.
#[derive(Debug)]
struct Fact {
    name: &'static str,
    value: String,
    more: String,
}

/// A part of the server, and how it is.
#[derive(Debug)]
struct Healthy {
    name: &'static str,
    is_well: bool,
    words: String,
}

/// A day of the chart.
#[derive(Debug)]
struct Bar {
    x: usize,
    y: i64,
    height: i64,
    words: String,
}

impl OverviewPage {
    /// The page of an overview.
    pub fn new(layout: AppLayout, overview: Overview, nodes: &Health, certificate: Option<&Status>, charts: &[Chart]) -> Self {
        let Overview { people, rooms, messages, storage, version, database, health, backups, retention, deliveries, warnings } =
            overview;
        let admins = if people.admins == 1 { "1 admin".to_owned() } else { format!("{} admins", count(people.admins)) };
        let some = |number: i64, what: &str| if number > 0 { format!(", {} {what}", count(number)) } else { String::new() };
        let banned = some(people.banned, "banned") + &some(people.deactivated, "deactivated");
        let facts = vec![
            Fact { name: "People", value: count(people.total), more: format!("{admins}{banned}") },
            Fact { name: "Rooms", value: count(rooms.total), more: format!("{} private", count(rooms.private)) },
            Fact { name: "Conversations", value: count(rooms.direct), more: String::new() },
            Fact { name: "Messages", value: count(messages.total), more: "with notices".to_owned() },
            Fact {
                name: "Database",
                value: size(storage.database_bytes),
                more: format!("{} {}", database.kind, database.version),
            },
            Fact {
                name: "Deliveries",
                value: count(deliveries.waiting),
                more: format!("waiting{}", some(deliveries.dead, "given up")),
            },
            Fact { name: "Version", value: version.to_owned(), more: String::new() },
        ];
        let days = messages.per_day;
        let most = days.iter().map(|day| day.count).max().unwrap_or_default();
        let total: i64 = days.iter().map(|day| day.count).sum();
        let date = |day: Option<&Day>| day.map_or_else(String::new, |day| day.day.strftime("%-d %b").to_string());
        Self {
            layout,
            warnings,
            facts,
            health: healths(&health, backups.as_ref(), &retention, nodes, certificate),
            sparks: charts.iter().filter(|chart| !chart.is_detail).map(spark).collect(),
            details: charts.iter().filter(|chart| chart.is_detail).map(spark).collect(),
            bars: bars(&days, most),
            chart: format!(
                "Messages on each of the last {} days: {} in all, {} on the busiest day",
                days.len(),
                count(total),
                count(most)
            ),
            width: days.len() * WIDTH,
            first: date(days.first()),
            last: date(days.last()),
        }
    }
}

fn healths(
    health: &administration::overview::Health,
    backups: Option<&Backups>,
    retention: &RetentionState,
    nodes: &Health,
    certificate: Option<&Status>,
) -> Vec<Healthy> {
    let of = |name, is_well, words: String| Healthy { name, is_well, words };
    let speed = match health.database {
        Speed::Fast => "Fast",
        Speed::Slow => "Slow",
        Speed::VerySlow => "Very slow",
    };
    let mut all = vec![of("Database", health.database == Speed::Fast, format!("{speed}, {} ms", health.database_ms.max(1)))];
    let search = match health.search {
        IndexState::Whole => "Up to date",
        IndexState::Behind => "Older messages are still being indexed",
        IndexState::OtherVersion => "Built by nodes of another version",
    };
    all.push(of("Search", health.search == IndexState::Whole, search.to_owned()));
    if let Some(free) = health.disk_free_bytes {
        let has_room = free > 1 << 30;
        all.push(of("Disk", has_room, format!("{} free", size(free))));
    }
    if let Some(backups) = backups {
        all.push(of("Last backup", !backups.is_late && backups.problem.is_none(), backup_in_words(backups)));
    }
    all.push(of("Retention", true, retention_in_words(retention)));
    if let Some(certificate) = certificate {
        let words = certificate.not_after.map_or_else(
            || "None yet".to_owned(),
            |until| format!("Until {}", until.timestamp().strftime("%-d %b %Y, %H:%M UTC")),
        );
        all.push(of("Certificate", !certificate.is_late && certificate.problem.is_none(), words));
    }
    let ready = format!("{} of {} ready", nodes.nodes_ready, nodes.nodes);
    all.push(of("Nodes", nodes.nodes_ready == nodes.nodes, ready));
    match nodes.redis {
        RedisStatus::Up => all.push(of("Redis", true, "Up".to_owned())),
        RedisStatus::Down => all.push(of("Redis", false, "Down".to_owned())),
        RedisStatus::Off => {}
    }
    let is_right = nodes.clock_ahead_ms.abs() <= SKEWED;
    let clock =
        if is_right { "Right".to_owned() } else { format!("Differs from the database by {} ms", nodes.clock_ahead_ms.abs()) };
    all.push(of("Clock", is_right, clock));
    all
}

/// What was deleted last because it had expired, or what goes on.
fn retention_in_words(retention: &RetentionState) -> String {
    if let Some(run) = retention.run.as_ref().filter(|run| run.waiting > 0) {
        return format!("Deleting what has expired: {} messages left", grouped(run.waiting));
    }
    let Some(last) = &retention.last else { return "Nothing has expired yet".to_owned() };
    let Deleted { messages, files, audit, sessions } = last.deleted;
    let of = |number: u64, one: &str, more: &str| {
        (number > 0).then(|| format!("{} {}", grouped(number), if number == 1 { one } else { more }))
    };
    let parts = [
        of(messages, "message", "messages"),
        of(files, "file", "files"),
        of(audit, "audit entry", "audit entries"),
        of(sessions, "session", "sessions"),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("Deleted {} on {}", parts.join(", "), last.at.timestamp().strftime("%-d %b, %H:%M UTC"))
}

fn backup_in_words(backups: &Backups) -> String {
    let Some(at) = backups.last_at else { return "None yet".to_owned() };
    let bytes = backups.bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or_default();
    let date = at.timestamp().strftime("%-d %b, %H:%M UTC").to_string();
    let lost =
        if backups.left_out > 0 { format!(", without {} damaged or missing files", backups.left_out) } else { String::new() };
    format!("{date}, {}{lost}", size(bytes))
}

fn bars(days: &[Day], most: i64) -> Vec<Bar> {
    let bar = |(at, day): (usize, &Day)| {
        // A day with a single message can be seen beside one with many.
        let height = if day.count == 0 { 0 } else { (day.count * HEIGHT / most).max(1) };
        let words = format!("{}: {}", day.day.strftime("%-d %B"), count(day.count));
        Bar { x: at * WIDTH, y: HEIGHT - height, height, words }
    };
    days.iter().enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_as_high_as_its_share() {
        let day = |count| Day { day: "2026-11-28".parse().unwrap(), count };
        let heights = |counts: &[i64]| {
            let days: Vec<_> = counts.iter().map(|count| day(*count)).collect();
            let most = counts.iter().copied().max().unwrap();
            bars(&days, most).iter().map(|bar| (bar.x, bar.y, bar.height)).collect::<Vec<_>>()
        };
        assert_eq!(heights(&[0, 1, 1_000, 500]), [(0, 100, 0), (10, 99, 1), (20, 0, 100), (30, 50, 50)]);
        assert_eq!(heights(&[0, 0]), [(0, 100, 0), (10, 100, 0)]);
    }
}
