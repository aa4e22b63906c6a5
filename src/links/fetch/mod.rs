//! Requests to pages that links lead to.
//!
//! Owns that nothing but public web servers is asked, whatever a link, a name server or a redirect says, and that an answer can neither be
//! endless nor heavy (`egress` decides what may be connected to). It must not read what it fetches.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, Url};
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;

use super::turns::Hosts;
use crate::egress::address::Host;
use crate::egress::{Allowed, Guard, Lookup, NotPublic};

/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// How long one connection may take to come up.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may pause.
const PAUSE: Duration = Duration::from_secs(5);
/// How much of a page is read: what is sought is in its head.
pub const LARGEST_PAGE: usize = 512 << 10;
/// What this server calls itself.
const USER_AGENT: &str = concat!("Parlor/", env!("CARGO_PKG_VERSION"), " (link preview)");
/// The only ports: others are not for pages, and whoever posts links could have them scanned.
const PORTS: [u16; 2] = [80, 443];

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It must not be asked.
    Forbidden,
    /// It was asked too often.
    TooOften,
    /// It does not answer, or not as it should.
    Failed,
    /// The answer is too large.
    TooLarge,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Answer {
    /// Where it came from, after redirects.
    pub url: Url,
    /// Its media type in lower case, without parameters; may be empty.
    pub media_type: String,
    /// The encoding that its `Content-Type` names.
    pub charset: Option<String>,
    response: Response,
    _turn: OwnedSemaphorePermit,
}

/// Asks for pages.
pub struct Fetcher {
    /// `None` if this machine trusts no certificates.
    client: Option<Client>,
    guard: Guard,
    hosts: Hosts,
}

impl Fetcher {
    /// A fetcher. Names in `exceptions` are found at addresses that need not be public; if there are any, no others are looked up.
    pub fn new(exceptions: BTreeMap<String, SocketAddr>) -> Self {
        let is_closed = !exceptions.is_empty();
        let lookup: Lookup = Arc::new(move |name| {
            Box::pin(async move {
                if is_closed {
                    return Err(io::ErrorKind::NotFound.into());
                }
                Ok(tokio::net::lookup_host((name, 0)).await?.collect())
            })
        });
        Self::with(lookup, exceptions)
    }

    /// A fetcher that looks names up in its own way.
    pub fn with(lookup: Lookup, exceptions: BTreeMap<String, SocketAddr>) -> Self {
        // An error means that there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let guard = Guard::with(lookup, Allowed { names: exceptions, ..Allowed::default() });
        let client = Client::builder()
            .dns_resolver(Arc::new(guard.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            // Each request is checked anew.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .read_timeout(PAUSE)
            .user_agent(USER_AGENT)
            .build();
        Self { client: client.ok(), guard, hosts: Hosts::default() }
    }

    /// The URL to ask and its host, if that is allowed.
    fn check(&self, mut url: Url) -> Result<(Url, String), Fault> {
        url.set_fragment(None);
        let is_web = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        let is_usual = url.port_or_known_default().is_some_and(|port| PORTS.contains(&port));
        let host = Host::of(&url).filter(|_| is_web && is_usual).ok_or(Fault::Forbidden)?;
        let name = match &host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        };
        match self.guard.may_ask(&host) {
            true => Ok((url, name)),
            false => Err(Fault::Forbidden),
        }
    }

    /// Asks for a URL, and follows redirects.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn get(&self, url: Url, accept: &'static str) -> Result<Answer, Fault> {
        let client = self.client.as_ref().ok_or(Fault::Failed)?;
        let (mut url, mut host) = self.check(url)?;
        for _ in 0..=REDIRECTS {
            let turn = self.hosts.take(&host).await.ok_or(Fault::TooOften)?;
            let request = client.get(url.clone()).header(ACCEPT, accept).header(ACCEPT_ENCODING, "identity");
            let response = request.send().await.map_err(|error| fault(&error))?;
            let status = response.status();
            if status.is_redirection() {
                let location = response.headers().get(LOCATION).ok_or(Fault::Failed)?;
                let location = location.to_str().map_err(|_| Fault::Failed)?;
                let next = url.join(location).map_err(|_| Fault::Failed)?;
                if url.scheme() == "https" && next.scheme() != "https" {
                    return Err(Fault::Forbidden);
                }
                (url, host) = self.check(next)?;
                continue;
            }
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
            // What is compressed, though that was not asked for, could become any size.
            let is_plain =
                header(CONTENT_ENCODING).is_none_or(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity"));
            if !status.is_success() || !is_plain {
                return Err(Fault::Failed);
            }
            let (media_type, charset) = content_type(header(CONTENT_TYPE).unwrap_or_default());
            return Ok(Answer { url, media_type, charset, response, _turn: turn });
        }
        Err(Fault::Failed)
    }
}

impl Answer {
    /// The beginning of a page: up to the end of its head, and no more than [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// [`Fault::Failed`] if the connection breaks.
    pub async fn head(mut self) -> Result<Vec<u8>, Fault> {
        const END: &[u8] = b"</head";
        let mut page = Vec::new();
        while let Some(chunk) = self.response.chunk().await.map_err(|error| fault(&error))? {
            let from = page.len().saturating_sub(END.len());
            page.extend_from_slice(&chunk[..chunk.len().min(LARGEST_PAGE - page.len())]);
            let is_end = page[from..].windows(END.len()).any(|window| window.eq_ignore_ascii_case(END));
            if is_end || page.len() >= LARGEST_PAGE {
                break;
            }
        }
        Ok(page)
    }

    /// Writes the body into a file.
    ///
    /// # Errors
    /// [`Fault::TooLarge`] beyond `most` bytes; [`Fault::Failed`] if the connection breaks or the disk is full.
    pub async fn save(mut self, file: std::fs::File, most: u64) -> Result<(), Fault> {
        if self.response.content_length().is_some_and(|bytes| bytes > most) {
            return Err(Fault::TooLarge);
        }
        let mut file = tokio::fs::File::from_std(file);
        let mut bytes = 0;
        while let Some(chunk) = self.response.chunk().await.map_err(|error| fault(&error))? {
            bytes += chunk.len() as u64;
            if bytes > most {
                return Err(Fault::TooLarge);
            }
            file.write_all(&chunk).await.map_err(|_| Fault::Failed)?;
        }
        file.flush().await.map_err(|_| Fault::Failed)
    }
}

/// What an error of the client means. Its text has the URL, which is nobody's business.
fn fault(error: &reqwest::Error) -> Fault {
    if NotPublic::is_cause_of(error) {
        return Fault::Forbidden;
    }
    Fault::Failed
}

/// A media type in lower case, and its `charset`.
fn content_type(header: &str) -> (String, Option<String>) {
    let mut parts = header.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    });
    (media_type, charset)
}

#[cfg(test)]
mod tests;
