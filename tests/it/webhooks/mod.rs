//! Outgoing webhooks: what they are told, in which order, how often, and what they are never told.

mod administration;
mod commands;
mod failures;
mod told;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use proof::infra::receiver::{Delivery, Receiver, Reply};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, Person, TestApp};
use crate::retention::until;

/// An administrator.
pub async fn admin(app: &TestApp) -> Person {
    let ruth = app.register("ruth").await;
    app.database.make_admin("ruth").await;
    ruth
}

/// Posts JSON from one of the site's pages.
pub async fn post_json(person: &Person, path: &str, body: &Value) -> Answer {
    let request = person.request(reqwest::Method::POST, path).header("origin", &person.site.origin);
    Answer::of(request.header("accept", "application/json").json(body)).await
}

/// Adds a webhook, and returns its id and its secret.
pub async fn add(admin: &Person, receiver: &Receiver, path: &str, events: &[&str], rooms: &[&str]) -> (String, String) {
    let body = json!({ "url": receiver.url(path), "events": events, "rooms": rooms });
    let webhook = post_json(admin, "/admin/webhooks", &body).await.expect(201).json()["webhook"].clone();
    let text = |field: &str| webhook[field].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

/// An administrator, and a webhook of theirs, by its id, whose receiver answers 500: it was told once of the message `one`.
pub async fn failing(app: &TestApp) -> (Person, Receiver, String) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    let (id, _) = add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    receiver.reply(Reply::Status(500, ""));
    ruth.write("general", "one").await.expect(303);
    until("it failed", async || receivers(&ruth).await.iter().any(|one| one["attempts"].as_i64() >= Some(1))).await;
    (ruth, receiver, id)
}

/// What some deliveries are of.
pub fn kinds(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.body["type"].as_str().expect("a type")).collect()
}

/// The texts of messages that were delivered.
pub fn texts(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.body["data"]["body"].as_str().expect("a text")).collect()
}

/// The signature that a delivery should have.
pub fn signature(delivery: &Delivery, secret: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, timestamp) = (&delivery.headers["webhook-id"], &delivery.headers["webhook-timestamp"]);
    mac.update(format!("{id}.{timestamp}.{}", delivery.text).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The receivers as administrators see them.
pub async fn receivers(admin: &Person) -> Vec<Value> {
    let page = admin.get_json("/admin/deliveries").await.expect(200).json();
    page["receivers"].as_array().expect("a list").clone()
}
