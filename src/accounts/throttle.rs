//! How often one may fail to log in.
//!
//! Owns the counts, by account and by address, in bounded memory. Only failures count, and only once they are known, so nobody is
//! held up by those who know their passwords.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Millis;
use crate::config::Rate;
use crate::error::{Error, Result};

/// How many accounts, and how many addresses, are remembered. A failure costs a hash, so that even a flood of them does not come
/// to this in the time that one is remembered.
const REMEMBERED: usize = 100_000;

/// Who tries, as whom.
pub struct Attempt {
    /// An account that need not exist: what happens after many failures must not tell.
    account: String,
    /// The address, or its IPv6 /64, which belongs to one customer, who has all of its addresses.
    network: Option<IpAddr>,
}

impl Attempt {
    /// An attempt to log in as `account`, in its folded form.
    #[must_use]
    pub fn new(account: String, address: Option<IpAddr>) -> Self {
        Self { account, network: address.map(network) }
    }

    /// As whom.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// The failures of late.
pub struct Throttle {
    pace: Option<Pace>,
    debts: Mutex<Debts>,
}

#[derive(Default)]
struct Debts {
    by_account: HashMap<String, i64>,
    by_network: HashMap<IpAddr, i64>,
}

/// A rate as the generic cell rate algorithm (ITU-T I.371) has it: each failure costs so much time, and the debt may not exceed
/// the whole of it. In microseconds.
#[derive(Clone, Copy)]
struct Pace {
    each: i64,
    all: i64,
}

impl Throttle {
    /// So many failures in such a time; any number without a rate.
    #[must_use]
    pub fn new(rate: Option<Rate>) -> Self {
        let pace = rate.map(|rate| {
            let all = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX / 4);
            Pace { each: (all / i64::from(rate.count.get())).max(1), all }
        });
        Self { pace, debts: Mutex::default() }
    }

    /// Whether another attempt may be made.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when there were too many failures of late.
    pub fn check(&self, attempt: &Attempt, now: Millis) -> Result<()> {
        let Some(pace) = self.pace else { return Ok(()) };
        let mut debts = self.debts();
        let Debts { by_account, by_network } = &mut *debts;
        let account = by_account.get_mut(&attempt.account);
        let network = attempt.network.as_ref().and_then(|network| by_network.get_mut(network));
        let waits = [account, network].into_iter().flatten().map(|paid_at| {
            // Where the clock was set back it is forgotten for good: otherwise the wait would begin anew each time it is asked for.
            *paid_at = pace.clamp(*paid_at, micros(now));
            pace.wait(*paid_at, micros(now))
        });
        match waits.max() {
            Some(wait @ 1..) => Err(Error::RateLimited { retry_after: Duration::from_micros(wait.unsigned_abs()) }),
            _ => Ok(()),
        }
    }

    /// Notes that an attempt failed.
    pub fn fail(&self, attempt: Attempt, now: Millis) {
        let Some(pace) = self.pace else { return };
        let mut debts = self.debts();
        pace.charge(&mut debts.by_account, attempt.account, micros(now));
        if let Some(network) = attempt.network {
            pace.charge(&mut debts.by_network, network, micros(now));
        }
    }

    fn debts(&self) -> MutexGuard<'_, Debts> {
        // Each entry is whole by itself, so a poisoned lock guards nothing broken.
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(now: Millis) -> i64 {
    now.0.saturating_mul(1000)
}

impl Pace {
    /// How long until there is room for one more failure; 0 or less when there is.
    fn wait(self, paid_at: i64, now: i64) -> i64 {
        self.clamp(paid_at, now) + self.each - self.all - now
    }

    /// A debt is never more than the whole, even where the clock was set back since.
    fn clamp(self, paid_at: i64, now: i64) -> i64 {
        paid_at.clamp(now, now + self.all)
    }

    fn charge<K: Hash + Eq + Clone>(self, debts: &mut HashMap<K, i64>, who: K, now: i64) {
        if debts.len() >= REMEMBERED && !debts.contains_key(&who) {
            debts.retain(|_, paid_at| *paid_at > now);
            if debts.len() >= REMEMBERED
                && let Some(forgotten) = debts.keys().next().cloned()
            {
                debts.remove(&forgotten);
            }
        }
        let paid_at = debts.entry(who).or_insert(now);
        *paid_at = self.clamp(*paid_at, now) + self.each;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const NOW: Millis = Millis(1_763_801_234_000);

    fn throttle(count: u32) -> Throttle {
        Throttle::new(Some(Rate { count: NonZeroU32::new(count).unwrap(), per: Duration::from_secs(60) }))
    }

    fn attempt(username: &str, address: &str) -> Attempt {
        Attempt::new(username.into(), Some(address.parse().unwrap()))
    }

    fn wait(throttle: &Throttle, attempt: &Attempt, now: Millis) -> Option<u128> {
        throttle.check(attempt, now).err().and_then(|error| error.retry_after()).map(|wait| wait.as_millis())
    }

    #[test]
    fn so_many_failures_are_allowed_and_then_one_waits() {
        let throttle = throttle(3);
        let ada = attempt("ada", "192.0.2.1");
        for _ in 0..3 {
            assert_eq!(wait(&throttle, &ada, NOW), None);
            throttle.fail(attempt("ada", "192.0.2.1"), NOW);
        }
        assert_eq!(wait(&throttle, &ada, NOW), Some(20_000));
        assert_eq!(wait(&throttle, &ada, NOW.plus(19_999)), Some(1));
        assert_eq!(wait(&throttle, &ada, NOW.plus(20_000)), None);
        throttle.fail(attempt("ada", "192.0.2.1"), NOW.plus(20_000));
        assert_eq!(wait(&throttle, &ada, NOW.plus(20_000)), Some(20_000));
        assert_eq!(wait(&throttle, &ada, NOW.plus(80_000)), None);
    }

    #[test]
    fn the_account_counts_from_everywhere_and_the_address_for_everybody() {
        let throttle = throttle(1);
        throttle.fail(attempt("ada", "192.0.2.1"), NOW);
        assert!(wait(&throttle, &attempt("ada", "192.0.2.2"), NOW).is_some());
        assert!(wait(&throttle, &attempt("grace", "192.0.2.1"), NOW).is_some());
        assert!(wait(&throttle, &attempt("grace", "::ffff:192.0.2.1"), NOW).is_some());
        assert!(wait(&throttle, &attempt("grace", "192.0.2.2"), NOW).is_none());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let throttle = throttle(1);
        throttle.fail(attempt("ada", "2001:db8::1"), NOW);
        assert!(wait(&throttle, &attempt("grace", "2001:db8::2"), NOW).is_some());
        assert!(wait(&throttle, &attempt("grace", "2001:db8:0:1::2"), NOW).is_none());
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let throttle = throttle(2);
        let ada = attempt("ada", "192.0.2.1");
        throttle.fail(attempt("ada", "192.0.2.1"), NOW);
        throttle.fail(attempt("ada", "192.0.2.1"), NOW);
        let an_hour_before = NOW.plus(-3_600_000);
        let first = wait(&throttle, &ada, an_hour_before).unwrap();
        assert!(first <= 60_000);
        assert_eq!(wait(&throttle, &ada, an_hour_before.plus(1_000)), Some(first - 1_000), "it passes");
        assert_eq!(wait(&throttle, &ada, an_hour_before.plus(60_000)), None);
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let throttle = Throttle::new(None);
        let ada = attempt("ada", "192.0.2.1");
        (0..100).for_each(|_| throttle.fail(attempt("ada", "192.0.2.1"), NOW));
        assert_eq!(wait(&throttle, &ada, NOW), None);
        assert!(throttle.debts().by_account.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let throttle = throttle(1);
        for number in 0..REMEMBERED + 50 {
            throttle.fail(Attempt::new(format!("user{number}"), None), NOW);
        }
        assert_eq!(throttle.debts().by_account.len(), REMEMBERED);
        throttle.fail(attempt("ada", "192.0.2.1"), NOW.plus(120_000));
        assert_eq!(throttle.debts().by_account.len(), 1);
    }
}
