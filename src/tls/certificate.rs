//! A certificate with its key, as it is written in PEM.
//!
//! Owns what is wrong with one. It must not know where it comes from.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use x509_parser::extensions::GeneralName;

use crate::clock::Millis;

/// A certificate that can be served.
#[derive(Debug)]
pub struct Certificate {
    /// What handshakes need of it.
    pub(super) certified: Arc<CertifiedKey>,
    /// The names that it is for; addresses as text.
    pub names: Vec<String>,
    /// Since when it is valid.
    pub not_before: Millis,
    /// Until when.
    pub not_after: Millis,
}

/// What is wrong with a certificate or its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The certificate cannot be used.
    Certificate(&'static str),
    /// The key cannot be used.
    Key(&'static str),
}

impl Certificate {
    /// Reads a chain, the certificate first, and its private key.
    ///
    /// # Errors
    /// Which of them cannot be used, and why.
    pub fn read(chain: &[u8], key: &[u8]) -> Result<Self, Wrong> {
        const NONE: Wrong = Wrong::Certificate("has no certificate in PEM form");
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| NONE)?;
        let first = chain.first().ok_or(NONE)?.clone();
        let unreadable = |_| Wrong::Certificate("has a certificate that can’t be read");
        let (_, parsed) = x509_parser::parse_x509_certificate(&first).map_err(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| Wrong::Key("has no private key in PEM form; one with a password can’t be used"))?;
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => Wrong::Key("is not the key of the certificate"),
            TlsError::InvalidCertificate(_) => Wrong::Certificate("has a certificate that can’t be read"),
            _ => Wrong::Key(
                "has a key of a kind that can’t be used. Use ECDSA (P-256, P-384), Ed25519, or RSA with 2048 bits or more",
            ),
        })?;
        let names = match parsed.subject_alternative_name() {
            Ok(Some(names)) => names.value.general_names.iter().filter_map(name).collect(),
            _ => return Err(Wrong::Certificate("has a certificate without names (subjectAltName): browsers refuse it")),
        };
        let validity = parsed.validity();
        let moment = |seconds: i64| Millis(seconds.saturating_mul(1000));
        let (not_before, not_after) = (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()));
        Ok(Self { certified: Arc::new(certified), names, not_before, not_after })
    }

    /// Whether it is valid for this host name or address.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            // A wildcard stands for one label.
            Some(domain) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain))
            }
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str]) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        (rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn each_fault_names_what_is_at_fault() {
        let (chain, key) = made(&["chat.example", "127.0.0.1", "2001:db8::1"]);
        let (_, other) = made(&["chat.example"]);
        let read = |chain: &str, key: &str| Certificate::read(chain.as_bytes(), key.as_bytes());
        let names = read(&chain, &key).map(|certificate| certificate.names);
        assert_eq!(names.as_deref(), Ok(&["chat.example", "127.0.0.1", "2001:db8::1"].map(str::to_owned)[..]));
        let both = format!("{key}{chain}");
        assert!(read(&both, &both).is_ok(), "both may be in one file");
        assert!(matches!(read("", &key), Err(Wrong::Certificate(_))));
        assert!(matches!(
            read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key),
            Err(Wrong::Certificate(_))
        ));
        assert!(matches!(read(&key, &key), Err(Wrong::Certificate(_))));
        let (nameless, its_key) = made(&[]);
        assert!(matches!(read(&nameless, &its_key), Err(Wrong::Certificate(why)) if why.contains("names")));
        assert!(matches!(read(&chain, &chain), Err(Wrong::Key(_))));
        assert_eq!(read(&chain, &other).err(), Some(Wrong::Key("is not the key of the certificate")));
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(matches!(read(&chain, &encrypted), Err(Wrong::Key(why)) if why.contains("password")));
    }

    #[test]
    fn a_certificate_covers_its_names() {
        let (chain, key) = made(&["Chat.Example", "*.talk.example", "127.0.0.1", "::1"]);
        let certificate = Certificate::read(chain.as_bytes(), key.as_bytes()).unwrap();
        for host in ["chat.example", "CHAT.EXAMPLE", "a.talk.example", "127.0.0.1", "[::1]"] {
            assert!(certificate.covers(host), "{host}");
        }
        for host in
            ["talk.example", "a.b.talk.example", ".talk.example", "evil.example", "chat.example.evil.example", "", "127.0.0.2"]
        {
            assert!(!certificate.covers(host), "{host}");
        }
    }
}
