//! A browser as its push service knows it, without the browser.
//!
//! Owns its keys, and reading what was encrypted for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;
use web_push_native::{Auth, decrypt};

use super::person::{Answer, Person};
use crate::infra::receiver::{Delivery, Receiver};

/// A device with a subscription.
pub struct Device {
    key: SecretKey,
    auth: Auth,
    path: String,
}

impl Device {
    /// One with a key of its own; its push service knows it by this path.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let key = SecretKey::from_slice(&rand::random::<[u8; 32]>()).expect("almost every number is a key");
        Self { key, auth: rand::random::<[u8; 16]>().into(), path: path.to_owned() }
    }

    /// What its script sends.
    #[must_use]
    pub fn subscription(&self, service: &Receiver) -> Value {
        let point = self.key.public_key().to_encoded_point(false);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "endpoint": service.url(&self.path),
            "expirationTime": null,
            "keys": { "p256dh": encode(point.as_bytes()), "auth": encode(&self.auth) },
        })
    }

    /// Sends its subscription.
    pub async fn subscribe(&self, person: &Person, service: &Receiver) -> Answer {
        post(person, &self.subscription(service)).await
    }

    /// What a delivery says.
    #[must_use]
    pub fn read(&self, delivery: &Delivery) -> Value {
        let clear = decrypt(delivery.bytes.clone(), &self.key, &self.auth).expect("it is for this browser");
        serde_json::from_slice(&clear).expect("JSON")
    }

    /// What came for it, and was taken.
    #[must_use]
    pub fn told(&self, service: &Receiver) -> Vec<Value> {
        service.taken().iter().filter(|one| one.path == self.path).map(|one| self.read(one)).collect()
    }
}

/// Sends a subscription from one of the site's pages.
pub async fn post(person: &Person, subscription: &Value) -> Answer {
    let request = person.request(Method::POST, "/settings/push").header("origin", &person.site.origin);
    Answer::of(request.header("accept", "application/json").json(subscription)).await
}
