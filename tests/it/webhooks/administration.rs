//! Webhooks as administrators have them.

use std::time::Duration;

use proof::infra::receiver::Receiver;
use serde_json::json;
use sqlx::PgPool;

use super::{add, admin, failing, kinds, post_json, receivers, signature};
use crate::both;
use crate::harness::{Answer, Database, Kind, Person, Server, TestApp};
use crate::retention::until;

#[apply(both)]
async fn a_webhook_is_added_changed_turned_off_and_deleted(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let receiver = Receiver::start().await;
    post_json(&eve, "/admin/webhooks", &json!({ "url": receiver.url("/") })).await.expect(403);
    let (id, secret) = add(&ruth, &receiver, "/secret-path", &["message.posted"], &["general"]).await;
    assert!(secret.starts_with("whsec_"));
    let shown = ruth.get_json(&format!("/admin/webhooks/{id}")).await.expect(200).json()["webhook"].clone();
    assert_eq!(
        (&shown["events"], &shown["rooms"], &shown["on"]),
        (&json!(["message.posted"]), &json!(["general"]), &json!(true))
    );
    let list = ruth.get("/admin/webhooks").await;
    assert!(list.expect(200).body.contains(&receiver.address.to_string()));
    for page in [&list, &ruth.get(&format!("/admin/webhooks/{id}")).await, &ruth.get_json("/admin/webhooks").await] {
        assert!(!page.expect(200).body.contains(&secret), "the secret is shown once");
    }
    for wrong in
        [json!({ "url": receiver.url("/"), "events": ["nothing"] }), json!({ "url": receiver.url("/"), "rooms": ["nowhere"] })]
    {
        post_json(&ruth, "/admin/webhooks", &wrong).await.expect(422);
    }
    let again = ruth.post("/admin/webhooks", &[("url", &receiver.url("/")), ("rooms", "nowhere")]).await;
    assert!(again.expect(422).body.contains("nowhere"));
    let path = format!("/admin/webhooks/{id}");
    ruth.post(&path, &[("url", &receiver.url("/other")), ("events", "message.edited"), ("events", "room.topic")])
        .await
        .expect(303);
    let shown = ruth.get_json(&path).await.json()["webhook"].clone();
    assert_eq!((&shown["events"], &shown["all_public_rooms"]), (&json!(["message.edited", "room.topic"]), &json!(true)));
    ruth.post(&format!("{path}/off"), &[]).await.expect(303);
    ruth.post(&format!("{path}/test"), &[]).await.expect(422);
    ruth.post(&format!("{path}/on"), &[]).await.expect(303);
    ruth.post(&format!("{path}/test"), &[]).await.expect(303);
    let told = receiver.wait_for(1).await;
    assert_eq!((kinds(&told)[0], told[0].path.as_str()), ("test", "/other"));
    ruth.post(&format!("{path}/delete"), &[]).await.expect(303);
    ruth.get(&path).await.expect(404);
    assert!(receivers(&ruth).await.is_empty());
    let log = ruth.get_json("/admin/audit").await.json();
    let entries = log["entries"].as_array().unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).take(5).collect();
    assert_eq!(actions, ["webhook.delete", "webhook.change", "webhook.change", "webhook.change", "webhook.add"]);
    assert!(!log.to_string().contains("secret-path"));
}

#[apply(both)]
async fn a_new_secret_leaves_the_old_one_good_for_a_day(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    let (id, old) = add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    let form = ruth.form(&format!("/admin/webhooks/{id}/rotate"), &[]).header("accept", "application/json");
    let new = Answer::of(form).await.expect(201).json()["webhook"]["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(new, old);
    ruth.write("general", "one").await.expect(303);
    let told = receiver.wait_for(1).await;
    let both = format!("{} {}", signature(&told[0], &new), signature(&told[0], &old));
    assert_eq!(told[0].headers["webhook-signature"], both);
    app.pass(Duration::from_secs(25 * 60 * 60));
    ruth.write("general", "two").await.expect(303);
    let told = receiver.wait_for(2).await;
    assert_eq!(told[1].headers["webhook-signature"], signature(&told[1], &new));
}

/// Somebody who was an administrator when they logged in long ago proves again who they are.
#[apply(both)]
async fn secrets_are_made_only_for_those_who_proved_lately_who_they_are(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    let (id, _) = add(&ruth, &receiver, "/", &[], &[]).await;
    app.pass(Duration::from_secs(3600));
    for path in ["/admin/webhooks".to_owned(), format!("/admin/webhooks/{id}"), format!("/admin/webhooks/{id}/rotate")] {
        let refused = post_json(&ruth, &path, &json!({ "url": receiver.url("/") })).await;
        assert_eq!(refused.expect(403).code(), "confirmation_required", "{path}");
    }
}

#[apply(both)]
async fn everything_of_a_receiver_can_be_deleted(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    receiver.reply(proof::infra::receiver::Reply::Status(500, ""));
    let (id, _) = add(&ruth, &receiver, "/", &[], &[]).await;
    ruth.enter("general").await;
    ruth.write("general", "one").await.expect(303);
    until("it failed", async || receivers(&ruth).await.iter().any(|one| one["attempts"].as_i64() >= Some(1))).await;
    assert!(ruth.get("/admin/deliveries").await.expect(200).body.contains("Failing"));
    let all = ruth.get_json(&format!("/admin/deliveries/webhook-{id}")).await.json()["deliveries"].clone();
    let first = all[0]["id"].as_str().unwrap();
    ruth.post(&format!("/admin/deliveries/webhook-{id}/{first}/delete"), &[]).await.expect(303);
    ruth.post(&format!("/admin/deliveries/webhook-{id}/{first}/delete"), &[]).await.expect(404);
    ruth.post(&format!("/admin/deliveries/webhook-{id}/delete"), &[]).await.expect(303);
    assert!(receivers(&ruth).await.is_empty());
    ruth.get("/admin/deliveries/nobody").await.expect(404);
}

/// The members of a room.
async fn members(person: &Person, room: &str) -> String {
    person.get_json(&format!("/rooms/{room}/members")).await.expect(200).json().to_string()
}

/// Others may have archived a room since, or removed the bot, which is no reason to leave a wrong address as it is.
#[apply(both)]
async fn a_webhook_that_replies_is_changed_though_its_bot_could_not_be_added_again(app: &TestApp) {
    let (ruth, rosa) = (admin(app).await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    let receiver = Receiver::start().await;
    let (deploys, builds) = (ruth.create_room("Deploys", "public").await, ruth.create_room("Builds", "public").await);
    let wanted = |url: &str, rooms: &[&str], hint: &str| json!({ "url": receiver.url(url), "rooms": rooms, "command": "deploy", "hint": hint, "name": "Echo" });
    let added = post_json(&ruth, "/admin/webhooks", &wanted("/", &[&deploys], "one")).await.expect(201).json();
    let path = format!("/admin/webhooks/{}", added["webhook"]["id"].as_str().expect("an id"));
    let shown = async || ruth.get_json(&path).await.expect(200).json()["webhook"].clone();
    // By an administrator who is in neither room: only what is new is asked about.
    post_json(&rosa, &path, &wanted("/", &[&deploys], "two")).await.expect(303);
    let refused = post_json(&rosa, &path, &wanted("/", &[&deploys, &builds], "three")).await;
    assert_eq!(refused.expect(422).json()["error"]["field"], "rooms");
    assert_eq!((&shown().await["hint"], &shown().await["rooms"]), (&json!("two"), &json!([deploys])));
    // Whoever was banned stays so.
    let bot = app.database.query("select username from users where is_bot").await[0]["username"].as_str().unwrap().to_owned();
    ruth.post(&format!("/rooms/{deploys}/members/{bot}/ban"), &[]).await.expect(303);
    post_json(&ruth, &path, &wanted("/other", &[&deploys], "four")).await.expect(303);
    assert!(!members(&ruth, &deploys).await.contains(&bot));
    ruth.post(&format!("/rooms/{deploys}/archive"), &[]).await.expect(303);
    post_json(&ruth, &path, &wanted("/third", &[&deploys, &builds], "five")).await.expect(303);
    assert_eq!((&shown().await["hint"], &shown().await["url"]), (&json!("five"), &json!(receiver.url("/third"))));
    assert!(members(&ruth, &builds).await.contains(&bot));
}

/// That its bot is banned from a room is known there only.
#[apply(both)]
async fn a_change_that_a_room_refuses_is_undone(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    let mut rooms = Vec::new();
    for name in ["Own", "New", "Closed"] {
        rooms.push(ruth.create_room(name, "public").await);
    }
    let first = json!({ "url": receiver.url("/"), "rooms": rooms[..1], "name": "Echo" });
    let added = post_json(&ruth, "/admin/webhooks", &first).await.expect(201).json();
    let path = format!("/admin/webhooks/{}", added["webhook"]["id"].as_str().expect("an id"));
    let before = ruth.get_json(&path).await.expect(200).json();
    let bot = app.database.query("select username from users where is_bot").await[0]["username"].as_str().unwrap().to_owned();
    ruth.post(&format!("/rooms/{}/members/{bot}/ban", rooms[2]), &[]).await.expect(303);
    let change = json!({ "url": receiver.url("/other"), "rooms": rooms, "name": "Parrot" });
    let refused = post_json(&ruth, &path, &change).await.expect(422).json()["error"].clone();
    assert!(refused["field"] == "rooms" && refused["message"].as_str().unwrap().contains(&rooms[2]), "{refused}");
    assert_eq!(ruth.get_json(&path).await.expect(200).json(), before, "also not its name");
    assert!(members(&ruth, &rooms[0]).await.contains(&bot) && !members(&ruth, &rooms[1]).await.contains(&bot));
    let log = ruth.get_json("/admin/audit?action=webhook.change").await.expect(200).json();
    assert!(log["entries"][0].to_string().contains("undone"), "{log}");
    ruth.post(&format!("/rooms/{}/members/{bot}/unban", rooms[2]), &[]).await.expect(303);
    post_json(&ruth, &path, &change).await.expect(303);
    assert_eq!(ruth.get_json(&path).await.json()["webhook"]["name"], "Parrot");
    assert!(members(&ruth, &rooms[2]).await.contains(&bot));
}

/// A webhook whose bot is not where it is to reply would reply in silence. Only Postgres can be made to wait for one room.
#[apply(both)]
async fn what_makes_a_webhook_is_run_to_its_end_though_nobody_waits_for_the_answer(database: &Database) {
    if database.kind == Kind::Sqlite {
        return;
    }
    let mut server = Server::start(database.url(), &[]).await;
    let ruth = server.register("ruth").await;
    database.make_admin("ruth").await;
    let receiver = Receiver::start().await;
    let rooms = [ruth.create_room("Held", "public").await, ruth.create_room("Later", "public").await];
    let pool = PgPool::connect(database.url()).await.unwrap();
    let other = server.stranger();
    let bots = "select username from users where is_bot and banned_at is null";
    // Adds one, then gives it a bot: each is left by who asks while its bot enters the first room.
    let path = async || format!("/admin/webhooks/{}", database.query("select id from webhooks").await[0]["id"]);
    for is_new in [true, false] {
        let place = if is_new { "/admin/webhooks".to_owned() } else { path().await };
        let mut holding = pool.begin().await.unwrap();
        let hold = "select id from rooms where slug = $1 for update";
        sqlx::query(hold).bind(&rooms[0]).execute(&mut *holding).await.unwrap();
        let asking = tokio::spawn({
            let (ruth, place) = (ruth.clone(), place.clone());
            let wanted = json!({ "url": receiver.url("/"), "rooms": rooms, "name": "Echo" });
            async move { post_json(&ruth, &place, &wanted).await }
        });
        until("it is stored", async || !database.query(bots).await.is_empty()).await;
        asking.abort();
        // The server notices it long before it has answered so much. Who holds the room for five seconds would have it refused.
        for _ in 0..20 {
            other.get("/healthz").await.expect(200);
        }
        holding.rollback().await.unwrap();
        let bot = database.query(bots).await[0]["username"].as_str().unwrap().to_owned();
        until("it is everywhere", async || members(&ruth, &rooms[1]).await.contains(&bot)).await;
        assert!(members(&ruth, &rooms[0]).await.contains(&bot));
        // Without a name it has no bot, and is given another one the next time.
        let nameless = json!({ "url": receiver.url("/"), "rooms": rooms });
        post_json(&ruth, &path().await, &nameless).await.expect(303);
        until("its bot is closed", async || database.query(bots).await.is_empty()).await;
    }
    pool.close().await;
    server.stop().await;
}

#[apply(both)]
async fn a_failure_ends_when_the_last_that_waits_is_deleted(app: &TestApp) {
    let (ruth, _receiver, id) = failing(app).await;
    ruth.write("general", "two").await.expect(303);
    let path = format!("/admin/deliveries/webhook-{id}");
    let waiting = ruth.get_json(&path).await.expect(200).json()["deliveries"].clone();
    let delete = async |at: usize| ruth.post(&format!("{path}/{}/delete", waiting[at]["id"].as_str().unwrap()), &[]).await;
    delete(0).await.expect(303);
    delete(0).await.expect(404);
    let left = receivers(&ruth).await[0].clone();
    assert!(left["waiting"] == 1 && left["failing_since"].is_string(), "{left}");
    delete(1).await.expect(303);
    assert!(receivers(&ruth).await.is_empty());
}

/// A bot is an account: it is made when nothing can be refused any more, with the webhook.
#[apply(both)]
async fn a_webhook_that_is_refused_leaves_no_bot(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let receiver = Receiver::start().await;
    let (own, archived) = (ruth.create_room("Own", "public").await, ruth.create_room("Archived", "public").await);
    ruth.post(&format!("/rooms/{archived}/archive"), &[]).await.expect(303);
    let foreign = eve.create_room("Foreign", "public").await;
    let bots = async || app.database.query("select id from users where is_bot and banned_at is null").await.len();
    let known = json!({ "url": receiver.url("/"), "rooms": [own], "command": "deploy" });
    let id = post_json(&ruth, "/admin/webhooks", &known).await.expect(201).json()["webhook"]["id"].clone();
    let path = format!("/admin/webhooks/{}", id.as_str().unwrap());
    let url = receiver.url("/");
    for place in ["/admin/webhooks", &path] {
        for (wanted, field) in [
            (json!({ "url": url, "rooms": [own, archived], "name": "Echo" }), "rooms"),
            (json!({ "url": url, "rooms": [own, foreign], "name": "Echo" }), "rooms"),
            (json!({ "url": url, "rooms": [own, "nowhere"], "name": "Echo" }), "rooms"),
            (json!({ "url": url, "rooms": [], "name": "Echo" }), "rooms"),
            (json!({ "url": url, "rooms": [own], "name": "eve" }), "name"),
        ] {
            let refused = post_json(&ruth, place, &wanted).await;
            assert_eq!(refused.expect(422).json()["error"]["field"], field, "{place}: {wanted}");
            assert_eq!(app.database.query("select id from users where is_bot").await.len(), 0, "{place}: {wanted}");
        }
    }
    let taken = json!({ "url": url, "rooms": [own], "name": "Echo", "command": "deploy" });
    post_json(&ruth, "/admin/webhooks", &taken).await.expect(422);
    // The database refuses the last of these itself, with the bot in the same transaction.
    app.database.run("update webhooks set command = 'other'").await;
    let numbers = "(with recursive c(n) as (select 2 union all select n + 1 from c where n < 100) select n from c) as c";
    let others = format!(
        "insert into webhooks (url, events, rooms, secret, is_on, created_by, created_at)
         select 'https://x.example/', '[]', '[]', 'whsec_AA==', false, 'ruth', n from {numbers}"
    );
    app.database.run(&others).await;
    assert_eq!(post_json(&ruth, "/admin/webhooks", &taken).await.expect(422).json()["error"]["field"], "url");
    assert_eq!(app.database.query("select id from users where is_bot").await.len(), 0);
    assert!(ruth.get_json(&path).await.json()["webhook"]["name"].is_null());
    let members = ruth.get_json(&format!("/rooms/{own}/members")).await.json();
    assert!(!members.to_string().contains("Echo"), "{members}");
    // And a good one has one, which ends with it.
    let named = json!({ "url": url, "rooms": [own], "name": "Echo" });
    post_json(&ruth, &path, &named).await.expect(303);
    assert_eq!(bots().await, 1);
    assert!(ruth.get_json(&format!("/rooms/{own}/members")).await.json().to_string().contains("Echo"));
    ruth.post(&format!("{path}/delete"), &[]).await.expect(303);
    assert_eq!(bots().await, 0);
}
