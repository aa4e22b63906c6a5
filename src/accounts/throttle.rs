//! Limits on failed authentication.
//!
//! Owns which failures count against whom. Only known failures count, so nobody is delayed by users with the right password.
//! Strangers' failures never lock the owner out (docs/decisions/0039). Failures are identified by
//! digests, which nodes share (`shared_failures`).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha2::Sha256;

use super::device::DeviceId;
use super::rate_limiter::{Limited, Quota, RateLimiter};
use crate::clock::Millis;
use crate::config::Rate;
use crate::events::{Failure, FailureLimit};
use crate::model::{SessionKey, UserId};

/// The pause between guesses at an account reaches its maximum at this multiple of the failure limit.
const BURST_FACTOR: i64 = 10;
/// Maximum pause between two guesses at one account from all unknown devices. A longer one would delay the owner at a new address
/// too much.
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// An IPv4 address, or the /64 of an IPv6 address, which belongs to one customer.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// An attempt to authenticate, by how much the client is trusted.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// A log-in from an unknown device.
    Stranger {
        /// The username, which need not exist: limits must not reveal that.
        account: String,
        /// The client's network.
        network: Option<IpAddr>,
    },
    /// A log-in from a device that has logged in to this account before.
    Device(DeviceId),
    /// The second factor of a log-in, whose password was right.
    SecondFactor {
        /// The account. Whoever guesses here knows its password, so that strangers' failures count against all strangers.
        user: UserId,
        /// The client's network.
        network: Option<IpAddr>,
    },
    /// A signed-in user who confirms their password.
    Session(SessionKey),
    /// A token for set-up or an invitation.
    Token(Option<IpAddr>),
}

/// The restrictions on an attempt that may be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    /// The number of recent failures.
    pub failures: u32,
    /// Time during which nobody else may guess at the account; not zero if many do.
    pub pause: Duration,
}

/// Recent failures.
pub struct Throttle {
    /// Makes the digests, with a secret that all nodes share.
    hmac: Hmac<Sha256>,
    /// `None` without a limit.
    limiters: Option<Mutex<Limiters>>,
}

/// A limiter per kind, so that many keys of one kind do not displace others.
struct Limiters {
    pairs: RateLimiter<u64>,
    networks: RateLimiter<u64>,
    devices: RateLimiter<u64>,
    sessions: RateLimiter<u64>,
    tokens: RateLimiter<u64>,
    /// All strangers' failures per account: they slow guesses down and refuse nobody.
    accounts: RateLimiter<u64>,
    /// The failure limit.
    capacity: u32,
}

impl Throttle {
    /// Limits each key to a rate of failures; without a rate there is no limit. `secret`, which all nodes share, keys the digests.
    pub fn new(rate: Option<Rate>, secret: &str) -> Self {
        let limiters = rate.map(|rate| {
            let quota = Quota::new(rate);
            Mutex::new(Limiters {
                pairs: RateLimiter::new(quota),
                networks: RateLimiter::new(quota),
                devices: RateLimiter::new(quota),
                sessions: RateLimiter::new(quota),
                tokens: RateLimiter::new(quota),
                accounts: RateLimiter::new(quota.with_burst(BURST_FACTOR)),
                capacity: rate.count.get(),
            })
        });
        Self { hmac: Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length"), limiters }
    }

    /// Checks whether an attempt may be made.
    ///
    /// # Errors
    /// [`Limited`] after too many recent failures.
    pub fn check(&self, attempt: &Attempt, now: Millis) -> Result<Backoff, Limited> {
        let Some(limiters) = &self.limiters else { return Ok(Backoff::default()) };
        let failures = self.failures(attempt);
        let mut limiters = limiters.lock();
        let mut refused: Option<Limited> = None;
        let mut backoff = Backoff::default();
        for Failure { limit, key } in failures {
            if limit == FailureLimit::Account {
                backoff.pause = limiters.pause(key, now);
                continue;
            }
            let limiter = limiters.of(limit);
            if let Err(limited) = limiter.check(&key, now) {
                let before = refused.unwrap_or(limited);
                let retry_after = before.retry_after.max(limited.retry_after);
                refused = Some(Limited { retry_after, is_first: before.is_first || limited.is_first });
            } else if limit != FailureLimit::Token {
                // The network's, which comes last, includes the pair's.
                backoff.failures = limiter.count(&key, now);
            }
        }
        refused.map_or(Ok(backoff), Err)
    }

    /// Counts an attempt as failed before it is checked, so that attempts at the same time do not pass together. If it succeeds, it is
    /// given back with [`Self::refund`].
    ///
    /// # Errors
    /// [`Limited`] after too many recent failures.
    pub fn charge(&self, attempt: &Attempt, now: Millis) -> Result<Vec<Failure>, Limited> {
        let failures = self.failures(attempt);
        let Some(limiters) = &self.limiters else { return Ok(Vec::new()) };
        let mut limiters = limiters.lock();
        let limited = failures.iter().filter_map(|Failure { limit, key }| limiters.of(*limit).check(key, now).err());
        match limited.max_by_key(|limited| limited.retry_after) {
            Some(limited) => Err(limited),
            None => {
                failures.iter().for_each(|Failure { limit, key }| limiters.of(*limit).charge(*key, now));
                Ok(failures)
            }
        }
    }

    /// Gives back what [`Self::charge`] counted.
    pub fn refund(&self, failures: &[Failure]) {
        let Some(limiters) = &self.limiters else { return };
        let mut limiters = limiters.lock();
        failures.iter().for_each(|Failure { limit, key }| limiters.of(*limit).refund(key));
    }

    /// Records a failed attempt; returns what other nodes record of it.
    pub fn fail(&self, attempt: &Attempt, now: Millis) -> Vec<Failure> {
        if self.limiters.is_none() {
            return Vec::new();
        }
        let failures = self.failures(attempt);
        self.record(&failures, now);
        failures
    }

    /// Records failures, of this or another node.
    pub fn record(&self, failures: &[Failure], now: Millis) {
        let Some(limiters) = &self.limiters else { return };
        let mut limiters = limiters.lock();
        for Failure { limit, key } in failures {
            limiters.of(*limit).charge(*key, now);
        }
    }

    /// What a failure of this attempt counts against.
    fn failures(&self, attempt: &Attempt) -> Vec<Failure> {
        let of = |limit, parts: &[&str]| Failure { limit, key: self.digest(parts) };
        let address = |network: &IpAddr| network.to_string();
        match attempt {
            Attempt::Stranger { account, network } => {
                let from = network.as_ref().map(address);
                let pair = of(FailureLimit::Pair, &[account, from.as_deref().unwrap_or_default()]);
                let mut failures = vec![of(FailureLimit::Account, &[account]), pair];
                failures.extend(from.map(|from| of(FailureLimit::Network, &[&from])));
                failures
            }
            // `Token` is the limit that refuses: older nodes know it.
            Attempt::SecondFactor { user, network } => {
                let mut failures = vec![of(FailureLimit::Token, &["second factor", &user.0.to_string()])];
                failures.extend(network.as_ref().map(|from| of(FailureLimit::Network, &[&address(from)])));
                failures
            }
            Attempt::Device(device) => vec![of(FailureLimit::Device, &[&device.text()])],
            Attempt::Session(session) => vec![of(FailureLimit::Session, &[session.as_str()])],
            Attempt::Token(network) => network.iter().map(|network| of(FailureLimit::Token, &[&address(network)])).collect(),
        }
    }

    /// A digest that names nobody: readers of the database's notifications cannot see whose attempt failed.
    fn digest(&self, parts: &[&str]) -> u64 {
        let mut mac = self.hmac.clone().chain_update(b"failure\n");
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        let bytes = mac.finalize().into_bytes();
        u64::from_le_bytes(bytes[..8].try_into().expect("it has 32 bytes"))
    }
}

impl Limiters {
    fn of(&mut self, limit: FailureLimit) -> &mut RateLimiter<u64> {
        match limit {
            FailureLimit::Account => &mut self.accounts,
            FailureLimit::Pair => &mut self.pairs,
            FailureLimit::Network => &mut self.networks,
            FailureLimit::Device => &mut self.devices,
            FailureLimit::Session => &mut self.sessions,
            FailureLimit::Token => &mut self.tokens,
        }
    }

    /// The pause after a guess: zero up to one failure limit, then increasing.
    fn pause(&self, account: u64, now: Millis) -> Duration {
        let excess = self.accounts.count(&account, now).saturating_sub(self.capacity.saturating_sub(1));
        let most = self.capacity.saturating_mul(BURST_FACTOR as u32 - 1).max(1);
        MAX_PAUSE * excess.min(most) / most
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn throttle(count: u32) -> Throttle {
        Throttle::new(Some(Rate { count: NonZeroU32::new(count).unwrap(), per: Duration::from_secs(60) }), "key")
    }

    fn stranger(account: &str, address: &str) -> Attempt {
        Attempt::Stranger { account: account.into(), network: Some(network(address.parse().unwrap())) }
    }

    fn is_refused(throttle: &Throttle, attempt: &Attempt) -> bool {
        throttle.check(attempt, NOW).is_err()
    }

    fn pause(throttle: &Throttle, attempt: &Attempt) -> Duration {
        throttle.check(attempt, NOW).unwrap().pause
    }

    #[test]
    fn the_network_counts_for_every_account() {
        let throttle = throttle(1);
        throttle.fail(&stranger("ada", "192.0.2.1"), NOW);
        assert!(is_refused(&throttle, &stranger("ada", "192.0.2.1")));
        assert!(is_refused(&throttle, &stranger("grace", "192.0.2.1")));
        assert!(is_refused(&throttle, &stranger("grace", "::ffff:192.0.2.1")));
        assert!(!is_refused(&throttle, &stranger("grace", "192.0.2.2")));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let throttle = throttle(1);
        throttle.fail(&stranger("ada", "2001:db8::1"), NOW);
        assert!(is_refused(&throttle, &stranger("grace", "2001:db8::2")));
        assert!(!is_refused(&throttle, &stranger("grace", "2001:db8:0:1::2")));
    }

    #[test]
    fn failures_elsewhere_slow_an_account_down_and_never_shut_it() {
        let throttle = throttle(10);
        let owner = stranger("ada", "198.51.100.1");
        let mut pauses = Vec::new();
        for number in 0..200 {
            pauses.push(pause(&throttle, &owner));
            throttle.fail(&stranger("ada", &format!("192.0.2.{number}")), NOW);
        }
        assert!(pauses[..10].iter().all(Duration::is_zero), "{pauses:?}");
        assert!(pauses[10..100].is_sorted() && pauses[10] < pauses[99], "{pauses:?}");
        assert_eq!(pauses[199], MAX_PAUSE);
        assert_eq!(pause(&throttle, &stranger("grace", "198.51.100.1")), Duration::ZERO);
        assert_eq!(pause(&throttle, &Attempt::Device(DeviceId::random(crate::model::UserId(1)))), Duration::ZERO);
    }

    #[test]
    fn a_known_device_and_a_session_have_budgets_of_their_own() {
        let throttle = throttle(1);
        throttle.fail(&stranger("ada", "192.0.2.1"), NOW);
        let [one, other] = [1, 1].map(|id| Attempt::Device(DeviceId::random(crate::model::UserId(id))));
        let session = Attempt::Session(SessionKey::from("a".repeat(64)));
        assert!(!is_refused(&throttle, &one) && !is_refused(&throttle, &session));
        throttle.fail(&one, NOW);
        assert!(is_refused(&throttle, &one));
        assert!(!is_refused(&throttle, &other) && !is_refused(&throttle, &session));
        throttle.fail(&session, NOW);
        assert!(is_refused(&throttle, &session));
        assert!(!is_refused(&throttle, &stranger("ada", "192.0.2.2")), "whoever has a stolen device does not help anybody else");
    }

    #[test]
    fn guessed_tokens_count_against_their_network_and_keep_nobody_from_logging_in() {
        let throttle = throttle(1);
        let from = |address: &str| Attempt::Token(Some(network(address.parse().unwrap())));
        throttle.fail(&from("192.0.2.1"), NOW);
        assert!(is_refused(&throttle, &from("192.0.2.1")) && !is_refused(&throttle, &from("192.0.2.2")));
        assert!(!is_refused(&throttle, &stranger("ada", "192.0.2.1")));
    }

    #[test]
    fn codes_are_guessed_at_an_account_from_everywhere_together_and_a_right_one_counts_nothing() {
        let throttle = throttle(2);
        let from = |address: &str| Attempt::SecondFactor { user: UserId(7), network: Some(network(address.parse().unwrap())) };
        let right = throttle.charge(&from("192.0.2.1"), NOW).unwrap();
        throttle.refund(&right);
        for address in ["192.0.2.1", "192.0.2.2"] {
            assert_eq!(throttle.charge(&from(address), NOW).unwrap().len(), 2);
        }
        assert!(throttle.charge(&from("192.0.2.3"), NOW).is_err(), "the account");
        let other = Attempt::SecondFactor { user: UserId(8), network: None };
        assert!(throttle.charge(&other, NOW).is_ok() && !is_refused(&throttle, &stranger("ada", "192.0.2.3")));
        let device = Attempt::Device(DeviceId::random(UserId(7)));
        assert!(throttle.charge(&device, NOW).is_ok(), "a device that logged in before has its own budget");
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let throttle = Throttle::new(None, "key");
        let ada = stranger("ada", "192.0.2.1");
        (0..100).for_each(|_| assert!(throttle.fail(&ada, NOW).is_empty()));
        assert_eq!(throttle.check(&ada, NOW), Ok(Backoff::default()));
    }

    #[test]
    fn what_failed_on_one_node_is_counted_on_another_with_the_same_key() {
        let [here, there] = [throttle(1), throttle(1)];
        let device = Attempt::Device(DeviceId::random(crate::model::UserId(1)));
        let session = Attempt::Session(SessionKey::from("a".repeat(64)));
        let token = Attempt::Token(Some(network("192.0.2.7".parse().unwrap())));
        for attempt in [stranger("ada", "192.0.2.1"), device, session, token] {
            let failures = here.fail(&attempt, NOW);
            let written = serde_json::to_string(&failures).unwrap();
            assert!(!written.contains("ada") && !written.contains("192.0.2"), "{written}");
            let read: Vec<Failure> = serde_json::from_str(&written).unwrap();
            there.record(&read, NOW);
            assert!(is_refused(&there, &attempt), "{attempt:?}");
        }
        let other = Throttle::new(Some(Rate { count: NonZeroU32::MIN, per: Duration::from_secs(60) }), "another key");
        assert_ne!(here.fail(&stranger("ada", "192.0.2.1"), NOW), other.fail(&stranger("ada", "192.0.2.1"), NOW));
    }
}
