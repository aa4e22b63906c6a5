//! Limits on failed authentication.
//!
//! Owns which failures count against whom. Only known failures count, so nobody is delayed by users with the right password.
//! Strangers' failures never lock the owner out (docs/decisions/0039).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::device::DeviceId;
use super::rate_limiter::{Limited, Quota, RateLimiter};
use crate::clock::Millis;
use crate::config::Rate;
use crate::model::SessionKey;
use parking_lot::{Mutex, MutexGuard};

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
    /// `None` without a limit.
    limiters: Option<Mutex<Limiters>>,
}

/// A limiter per kind, so that many keys of one kind do not displace others.
struct Limiters {
    pairs: RateLimiter<(String, Option<IpAddr>)>,
    networks: RateLimiter<IpAddr>,
    devices: RateLimiter<DeviceId>,
    sessions: RateLimiter<SessionKey>,
    tokens: RateLimiter<IpAddr>,
    /// All strangers' failures per account: they slow guesses down and refuse nobody.
    accounts: RateLimiter<String>,
    /// The failure limit.
    capacity: u32,
}

impl Throttle {
    /// Limits each key to a rate of failures; no limit without one.
    pub fn new(rate: Option<Rate>) -> Self {
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
        Self { limiters }
    }

    /// Checks whether an attempt may be made.
    ///
    /// # Errors
    /// [`Limited`] after too many recent failures.
    pub fn check(&self, attempt: &Attempt, now: Millis) -> Result<Backoff, Limited> {
        let Some(mut limiters) = self.limiters() else { return Ok(Backoff::default()) };
        match attempt {
            Attempt::Stranger { account, network } => limiters.check_stranger(account, *network, now),
            Attempt::Device(device) => {
                limiters.devices.check(device, now)?;
                Ok(Backoff { failures: limiters.devices.count(device, now), pause: Duration::ZERO })
            }
            Attempt::Session(session) => {
                limiters.sessions.check(session, now)?;
                Ok(Backoff { failures: limiters.sessions.count(session, now), pause: Duration::ZERO })
            }
            Attempt::Token(network) => {
                let checked = network.as_ref().map_or(Ok(()), |network| limiters.tokens.check(network, now));
                checked.map(|()| Backoff::default())
            }
        }
    }

    /// Records a failed attempt.
    pub fn fail(&self, attempt: Attempt, now: Millis) {
        let Some(mut limiters) = self.limiters() else { return };
        match attempt {
            Attempt::Stranger { account, network } => {
                limiters.accounts.charge(account.clone(), now);
                limiters.pairs.charge((account, network), now);
                if let Some(network) = network {
                    limiters.networks.charge(network, now);
                }
            }
            Attempt::Device(device) => limiters.devices.charge(device, now),
            Attempt::Session(session) => limiters.sessions.charge(session, now),
            Attempt::Token(network) => {
                if let Some(network) = network {
                    limiters.tokens.charge(network, now);
                }
            }
        }
    }

    fn limiters(&self) -> Option<MutexGuard<'_, Limiters>> {
        self.limiters.as_ref().map(|limiters| limiters.lock())
    }
}

impl Limiters {
    fn check_stranger(&mut self, account: &str, network: Option<IpAddr>, now: Millis) -> Result<Backoff, Limited> {
        let pair = (account.to_owned(), network);
        let of_pair = self.pairs.check(&pair, now);
        let of_network = network.map_or(Ok(()), |network| self.networks.check(&network, now));
        match (of_pair, of_network) {
            (Ok(()), Ok(())) => {}
            (Err(limited), Ok(())) | (Ok(()), Err(limited)) => return Err(limited),
            (Err(one), Err(other)) => {
                let retry_after = one.retry_after.max(other.retry_after);
                return Err(Limited { retry_after, is_first: one.is_first || other.is_first });
            }
        }
        let failures = network.map_or_else(|| self.pairs.count(&pair, now), |network| self.networks.count(&network, now));
        Ok(Backoff { failures, pause: self.pause(&pair.0, now) })
    }

    /// The pause after a guess: zero up to one failure limit, then increasing.
    fn pause(&self, account: &String, now: Millis) -> Duration {
        let excess = self.accounts.count(account, now).saturating_sub(self.capacity.saturating_sub(1));
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
        Throttle::new(Some(Rate { count: NonZeroU32::new(count).unwrap(), per: Duration::from_secs(60) }))
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
        throttle.fail(stranger("ada", "192.0.2.1"), NOW);
        assert!(is_refused(&throttle, &stranger("ada", "192.0.2.1")));
        assert!(is_refused(&throttle, &stranger("grace", "192.0.2.1")));
        assert!(is_refused(&throttle, &stranger("grace", "::ffff:192.0.2.1")));
        assert!(!is_refused(&throttle, &stranger("grace", "192.0.2.2")));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let throttle = throttle(1);
        throttle.fail(stranger("ada", "2001:db8::1"), NOW);
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
            throttle.fail(stranger("ada", &format!("192.0.2.{number}")), NOW);
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
        throttle.fail(stranger("ada", "192.0.2.1"), NOW);
        let [one, other] = [1, 1].map(|id| Attempt::Device(DeviceId::random(crate::model::UserId(id))));
        let session = Attempt::Session(SessionKey::from("a".repeat(64)));
        assert!(!is_refused(&throttle, &one) && !is_refused(&throttle, &session));
        throttle.fail(one.clone(), NOW);
        assert!(is_refused(&throttle, &one));
        assert!(!is_refused(&throttle, &other) && !is_refused(&throttle, &session));
        throttle.fail(session.clone(), NOW);
        assert!(is_refused(&throttle, &session));
        assert!(!is_refused(&throttle, &stranger("ada", "192.0.2.2")), "whoever has a stolen device does not help anybody else");
    }

    #[test]
    fn guessed_tokens_count_against_their_network_and_keep_nobody_from_logging_in() {
        let throttle = throttle(1);
        let from = |address: &str| Attempt::Token(Some(network(address.parse().unwrap())));
        throttle.fail(from("192.0.2.1"), NOW);
        assert!(is_refused(&throttle, &from("192.0.2.1")) && !is_refused(&throttle, &from("192.0.2.2")));
        assert!(!is_refused(&throttle, &stranger("ada", "192.0.2.1")));
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let throttle = Throttle::new(None);
        let ada = stranger("ada", "192.0.2.1");
        (0..100).for_each(|_| throttle.fail(ada.clone(), NOW));
        assert_eq!(throttle.check(&ada, NOW), Ok(Backoff::default()));
    }
}
