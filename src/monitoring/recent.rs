//! The last hour of this node, for the charts of administrators.
//!
//! Owns the samples in memory, some 100 KB, and what is drawn of them. It must not count anything: samples are what the parts have counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use utoipa::ToSchema;

use super::Monitoring;
use super::process::{self, Process};
use super::stored::Answer;
use crate::chat::ledger;
use crate::cluster::nodes;
use crate::db::PoolState;

/// The time between two samples.
pub const EVERY: Duration = Duration::from_secs(15);
/// How many are kept: an hour's.
const KEPT: usize = 240;
/// Since a sample that is younger than this, nothing is drawn: a rate would be made of too little.
const SHORTEST: Duration = Duration::from_secs(1);

/// What the numbers of a chart are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChartUnit)]
pub enum Unit {
    /// So many each second.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
    /// So many at that moment, or since the one before.
    Number,
    /// So many on average.
    Average,
    /// Bytes at that moment.
    Bytes,
}

/// A chart.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Chart {
    /// Its name, for programs.
    pub name: &'static str,
    /// What it shows, for people.
    #[serde(skip)]
    pub title: &'static str,
    /// What its numbers are.
    pub unit: Unit,
    /// Whether it is only looked at to find out why another one is as it is.
    #[serde(skip)]
    pub is_detail: bool,
    /// How large its numbers can become; none if nothing bounds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The numbers, the oldest first; the last one is of now.
    pub values: Vec<f64>,
}

/// What the parts have counted at a moment. Times are how many there were, and how long they took together.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    at: Instant,
    posts: u64,
    deliveries: u64,
    requests: (u64, Duration),
    failed: u64,
    commits: (u64, Duration),
    syncs: (u64, Duration),
    committed: u64,
    busy: u64,
    connections: usize,
    refused: u64,
    sockets: usize,
    slow: u64,
    unwritten: u64,
    queue: usize,
    events: usize,
    searches: usize,
    passwords: usize,
    reading: Pool,
    writing: Pool,
    expired: u64,
    process: Process,
    /// None where there can be no other nodes.
    among: Option<Among>,
    redis: Option<Redis>,
    stored: Stored,
}

/// How a pool of connections to the database is used.
#[derive(Clone, Copy, Debug, Default)]
struct Pool {
    in_use: usize,
    limit: u32,
    waits: (u64, Duration),
}

/// How this node is among others.
#[derive(Clone, Copy, Debug, Default)]
struct Among {
    behind: u64,
    /// By how much its clock is ahead of the database's.
    ahead: i64,
}

/// What was counted of the way to Redis.
#[derive(Clone, Copy, Debug, Default)]
struct Redis {
    round_trips: (u64, Duration),
    reconnections: u64,
}

/// What the database said; nothing if it did not answer.
#[derive(Clone, Copy, Debug, Default)]
struct Stored {
    answer: Duration,
    bytes: i64,
    jobs: i64,
    deliveries: i64,
    lag: i64,
    retention_lag: u64,
    clocks_apart: u64,
}

/// What two samples, one after the other, say.
type Read = fn(&Sample, &Sample) -> f64;

/// The charts that everybody looks at, in the order of the page.
const MAIN: [(&str, &str, Unit, Read); 9] = [
    ("posts", "Messages posted", Unit::PerSecond, |a, b| rate(a, b, b.posts.saturating_sub(a.posts))),
    ("requests", "Requests", Unit::PerSecond, |a, b| rate(a, b, b.requests.0.saturating_sub(a.requests.0))),
    ("deliveries", "Events sent to sockets", Unit::PerSecond, |a, b| rate(a, b, b.deliveries.saturating_sub(a.deliveries))),
    ("sockets", "Connected sockets", Unit::Number, |_, b| b.sockets as f64),
    ("answer", "Time to answer a request", Unit::Milliseconds, |a, b| mean(a.requests, b.requests)),
    ("commit", "Time to store changes", Unit::Milliseconds, |a, b| mean(a.commits, b.commits)),
    ("queue", "Changes waiting to be stored", Unit::Number, |_, b| b.queue as f64),
    ("failed", "Failed requests", Unit::PerSecond, |a, b| rate(a, b, b.failed.saturating_sub(a.failed))),
    ("memory", "Memory in use", Unit::Bytes, |_, b| b.process.resident.unwrap_or_default() as f64),
];

/// Those that say why.
const DETAILS: [(&str, &str, Unit, Read); 22] = [
    ("sync", "Time to sync the disk", Unit::Milliseconds, |a, b| mean(a.syncs, b.syncs)),
    ("batch", "Changes in one commit", Unit::Average, |a, b| {
        let batches = b.commits.0.saturating_sub(a.commits.0);
        if batches == 0 { 0.0 } else { b.committed.saturating_sub(a.committed) as f64 / batches as f64 }
    }),
    ("busy", "Changes refused as busy", Unit::PerSecond, |a, b| rate(a, b, b.busy.saturating_sub(a.busy))),
    ("database_answer", "Time of a simple database query", Unit::Milliseconds, |_, b| b.stored.answer.as_secs_f64() * 1000.0),
    ("database_size", "Size of the database", Unit::Bytes, |_, b| b.stored.bytes as f64),
    ("readers", "Database connections reading", Unit::Number, |_, b| b.reading.in_use as f64),
    ("writers", "Database connections writing", Unit::Number, |_, b| b.writing.in_use as f64),
    ("read_wait", "Wait for a read connection", Unit::Milliseconds, |a, b| mean(a.reading.waits, b.reading.waits)),
    ("write_wait", "Wait for a write connection", Unit::Milliseconds, |a, b| mean(a.writing.waits, b.writing.waits)),
    ("open_files", "Open files and connections", Unit::Number, |_, b| b.process.open_files.unwrap_or_default() as f64),
    ("connections", "Client connections open", Unit::Number, |_, b| b.connections as f64),
    ("refused", "Client connections refused", Unit::Number, |a, b| b.refused.saturating_sub(a.refused) as f64),
    ("slow", "Slow clients disconnected", Unit::Number, |a, b| b.slow.saturating_sub(a.slow) as f64),
    ("unwritten", "Data waiting to be sent to sockets", Unit::Bytes, |_, b| b.unwritten as f64),
    ("events", "Events waiting to be handed out", Unit::Number, |_, b| b.events as f64),
    ("searches", "Searches running", Unit::Number, |_, b| b.searches as f64),
    ("search_lag", "Messages not yet in the search index", Unit::Number, |_, b| b.stored.lag as f64),
    ("jobs", "Jobs waiting", Unit::Number, |_, b| b.stored.jobs as f64),
    ("outbox", "Webhooks, notifications and mails waiting", Unit::Number, |_, b| b.stored.deliveries as f64),
    ("passwords", "Passwords being checked", Unit::Number, |_, b| b.passwords as f64),
    ("expired", "Expired items deleted", Unit::PerSecond, |a, b| rate(a, b, b.expired.saturating_sub(a.expired))),
    ("retention_lag", "Longest wait of expired items", Unit::Milliseconds, |_, b| b.stored.retention_lag as f64),
];

/// Those of a node that can have others beside it.
const AMONG: [(&str, &str, Unit, Read); 3] = [
    ("behind", "Delay behind other nodes", Unit::Milliseconds, |_, b| b.among.unwrap_or_default().behind as f64),
    ("clock", "Clock difference to the database", Unit::Milliseconds, |_, b| {
        b.among.unwrap_or_default().ahead.unsigned_abs() as f64
    }),
    ("clocks_apart", "Clock difference between nodes", Unit::Milliseconds, |_, b| b.stored.clocks_apart as f64),
];

/// Those of a node that has Redis.
const REDIS: [(&str, &str, Unit, Read); 2] = [
    ("redis_round_trip", "Time of a Redis round trip", Unit::Milliseconds, |a, b| {
        mean(a.redis.unwrap_or_default().round_trips, b.redis.unwrap_or_default().round_trips)
    }),
    ("redis_reconnections", "Reconnections to Redis", Unit::Number, |a, b| {
        b.redis.unwrap_or_default().reconnections.saturating_sub(a.redis.unwrap_or_default().reconnections) as f64
    }),
];

/// A number of a sample, if it has it.
type Reading = fn(&Sample) -> Option<f64>;

/// How large the numbers of some charts can become.
const LIMITS: [(&str, Reading); 4] = [
    ("queue", |_| Some(ledger::QUEUE as f64)),
    ("readers", |now| Some(now.reading.limit.into())),
    ("writers", |now| Some(now.writing.limit.into())),
    ("open_files", |now| now.process.open_files_limit.map(|limit| limit as f64)),
];

fn rate(before: &Sample, after: &Sample, count: u64) -> f64 {
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// The mean of the times that were added in between, in milliseconds.
fn mean(before: (u64, Duration), after: (u64, Duration)) -> f64 {
    let count = after.0.saturating_sub(before.0);
    if count == 0 { 0.0 } else { after.1.saturating_sub(before.1).as_secs_f64() * 1000.0 / count as f64 }
}

/// The samples of the last hour.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Sample>>);

impl Recent {
    /// Adds a sample, and forgets the oldest.
    pub fn add(&self, sample: Sample) {
        let mut samples = self.0.lock();
        // One more: a value is made of two.
        if samples.len() > KEPT {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The charts, up to `now`.
    pub fn charts(&self, now: &Sample) -> Vec<Chart> {
        let mut samples: Vec<_> = self.0.lock().iter().cloned().collect();
        if samples.last().is_some_and(|last| now.at.duration_since(last.at) >= SHORTEST) {
            samples.push(now.clone());
        }
        let chart = |is_detail: bool, (name, title, unit, read): (_, _, _, Read)| Chart {
            name,
            title,
            unit,
            is_detail,
            limit: LIMITS.iter().find(|(limited, _)| *limited == name).and_then(|(_, limit)| limit(now)),
            values: samples.windows(2).map(|two| read(&two[0], &two[1])).collect(),
        };
        let mut charts: Vec<_> = MAIN.map(|one| chart(false, one)).into();
        charts.extend(DETAILS.map(|one| chart(true, one)));
        if now.among.is_some() {
            charts.extend(AMONG.map(|one| chart(true, one)));
        }
        if now.redis.is_some() {
            charts.extend(REDIS.map(|one| chart(true, one)));
        }
        charts
    }
}

impl Monitoring {
    /// A sample of now.
    pub(super) async fn look(&self) -> Sample {
        let (parts, ledger) = (&self.parts, self.parts.chat.ledger());
        let (changes, sockets, expired) = (ledger.measures(), parts.realtime.measures(), parts.retention.measures());
        let pool = |state: &PoolState| Pool { in_use: state.in_use, limit: state.limit, waits: state.waits.total() };
        let [(_, reading), (_, writing)] = parts.db.pools();
        let stored = self.stored.get(parts).await;
        let status = nodes::Status::of(&parts.node, parts.realtime.sockets());
        Sample {
            at: Instant::now(),
            posts: changes.posts.get(),
            deliveries: sockets.deliveries.get(),
            requests: self.requests.all.total(),
            failed: self.requests.failed.get(),
            commits: changes.commits.total(),
            syncs: parts.db.syncs().total(),
            committed: changes.committed.get(),
            busy: changes.busy.get(),
            connections: parts.connections.count(),
            refused: parts.connections.refused(),
            sockets: status.sockets,
            slow: sockets.slow.get(),
            unwritten: parts.realtime.unwritten(),
            queue: ledger.waiting(),
            events: parts.chat.events().waiting(),
            searches: parts.chat.searches(),
            passwords: parts.accounts.passwords_waiting(),
            reading: pool(&reading),
            writing: pool(&writing),
            expired: [&expired.messages, &expired.files, &expired.audit, &expired.sessions].map(Counter::get).iter().sum(),
            process: process::look().await,
            among: parts
                .db
                .shared()
                .map(|_| Among { behind: status.behind_ms, ahead: status.clock_ahead_ms.unwrap_or_default() }),
            redis: parts
                .node
                .redis_measures()
                .map(|measures| Redis { round_trips: measures.round_trips.total(), reconnections: measures.reconnections() }),
            stored: stored.map(|stored| Stored::of(&stored)).unwrap_or_default(),
        }
    }
}

impl Stored {
    fn of(answer: &Answer) -> Self {
        Self {
            answer: answer.engine.took,
            bytes: answer.engine.bytes,
            jobs: answer.jobs.waiting,
            deliveries: answer.outbox.waiting,
            lag: answer.index_lag,
            retention_lag: answer.retention_lag().unwrap_or_default(),
            clocks_apart: answer.clocks_apart(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: Instant, number: u32) -> Sample {
        Sample {
            at,
            posts: u64::from(number) * 30,
            deliveries: 0,
            requests: (u64::from(number) * 10, Duration::from_millis(20) * number * 10),
            failed: 0,
            commits: (u64::from(number) * 10, Duration::ZERO),
            syncs: (0, Duration::ZERO),
            committed: u64::from(number) * 25,
            busy: 0,
            connections: 0,
            refused: 0,
            sockets: number as usize,
            slow: u64::from(number) * 2,
            unwritten: 0,
            queue: 0,
            events: 0,
            searches: 0,
            passwords: 0,
            reading: Pool { in_use: 3, limit: 6, waits: (u64::from(number), Duration::from_millis(5) * number) },
            writing: Pool::default(),
            expired: 0,
            process: Process { resident: Some(1 << 20), open_files: Some(40), open_files_limit: Some(1024) },
            among: Some(Among { behind: 0, ahead: -300 }),
            redis: Some(Redis {
                round_trips: (u64::from(number), Duration::from_millis(2) * number),
                reconnections: u64::from(number),
            }),
            stored: Stored { lag: 7, retention_lag: 30_000, clocks_apart: 400, ..Stored::default() },
        }
    }

    #[test]
    fn an_hour_is_kept_and_drawn_up_to_now() {
        let (recent, began) = (Recent::default(), Instant::now());
        assert!(recent.charts(&sample(began, 0)).iter().all(|chart| chart.values.is_empty()));
        for number in 0..1000 {
            recent.add(sample(began + EVERY * number, number));
        }
        let last = began + EVERY * 999;
        let of = |charts: &[Chart], name| charts.iter().find(|chart| chart.name == name).unwrap().values.clone();
        let charts = recent.charts(&sample(last + Duration::from_millis(10), 1000));
        assert_eq!((of(&charts, "posts").len(), of(&charts, "posts")[0]), (KEPT, 2.0));
        assert_eq!((of(&charts, "answer")[7], of(&charts, "commit")[7]), (20.0, 0.0));
        assert_eq!(of(&charts, "sockets").last(), Some(&999.0));
        let first = |name| of(&charts, name)[0];
        assert_eq!((first("batch"), first("slow"), first("readers")), (2.5, 2.0, 3.0));
        assert_eq!((first("read_wait"), first("write_wait"), first("search_lag")), (5.0, 0.0, 7.0));
        assert_eq!((first("clock"), first("clocks_apart"), first("retention_lag")), (300.0, 400.0, 30_000.0));
        assert_eq!((first("redis_round_trip"), first("redis_reconnections"), first("open_files")), (2.0, 1.0, 40.0));
        let limit = |name| charts.iter().find(|chart| chart.name == name).unwrap().limit;
        assert_eq!((limit("open_files"), limit("readers"), limit("sockets")), (Some(1024.0), Some(6.0), None));
        assert!(LIMITS.iter().all(|(name, _)| charts.iter().any(|chart| chart.name == *name)));
        let mut names: Vec<_> = charts.iter().map(|chart| chart.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), charts.len());
        // What a server by itself does not have.
        let alone = recent.charts(&Sample { among: None, redis: None, ..sample(last, 1000) });
        let is_of_others = |chart: &&Chart| !alone.iter().any(|other| other.name == chart.name);
        let of_others: Vec<_> = charts.iter().filter(is_of_others).map(|chart| chart.name).collect();
        assert_eq!(of_others, ["behind", "clock", "clocks_apart", "redis_round_trip", "redis_reconnections"]);
        // A sample is not waited for.
        let charts = recent.charts(&sample(last + Duration::from_secs(3), 1000));
        assert_eq!((of(&charts, "posts").last(), of(&charts, "posts").len()), (Some(&10.0), KEPT + 1));
    }
}
