//! Slash commands of webhooks, and what their answers post.

use std::sync::Arc;
use std::time::Duration;

use proof::infra::receiver::{Receiver, Reply};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use tokio::sync::Notify;

use super::{admin, post_json, signature};
use crate::api::Program;
use crate::everywhere;
use crate::harness::{Answer, Person, TestApp};
use crate::once;
use crate::retention::until;

async fn say(person: &Person, room: &str, body: &str, nonce: &str) -> Answer {
    let form = person.form(&format!("/rooms/{room}/messages"), &[("body", body), ("nonce", nonce)]);
    Answer::of(form.header("accept", "application/json")).await
}

async fn names(person: &Person, room: &str) -> Value {
    person.get_json(&format!("/rooms/{room}/commands")).await.expect(200).json()["commands"].clone()
}

#[apply(everywhere)]
async fn a_command_is_sent_and_its_reply_is_posted_once(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let receiver = Receiver::start().await;
    let (own, other) = (ruth.create_room("Own", "private").await, ruth.create_room("Other", "private").await);
    for room in [&own, &other] {
        ruth.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    }
    let wanted = json!({
        "url": receiver.url("/"), "events": ["command.used"], "rooms": [own],
        "command": "/Deploy", "hint": "Deploys <it>", "name": "Deployer",
    });
    let webhook = post_json(&ruth, "/admin/webhooks", &wanted).await.expect(201).json()["webhook"].clone();
    let shown = ruth.get_json(&format!("/admin/webhooks/{}", webhook["id"].as_str().unwrap())).await.json()["webhook"].clone();
    assert_eq!((&shown["command"], &shown["name"]), (&json!("deploy"), &json!("Deployer")));
    for taken in ["deploy", "topic", "two words"] {
        let again = json!({ "url": receiver.url("/"), "command": taken });
        let refused = post_json(&ruth, "/admin/webhooks", &again).await.expect(422).json();
        assert_eq!(refused["error"]["field"], "command", "{taken}");
    }
    // It is there in its room, and nowhere else.
    assert_eq!(names(&eve, &own).await, json!([{ "name": "deploy", "hint": "Deploys <it>" }]));
    assert_eq!(names(&eve, &other).await, json!([]));
    assert_eq!(say(&eve, &other, "/deploy now", "n0").await.status, 422);
    assert!(say(&eve, &own, "/help", "n1").await.expect(200).body.contains("/deploy: Deploys"));
    let (listening, _) = eve.join(&own).await;
    // It fails at first, and is delivered again as the same; and so it is if it is asked for again.
    receiver.reply_next([Reply::Status(500, "retry-after: 0\r\n")]);
    receiver.reply(Reply::Says(r#"{"text": "*Done*"}"#));
    for _ in 0..2 {
        assert_eq!(say(&eve, &own, "/deploy now, please", "n2").await.expect(200).json()["notice"], "Sent /deploy.");
    }
    let reply = listening.hears("**Done**").await;
    assert_eq!((&reply["author"]["name"], &reply["author"]["bot"]), (&json!("Deployer"), &json!(true)));
    let told = receiver.wait_for(3).await;
    assert_eq!(told[0].headers["webhook-id"], told[1].headers["webhook-id"]);
    assert_eq!(told[1].headers["webhook-id"], told[2].headers["webhook-id"]);
    assert_eq!(told[1].headers["webhook-signature"], signature(&told[1], webhook["secret"].as_str().unwrap()));
    let data = &told[1].body["data"];
    assert_eq!((&data["room"], &data["command"], &data["text"]), (&json!(own), &json!("deploy"), &json!("now, please")));
    assert_eq!(data["author"]["username"], "eve");
    assert_ne!(reply["links_off"], true);
    receiver.reply(Reply::Says(r#"{"body": "Again", "unfurl_links": false}"#));
    say(&eve, &own, "/deploy", "n3").await.expect(200);
    assert_eq!(listening.hears("Again").await["links_off"], true);
    let page = eve.get_json(&format!("/rooms/{own}")).await.json();
    let texts: Vec<_> = page["messages"].as_array().unwrap().iter().filter(|one| one["kind"] == "text").collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    // Off, it is no command.
    ruth.post(&format!("/admin/webhooks/{}/off", webhook["id"].as_str().unwrap()), &[]).await.expect(303);
    assert_eq!(say(&eve, &own, "/deploy", "n4").await.status, 422);
    assert_eq!(names(&eve, &own).await, json!([]));
}

#[apply(everywhere)]
async fn messages_are_replied_to_unless_a_bot_wrote_them(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let (chatty, silent) = (Receiver::start().await, Receiver::start().await);
    for receiver in [&chatty, &silent] {
        receiver.reply(Reply::Says(r#"{"body": "I heard that"}"#));
    }
    ruth.enter("general").await;
    let everywhere = json!({ "url": chatty.url("/"), "name": "Echo" });
    let refused = post_json(&ruth, "/admin/webhooks", &everywhere).await.expect(422).json();
    assert_eq!(refused["error"]["field"], "rooms", "a bot is a member of the rooms that it replies in");
    let wanted = json!({ "url": chatty.url("/"), "events": ["message.posted"], "rooms": ["general"], "name": "Echo" });
    let id = post_json(&ruth, "/admin/webhooks", &wanted).await.expect(201).json()["webhook"]["id"].clone();
    let wanted = json!({ "url": silent.url("/"), "events": ["message.posted"], "rooms": ["general"] });
    post_json(&ruth, "/admin/webhooks", &wanted).await.expect(201);
    eve.enter("general").await;
    let (listening, _) = eve.join("general").await;
    listening.post("general", "hello", "n1").await;
    listening.hears("I heard that").await;
    // Both were told of the reply, which neither replies to.
    chatty.wait_for(2).await;
    silent.wait_for(2).await;
    listening.post("general", "bye", "n2").await;
    listening.hears("I heard that").await;
    let page = eve.get_json("/rooms/general").await.json();
    let texts: Vec<_> =
        page["messages"].as_array().unwrap().iter().filter(|one| one["kind"] == "text").map(|one| &one["body"]).collect();
    assert_eq!(texts, ["hello", "I heard that", "bye", "I heard that"]);
    // Without a name it replies no more, and its bot is closed.
    let path = format!("/admin/webhooks/{}", id.as_str().unwrap());
    ruth.post(&path, &[("url", &chatty.url("/")), ("events", "message.posted"), ("rooms", "general")]).await.expect(303);
    listening.post("general", "anybody?", "n3").await;
    chatty.wait_for(5).await;
    assert_eq!(ruth.get_json(&path).await.json()["webhook"]["name"], Value::Null);
}

#[apply(everywhere)]
async fn a_program_uses_the_command_of_a_webhook_once(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let receiver = Receiver::start().await;
    ruth.enter("general").await;
    eve.enter("general").await;
    let wanted = json!({
        "url": receiver.url("/"), "events": ["command.used"], "rooms": ["general"], "command": "deploy", "hint": "Deploys",
    });
    post_json(&ruth, "/admin/webhooks", &wanted).await.expect(201);
    let (path, program) = ("/rooms/general/commands", Program::of(app, &eve, "write").await);
    let listed = program.get(path).await.expect(200).json()["commands"].clone();
    let last = listed.as_array().and_then(|all| all.last()).expect("a command");
    assert_eq!(last, &json!({ "name": "deploy", "takes": null, "hint": "Deploys", "is_built_in": false }));
    let used = json!({ "text": "/deploy now, please", "nonce": "n1" });
    for _ in 0..2 {
        assert_eq!(program.post(path, used.clone()).await.expect(200).json(), json!({ "notice": "Sent /deploy." }));
    }
    // The same command by the same person is the same delivery, however it is sent.
    assert_eq!(say(&eve, "general", "/deploy now, please", "n1").await.expect(200).json()["notice"], "Sent /deploy.");
    program.post(path, json!({ "text": "/deploy", "nonce": "n2" })).await.expect(200);
    let told = receiver.wait_for(4).await;
    let ids: Vec<_> = told.iter().map(|one| &one.headers["webhook-id"]).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{ids:?}");
    assert_eq!(
        (&told[0].body["data"]["text"], &told[0].body["data"]["author"]["username"]),
        (&json!("now, please"), &json!("eve"))
    );
    eve.post("/rooms/general/leave", &[]).await.expect(303);
    program.post(path, used).await.expect(403);
}

/// The delivery was taken, and what it was answered with cannot be stored at that moment.
#[apply(once)]
async fn a_reply_is_posted_once_the_database_takes_it(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let receiver = Receiver::start().await;
    ruth.enter("general").await;
    let (listening, _) = eve.join("general").await;
    let wanted = json!({
        "url": receiver.url("/"), "events": ["command.used"], "rooms": ["general"], "command": "deploy", "name": "Deployer",
    });
    post_json(&ruth, "/admin/webhooks", &wanted).await.expect(201);
    let answer = Arc::new(Notify::new());
    receiver.reply(Reply::Says(r#"{"body": "Done"}"#));
    receiver.reply_next([Reply::SaysThen(answer.clone(), r#"{"body": "Done"}"#)]);
    say(&eve, "general", "/deploy", "n1").await.expect(200);
    receiver.wait_for(1).await;
    let mut other = SqliteConnectOptions::new().filename(app.database.file()).connect().await.expect("the file is there");
    other.execute("begin immediate").await.expect("nobody writes now");
    answer.notify_one();
    // Twice: the reply is in the same batch as the first of these, or as the second.
    for nonce in ["n2", "n3"] {
        let refused = listening.ask("message", json!({ "room": "general", "body": "while held", "nonce": nonce })).await;
        assert_eq!(refused["error"]["code"], "unavailable", "{refused}");
    }
    other.execute("rollback").await.expect("it can let go");
    until("it is delivered again", async || {
        app.pass(Duration::from_secs(10));
        receiver.count() >= 2
    })
    .await;
    listening.hears("Done").await;
    let told = receiver.deliveries();
    assert_eq!(told[0].headers["webhook-id"], told[1].headers["webhook-id"]);
    let stored = app.database.query("select count(*) as count from messages where body = 'Done'").await;
    assert_eq!(stored, [json!({ "count": 1 })]);
}
