//! Requests to the provider.
//!
//! Owns their bounds: no redirects, which could lead into the own network; ten seconds; a megabyte.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use super::Fault;

/// How long a request may take.
const TIME: Duration = Duration::from_secs(10);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// How much an answer may hold.
const LARGEST: usize = 1 << 20;

/// Sends requests.
pub struct Http(Option<reqwest::Client>);

/// Why there is no answer.
#[derive(Debug)]
pub enum HttpFault {
    /// Nobody answers.
    Request(reqwest::Error),
    /// The answer is too large.
    TooLarge,
    /// What was answered is not HTTP.
    Wrong,
    /// This machine trusts no certificates.
    NoTls,
}

impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) if error.is_timeout() => f.write_str("no answer in time"),
            Self::Request(error) if error.is_connect() => {
                f.write_str("no connection; with https, also if the certificate is not trusted")
            }
            Self::Request(_) => f.write_str("the request failed"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Wrong => f.write_str("the answer is not HTTP"),
            Self::NoTls => f.write_str("TLS does not work here: does this machine have the certificates of authorities?"),
        }
    }
}

impl std::error::Error for HttpFault {}

impl HttpFault {
    /// Logs it.
    pub fn log(&self, what: &'static str) -> Fault {
        tracing::warn!(what, why = %self, "the log-in service cannot be reached");
        Fault::Unreachable
    }
}

impl Http {
    /// A client with these bounds.
    pub fn new() -> Self {
        // An error means that there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIME)
            .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
            .build();
        Self(client.ok())
    }

    async fn send(client: Option<reqwest::Client>, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let client = client.ok_or(HttpFault::NoTls)?;
        let request = request.try_into().map_err(HttpFault::Request)?;
        let mut response = client.execute(request).await.map_err(HttpFault::Request)?;
        let mut answer = axum::http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(HttpFault::Request)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(HttpFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        answer.body(body).map_err(|_| HttpFault::Wrong)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpFault;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFault>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(Self::send(self.0.clone(), request))
    }
}
