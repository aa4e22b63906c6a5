//! A certificate of an authority, over ACME (RFC 8555).
//!
//! Owns when one is obtained and by which node: whoever has the claim, which ends by itself when a process dies. The certificate and how
//! the last attempt went are in the database, where every node finds them. `order` speaks with the authority.

mod challenges;
mod client;
mod order;

use std::sync::Arc;
use std::time::Duration;

use instant_acme::ChallengeType;

pub use self::challenges::Challenges;
use self::order::{Fault, Obtained};
use super::{Certificate, Tls};
use crate::clock::{Clock, Millis, is_ahead};
use crate::config::Config;
use crate::db::Db;
use crate::db::certificates::{CertificateKey, StoredCertificate};
use crate::encoding::random_hex;

/// How often the database is asked for a newer certificate, and whether one is due.
const LOOK: Duration = Duration::from_secs(2);
/// How long a claim is good for, in milliseconds; it is renewed three times as often.
const CLAIM: i64 = 60 * 1000;
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5 * 60);
/// How often an authority is asked in one attempt that takes none of the nonces.
const TRIES: usize = 5;
const MINUTE: i64 = 60 * 1000;
/// The shortest time between two orders of which the first succeeded, in milliseconds, and the share of a certificate's time that it is at
/// least: an authority counts the certificates of a name, and a clock may be wrong.
const SHORTEST: i64 = 60 * MINUTE;
const SHARE: i64 = 12;
/// An authority may say when to come back; not later than this, in milliseconds.
const LONGEST_WAIT: i64 = 7 * 24 * 60 * MINUTE;
/// How long a certificate that is not renewed any more stays in the database, in milliseconds.
const FORGOTTEN: i64 = 60 * 24 * 60 * MINUTE;

/// Which certificate the settings ask for.
#[must_use]
pub fn key(config: &Config) -> CertificateKey {
    let mut domains = config.acme_domains.clone();
    domains.sort_unstable();
    CertificateKey { directory: config.acme_directory.clone(), domains: domains.join(",") }
}

/// Obtains and renews the certificate, and serves it, until it is dropped.
pub(super) async fn run(tls: Arc<Tls>, db: Arc<Db>, config: Config, clock: Clock) {
    let mut keeper = Keeper { key: key(&config), tls, db, config, clock, served: None, has_looked: false };
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        match keeper.turn().await {
            Ok(()) => {}
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "the database has no answer about certificates; asking again"),
        }
    }
}

/// A certificate that is served.
struct Served {
    chain: String,
    /// How long after its order the next one is not made, in milliseconds.
    rest: i64,
}

struct Keeper {
    key: CertificateKey,
    tls: Arc<Tls>,
    db: Arc<Db>,
    config: Config,
    clock: Clock,
    /// What is served.
    served: Option<Served>,
    has_looked: bool,
}

impl Keeper {
    async fn turn(&mut self) -> sqlx::Result<()> {
        let stored = self.db.find_certificate(&self.key).await?;
        self.serve(stored.as_ref());
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        let now = self.clock.now();
        if is_first && self.served.is_none() {
            tracing::info!(
                domains = self.key.domains,
                directory = self.key.directory,
                "there is no certificate yet: connections are refused until there is"
            );
        }
        let due = due(stored.as_ref(), self.served.as_ref().map(|served| served.rest), is_first, now);
        if due > now || stored.as_ref().is_some_and(|stored| stored.claimed_until > now) {
            return Ok(());
        }
        let claim = random_hex();
        let (tried_at, failures) = stored.map_or((Millis(0), 0), |stored| (stored.tried_at, stored.failures));
        // If this process ends before the order does.
        let after = now.plus(pause(failures));
        if self.db.claim_certificate(self.key.clone(), claim.clone(), tried_at, now, (now.plus(CLAIM), after)).await? {
            self.attempt(&claim).await?;
            let stored = self.db.find_certificate(&self.key).await?;
            self.serve(stored.as_ref());
        }
        Ok(())
    }

    /// Serves what the database has, if it is another one than before.
    fn serve(&mut self, stored: Option<&StoredCertificate>) {
        let Some(stored) = stored else { return };
        if let (Some(chain), Some(key)) = (&stored.chain, &stored.private_key)
            && self.served.as_ref().is_none_or(|served| served.chain != *chain)
        {
            match Certificate::read(chain.as_bytes(), key.as_bytes()) {
                Ok(certificate) => {
                    tracing::info!(names = certificate.names.join(", "), until = %certificate.not_after, "serving a certificate");
                    self.served = Some(Served { chain: chain.clone(), rest: rest(&certificate) });
                    self.tls.serve(certificate);
                }
                Err(wrong) => tracing::error!(?wrong, "the certificate in the database can’t be used"),
            }
        }
        self.tls.has_problem(stored.last_error.clone());
    }

    /// Obtains a certificate and stores it, or why there is none.
    async fn attempt(&self, claim: &str) -> sqlx::Result<()> {
        tracing::info!(domains = self.key.domains, directory = self.key.directory, "obtaining a certificate");
        let obtaining = async {
            let obtained = tokio::time::timeout(ATTEMPT, self.obtain()).await;
            obtained.unwrap_or_else(|_| Err(Fault::of_directory("the authority does not come to an end")))
        };
        let obtained = tokio::select! {
            obtained = obtaining => obtained,
            () = self.keep_claim(claim) => return Ok(()),
        };
        self.db.delete_acme_challenges(&self.config.acme_domains).await?;
        let now = self.clock.now();
        let read = obtained.and_then(|Obtained { chain, key }| match Certificate::read(chain.as_bytes(), key.as_bytes()) {
            Ok(certificate) => Ok((chain, key, certificate)),
            Err(_) => Err(Fault::of_directory("the authority’s certificate can’t be used")),
        });
        match read {
            Ok((chain, key, certificate)) => {
                let due = renewal(&certificate);
                self.db.store_certificate(&self.key, claim, &chain, &key, due).await?;
                tracing::info!(until = %certificate.not_after, renewal = %due, "obtained a certificate");
                match self.clock.believed() {
                    Some(now) => self.db.delete_other_certificates(&self.key, now.plus(-FORGOTTEN)).await,
                    None => Ok(()),
                }
            }
            Err(fault) => {
                let failures = self.db.find_certificate(&self.key).await?.map_or(0, |stored| stored.failures);
                // This one is counted.
                let due = now.plus(wait(&fault, failures - 1));
                tracing::error!("{fault}. Trying again at {due}");
                self.db.fail_certificate(&self.key, claim, &fault.to_string(), due).await
            }
        }
    }

    /// Asks anew when the authority takes none of a request's nonces: that says nothing about this server, and RFC 8555 (section 6.5)
    /// wants another try rather than a wait.
    async fn obtain(&self) -> Result<Obtained, Fault> {
        let mut tries = 1;
        loop {
            match self.try_once().await {
                Err(fault) if fault.is_of_nonce && tries < TRIES => tries += 1,
                ended => return ended,
            }
        }
    }

    /// Lets the authority check this server in one way after the other.
    async fn try_once(&self) -> Result<Obtained, Fault> {
        let account = order::account(&self.db, &self.config).await?;
        let over_tls = order::obtain(&account, &self.db, &self.config, ChallengeType::TlsAlpn01, &self.clock).await;
        match over_tls {
            Err(fault) if fault.is_of_challenge && self.tls.answers_http() => {
                tracing::warn!("{fault}. Trying over plain HTTP");
                order::obtain(&account, &self.db, &self.config, ChallengeType::Http01, &self.clock).await
            }
            ended => ended,
        }
    }

    /// Renews a claim; ends when somebody else has it.
    async fn keep_claim(&self, claim: &str) {
        loop {
            tokio::time::sleep(Duration::from_millis(CLAIM.unsigned_abs() / 3)).await;
            let kept = self.db.renew_certificate_claim(&self.key, claim, self.clock.now().plus(CLAIM)).await;
            // A database that does not answer now may still keep the claim.
            if let Ok(false) = kept {
                return;
            }
        }
    }
}

/// When the next attempt is due. A server that starts without a certificate tries at once, unless it did within the last
/// minute. `rest` is how long after the order of what is served none is made, whatever the clock says of that certificate.
fn due(stored: Option<&StoredCertificate>, rest: Option<i64>, is_first: bool, now: Millis) -> Millis {
    let Some(stored) = stored else { return now };
    match rest {
        None if is_first => stored.due_at.min(stored.tried_at.plus(MINUTE)),
        // An attempt of the future is of a clock that was ahead.
        Some(rest) if stored.failures == 0 && !is_ahead(stored.tried_at, now) => stored.due_at.max(stored.tried_at.plus(rest)),
        _ => stored.due_at,
    }
}

/// How long after the order of a certificate the next one is not made.
fn rest(certificate: &Certificate) -> i64 {
    ((certificate.not_after.0 - certificate.not_before.0) / SHARE).max(SHORTEST)
}

/// When a certificate is renewed: after two thirds of its time.
fn renewal(certificate: &Certificate) -> Millis {
    let time = certificate.not_after.0 - certificate.not_before.0;
    certificate.not_before.plus(time / 3 * 2)
}

/// How long to wait after a failure, in milliseconds: longer each time, and as long as the authority says. An authority that cannot be
/// reached costs nobody anything; one that refuses counts the attempts.
fn wait(fault: &Fault, failures: i64) -> i64 {
    let own = if fault.is_unreachable { MINUTE << failures.clamp(0, 6) } else { pause(failures) };
    let asked = fault.retry_after.map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    own.max(asked.min(LONGEST_WAIT))
}

/// How long after an order that an authority refused the next one is made, in milliseconds, or after one of which nobody knows how it ended.
fn pause(failures: i64) -> i64 {
    let failures = u32::try_from(failures.clamp(0, 5)).unwrap_or_default();
    (5 * MINUTE * 3_i64.pow(failures)).min(12 * 60 * MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_makes_the_wait_longer_and_the_authority_may_make_it_longer_still() {
        let refused = Fault { is_unreachable: false, ..Fault::of_directory("no") };
        let waits: Vec<_> = (0..8).map(|failures| wait(&refused, failures) / MINUTE).collect();
        assert_eq!(waits, [5, 15, 45, 135, 405, 720, 720, 720]);
        let away = Fault { is_unreachable: true, ..refused.clone() };
        let waits: Vec<_> = (0..8).map(|failures| wait(&away, failures) / MINUTE).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64]);
        let told = |time| wait(&Fault { retry_after: Some(Duration::from_secs(time)), ..refused.clone() }, 0) / MINUTE;
        assert_eq!([told(60), told(3600), told(u64::MAX)], [5, 60, 7 * 24 * 60]);
    }

    #[test]
    fn a_server_that_starts_without_a_certificate_tries_at_once_but_not_in_a_loop() {
        let stored = |tried_at, due_at| StoredCertificate {
            chain: None,
            private_key: None,
            due_at: Millis(due_at),
            tried_at: Millis(tried_at),
            failures: 3,
            last_error: None,
            claimed_until: Millis(0),
        };
        let now = Millis(10 * MINUTE);
        let is_due = |stored: &StoredCertificate, rest, is_first| due(Some(stored), rest, is_first, now) <= now;
        let (failed, just_failed) = (stored(0, 100 * MINUTE), stored(now.0 - 1000, 100 * MINUTE));
        assert!(is_due(&failed, None, true) && !is_due(&failed, None, false));
        assert!(!is_due(&just_failed, None, true), "it is started again and again");
        assert!(!is_due(&failed, Some(SHORTEST), true), "there is a certificate");
        assert!(due(None, None, true, now) <= now);
    }

    #[test]
    fn a_certificate_that_is_due_at_once_is_not_ordered_again_at_once() {
        const DAY: i64 = 24 * 60 * MINUTE;
        let now = Millis(1000 * DAY);
        let stored = |tried_at, failures| StoredCertificate {
            chain: Some("a chain".into()),
            private_key: None,
            // Its time is over, by this clock.
            due_at: now.plus(-DAY),
            tried_at,
            failures,
            last_error: None,
            claimed_until: Millis(0),
        };
        let of_90_days = 90 * DAY / SHARE;
        for (what, tried_at, failures, rest, is_first, expected) in [
            ("just ordered", now.plus(-MINUTE), 0, SHORTEST, false, now.plus(SHORTEST - MINUTE)),
            ("and started again", now.plus(-MINUTE), 0, SHORTEST, true, now.plus(SHORTEST - MINUTE)),
            ("long valid, with a clock that is ahead", now.plus(-DAY), 0, of_90_days, false, now.plus(of_90_days - DAY)),
            (
                "by a node whose clock is a little ahead",
                now.plus(MINUTE / 2),
                0,
                SHORTEST,
                false,
                now.plus(SHORTEST + MINUTE / 2),
            ),
            ("long ago", now.plus(-30 * DAY), 0, of_90_days, false, now.plus(-DAY)),
            ("by a clock that was ahead", now.plus(60 * DAY), 0, of_90_days, false, now.plus(-DAY)),
            ("refused since, or cut off", now.plus(-MINUTE), 1, SHORTEST, false, now.plus(-DAY)),
        ] {
            assert_eq!(due(Some(&stored(tried_at, failures)), Some(rest), is_first, now), expected, "{what}");
        }
    }
}
