//! Time, so that tests can set it.
//!
//! Owns the only calls to the system's clock. Nothing here knows what a time is used for.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A moment, in milliseconds since 1970-01-01 UTC. Stored as `bigint`, told to clients as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The moment `ms` milliseconds later.
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The same moment as a [`jiff::Timestamp`]; one outside jiff's range becomes the epoch.
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl PartialSchema for Millis {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
    }
}

impl ToSchema for Millis {
    fn name() -> Cow<'static, str> {
        "Time".into()
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse::<jiff::Timestamp>().map(|moment| Self(moment.as_millisecond())).map_err(D::Error::custom)
    }
}

/// Where the present moment comes from: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds added to the system's clock; zero outside tests.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Millis {
        Self::system().plus(self.offset.load(Ordering::Relaxed))
    }

    /// What the system's clock says, even in tests: for comparison with another machine's.
    pub fn system() -> Millis {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
        let now = jiff::Timestamp::now();
        Millis(now.as_millisecond())
    }

    /// The time since the machine started, which also advances while it is suspended. Where the system has no such clock, it is the time
    /// since the first call, without suspension.
    pub fn uptime() -> Duration {
        #[cfg(target_os = "linux")]
        {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
        }
        #[cfg(not(target_os = "linux"))]
        {
            static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
            START.elapsed()
        }
    }

    /// Moves this clock, and every clone of it, by `ms` milliseconds; for tests.
    pub fn shift(&self, ms: i64) {
        self.offset.fetch_add(ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_advances() {
        let before = Clock::uptime();
        std::thread::yield_now();
        assert!(Clock::uptime() >= before);
    }

    #[test]
    fn a_moment_is_told_with_exactly_three_decimals() {
        assert_eq!(Millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(1_763_801_234_050).to_string(), "2025-11-22T08:47:14.050Z");
    }
}
