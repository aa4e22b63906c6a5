//! Measures taken on the way: histograms of times and sizes.
//!
//! Owns their buckets, so that charts of different parts can be compared. It must not name what is measured: each part keeps its own
//! measures, and `monitoring` names them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of times, in seconds: from a fast commit to a timeout.
const TIMES: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of how many come together.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Times. A clone is the same histogram.
#[derive(Clone, Debug)]
pub struct Times {
    histogram: Histogram,
    total: Arc<Total>,
}

/// How many times were added and how long they were together, which a histogram does not tell this program.
#[derive(Debug, Default)]
struct Total {
    count: AtomicU64,
    microseconds: AtomicU64,
}

impl Default for Times {
    fn default() -> Self {
        Self { histogram: Histogram::new(TIMES), total: Arc::default() }
    }
}

impl Times {
    /// Adds one.
    pub fn add(&self, took: Duration) {
        self.histogram.observe(took.as_secs_f64());
        self.total.count.fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.total.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// The histogram, in seconds.
    pub fn histogram(&self) -> Histogram {
        self.histogram.clone()
    }

    /// How many were added, and how long they were together.
    pub fn total(&self) -> (u64, Duration) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (read(&self.total.count), Duration::from_micros(read(&self.total.microseconds)))
    }
}

/// Sizes. A clone is the same histogram.
#[derive(Clone, Debug)]
pub struct Sizes(Histogram);

impl Default for Sizes {
    fn default() -> Self {
        Self(Histogram::new(SIZES))
    }
}

impl Sizes {
    /// Adds one.
    pub fn add(&self, size: usize) {
        self.0.observe(size as f64);
    }

    /// The histogram.
    pub fn histogram(&self) -> Histogram {
        self.0.clone()
    }
}
