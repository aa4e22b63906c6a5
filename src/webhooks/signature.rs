//! Signatures of the Standard Webhooks specification: HMAC-SHA256 over id, timestamp and body.
//!
//! Owns secrets and signatures. They prove to a receiver that a delivery comes from here and is new.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// The length of a secret, in bytes.
const LENGTH: usize = 32;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The delivery's id, the same at each attempt.
    pub id: &'a str,
    /// When it is sent, in seconds since 1970.
    pub timestamp: i64,
    /// The body.
    pub body: &'a str,
}

/// A new secret.
pub fn new_secret() -> String {
    format!("{PREFIX}{}", STANDARD.encode(rand::random::<[u8; LENGTH]>()))
}

impl Message<'_> {
    /// The value of `webhook-signature`: a signature with each secret.
    pub fn sign(&self, secrets: &[&str]) -> String {
        let signatures = secrets.iter().map(|secret| {
            let key = secret.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
            // All secrets are made here; another one signs as the text that it is.
            let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
            mac.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
            mac.update(self.body.as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let message = Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: r#"{"test": 2432232314}"# };
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(message.sign(&[secret]), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(message.sign(&[secret, secret]).split(' ').count(), 2);
    }

    #[test]
    fn secrets_are_long_and_new() {
        let (one, other) = (new_secret(), new_secret());
        assert_ne!(one, other);
        assert_eq!(STANDARD.decode(one.strip_prefix(PREFIX).unwrap()).unwrap().len(), LENGTH);
    }
}
