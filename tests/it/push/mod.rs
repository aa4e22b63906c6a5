//! Notifications to browsers: whom they reach, what they say, and when they do not come. The push service is a server of the test's own.

mod refused;
mod told;
mod withdrawn;
mod worker;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proof::infra::receiver::{Delivery, Receiver};
use serde_json::{Value, json};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;
use web_push_native::{Auth, decrypt};

use crate::harness::{Answer, DEADLINE, Person, TestApp};

/// A browser as its push service knows it.
pub struct Browser {
    key: SecretKey,
    auth: Auth,
    path: String,
}

impl Browser {
    /// One with a key of its own.
    pub fn new(path: &str) -> Self {
        let key = SecretKey::from_slice(&rand::random::<[u8; 32]>()).expect("almost every number is a key");
        Self { key, auth: rand::random::<[u8; 16]>().into(), path: path.to_owned() }
    }

    /// What its script sends.
    pub fn subscription(&self, service: &Receiver) -> Value {
        let point = self.key.public_key().to_encoded_point(false);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "endpoint": service.url(&self.path),
            "expirationTime": null,
            "keys": { "p256dh": encode(point.as_bytes()), "auth": encode(&self.auth) },
        })
    }

    /// What a delivery says.
    pub fn read(&self, delivery: &Delivery) -> Value {
        let clear = decrypt(delivery.bytes.clone(), &self.key, &self.auth).expect("it is for this browser");
        serde_json::from_slice(&clear).expect("JSON")
    }

    /// What came for it, and was taken.
    pub fn told(&self, service: &Receiver) -> Vec<Value> {
        service.taken().iter().filter(|one| one.path == self.path).map(|one| self.read(one)).collect()
    }
}

/// Has a person's browser get notifications; returns it.
pub async fn subscribe(person: &Person, service: &Receiver, path: &str) -> Browser {
    let browser = Browser::new(path);
    post(person, &browser.subscription(service)).await.expect(201);
    browser
}

/// Sends a subscription from one of the site's pages.
pub async fn post(person: &Person, subscription: &Value) -> Answer {
    let request = person.request(reqwest::Method::POST, "/settings/push").header("origin", &person.site.origin);
    Answer::of(request.header("accept", "application/json").json(subscription)).await
}

/// Waits until everything was delivered, or will not be.
pub async fn settled(app: &TestApp) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !app.database.query("select id from outbox").await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "something stays in the outbox");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The texts of messages.
pub fn texts(told: &[Value]) -> Vec<&str> {
    told.iter().map(|one| one["body"].as_str().unwrap_or_default()).collect()
}
