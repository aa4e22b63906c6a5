//! Subscriptions: which are taken, and when they end.

use std::time::Duration;

use proof::client::push::Device;
use proof::infra::receiver::{Receiver, Reply};
use serde_json::{Value, json};

use super::{post, settled, subscribe, texts};
use crate::both;
use crate::harness::app::Server;
use crate::harness::{Database, Person, TestApp};
use crate::retention::until;

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn subscriptions(person: &Person) -> Vec<Value> {
    let page = person.get_json("/settings/notifications").await.expect(200).json();
    page["subscriptions"].as_array().expect("a list").clone()
}

#[apply(both)]
async fn a_subscription_ends_when_its_service_or_its_session_says_so(app: &TestApp) {
    let service = Receiver::start().await;
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (socket, _) = ada.join("general").await;
    eve.enter("general").await;
    let gone = subscribe(&eve, &service, "/gone").await;
    service.reply_next([Reply::Status(500, ""), Reply::Status(410, "")]);
    socket.post("general", "@eve one", "1").await;
    service.wait_for(1).await;
    // A failure ends nothing.
    assert_eq!(subscriptions(&eve).await.len(), 1);
    app.pass(Duration::from_secs(30));
    service.wait_for(2).await;
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    while !subscriptions(&eve).await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "it is still there");
    }
    assert!(gone.told(&service).is_empty());
    assert_eq!(app.database.query("select id from outbox").await.len(), 0);

    // Two browsers, of which one logs out.
    let here = subscribe(&eve, &service, "/here").await;
    let elsewhere = app.log_in("eve").await;
    let there = subscribe(&elsewhere, &service, "/there").await;
    assert_eq!(subscriptions(&eve).await.len(), 2);
    elsewhere.post("/logout", &[]).await.expect(303);
    socket.post("general", "@eve two", "2").await;
    service.wait_for(3).await;
    assert_eq!((texts(&here.told(&service)), there.told(&service).len()), (vec!["@eve two"], 0));
    let left = subscriptions(&eve).await;
    assert_eq!(left.len(), 1);
    // By hand; not by others.
    let id = left[0]["id"].as_str().unwrap().to_owned();
    ada.post(&format!("/settings/push/{id}/remove"), &[]).await.expect(404);
    eve.post(&format!("/settings/push/{id}/remove"), &[]).await.expect(303);
    assert!(subscriptions(&eve).await.is_empty());
}

/// What a page does when it starts, now and then.
#[apply(both)]
async fn a_subscription_is_renewed_unless_its_person_ended_it(app: &TestApp) {
    let service = Receiver::start().await;
    let eve = app.register("eve").await;
    let device = Device::new("/eve");
    let at = device.subscribe(&eve, &service).await.expect(201).json()["at"].clone();
    let renewal = |at: &Value| {
        let mut subscription = device.subscription(&service);
        subscription["since"] = at.clone();
        subscription
    };
    let at = post(&eve, &renewal(&at)).await.expect(201).json()["at"].clone();
    assert_eq!(subscriptions(&eve).await.len(), 1);
    // It ended with its session, and the next one begins it again.
    eve.post("/logout", &[]).await.expect(303);
    app.pass(Duration::from_secs(1));
    let eve = app.log_in("eve").await;
    assert!(subscriptions(&eve).await.is_empty());
    app.pass(Duration::from_secs(1));
    let at = post(&eve, &renewal(&at)).await.expect(201).json()["at"].clone();
    // Ended at another device.
    let id = subscriptions(&eve).await[0]["id"].as_str().unwrap().to_owned();
    app.log_in("eve").await.post(&format!("/settings/push/{id}/remove"), &[]).await.expect(303);
    assert_eq!(post(&eve, &renewal(&at)).await.expect(404).code(), "not_found");
    assert!(subscriptions(&eve).await.is_empty());
    assert_eq!(post(&eve, &renewal(&json!("now"))).await.expect(422).json()["error"]["field"], "since");
    device.subscribe(&eve, &service).await.expect(201);
}

#[apply(both)]
async fn a_browser_that_nothing_reaches_for_days_is_paused_until_it_is_used_again(app: &TestApp) {
    let service = Receiver::start().await;
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    eve.enter("general").await;
    ada.enter("general").await;
    let device = subscribe(&eve, &service, "/eve").await;
    let count = async |of: &str| app.database.query(of).await.len();
    let (failed, paused) = (
        "select id from receivers where kind = 'push' and attempts >= 1",
        "select id from receivers where paused_at is not null",
    );
    for is_test in [false, true] {
        service.reply(Reply::Status(500, ""));
        ada.write("general", "@eve one").await.expect(303);
        until("it failed", async || count(failed).await == 1).await;
        app.pass(4 * DAY);
        until("it is paused", async || count(paused).await == 1).await;
        // What happens meanwhile is not kept, and what waited is not told late.
        let waiting = count("select id from outbox").await;
        ada.write("general", "@eve two").await.expect(303);
        assert_eq!(count("select id from outbox").await, waiting);
        service.reply(Reply::Status(201, ""));
        if is_test {
            eve.post("/settings/push/test", &[]).await.expect(303);
        } else {
            device.subscribe(&eve, &service).await.expect(201);
        }
        assert_eq!(count(paused).await, 0);
        ada.write("general", "@eve three").await.expect(303);
        settled(app).await;
    }
    let told = device.told(&service);
    assert_eq!(told.iter().filter(|one| one["kind"] == "test").count(), 1);
    assert_eq!(texts(&told).into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), ["@eve three", "@eve three"]);
}

#[apply(both)]
async fn people_whose_push_service_is_silent_hold_up_nobody_else(app: &TestApp) {
    let (silent, service) = (Receiver::start().await, Receiver::start().await);
    silent.reply(Reply::Silence);
    let (ada, finn) = (app.register("ada").await, app.register("finn").await);
    ada.enter("general").await;
    finn.enter("general").await;
    let device = subscribe(&finn, &service, "/finn").await;
    for name in ["eve", "gil", "hal", "ida", "joe"] {
        let person = app.register(name).await;
        person.enter("general").await;
        for number in 0..10 {
            subscribe(&person, &silent, &format!("/{name}/{number}")).await;
        }
    }
    ada.write("general", "@eve @gil @hal @ida @joe hello").await.expect(303);
    silent.wait_for(50).await;
    ada.write("general", "@finn hello").await.expect(303);
    service.wait_for(1).await;
    assert_eq!(texts(&device.told(&service)), ["@finn hello"]);
}

#[apply(both)]
async fn what_is_no_subscription_is_refused_with_its_field(app: &TestApp) {
    let service = Receiver::start().await;
    let eve = app.register("eve").await;
    let good = Device::new("/eve").subscription(&service);
    let with = |path: &[&str], value: Value| {
        let mut changed = good.clone();
        *path.iter().fold(&mut changed, |at, name| &mut at[*name]) = value;
        changed
    };
    for (subscription, field) in [
        (with(&["endpoint"], json!("nonsense")), "endpoint"),
        (with(&["endpoint"], json!("file:///etc/passwd")), "endpoint"),
        (with(&["endpoint"], json!("http://10.0.0.1/push")), "endpoint"),
        (with(&["endpoint"], json!("http://[::1]:22/push")), "endpoint"),
        (with(&["endpoint"], json!("http://push.example.com/push")), "endpoint"),
        (with(&["endpoint"], json!(format!("https://push.example.com/{}", "x".repeat(1_100)))), "endpoint"),
        (with(&["endpoint"], json!(7)), "endpoint"),
        (with(&["keys", "p256dh"], json!("AAAA")), "p256dh"),
        (with(&["keys", "auth"], json!("AAAA")), "auth"),
        (json!({ "endpoint": good["endpoint"] }), "p256dh"),
        (json!([]), "endpoint"),
    ] {
        let refused = post(&eve, &subscription).await;
        assert_eq!(refused.expect(422).json()["error"]["field"], field, "{subscription}");
    }
    assert_eq!(post(&app.stranger(), &good).await.expect(401).code(), "unauthenticated");
    // The same again is the same; ten are enough for anybody.
    let id = post(&eve, &good).await.expect(201).json()["subscription"]["id"].clone();
    assert_eq!(post(&eve, &good).await.expect(201).json()["subscription"]["id"], id);
    for n in 0..10 {
        subscribe(&eve, &service, &format!("/{n}")).await;
    }
    let ids: Vec<_> = subscriptions(&eve).await.into_iter().map(|one| one["id"].clone()).collect();
    assert!(ids.len() == 10 && !ids.contains(&id), "{ids:?}");
}

#[apply(both)]
async fn the_key_stays_and_private_addresses_are_the_operators_to_allow(app: &TestApp) {
    let database: &Database = &app.database;
    let key = app.stranger().get_json("/push/key").await.expect(200).json()["key"].clone();
    assert_eq!(key.as_str().map(str::len), Some(87));
    let eve = app.register("eve").await;
    if database.url().starts_with("sqlite") {
        return;
    }
    let mut other = Server::start(database.url(), &[("PUSH_PRIVATE_ADDRESSES", "off")]).await;
    assert_eq!(other.stranger().get_json("/push/key").await.expect(200).json()["key"], key);
    let service = Receiver::start().await;
    let there = eve.at(&other);
    let refused = post(&there, &Device::new("/eve").subscription(&service)).await;
    assert_eq!(refused.expect(422).json()["error"]["field"], "endpoint");
    other.stop().await;
}
