//! Time, so that tests can set it.
//!
//! Owns the only calls to the system's clock, and the rule by which it is believed where what follows from it cannot be undone. Nothing here
//! knows what a time is used for.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
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

/// How far the clocks of nodes can differ, in milliseconds, and more.
pub const CLOCKS: i64 = 60_000;

/// Whether a time that was written down has not come yet: the clock that it is of was ahead, and nothing follows from it.
#[must_use]
pub fn is_ahead(at: Millis, now: Millis) -> bool {
    at > now.plus(CLOCKS)
}

/// How far ahead of what it should be a clock is believed, in milliseconds.
pub const AHEAD: i64 = 24 * 60 * 60 * 1000;

/// Where the present moment comes from: the system, or a test's hand. A clone is the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Milliseconds added to the system's clock; zero outside tests.
    offset: AtomicI64,
    /// Milliseconds added to the time since the machine started; zero outside tests.
    passed: AtomicI64,
    belief: Mutex<Belief>,
}

/// Up to where the clock is believed.
#[derive(Clone, Copy, Debug, Default)]
struct Belief {
    /// A moment up to which it was, and what [`Clock::steady`] was then. None: there is nothing to compare it with.
    until: Option<(Millis, Duration)>,
    /// Another clock, which nodes share, says otherwise.
    is_contradicted: bool,
}

impl Belief {
    /// The latest moment that is believed, so long after the machine's start.
    fn limit(self, steady: Duration) -> Option<Millis> {
        let (until, then) = self.until?;
        let passed = i64::try_from(steady.saturating_sub(then).as_millis()).unwrap_or(i64::MAX);
        Some(until.plus(passed))
    }
}

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Millis {
        Self::system().plus(self.0.offset.load(Ordering::Acquire))
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

    /// A time that only advances, whatever the clock is set to.
    pub fn steady(&self) -> Duration {
        Self::uptime() + Duration::from_millis(self.0.passed.load(Ordering::Acquire).unsigned_abs())
    }

    /// The present moment, for what cannot be undone, such as deleting what is old; `None` while the clock is not believed: it is further
    /// ahead than the time that has passed since it was, or another clock contradicts it. A clock that is behind deletes nothing too early.
    pub fn believed(&self) -> Option<Millis> {
        // In this order: time that passes in between must not look like a jump.
        let (now, steady, belief) = (self.now(), self.steady(), *self.0.belief.lock());
        (!belief.is_contradicted && belief.limit(steady).is_none_or(|limit| now <= limit)).then_some(now)
    }

    /// By how many milliseconds it is ahead of the latest moment that is believed, if it is.
    pub fn ahead(&self) -> Option<i64> {
        let (now, steady, belief) = (self.now(), self.steady(), *self.0.belief.lock());
        belief.limit(steady).map(|limit| now.0.saturating_sub(limit.0)).filter(|ahead| *ahead > 0)
    }

    /// It is believed up to this moment, and for the time that passes since `since`, a value of [`Self::steady`].
    pub fn believe(&self, until: Millis, since: Duration) {
        self.0.belief.lock().until = Some((until, since));
    }

    /// Says whether another clock contradicts it.
    pub fn contradict(&self, is_contradicted: bool) {
        self.0.belief.lock().is_contradicted = is_contradicted;
    }

    /// Lets `ms` milliseconds pass on this clock, and on every clone of it; below zero it is set back. For tests.
    pub fn shift(&self, ms: i64) {
        // In this order: see `believed`.
        self.0.passed.fetch_add(ms.max(0), Ordering::AcqRel);
        self.jump(ms);
    }

    /// Sets this clock, and every clone of it, `ms` milliseconds ahead, though no time has passed. For tests.
    pub fn jump(&self, ms: i64) {
        self.0.offset.fetch_add(ms, Ordering::AcqRel);
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
    fn a_clock_is_believed_as_far_as_time_has_passed() {
        const HOUR: i64 = 60 * 60 * 1000;
        let clock = Clock::default();
        clock.jump(500 * AHEAD);
        assert!(clock.believed().is_some() && clock.ahead().is_none(), "there is nothing to compare it with");
        clock.believe(clock.now().plus(AHEAD), clock.steady());
        for (what, hours, is_believed) in [
            ("a small jump", 23, true),
            ("one beyond the limit", 2, false),
            ("back", -2, true),
            ("far behind", -1000, true),
            ("and right again", 1000, true),
        ] {
            clock.jump(hours * HOUR);
            assert_eq!((clock.believed().is_some(), clock.ahead().is_none()), (is_believed, is_believed), "{what}");
        }
        // A year in which the machine was suspended, or nobody looked.
        clock.shift(365 * AHEAD);
        assert!(clock.believed().is_some());
        clock.jump(2 * HOUR);
        assert!(clock.believed().is_none() && clock.ahead().is_some_and(|ahead| (HOUR / 2..2 * HOUR).contains(&ahead)));
        clock.believe(clock.now().plus(AHEAD), clock.steady());
        assert!(clock.believed().is_some());
        clock.contradict(true);
        assert!(clock.believed().is_none() && clock.ahead().is_none());
        clock.contradict(false);
        assert!(clock.believed().is_some());
    }

    #[test]
    fn a_moment_is_told_with_exactly_three_decimals() {
        assert_eq!(Millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(1_763_801_234_050).to_string(), "2025-11-22T08:47:14.050Z");
    }
}
