//! Deliveries that fail: again, in order, not for ever, and at nobody else's cost.

use std::sync::Arc;
use std::time::Duration;

use proof::client::push::Device;
use proof::infra::receiver::{Receiver, Reply};
use serde_json::json;
use sqlx::{Executor, PgPool};
use tokio::sync::Notify;

use super::{add, admin, failing, post_json, receivers, texts};
use crate::harness::{Database, Kind, Server, TestApp};
use crate::retention::until;
use crate::{both, everywhere, once};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[apply(everywhere)]
async fn a_failed_delivery_is_made_again_and_nothing_overtakes_it(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    receiver.reply_next([Reply::Status(500, ""), Reply::Status(404, "")]);
    ruth.write("general", "one").await.expect(303);
    receiver.wait_for(1).await;
    ruth.write("general", "two").await.expect(303);
    until("the failure is shown", async || receivers(&ruth).await.iter().any(|one| one["error"] == "the server answered 500"))
        .await;
    app.pass(Duration::from_secs(6));
    receiver.wait_for(2).await;
    until("it failed again", async || receivers(&ruth).await.iter().any(|one| one["attempts"].as_i64() >= Some(2))).await;
    app.pass(Duration::from_secs(11));
    let all = receiver.wait_for(4).await;
    assert_eq!(texts(&all), ["one", "one", "one", "two"]);
    let ids: Vec<_> = all.iter().map(|one| &one.headers["webhook-id"]).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{ids:?}");
    until("nothing is left", async || receivers(&ruth).await.is_empty()).await;
}

#[apply(both)]
async fn a_receiver_that_asks_for_time_gets_it_and_delays_no_other(app: &TestApp) {
    let ruth = admin(app).await;
    let (busy, silent, quick) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    for receiver in [&busy, &silent, &quick] {
        add(&ruth, receiver, "/", &["message.posted"], &[]).await;
    }
    ruth.enter("general").await;
    busy.reply_next([Reply::Status(503, "retry-after: 600\r\n")]);
    silent.reply(Reply::Silence);
    ruth.write("general", "one").await.expect(303);
    quick.wait_for(1).await;
    busy.wait_for(1).await;
    silent.wait_for(1).await;
    until("it asked for time", async || receivers(&ruth).await.iter().any(|one| one["error"] == "the server answered 503")).await;
    app.pass(Duration::from_secs(300));
    ruth.write("general", "two").await.expect(303);
    quick.wait_for(2).await;
    assert_eq!(busy.deliveries().len(), 1);
    app.pass(Duration::from_secs(400));
    assert_eq!(texts(&busy.wait_for(3).await), ["one", "one", "two"]);
    until("there was no answer", async || receivers(&ruth).await.iter().any(|one| one["error"] == "no answer in time")).await;
}

#[apply(both)]
async fn what_fails_for_a_day_is_given_up_and_can_be_delivered_again(app: &TestApp) {
    let (ruth, receiver, id) = failing(app).await;
    app.pass(DAY);
    receiver.wait_for(2).await;
    until("it is given up", async || receivers(&ruth).await.iter().any(|one| one["dead"] == 1)).await;
    let ruth = app.log_in("ruth").await;
    assert!(ruth.get_json("/admin").await.json()["warnings"].to_string().contains("dead_deliveries"));
    let listed = ruth.get_json(&format!("/admin/deliveries/webhook-{id}")).await.expect(200).json()["deliveries"][0].clone();
    assert_eq!(
        (&listed["event"], &listed["room"], &listed["attempts"]),
        (&json!("message.posted"), &json!("general"), &json!(2))
    );
    assert!(listed["dead_at"].is_string());
    let page = ruth.get(&format!("/admin/deliveries/webhook-{id}")).await;
    assert!(page.expect(200).body.contains("Given up") && !page.body.contains("one</"));
    receiver.reply(Reply::Status(200, ""));
    let path = format!("/admin/deliveries/webhook-{id}/{}/redeliver", listed["id"].as_str().unwrap());
    for act in ["redeliver", "delete"] {
        let of_other = format!("/admin/deliveries/webhook-9999/{}/{act}", listed["id"].as_str().unwrap());
        ruth.post(&of_other, &[]).await.expect(404);
    }
    ruth.post(&path, &[]).await.expect(303);
    assert_eq!(texts(&receiver.wait_for(3).await), ["one", "one", "one"]);
    until("nothing is left", async || receivers(&ruth).await.is_empty()).await;
    let log = ruth.get_json("/admin/audit").await.json();
    assert_eq!(log["entries"][0]["action"], "delivery.retry");
}

#[apply(both)]
async fn what_was_given_up_is_listed_for_a_month(app: &TestApp) {
    let (ruth, receiver, _) = failing(app).await;
    app.pass(DAY);
    until("it is given up", async || receivers(&ruth).await.iter().any(|one| one["dead"] == 1)).await;
    receiver.reply(Reply::Status(200, ""));
    app.pass(DAY);
    let ruth = app.log_in("ruth").await;
    ruth.write("general", "two").await.expect(303);
    until("it works again", async || receiver.taken().len() == 1).await;
    assert_eq!(receivers(&ruth).await[0]["dead"], 1);
    app.pass(30 * DAY);
    until("it is forgotten", async || app.database.query("select id from outbox").await.is_empty()).await;
}

/// As after a day in which the server did not run, or the webhook was paused.
#[apply(both)]
async fn what_is_old_is_tried_for_a_day_before_it_is_given_up(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    app.database.run("update receivers set due_at = 9000000000000000").await;
    ruth.write("general", "one").await.expect(303);
    ruth.write("general", "two").await.expect(303);
    app.pass(2 * DAY);
    let ruth = app.log_in("ruth").await;
    receiver.reply_next([Reply::Status(500, "")]);
    app.database.run("update receivers set due_at = 0").await;
    until("it failed", async || receivers(&ruth).await.iter().any(|one| one["attempts"].as_i64() >= Some(1))).await;
    let failing = receivers(&ruth).await[0].clone();
    assert_eq!((&failing["waiting"], &failing["dead"]), (&json!(2), &json!(0)));
    app.pass(Duration::from_secs(10));
    assert_eq!(texts(&receiver.wait_for(3).await), ["one", "one", "two"]);
}

#[apply(both)]
async fn a_receiver_that_fails_for_days_is_paused_until_somebody_turns_it_on(app: &TestApp) {
    let (_, receiver, id) = failing(app).await;
    app.pass(4 * DAY);
    let ruth = app.log_in("ruth").await;
    until("it is paused", async || receivers(&ruth).await.iter().any(|one| one["paused_at"].is_string())).await;
    ruth.write("general", "missed").await.expect(303);
    receiver.reply(Reply::Status(200, ""));
    ruth.post(&format!("/admin/webhooks/{id}/on"), &[]).await.expect(303);
    ruth.write("general", "two").await.expect(303);
    let all = receiver.wait_for(3).await;
    assert_eq!(texts(&all[2..]), ["two"]);
}

/// Nothing waited meanwhile: a receiver is paused for what fails for days, and not for its first failure after days.
#[apply(both)]
async fn a_receiver_that_failed_long_ago_is_not_paused_at_its_next_failure(app: &TestApp) {
    let (_, receiver, _) = failing(app).await;
    app.pass(DAY);
    let ruth = app.log_in("ruth").await;
    until("it is given up", async || receivers(&ruth).await.iter().any(|one| one["dead"] == 1)).await;
    let quiet = receivers(&ruth).await[0].clone();
    assert!(quiet["failing_since"].is_null() && quiet["attempts"] == 0 && quiet["error"].is_string(), "{quiet}");
    assert_eq!(ruth.get_json("/admin/deliveries").await.json()["counts"]["failing"], 0);
    app.pass(3 * DAY);
    let ruth = app.log_in("ruth").await;
    receiver.reply_next([Reply::Status(502, "")]);
    receiver.reply(Reply::Status(200, ""));
    ruth.write("general", "two").await.expect(303);
    until("it failed again", async || receivers(&ruth).await.iter().any(|one| one["attempts"].as_i64() >= Some(1))).await;
    let failing = receivers(&ruth).await[0].clone();
    assert!(failing["failing_since"].is_string() && failing["paused_at"].is_null(), "{failing}");
    app.pass(Duration::from_secs(10));
    until("it is delivered", async || texts(&receiver.taken()) == ["two"]).await;
}

#[apply(both)]
async fn an_address_that_is_gone_turns_its_webhook_off(app: &TestApp) {
    let ruth = admin(app).await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let (id, _) = add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    add(&ruth, &other, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    receiver.reply_next([Reply::Status(200, ""), Reply::Status(410, "")]);
    ruth.write("general", "one").await.expect(303);
    receiver.wait_for(1).await;
    ruth.write("general", "two").await.expect(303);
    let path = format!("/admin/webhooks/{id}");
    until("it is off", async || ruth.get_json(&path).await.json()["webhook"]["on"] == false).await;
    let shown = ruth.get_json(&path).await.json()["webhook"].clone();
    assert!(shown["error"].as_str().unwrap().contains("410"), "{shown}");
    // What happens now is not kept; what waited is given up where everybody can see it.
    ruth.write("general", "three").await.expect(303);
    other.wait_for(3).await;
    let of_it = receivers(&ruth).await.into_iter().find(|one| one["receiver"] == format!("webhook-{id}")).expect("it is listed");
    assert_eq!((&of_it["dead"], &of_it["waiting"], &of_it["off"]), (&json!(1), &json!(0), &json!(true)));
    let deliveries = format!("/admin/deliveries/webhook-{id}");
    let given_up = ruth.get_json(&deliveries).await.json()["deliveries"][0].clone();
    assert!(given_up["dead_at"].is_string() && given_up["error"].as_str().unwrap().contains("410"), "{given_up}");
    assert_eq!(given_up["attempts"], 1, "{given_up}");
    assert!(!ruth.get("/admin/deliveries").await.expect(200).body.contains(&format!("action=\"{deliveries}/redeliver\"")));
    // Nothing of it is delivered before it is on again.
    for act in [format!("{deliveries}/redeliver"), format!("{deliveries}/{}/redeliver", given_up["id"].as_str().unwrap())] {
        let refused = post_json(&ruth, &act, &json!({})).await;
        assert_eq!(refused.expect(422).json()["error"]["field"], "receiver", "{act}");
    }
    ruth.post(&format!("{path}/on"), &[]).await.expect(303);
    ruth.post(&format!("{deliveries}/redeliver"), &[]).await.expect(303);
    assert_eq!(texts(&receiver.wait_for(3).await), ["one", "two", "two"]);
    until("nothing is left", async || receivers(&ruth).await.is_empty()).await;
}

/// Somebody mended the address while the old one was asked.
#[apply(both)]
async fn an_address_that_is_gone_turns_nothing_off_that_has_another_by_then(app: &TestApp) {
    let ruth = admin(app).await;
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    let (id, _) = add(&ruth, &old, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    let answer = Arc::new(Notify::new());
    old.reply_next([Reply::StatusThen(answer.clone(), 410)]);
    ruth.write("general", "one").await.expect(303);
    old.wait_for(1).await;
    let path = format!("/admin/webhooks/{id}");
    ruth.post(&path, &[("url", &new.url("/")), ("events", "message.posted")]).await.expect(303);
    answer.notify_one();
    assert_eq!(texts(&new.wait_for(1).await), ["one"]);
    assert_eq!(ruth.get_json(&path).await.json()["webhook"]["on"], true);
    until("nothing is left", async || receivers(&ruth).await.is_empty()).await;
}

/// What waits for its hour is not overdue.
#[apply(both)]
async fn a_receiver_is_due_when_something_for_it_is(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    receiver.reply(Reply::Status(500, ""));
    ruth.write("general", "one").await.expect(303);
    until("it failed", async || receivers(&ruth).await.iter().any(|one| one["attempts"].as_i64() >= Some(1))).await;
    app.database.run("update outbox set due_at = 4000000000000; update receivers set due_at = 1").await;
    assert_eq!(receivers(&ruth).await[0]["due_at"], "2096-10-02T07:06:40.000Z");
    app.database.run("update receivers set due_at = 4100000000000").await;
    assert_eq!(receivers(&ruth).await[0]["due_at"], "2099-12-03T16:53:20.000Z");
}

#[apply(both)]
async fn what_waits_for_a_webhook_that_is_off_stays(app: &TestApp) {
    let (ruth, receiver, id) = failing(app).await;
    let other = Receiver::start().await;
    add(&ruth, &other, "/", &["message.posted"], &[]).await;
    let path = format!("/admin/webhooks/{id}");
    ruth.post(&format!("{path}/off"), &[]).await.expect(303);
    receiver.reply(Reply::Status(200, ""));
    app.pass(Duration::from_secs(60));
    ruth.write("general", "not kept").await.expect(303);
    other.wait_for(1).await;
    let waiting = receivers(&ruth).await[0].clone();
    assert_eq!((&waiting["waiting"], &waiting["dead"], &waiting["off"]), (&json!(1), &json!(0), &json!(true)));
    assert_eq!(receiver.deliveries().len(), 1);
    // It is no alarm.
    let warnings = ruth.get_json("/admin").await.json()["warnings"].to_string();
    assert!(!warnings.contains("deliveries"), "{warnings}");
    ruth.post(&format!("{path}/on"), &[]).await.expect(303);
    ruth.write("general", "two").await.expect(303);
    assert_eq!(texts(&receiver.wait_for(3).await), ["one", "one", "two"]);
}

/// Adds so many deliveries that say nothing.
async fn fill(app: &TestApp, webhook: &str, count: u32) {
    let numbers =
        format!("(with recursive c(n) as (select 1 union all select n + 1 from c where n < {count}) select n from c) as c");
    let rows = format!(
        "insert into outbox (kind, receiver, event, payload, created_at, due_at)
         select 'webhook', {webhook}, 'test', '{{}}', 1, 1 from {numbers}"
    );
    app.database.run(&rows).await;
}

/// It could only be rescued by deleting everything: it was paused again before anything was delivered.
#[apply(both)]
async fn a_receiver_for_which_too_much_waits_is_served_once_it_works(app: &TestApp) {
    let (ruth, receiver, id) = failing(app).await;
    fill(app, &id, 10_000).await;
    until("it is full", async || receivers(&ruth).await.iter().any(|one| one["full_at"].is_string())).await;
    let path = format!("/admin/webhooks/{id}");
    assert!(ruth.get(&path).await.expect(200).body.contains("So much waits"));
    assert!(ruth.get("/admin/deliveries").await.expect(200).body.contains("Full"));
    let is_kept = async |body: &str| {
        let rows =
            "select outbox.id from outbox join messages on messages.room_id = outbox.room_id and messages.seq = outbox.seq";
        !app.database.query(&format!("{rows} where body = '{body}'")).await.is_empty()
    };
    ruth.write("general", "lost").await.expect(303);
    assert!(is_kept("one").await && !is_kept("lost").await);
    receiver.reply(Reply::Status(200, ""));
    ruth.post(&format!("{path}/on"), &[]).await.expect(303);
    let shown = ruth.get_json(&path).await.json()["webhook"].clone();
    assert!(shown["full_at"].is_null() && shown["paused_at"].is_null(), "{shown}");
    ruth.write("general", "two").await.expect(303);
    assert!(is_kept("two").await);
    receiver.wait_for(10).await;
    app.database.run("delete from outbox where event = 'test'").await;
    let posted = || receiver.taken().into_iter().filter(|one| one.body["type"] == "message.posted").collect::<Vec<_>>();
    until("all that was kept is there", async || posted().len() == 2).await;
    assert_eq!(texts(&posted()), ["one", "two"]);
}

/// Whatever the database says: the setting may have been another one when the webhook was added.
#[apply(once)]
async fn addresses_that_are_not_public_are_not_asked(database: &Database) {
    let mut server = Server::start(database.url(), &[("WEBHOOK_PRIVATE_ADDRESSES", "off")]).await;
    let ruth = server.register("ruth").await;
    database.make_admin("ruth").await;
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    let by_name = format!("http://localhost:{port}/");
    for url in
        [&receiver.url("/"), "http://10.1.2.3/", "http://[::1]/", "http://2130706433/", "http://169.254.169.254/", &by_name]
    {
        let refused = post_json(&ruth, "/admin/webhooks", &json!({ "url": url })).await;
        assert_eq!(refused.expect(422).json()["error"]["field"], "url", "{url}");
    }
    for url in ["", "ftp://example.com/", "https://ada:pw@example.com/", "nonsense"] {
        post_json(&ruth, "/admin/webhooks", &json!({ "url": url })).await.expect(422);
    }
    for (id, url) in [(1, receiver.url("/")), (2, by_name)] {
        let webhook = format!(
            "insert into webhooks (url, events, rooms, secret, is_on, created_by, created_at) values ('{url}', '[]', '[]', 'whsec_AA==', true, 'ruth', 1);
             insert into receivers (kind, id) values ('webhook', {id});"
        );
        database.run(&webhook).await;
    }
    ruth.enter("general").await;
    until("both are refused", async || {
        let all = receivers(&ruth).await;
        all.iter().filter(|one| one["error"].as_str().unwrap_or_default().contains("WEBHOOK_PRIVATE_ADDRESSES")).count() == 2
    })
    .await;
    assert!(receiver.deliveries().is_empty());
    server.stop().await;
}

#[apply(both)]
async fn redirects_are_not_followed(app: &TestApp) {
    let ruth = admin(app).await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    add(&ruth, &receiver, "/", &[], &[]).await;
    let head: &'static str = format!("location: {}\r\n", elsewhere.url("/")).leak();
    receiver.reply_next([Reply::Status(307, head)]);
    ruth.enter("general").await;
    until("it failed", async || receivers(&ruth).await.iter().any(|one| one["error"].to_string().contains("redirects"))).await;
    assert!(elsewhere.deliveries().is_empty());
}

/// What was not delivered when a server stopped is delivered by the next one.
#[apply(both)]
async fn a_restart_loses_nothing(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ruth = server.register("ruth").await;
    database.make_admin("ruth").await;
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    receiver.reply(Reply::Silence);
    for body in ["one", "two", "three"] {
        ruth.write("general", body).await.expect(303);
    }
    receiver.wait_for(1).await;
    server.stop().await;
    receiver.reply(Reply::Status(200, ""));
    server.start_again().await;
    let all = receiver.wait_for(4).await;
    assert_eq!(texts(&all), ["one", "one", "two", "three"]);
    server.stop().await;
}

/// Whoever changes what waits for a receiver locks the receiver first, as its deliverer does.
#[apply(both)]
async fn nobody_deadlocks_with_a_deliverer(app: &TestApp) {
    if app.database.kind == Kind::Sqlite {
        return;
    }
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    ruth.enter("general").await;
    eve.enter("general").await;
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Status(500, ""));
    Device::new("/eve").subscribe(&eve, &receiver).await.expect(201);
    ruth.write("general", "@eve one").await.expect(303);
    until("it failed", async || receivers(&ruth).await.iter().any(|one| one["attempts"].as_i64() >= Some(1))).await;
    let id = receivers(&ruth).await[0]["receiver"].as_str().unwrap().to_owned();
    let listed = ruth.get_json(&format!("/admin/deliveries/{id}")).await.json()["deliveries"][0].clone();
    let row = listed["id"].as_str().unwrap();
    let pool = PgPool::connect(app.database.url()).await.unwrap();
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let acts = [
        (&ruth, format!("/admin/deliveries/{id}/{row}/redeliver")),
        (&ruth, format!("/admin/deliveries/{id}/redeliver")),
        (&ruth, format!("/admin/deliveries/{id}/delete")),
        (&eve, "/logout".to_owned()),
    ];
    for (person, path) in acts {
        // As a deliverer that notes what it delivered.
        let mut delivering = pool.begin().await.unwrap();
        delivering.execute("update receivers set paused_at = 1").await.unwrap();
        let acting = tokio::spawn({
            let (person, path) = (person.clone(), path.clone());
            async move { person.post(&path, &[]).await }
        });
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&pool).await.unwrap() == 0 {
            assert!(!acting.is_finished(), "{path} did not wait");
        }
        delivering.execute("delete from outbox").await.unwrap_or_else(|error| panic!("{path}: {error}"));
        delivering.rollback().await.unwrap();
        let answer = acting.await.unwrap();
        assert_eq!(answer.status, 303, "{path}");
    }
    pool.close().await;
}
