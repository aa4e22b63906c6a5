//! What is answered to an authority that checks who this server is.
//!
//! Owns that any node answers: the answers are in the database. It must not know how one came there.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::db::Db;

/// What authorities speak in such a handshake (RFC 8737).
const PROTOCOL: &[u8] = b"acme-tls/1";
/// No token is longer.
const LONGEST_TOKEN: usize = 128;

/// The answers.
#[derive(Clone)]
pub struct Challenges {
    db: Arc<Db>,
    clock: Clock,
}

impl Challenges {
    /// Those in this database.
    pub fn new(db: Arc<Db>, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// What is found at a token over plain HTTP.
    pub async fn key_authorization(&self, token: &str) -> Option<String> {
        let is_sign = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'_');
        if !(1..=LONGEST_TOKEN).contains(&token.len()) || !token.bytes().all(is_sign) {
            return None;
        }
        self.db.find_acme_challenge(token, self.clock.now()).await.ok()?
    }

    /// The handshake with an authority that asks for this name.
    pub async fn handshake(&self, name: &str) -> Option<Arc<ServerConfig>> {
        let domain = name.to_ascii_lowercase();
        let answer = self.db.find_acme_challenge_of(&domain, self.clock.now()).await.ok()??;
        match config(domain, &answer) {
            Ok(config) => Some(Arc::new(config)),
            Err(error) => {
                tracing::error!(%error, "an authority can’t be answered");
                None
            }
        }
    }
}

/// A certificate that says the answer, signed by nobody.
fn config(domain: String, answer: &str) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut parameters = CertificateParams::new([domain])?;
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(&Sha256::digest(answer.as_bytes()))];
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    let provider = ring::default_provider();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    // Not compared: rustls does not read the critical extension that carries the answer.
    let certified = CertifiedKey::new(vec![certificate.der().clone()], provider.key_provider.load_private_key(private)?);
    let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(One(Arc::new(certified))));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}
