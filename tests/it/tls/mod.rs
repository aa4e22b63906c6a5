//! TLS: where certificates come from, what is spoken over them, and what is refused.

mod acme;
mod clients;
mod files;
mod plain;
mod protocols;

use crate::harness::Database;
use crate::harness::process::{self, Process};
use crate::harness::secure::{Authority, Client, FILES, NAME, Pair};

/// A server with a certificate in files, and a client of it.
pub struct Served {
    server: Process,
    /// Somebody who trusts its certificate.
    pub client: Client,
    authority: Authority,
    pair: Pair,
}

impl Served {
    /// Starts it; more settings, or none of a name where the value is empty.
    pub async fn start(database: &Database, more: &[(&str, &str)]) -> Self {
        let authority = Authority::new();
        let pair = authority.issue(&[NAME]);
        pair.write(database.folder());
        let mut settings = FILES.to_vec();
        settings.retain(|(name, _)| more.iter().all(|(given, _)| given != name));
        settings.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        let server = process::start(database.folder(), database.url(), &settings).await;
        let client = Client::new(server.address, &authority.pem);
        Self { server, client, authority, pair }
    }
}
