//! The last hour of this node, for the charts of administrators.
//!
//! Owns the samples in memory, some 30 KB, and what is drawn of them. It must not count anything: samples are what the parts have counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

use super::{Monitoring, process};

/// The time between two samples.
pub const EVERY: Duration = Duration::from_secs(15);
/// How many are kept: an hour's.
const KEPT: usize = 240;
/// Since a sample that is younger than this, nothing is drawn: a rate would be made of too little.
const SHORTEST: Duration = Duration::from_secs(1);

/// What the numbers of a chart are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// So many each second.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
    /// So many at that moment.
    Number,
    /// Bytes at that moment.
    Bytes,
}

/// A chart.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Its name, for programs.
    pub name: &'static str,
    /// What it shows, for people.
    #[serde(skip)]
    pub title: &'static str,
    /// What its numbers are.
    pub unit: Unit,
    /// The numbers, the oldest first, [`EVERY`] so often; the last one is of now.
    pub values: Vec<f64>,
}

/// What the parts have counted at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    at: Instant,
    posts: u64,
    deliveries: u64,
    requests: (u64, Duration),
    failed: u64,
    commits: (u64, Duration),
    sockets: usize,
    queue: usize,
    memory: u64,
}

/// What two samples, one after the other, say.
type Read = fn(&Sample, &Sample) -> f64;

/// The charts, in the order of the page.
const CHARTS: [(&str, &str, Unit, Read); 9] = [
    ("posts", "Messages", Unit::PerSecond, |a, b| rate(a, b, b.posts.saturating_sub(a.posts))),
    ("requests", "Requests", Unit::PerSecond, |a, b| rate(a, b, b.requests.0.saturating_sub(a.requests.0))),
    ("deliveries", "Deliveries", Unit::PerSecond, |a, b| rate(a, b, b.deliveries.saturating_sub(a.deliveries))),
    ("sockets", "Connected sockets", Unit::Number, |_, b| b.sockets as f64),
    ("answer", "Time to answer a request", Unit::Milliseconds, |a, b| mean(a.requests, b.requests)),
    ("commit", "Time to store changes", Unit::Milliseconds, |a, b| mean(a.commits, b.commits)),
    ("queue", "Changes that wait", Unit::Number, |_, b| b.queue as f64),
    ("failed", "Failed requests", Unit::PerSecond, |a, b| rate(a, b, b.failed.saturating_sub(a.failed))),
    ("memory", "Memory", Unit::Bytes, |_, b| b.memory as f64),
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
        let mut samples: Vec<_> = self.0.lock().iter().copied().collect();
        if samples.last().is_some_and(|last| now.at.duration_since(last.at) >= SHORTEST) {
            samples.push(*now);
        }
        let chart = |(name, title, unit, read): (_, _, _, Read)| Chart {
            name,
            title,
            unit,
            values: samples.windows(2).map(|two| read(&two[0], &two[1])).collect(),
        };
        CHARTS.map(chart).into()
    }
}

impl Monitoring {
    /// A sample of now.
    pub(super) async fn look(&self) -> Sample {
        let (parts, ledger) = (&self.parts, self.parts.chat.ledger());
        Sample {
            at: Instant::now(),
            posts: ledger.measures().posts.get(),
            deliveries: parts.realtime.measures().deliveries.get(),
            requests: self.requests.all.total(),
            failed: self.requests.failed.get(),
            commits: ledger.measures().commits.total(),
            sockets: parts.realtime.sockets(),
            queue: ledger.waiting(),
            memory: process::memory().await.unwrap_or_default(),
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
            commits: (0, Duration::ZERO),
            sockets: number as usize,
            queue: 0,
            memory: 1 << 20,
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
        // A sample is not waited for.
        let charts = recent.charts(&sample(last + Duration::from_secs(3), 1000));
        assert_eq!((of(&charts, "posts").last(), of(&charts, "posts").len()), (Some(&10.0), KEPT + 1));
    }
}
