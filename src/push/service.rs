//! Requests to push services (RFC 8030), with an encrypted body (RFC 8291).
//!
//! Owns what is connected to, the headers, and what an answer means.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use reqwest::{StatusCode, Url};
use web_push_native::p256::PublicKey;
use web_push_native::{Auth, encrypt};

use super::keys::Keys;
use crate::clock::Millis;
use crate::db::push::Destination;
use crate::egress::address::Host;
use crate::egress::client::{client, reason, retry_after};
use crate::egress::{Guard, NotPublic};
use crate::error::{Error, Result};
use crate::outbox::Delivery;

/// What this server calls itself.
const USER_AGENT: &str = concat!("Parlor/", env!("CARGO_PKG_VERSION"), " (push)");
/// How long a push service keeps a notification for a browser that is not connected, in seconds.
const KEPT: u32 = 24 * 60 * 60;
/// The longest address, in bytes.
const LONGEST: usize = 1_024;
/// The bytes of a browser's shared secret.
const SECRET: usize = 16;

/// Why nothing can be sent there.
const NOT_PUBLIC: &str = "the push service’s address is not public: the operator must allow it (PUSH_PRIVATE_ADDRESSES)";

/// A notification on its way.
pub struct Push<'a> {
    /// What the browser gets.
    pub body: &'a str,
    /// What replaces an earlier notification that the service still has: up to 32 characters of base64url.
    pub topic: &'a str,
    /// Whether it may wake a device that saves power.
    pub is_urgent: bool,
    /// Now.
    pub now: Millis,
}

/// What became of it.
pub enum Sent {
    /// The service has it.
    Taken,
    /// The service does not know the browser any more.
    Gone,
    /// It does not have it.
    Failed(Delivery),
}

/// Sends notifications.
pub struct Service {
    guard: Guard,
    /// `None` if this machine trusts no certificates.
    client: Option<reqwest::Client>,
}

impl Service {
    /// A client that may connect to what the guard allows.
    pub fn new(guard: Guard) -> Self {
        let client = client(&guard, USER_AGENT);
        Self { guard, client }
    }

    /// Checks what a browser says of itself.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for the field.
    pub fn check(&self, endpoint: &str, p256dh: &str, auth: &str) -> Result<()> {
        if endpoint.len() > LONGEST {
            return Err(Error::TooLong { field: "endpoint", limit: LONGEST });
        }
        let url = Url::parse(endpoint).map_err(|_| Error::invalid("endpoint", "The endpoint is no address."))?;
        let host = Host::of(&url).ok_or_else(|| Error::invalid("endpoint", "The endpoint is no address."))?;
        let is_public = host.may_be_public();
        if !self.guard.may_ask(&host) || is_public && url.scheme() != "https" {
            return Err(Error::invalid("endpoint", "The endpoint is not the address of a push service."));
        }
        public_key(p256dh).ok_or_else(|| Error::invalid("p256dh", "The key `p256dh` is not a point of P-256 in base64url."))?;
        secret(auth).ok_or_else(|| Error::invalid("auth", "The secret `auth` is not 16 bytes in base64url."))?;
        Ok(())
    }

    /// Sends a notification.
    pub async fn send(&self, to: &Destination, keys: &Keys, contact: &str, push: Push<'_>) -> Sent {
        let failed = |why: &str| Sent::Failed(Delivery::failed(why));
        let (Some(key), Some(auth)) = (public_key(&to.p256dh), secret(&to.auth)) else { return Sent::Gone };
        let Some((url, host)) = Url::parse(&to.endpoint).ok().and_then(|url| Host::of(&url).map(|host| (url, host))) else {
            return Sent::Gone;
        };
        if !self.guard.may_ask(&host) {
            return failed(NOT_PUBLIC);
        }
        let Some(client) = &self.client else {
            return failed("this machine trusts no certificates: install the package ca-certificates");
        };
        let Ok(body) = encrypt(push.body.as_bytes().to_vec(), &key, &auth) else { return Sent::Gone };
        let authorization = keys.authorization(&url.origin().ascii_serialization(), contact, push.now);
        let request = client
            .post(url)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(HeaderName::from_static("ttl"), KEPT)
            .header(HeaderName::from_static("topic"), push.topic)
            .header(HeaderName::from_static("urgency"), if push.is_urgent { "high" } else { "normal" })
            .body(body);
        match request.send().await {
            Ok(response) if response.status().is_success() => Sent::Taken,
            Ok(response) if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) => Sent::Gone,
            Ok(response) => {
                let why = format!("the push service answered {}", response.status().as_u16());
                Sent::Failed(Delivery::Failed { why, retry_after: retry_after(&response, push.now.0.div_euclid(1000)) })
            }
            Err(error) if NotPublic::is_cause_of(&error) => failed(NOT_PUBLIC),
            Err(error) => failed(reason(&error)),
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    // Some libraries pad.
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

fn public_key(text: &str) -> Option<PublicKey> {
    PublicKey::from_sec1_bytes(&decode(text)?).ok()
}

fn secret(text: &str) -> Option<Auth> {
    decode(text).and_then(|bytes| <[u8; SECRET]>::try_from(bytes).ok()).map(Auth::from)
}
