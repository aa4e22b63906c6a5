//! Notifications to browsers: whom they reach, what they say, and when they do not come. The push service is a server of the test's own.

mod refused;
mod told;
mod withdrawn;
mod worker;

use std::time::Duration;

use proof::client::push::Device;
pub use proof::client::push::post;
use proof::infra::receiver::Receiver;
use serde_json::Value;

use crate::harness::{DEADLINE, Person, TestApp};

/// Has a person's browser get notifications; returns it.
pub async fn subscribe(person: &Person, service: &Receiver, path: &str) -> Device {
    let device = Device::new(path);
    device.subscribe(person, service).await.expect(201);
    device
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
