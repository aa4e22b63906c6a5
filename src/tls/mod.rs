//! TLS: the certificate that is served, and where it comes from.
//!
//! Owns the certificate of this node, how handshakes are answered, and how it is renewed: `files` that something else renews, or `acme`,
//! an authority. It must not accept connections: `server` does.

pub mod acme;
mod certificate;
mod files;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::Serialize;
use utoipa::ToSchema;

pub use self::certificate::{Certificate, Wrong};
pub use self::files::Files;
use crate::clock::{Clock, Millis};
use crate::config::{Config, Problem, TlsMode};
use crate::db::Db;

/// HTTP/2, in a handshake.
pub const H2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";
/// With less of its time left, a certificate should have been renewed: one part of so many.
const LATE: i64 = 5;

/// The certificate of this node.
pub struct Tls {
    source: TlsMode,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
    challenges: Option<acme::Challenges>,
    clock: Clock,
    /// Whether this node also listens for plain HTTP.
    answers_http: AtomicBool,
}

/// What is served now.
#[derive(Debug, Default)]
struct Current {
    certificate: RwLock<Option<Arc<Certificate>>>,
    problem: RwLock<Option<String>>,
}

impl ResolvesServerCert for Current {
    /// Without a certificate yet, the client gets an alert.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certificate.read().as_ref().map(|certificate| certificate.certified.clone())
    }
}

/// How the certificate of a node is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CertificateStatus)]
pub struct Status {
    /// Where it comes from: `files` or `acme`.
    pub source: &'static str,
    /// The names that it is for.
    pub names: Vec<String>,
    /// Since when it is valid; none if there is none yet.
    pub not_before: Option<Millis>,
    /// Until when.
    pub not_after: Option<Millis>,
    /// Whether it is missing, has expired, or should have been renewed by now.
    pub is_late: bool,
    /// Why there is no newer one, if the last attempt failed.
    pub problem: Option<String>,
}

/// Whom a handshake is with.
pub enum Handshake {
    /// A client of the site.
    Site(Arc<ServerConfig>),
    /// An authority that checks who this server is: the handshake is all that it wants.
    Challenge(Arc<ServerConfig>),
}

impl Tls {
    /// What the settings ask for; nothing without TLS. Certificates in files are read.
    ///
    /// # Errors
    /// What is wrong with the files, under the name of the setting.
    pub fn open(config: &Config, db: &Arc<Db>, clock: Clock) -> Result<Option<Arc<Self>>, Problem> {
        let (certificate, challenges) = match config.tls {
            TlsMode::Off => return Ok(None),
            TlsMode::Files => (check(config)?, None),
            TlsMode::Acme => (None, Some(acme::Challenges::new(db.clone(), clock.clone()))),
        };
        let current = Arc::new(Current::default());
        let served = server_config(current.clone());
        let tls = Self {
            source: config.tls,
            current,
            config: Arc::new(served),
            challenges,
            clock,
            answers_http: AtomicBool::default(),
        };
        if let Some(certificate) = certificate {
            tls.serve(certificate);
        }
        Ok(Some(Arc::new(tls)))
    }

    /// Serves one certificate for ever.
    #[cfg(test)]
    pub(crate) fn of(certificate: Certificate) -> Arc<Self> {
        let current = Arc::new(Current::default());
        let config = Arc::new(server_config(current.clone()));
        let (challenges, answers_http) = (None, AtomicBool::default());
        let tls = Self { source: TlsMode::Files, current, config, challenges, clock: Clock::default(), answers_http };
        tls.serve(certificate);
        Arc::new(tls)
    }

    /// Serves this certificate from the next handshake on.
    fn serve(&self, certificate: Certificate) {
        *self.current.certificate.write() = Some(Arc::new(certificate));
        self.has_problem(None);
        let status = self.status();
        if status.is_late
            && let Some(until) = status.not_after
        {
            tracing::warn!(names = status.names.join(", "), %until, "the certificate has expired, or soon will");
        }
    }

    fn has_problem(&self, problem: Option<String>) {
        *self.current.problem.write() = problem;
    }

    /// This node also listens for plain HTTP, where an authority may ask too.
    pub fn listens_for_http(&self) {
        self.answers_http.store(true, Ordering::Relaxed);
    }

    fn answers_http(&self) -> bool {
        self.answers_http.load(Ordering::Relaxed)
    }

    /// The certificate that is served.
    #[must_use]
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.current.certificate.read().clone()
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        let certificate = self.certificate();
        let is_late = certificate.as_ref().is_none_or(|it| is_late(it.not_before, it.not_after, self.clock.now()));
        Status {
            source: if self.source == TlsMode::Acme { "acme" } else { "files" },
            names: certificate.as_ref().map(|it| it.names.clone()).unwrap_or_default(),
            not_before: certificate.as_ref().map(|it| it.not_before),
            not_after: certificate.as_ref().map(|it| it.not_after),
            is_late,
            problem: self.current.problem.read().clone(),
        }
    }

    /// How a handshake goes on with a client that asked for this name; `is_challenge`: it wants to speak `acme-tls/1` (RFC 8737).
    pub async fn answer(&self, name: Option<&str>, is_challenge: bool) -> Option<Handshake> {
        match (&self.challenges, is_challenge) {
            (Some(challenges), true) => challenges.handshake(name?).await.map(Handshake::Challenge),
            _ => Some(Handshake::Site(self.config.clone())),
        }
    }

    /// What an authority finds at `/.well-known/acme-challenge/` over plain HTTP (RFC 8555, section 8.3).
    pub async fn key_authorization(&self, token: &str) -> Option<String> {
        self.challenges.as_ref()?.key_authorization(token).await
    }
}

/// Whether a certificate should have been renewed.
#[must_use]
pub fn is_late(not_before: Millis, not_after: Millis, now: Millis) -> bool {
    now.plus((not_after.0 - not_before.0) / LATE) >= not_after
}

/// Reads what `TLS_CERT` and `TLS_KEY` name, if the settings say so.
///
/// # Errors
/// What is wrong, under the name of the setting.
pub fn check(config: &Config) -> Result<Option<Certificate>, Problem> {
    match Files::of(config) {
        Some(files) if config.tls == TlsMode::Files => files.read().map(Some),
        _ => Ok(None),
    }
}

/// Keeps the certificate up to date, until it is dropped.
pub async fn keep(tls: Arc<Tls>, db: Arc<Db>, config: Config, clock: Clock) {
    match (tls.source, Files::of(&config)) {
        (TlsMode::Files, Some(files)) => files::watch(tls, files).await,
        (TlsMode::Acme, _) => acme::run(tls, db, config, clock).await,
        _ => {}
    }
}

/// TLS 1.3 and 1.2 with the strong suites of ring; none of older protocols exists in rustls.
fn server_config(certificates: Arc<dyn ResolvesServerCert>) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("ring has suites for both versions");
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
    config.alpn_protocols = vec![H2.to_vec(), HTTP_1.to_vec()];
    // Tickets need no memory for each client. Their keys change every six hours and are never stored; another node’s are full handshakes.
    if let Ok(tickets) = ring::Ticketer::new() {
        config.ticketer = tickets;
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_late_in_the_last_fifth_of_its_time() {
        let late = |now| is_late(Millis(1000), Millis(2000), Millis(now));
        assert_eq!([1000, 1500, 1799, 1800, 2000, 3000].map(late), [false, false, false, true, true, true]);
    }
}
