//! Measures taken on the way: histograms of times and sizes.
//!
//! Owns their buckets, so that charts of different parts can be compared. It must not name what is measured: each part keeps its own
//! measures, and `monitoring` names them.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of times, in seconds: from a fast commit to a timeout.
const TIMES: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of how many come together.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Times. A clone is the same histogram.
#[derive(Clone, Debug)]
pub struct Times(Histogram);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new(TIMES))
    }
}

impl Times {
    /// Adds one.
    pub fn add(&self, took: Duration) {
        self.0.observe(took.as_secs_f64());
    }

    /// The histogram, in seconds.
    pub fn histogram(&self) -> Histogram {
        self.0.clone()
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
