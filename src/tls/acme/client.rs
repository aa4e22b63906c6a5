//! Requests to the authority.
//!
//! Owns their bounds: no redirects; twenty seconds; a megabyte. It remembers when the authority says to come back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;

use crate::clock::Clock;

const TIME: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(10);
/// How much an answer may hold.
const LARGEST: usize = 1 << 20;

/// When the authority says to come back, if it did: in so long from then.
#[derive(Clone, Debug, Default)]
pub(super) struct ComeBack(Arc<Mutex<Option<Duration>>>);

impl ComeBack {
    /// What it said last.
    pub fn get(&self) -> Option<Duration> {
        *self.0.lock()
    }
}

/// Sends requests.
pub(super) struct Client {
    http: reqwest::Client,
    come_back: ComeBack,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unreachable {
    Request(reqwest::Error),
    TooLarge,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) if error.is_timeout() => f.write_str("no answer in time"),
            Self::Request(error) if error.is_connect() => {
                f.write_str("no connection: nobody answers there, or its certificate is not trusted")
            }
            Self::Request(_) => f.write_str("the request failed"),
            Self::TooLarge => f.write_str("the answer is too large"),
        }
    }
}

impl std::error::Error for Unreachable {}

impl Client {
    /// A client with these bounds.
    ///
    /// # Errors
    /// When this machine trusts no certificates.
    pub fn new(come_back: ComeBack) -> Result<Self, reqwest::Error> {
        // An error means that there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIME)
            .build()?;
        Ok(Self { http, come_back })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (http, come_back) = (self.http.clone(), self.come_back.clone());
        Box::pin(async move {
            let fault = |error| Error::Other(Box::new(Unreachable::Request(error)));
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = reqwest::Request::try_from(Request::from_parts(parts, body.to_bytes())).map_err(fault)?;
            let mut answer = http.execute(request).await.map_err(fault)?;
            if answer.status().is_client_error() || answer.status().is_server_error() {
                *come_back.0.lock() = retry_after(answer.headers());
            }
            let mut response = Response::new(());
            *response.status_mut() = answer.status();
            response.headers_mut().clone_from(answer.headers());
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(fault)? {
                if bytes.len() + chunk.len() > LARGEST {
                    return Err(Error::Other(Box::new(Unreachable::TooLarge)));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(BytesResponse { parts: response.into_parts().0, body: Box::new(Bytes::from(bytes)) })
        })
    }
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    u64::try_from(at - Clock::system().0).ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_says_when_to_come_back_in_seconds_or_as_a_date() {
        let read = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert!(read("Fri, 31 Dec 2100 23:59:59 GMT").is_some_and(|time| time > Duration::from_secs(3600)));
        assert_eq!([read("Fri, 31 Dec 1999 23:59:59 GMT"), read("soon"), read("-1")], [None; 3]);
    }
}
