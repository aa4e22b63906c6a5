//! Requests to addresses that somebody else has chosen.
//!
//! Owns what this server may connect to for them: whoever posts a link or adds a webhook could otherwise reach what only this server can. A
//! name is resolved once for each connection, and what is connected to are the very addresses that were checked. It must not ask anything
//! itself.

pub mod address;
pub mod client;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use self::address::{Host, is_public};

/// Looks up the addresses of a name; the port is that of the URL where it is 0.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// A refusal to connect.
#[derive(Debug)]
pub struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a public address")
    }
}

impl StdError for NotPublic {}

impl NotPublic {
    /// Whether an error of the client is this refusal.
    pub fn is_cause_of(error: &reqwest::Error) -> bool {
        let mut cause = error.source();
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

/// Which addresses that are not public may be asked nevertheless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Networks.
    pub networks: Vec<IpNet>,
    /// Names that are not looked up, with their addresses.
    pub names: BTreeMap<String, SocketAddr>,
}

/// Decides what may be connected to. As a resolver of reqwest's it refuses names that lead elsewhere.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    lookup: Lookup,
    allowed: Allowed,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0.allowed).finish()
    }
}

impl Guard {
    /// A guard that asks this machine's resolver.
    pub fn new(allowed: Allowed) -> Self {
        Self::with(Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })), allowed)
    }

    /// A guard that looks names up in its own way.
    pub fn with(lookup: Lookup, allowed: Allowed) -> Self {
        Self(Arc::new(Inner { lookup, allowed }))
    }

    /// Whether a host may be asked. Of a name, its addresses decide in the end.
    pub fn may_ask(&self, host: &Host) -> bool {
        match host {
            Host::Address(address) => self.allows_ip(*address) || self.0.allowed.names.contains_key(&address.to_string()),
            // A name of a network that is allowed may be any name.
            Host::Name(name) => {
                host.may_be_public() || !self.0.allowed.networks.is_empty() || self.0.allowed.names.contains_key(name)
            }
        }
    }

    fn allows_ip(&self, address: IpAddr) -> bool {
        is_public(address) || self.0.allowed.networks.iter().any(|network| network.contains(&address))
    }

    fn allows(&self, address: &SocketAddr) -> bool {
        self.allows_ip(address.ip()) || self.0.allowed.names.values().any(|exception| exception == address)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let name = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            let found = match guard.0.allowed.names.get(&name) {
                Some(exception) => vec![*exception],
                None => (guard.0.lookup)(name).await?,
            };
            // All of them: a name that leads to both a public address and one in here is an attempt.
            if found.is_empty() || !found.iter().all(|address| guard.allows(address)) {
                return Err(NotPublic.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
