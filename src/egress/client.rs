//! The HTTP client of deliveries: what it connects to, how long that may take, and what went wrong.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::RETRY_AFTER;

use super::Guard;

/// How long a request may take.
const TIME: Duration = Duration::from_secs(10);
/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);

/// A client that follows no redirects and connects only to what the guard allows; none if this machine trusts no certificates.
pub fn client(guard: &Guard, user_agent: &'static str) -> Option<reqwest::Client> {
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
        .user_agent(user_agent)
        .build();
    client.ok()
}

/// How long an answer asks to be left alone, at `now` in seconds.
pub fn retry_after(response: &Response, now: i64) -> Option<Duration> {
    response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| wait(text, now))
}

/// How long a `Retry-After` asks for, at `now` in seconds: it is a number of them, or a date (RFC 9110, section 10.2.3).
fn wait(text: &str, now: i64) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    u64::try_from(at.as_second() - now).ok().map(Duration::from_secs)
}

/// Why there is no answer, without the address, which may have a secret in it.
pub fn reason(error: &reqwest::Error) -> &'static str {
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
