//! A rate limiter per key, in bounded memory.
//!
//! Owns the counts. It must not know what is limited, or what happens at the limit.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::clock::Millis;
use crate::config::Rate;

/// Maximum number of keys. Each charge costs a password hash, so that even a flood cannot reach it before keys expire.
const MAX_KEYS: usize = 100_000;

/// The parameters of the generic cell rate algorithm (ITU-T I.371) in microseconds: the emission interval per charge, and the
/// tolerance, which bounds how far the theoretical arrival time may run ahead.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    interval: i64,
    tolerance: i64,
}

impl Quota {
    /// The quota of a configured rate.
    pub fn new(rate: Rate) -> Self {
        let tolerance = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX / 4);
        Self { interval: (tolerance / i64::from(rate.count.get())).max(1), tolerance }
    }

    /// Multiplies the burst, at the same rate.
    pub fn with_burst(self, times: i64) -> Self {
        Self { interval: self.interval, tolerance: self.tolerance.saturating_mul(times) }
    }

    /// Multiplies the rate, within the same period.
    pub fn faster(self, times: i64) -> Self {
        Self { interval: (self.interval / times).max(1), tolerance: self.tolerance }
    }
}

/// The limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// When a charge is possible again.
    pub retry_after: Duration,
    /// Whether this is the first refusal since the last charge.
    pub is_first: bool,
}

/// Rate limiters with a common quota, one per key.
pub struct RateLimiter<K> {
    quota: Quota,
    cells: HashMap<K, Cell>,
}

struct Cell {
    /// Theoretical arrival time: when all charges are used up.
    tat: i64,
    is_reported: bool,
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// A limiter without charges.
    pub fn new(quota: Quota) -> Self {
        Self { quota, cells: HashMap::new() }
    }

    /// Checks whether a charge is possible.
    ///
    /// # Errors
    /// [`Limited`] if it is not.
    pub fn check(&mut self, key: &K, now: Millis) -> Result<(), Limited> {
        let (quota, now) = (self.quota, micros(now));
        let Some(cell) = self.cells.get_mut(key) else { return Ok(()) };
        // Stores the clamped time: otherwise, after the clock was set back, each check would start the wait anew.
        cell.tat = quota.clamp(cell.tat, now);
        match cell.tat + quota.interval - quota.tolerance - now {
            wait @ 1.. => {
                let is_first = !std::mem::replace(&mut cell.is_reported, true);
                Err(Limited { retry_after: Duration::from_micros(wait.unsigned_abs()), is_first })
            }
            _ => Ok(()),
        }
    }

    /// The number of charges that are not used up yet.
    pub fn count(&self, key: &K, now: Millis) -> u32 {
        let now = micros(now);
        let owed = self.cells.get(key).map_or(0, |cell| self.quota.clamp(cell.tat, now) - now);
        u32::try_from(owed.div_euclid(self.quota.interval) + i64::from(owed % self.quota.interval > 0)).unwrap_or(u32::MAX)
    }

    /// Records a charge.
    pub fn charge(&mut self, key: K, now: Millis) {
        let (quota, now) = (self.quota, micros(now));
        if self.cells.len() >= MAX_KEYS && !self.cells.contains_key(&key) {
            self.cells.retain(|_, cell| cell.tat > now);
            if self.cells.len() >= MAX_KEYS
                && let Some(forgotten) = self.cells.keys().next().cloned()
            {
                self.cells.remove(&forgotten);
            }
        }
        let cell = self.cells.entry(key).or_insert(Cell { tat: now, is_reported: false });
        *cell = Cell { tat: quota.clamp(quota.clamp(cell.tat, now) + quota.interval, now), is_reported: false };
    }

    /// Reverts the last charge.
    pub fn refund(&mut self, key: &K) {
        if let Some(cell) = self.cells.get_mut(key) {
            cell.tat -= self.quota.interval;
        }
    }
}

impl Quota {
    /// Limits the arrival time to the tolerance, even if the clock was set back.
    fn clamp(self, tat: i64, now: i64) -> i64 {
        tat.clamp(now, now.saturating_add(self.tolerance))
    }
}

fn micros(now: Millis) -> i64 {
    now.0.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn limiter(count: u32) -> RateLimiter<u32> {
        let count = NonZeroU32::new(count).unwrap();
        RateLimiter::new(Quota::new(Rate { count, per: Duration::from_secs(60) }))
    }

    fn wait(limiter: &mut RateLimiter<u32>, now: Millis) -> Option<u128> {
        limiter.check(&1, now).err().map(|limited| limited.retry_after.as_millis())
    }

    #[test]
    fn so_many_at_once_and_then_one_by_one() {
        let mut limiter = limiter(3);
        for count in 0..3 {
            assert_eq!((wait(&mut limiter, NOW), limiter.count(&1, NOW)), (None, count));
            limiter.charge(1, NOW);
        }
        assert_eq!((wait(&mut limiter, NOW), limiter.count(&1, NOW)), (Some(20_000), 3));
        assert_eq!(wait(&mut limiter, NOW.plus(19_000)), Some(1_000));
        assert_eq!(wait(&mut limiter, NOW.plus(20_000)), None);
        limiter.charge(1, NOW.plus(20_000));
        assert_eq!(wait(&mut limiter, NOW.plus(20_000)), Some(20_000));
        assert_eq!((wait(&mut limiter, NOW.plus(80_000)), limiter.count(&1, NOW.plus(80_000))), (None, 0));
        assert!(limiter.check(&2, NOW).is_ok(), "each has a budget of their own");
    }

    #[test]
    fn only_the_first_is_told_something_new() {
        let mut limiter = limiter(1);
        limiter.charge(1, NOW);
        let news = |limiter: &mut RateLimiter<u32>, now| limiter.check(&1, now).unwrap_err().is_first;
        assert!(news(&mut limiter, NOW));
        assert!(!news(&mut limiter, NOW));
        limiter.charge(1, NOW.plus(60_000));
        assert!(news(&mut limiter, NOW.plus(60_000)));
    }

    #[test]
    fn what_is_given_back_was_never_charged() {
        let mut limiter = limiter(1);
        limiter.charge(1, NOW);
        limiter.refund(&1);
        assert_eq!((wait(&mut limiter, NOW), limiter.count(&1, NOW)), (None, 0));
        limiter.refund(&1);
        limiter.charge(1, NOW);
        assert_eq!(wait(&mut limiter, NOW), Some(60_000), "nobody saves up");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let mut limiter = limiter(2);
        limiter.charge(1, NOW);
        limiter.charge(1, NOW);
        let an_hour_before = NOW.plus(-3_600_000);
        let first = wait(&mut limiter, an_hour_before).unwrap();
        assert!(first <= 60_000);
        assert_eq!(wait(&mut limiter, an_hour_before.plus(1_000)), Some(first - 1_000), "it passes");
        assert_eq!(wait(&mut limiter, an_hour_before.plus(60_000)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut limiter = limiter(1);
        for number in 0..MAX_KEYS + 50 {
            limiter.charge(u32::try_from(number).unwrap(), NOW);
        }
        assert_eq!(limiter.cells.len(), MAX_KEYS);
        limiter.charge(u32::MAX, NOW.plus(120_000));
        assert_eq!(limiter.cells.len(), 1);
    }
}
