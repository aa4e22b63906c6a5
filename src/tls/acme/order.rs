//! One order of a certificate.
//!
//! Owns the conversation with the authority, and what its refusals mean for an operator. It must not decide when to try again.

use std::fmt;
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order, OrderStatus,
    Problem, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::client::{Client, ComeBack, Unreachable};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;

/// How long the authority may take to check this server, and to sign.
const CHECK: Duration = Duration::from_secs(90);
/// How long an answer to it stays, in milliseconds.
const ANSWER: i64 = 10 * 60 * 1000;
/// How much of what the authority says is passed on.
const LONGEST: usize = 500;

/// This server at the authority.
pub(super) struct Registered {
    account: Account,
    come_back: ComeBack,
}

/// A certificate and its key, in PEM.
pub(super) struct Obtained {
    pub chain: String,
    pub key: String,
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The setting to look at.
    pub setting: &'static str,
    pub why: String,
    /// Whether nobody answers.
    pub is_unreachable: bool,
    /// Whether the authority did not find this server at its names.
    pub is_of_challenge: bool,
    /// Whether it took none of the nonces that it gave.
    pub is_of_nonce: bool,
    /// How long the authority wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: no certificate: {}", self.setting, self.why)
    }
}

impl Fault {
    fn new(setting: &'static str, why: impl Into<String>) -> Self {
        // What somebody else wrote, on one line.
        let why: String = why.into().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
        Self { setting, why, is_unreachable: false, is_of_challenge: false, is_of_nonce: false, retry_after: None }
    }

    /// A fault of the authority.
    pub fn of_directory(why: &str) -> Self {
        Self::new("ACME_DIRECTORY", why)
    }

    fn of_domains(why: impl Into<String>) -> Self {
        Self { is_of_challenge: true, ..Self::new("ACME_DOMAINS", why) }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::from(&problem),
            Error::Other(error) => {
                let is_unreachable = error.is::<Unreachable>();
                Self { is_unreachable, ..Self::of_directory(&format!("the authority can’t be asked: {error}")) }
            }
            Error::Json(_) => {
                Self { is_unreachable: true, ..Self::of_directory("something else than an ACME directory answers there") }
            }
            Error::Timeout(_) => Self::of_directory("the authority did not come to an end in time"),
            error => Self::of_directory(&error.to_string()),
        }
    }
}

impl From<&Problem> for Fault {
    fn from(problem: &Problem) -> Self {
        let kind = problem.r#type.as_deref().unwrap_or_default();
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
        let mut why = format!("the authority says {kind}: {}", problem.detail.as_deref().unwrap_or("nothing more"));
        for part in &problem.subproblems {
            why.push_str(&format!("; {part}"));
        }
        match kind {
            "rejectedIdentifier" | "unsupportedIdentifier" | "caa" => Self { is_of_challenge: false, ..Self::of_domains(why) },
            "dns" | "connection" | "unauthorized" | "incorrectResponse" | "tls" => Self::of_domains(why),
            "invalidContact" | "unsupportedContact" => Self::new("ACME_EMAIL", why),
            kind => Self { is_of_nonce: kind == "badNonce", ..Self::of_directory(&why) },
        }
    }
}

/// A database that does not answer: as if the authority did not, since trying again helps.
fn of_database(error: &sqlx::Error) -> Fault {
    tracing::warn!(%error, "the database fails while a certificate is obtained");
    Fault { is_unreachable: true, ..Fault::new("DATABASE_URL", "the database does not answer") }
}

/// This server at the authority: as it is known there, or registered now. With `TLS=acme` the operator agrees to its terms.
pub(super) async fn account(db: &Db, config: &Config) -> Result<Registered, Fault> {
    let come_back = ComeBack::default();
    let builder = || {
        let client = Client::new(come_back.clone());
        client
            .map(|client| Account::builder_with_http(Box::new(client)))
            .map_err(|_| Fault::of_directory("TLS does not work here: install the certificates of authorities (ca-certificates)"))
    };
    let stored = db.acme_account(&config.acme_directory).await.map_err(|error| of_database(&error))?;
    if let Some(credentials) = stored.and_then(|text| serde_json::from_str::<AccountCredentials>(&text).ok()) {
        let account = builder()?.from_credentials(credentials).await?;
        return Ok(Registered { account, come_back });
    }
    let contact = config.acme_email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let created = builder()?.create(&new, config.acme_directory.clone(), None).await;
    let (account, credentials) = created.map_err(|error| Fault { retry_after: come_back.get(), ..error.into() })?;
    let text = serde_json::to_string(&credentials).map_err(|error| Fault::of_directory(&error.to_string()))?;
    db.set_acme_account(&config.acme_directory, &text).await.map_err(|error| of_database(&error))?;
    Ok(Registered { account, come_back })
}

/// Obtains a certificate. The authority checks all names in this way.
pub(super) async fn obtain(
    by: &Registered,
    db: &Db,
    config: &Config,
    way: ChallengeType,
    clock: &Clock,
) -> Result<Obtained, Fault> {
    let ordered = order(&by.account, db, config, way, clock).await;
    if let Err(Fault { why, .. }) = &ordered
        && why.contains("accountDoesNotExist")
    {
        // The next attempt registers again.
        db.delete_acme_account(&config.acme_directory).await.map_err(|error| of_database(&error))?;
    }
    ordered.map_err(|fault| Fault { retry_after: by.come_back.get(), ..fault })
}

async fn order(account: &Account, db: &Db, config: &Config, way: ChallengeType, clock: &Clock) -> Result<Obtained, Fault> {
    let names: Vec<_> = config.acme_domains.iter().map(|name| Identifier::Dns(name.clone())).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            _ => return Err(Fault::of_domains("the authority has refused a name before; it may not be asked again at once")),
        }
        let Some(mut challenge) = authorization.challenge(way.clone()) else {
            return Err(Fault::of_domains("the authority does not check names in this way"));
        };
        let (token, domain) = (challenge.token.clone(), challenge.identifier().to_string());
        let (answer, now) = (challenge.key_authorization().as_str().to_owned(), clock.now());
        let stored = db.insert_acme_challenge(token, domain, answer, now, now.plus(ANSWER)).await;
        stored.map_err(|error| of_database(&error))?;
        challenge.set_ready().await?;
    }
    let patience = RetryPolicy::default().timeout(CHECK);
    match order.poll_ready(&patience).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) => {
            return Err(refusal(&mut order).await.unwrap_or_else(|| Fault::of_domains("the authority says no more than no")));
        }
        Err(Error::Api(problem)) => return Err(refusal(&mut order).await.unwrap_or_else(|| Fault::from(&problem))),
        Err(error) => return Err(error.into()),
    }
    let own = |error: rcgen::Error| Fault::new("ACME_DOMAINS", error.to_string());
    let mut parameters = CertificateParams::new(config.acme_domains.clone()).map_err(own)?;
    parameters.distinguished_name = DistinguishedName::new();
    let key = KeyPair::generate().map_err(own)?;
    let request = parameters.serialize_request(&key).map_err(own)?;
    order.finalize_csr(request.der()).await?;
    let chain = order.poll_certificate(&patience).await?;
    Ok(Obtained { chain, key: key.serialize_pem() })
}

/// Why a name was refused, and which.
async fn refusal(order: &mut Order) -> Option<Fault> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let name = state.identifier().to_string();
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            let fault = Fault::from(problem);
            return Some(Fault {
                why: format!("{name}: {}", fault.why),
                setting: "ACME_DOMAINS",
                is_of_challenge: true,
                ..fault
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_setting() {
        let fault = |kind: &str| {
            let problem = serde_json::json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "no\nthanks" });
            Fault::from(Error::Api(serde_json::from_value(problem).unwrap()))
        };
        for (kind, setting, is_of_challenge) in [
            ("rejectedIdentifier", "ACME_DOMAINS", false),
            ("dns", "ACME_DOMAINS", true),
            ("connection", "ACME_DOMAINS", true),
            ("unauthorized", "ACME_DOMAINS", true),
            ("invalidContact", "ACME_EMAIL", false),
            ("rateLimited", "ACME_DIRECTORY", false),
            ("badNonce", "ACME_DIRECTORY", false),
        ] {
            let fault = fault(kind);
            assert_eq!((fault.setting, fault.is_of_challenge, fault.is_of_nonce), (setting, is_of_challenge, kind == "badNonce"));
            assert_eq!(fault.to_string(), format!("{setting}: no certificate: the authority says {kind}: no thanks"));
        }
    }
}
