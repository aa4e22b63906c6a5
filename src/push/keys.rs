//! The key with which this server names itself to push services (VAPID, RFC 8292).
//!
//! Owns the key pair, which is made once and kept in the database, so that all nodes have the same, and the signature of a request.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use serde_json::json;

use crate::clock::Millis;
use crate::db::Db;

/// How long a signature is good for, in seconds: push services take up to a day.
const GOOD_FOR: i64 = 12 * 60 * 60;

/// The key pair.
pub struct Keys(EcdsaKeyPair);

impl Keys {
    /// The server's key, which is made at the first start.
    ///
    /// # Errors
    /// The database's, or that what it has is no key.
    pub async fn open(db: &Db) -> sqlx::Result<Self> {
        let stored = match db.find_push_key().await? {
            Some(stored) => stored,
            None => db.push_key(&new()).await?,
        };
        parse(&stored).ok_or_else(|| sqlx::Error::Protocol("the push key in the database is no key".into()))
    }

    /// The public key: a point of P-256 without compression, in base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }

    /// The value of `Authorization` for a push service at `origin`; `contact` is whom its operator can ask.
    pub fn authorization(&self, origin: &str, contact: &str, now: Millis) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let claims = json!({ "aud": origin, "exp": now.0.div_euclid(1000) + GOOD_FOR, "sub": contact });
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).expect("the system has random numbers");
        format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature), self.public())
    }
}

/// What the database has as the server's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// None: the server makes one when it starts.
    Missing,
    /// Something that is no key.
    Damaged,
    /// A key with which a request can be signed, so that its public half confirms it.
    Good,
}

/// Looks at the server's key, and signs something with it.
///
/// # Errors
/// The database's.
pub async fn stored(db: &Db) -> sqlx::Result<Stored> {
    Ok(db.find_push_key().await?.map_or(Stored::Missing, |stored| if signs(&stored) { Stored::Good } else { Stored::Damaged }))
}

fn signs(stored: &str) -> bool {
    let Some(Keys(pair)) = parse(stored) else { return false };
    let text = b"parlor doctor";
    pair.sign(&SystemRandom::new(), text).is_ok_and(|signature| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key()).verify(text, signature.as_ref()).is_ok()
    })
}

/// A new key, as PKCS #8 in base64.
fn new() -> String {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    STANDARD.encode(key.expect("the system has random numbers"))
}

fn parse(stored: &str) -> Option<Keys> {
    let key = STANDARD.decode(stored).ok()?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &SystemRandom::new()).ok().map(Keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_signs() {
        let key = new();
        assert!(signs(&key));
        for damaged in ["", "a2V5", &key[..key.len() - 8], "not base64"] {
            assert!(!signs(damaged), "{damaged}");
        }
    }

    #[test]
    fn a_request_is_signed_with_the_key_that_it_names() {
        let keys = parse(&new()).expect("a key");
        let value = keys.authorization("https://push.example", "mailto:ada@example.com", Millis(1_000));
        let (token, key) = value.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = URL_SAFE_NO_PAD.decode(key).unwrap();
        assert_eq!((key.len(), key[0]), (65, 4));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .expect("the signature is right");
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims, json!({ "aud": "https://push.example", "exp": 43_201, "sub": "mailto:ada@example.com" }));
    }
}
