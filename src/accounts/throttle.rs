//! How often somebody may get a password wrong.
//!
//! Owns the count of failed log-ins for each account and each address, in bounded memory. Each log-in is charged before its
//! password is looked at, so that many at once do not slip through, and a right one gets its charge back; that is why this is
//! not the rate limiter that posts have, which cannot give back.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Millis;
use crate::config::Rate;
use crate::error::{Error, Result};

/// How many keys are remembered before those that have nothing against them are forgotten.
const KEYS: usize = 10_000;

/// A limit for each key: the generic cell rate algorithm (ITU-T I.371), with the whole count as its burst.
#[derive(Debug)]
pub struct Throttle<K> {
    /// Milliseconds that one failure costs.
    cost: i64,
    /// Milliseconds of cost that a key may carry.
    burst: i64,
    /// When each key's cost has been worked off.
    clear_at: Mutex<HashMap<K, i64>>,
}

impl<K: Hash + Eq> Throttle<K> {
    /// So many failures in such a time.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let burst = i64::try_from(rate.per.as_millis()).unwrap_or(i64::MAX);
        Self { cost: (burst / i64::from(rate.count.get())).max(1), burst, clear_at: Mutex::default() }
    }

    /// Charges one attempt.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when the key carries too many failures; then nothing is charged.
    pub fn charge(&self, key: K, now: Millis) -> Result<()> {
        let mut clear_at = self.clear_at.lock().unwrap_or_else(PoisonError::into_inner);
        if clear_at.len() >= KEYS {
            clear_at.retain(|_, clear| *clear > now.0);
        }
        let clear = clear_at.entry(key).or_insert(now.0);
        let then = (*clear).max(now.0) + self.cost;
        let over = then - now.0 - self.burst;
        if over > 0 {
            return Err(Error::RateLimited { retry_after: Duration::from_millis(over.unsigned_abs()) });
        }
        *clear = then;
        Ok(())
    }

    /// Gives back the charge of an attempt that was right.
    pub fn refund(&self, key: &K) {
        let mut clear_at = self.clear_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clear) = clear_at.get_mut(key) {
            *clear -= self.cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_and_worked_off() {
        let throttle = Throttle::new(Rate { count: 3.try_into().unwrap(), per: Duration::from_secs(60) });
        let start = Millis(1_000_000);
        for _ in 0..3 {
            throttle.charge("ada", start).unwrap();
        }
        let wait = throttle.charge("ada", start).unwrap_err().retry_after().unwrap();
        assert_eq!(wait, Duration::from_secs(20));
        throttle.charge("grace", start).unwrap();
        throttle.charge("ada", start.plus(20_000)).unwrap();
        assert!(throttle.charge("ada", start.plus(20_000)).is_err());
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let throttle = Throttle::new(Rate { count: 1.try_into().unwrap(), per: Duration::from_secs(60) });
        for _ in 0..5 {
            throttle.charge("ada", Millis(0)).unwrap();
            throttle.refund(&"ada");
        }
        throttle.charge("ada", Millis(0)).unwrap();
        assert!(throttle.charge("ada", Millis(0)).is_err());
    }
}
