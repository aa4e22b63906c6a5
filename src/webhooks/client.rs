//! Requests to webhooks.
//!
//! Owns what is connected to, how long that may take, how much of an answer is read, and what an answer means. An error's text has the
//! address in it, which may contain a password, so it is told in other words.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};

use super::signature::Message;
use crate::egress::address::Host;
use crate::egress::{Guard, NotPublic};

/// How long a delivery may take.
const TIME: Duration = Duration::from_secs(10);
/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next delivery.
const IDLE: Duration = Duration::from_secs(30);
/// How much of an answer is read.
const LARGEST: usize = 64 << 10;
/// What this server calls itself.
const USER_AGENT: &str = concat!("Parlor/", env!("CARGO_PKG_VERSION"), " (webhook)");

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has the delivery.
    Taken,
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
        // An error means that there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(guard.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .connect_timeout(CONNECT)
            .timeout(TIME)
            .user_agent(USER_AGENT)
            .build();
        client.ok().map(Self)
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
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|text| wait(text, now));
    if !status.is_success() {
        let why = if status.is_redirection() {
            format!("the server answered {}: redirects are not followed", status.as_u16())
        } else {
            format!("the server answered {}", status.as_u16())
        };
        return Answer::Failed { why, retry_after };
    }
    // To its end, so that the connection can be used again; what is longer, or breaks, was taken nevertheless.
    let mut bytes = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes += chunk.len();
        if bytes > LARGEST {
            break;
        }
    }
    Answer::Taken
}

/// How long a `Retry-After` asks for, at `now` in seconds: it is a number of them, or a date (RFC 9110, section 10.2.3).
fn wait(text: &str, now: i64) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    u64::try_from(at.as_second() - now).ok().map(Duration::from_secs)
}

/// Why there is no answer.
fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return "no answer in time";
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("certificate") {
            return "TLS failed: is the certificate one that this machine trusts?";
        }
        if text.contains("dns") || text.contains("lookup") {
            return "the name of the server is not known";
        }
        cause = error.source();
    }
    if error.is_connect() { "the connection failed" } else { "the connection broke" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_to_be_left_alone_are_understood() {
        let at = 1_445_412_480;
        assert_eq!(wait(" 120 ", at), Some(Duration::from_secs(120)));
        assert_eq!(wait("soon", at), None);
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:30 GMT", at), Some(Duration::from_secs(30)));
        // Long ago.
        assert_eq!(wait("Wed, 21 Oct 2014 07:28:00 GMT", at), None);
    }
}
