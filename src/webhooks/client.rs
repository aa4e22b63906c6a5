//! Requests to webhooks.
//!
//! Owns what is connected to, how long that may take, how much of an answer is read, and what an answer means. An error's text has the
//! address in it, which may contain a password, so it is told in other words.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};

use super::signature::Message;
use crate::egress::address::Host;
use crate::egress::client::{client, reason, retry_after};
use crate::egress::{Guard, NotPublic};

/// How much of an answer is read.
const LARGEST: usize = 64 << 10;
/// What this server calls itself.
const USER_AGENT: &str = concat!("Parlor/", env!("CARGO_PKG_VERSION"), " (webhook)");

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has the delivery, and says this with 200, if that is not too long.
    Taken(Option<Vec<u8>>),
    /// It wants no more, ever.
    Gone,
    /// It does not have it.
    Failed {
        /// Why.
        why: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

impl Answer {
    fn failed(why: &str) -> Self {
        Self::Failed { why: why.to_owned(), retry_after: None }
    }
}

/// Sends deliveries.
pub struct Client(reqwest::Client);

impl Client {
    /// A client; none if this machine trusts no certificates.
    pub fn new(guard: &Guard) -> Option<Self> {
        client(guard, USER_AGENT).map(Self)
    }

    /// Sends a delivery.
    pub async fn post(&self, guard: &Guard, url: &str, message: &Message<'_>, signature: &str) -> Answer {
        const NOT_PUBLIC: &str = "the address is not public: the operator must allow it (WEBHOOK_PRIVATE_ADDRESSES)";
        let Some((url, host)) = Url::parse(url).ok().and_then(|url| Host::of(&url).map(|host| (url, host))) else {
            return Answer::failed("the address is no address of a web server");
        };
        // Addresses that are written as such are not resolved.
        if !guard.may_ask(&host) {
            return Answer::failed(NOT_PUBLIC);
        }
        let request = self
            .0
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp.to_string())
            .header("webhook-signature", signature)
            .body(message.body.to_owned());
        match request.send().await {
            Ok(response) => read(response, message.timestamp).await,
            Err(error) if NotPublic::is_cause_of(&error) => Answer::failed(NOT_PUBLIC),
            Err(error) => Answer::failed(reason(&error)),
        }
    }
}

async fn read(mut response: Response, now: i64) -> Answer {
    let status = response.status();
    if status == StatusCode::GONE {
        return Answer::Gone;
    }
    let retry_after = retry_after(&response, now);
    if !status.is_success() {
        let why = if status.is_redirection() {
            format!("the server answered {}: redirects are not followed", status.as_u16())
        } else {
            format!("the server answered {}", status.as_u16())
        };
        return Answer::Failed { why, retry_after };
    }
    // To its end, so that the connection can be used again; what is longer, or breaks, was taken nevertheless.
    let mut said = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if said.len() + chunk.len() <= LARGEST => said.extend_from_slice(&chunk),
            Ok(None) if status == StatusCode::OK => return Answer::Taken(Some(said)),
            _ => return Answer::Taken(None),
        }
    }
}
