//! What webhooks are told.

use std::collections::BTreeSet;

use proof::infra::receiver::{Receiver, Reply};
use serde_json::json;

use super::{add, admin, kinds, post_json, signature, texts};
use crate::harness::TestApp;
use crate::retention::{hours, keep, until};
use crate::{both, everywhere};

#[apply(everywhere)]
async fn what_happens_in_a_public_room_is_told_in_order_and_signed(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let receiver = Receiver::start().await;
    let (_, secret) = add(&ruth, &receiver, "/hook?key=1", &[], &[]).await;
    eve.enter("general").await;
    let (socket, _) = eve.join("general").await;
    let seq = socket.post("general", "first *words*", "n1").await["seq"].clone();
    socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "other words" })).await;
    socket.ok("react", json!({ "room": "general", "seq": seq, "emoji": "🍵", "on": true })).await;
    socket.ok("react", json!({ "room": "general", "seq": seq, "emoji": "🍵", "on": false })).await;
    socket.ok("pin", json!({ "room": "general", "seq": seq, "on": true })).await;
    socket.ok("pin", json!({ "room": "general", "seq": seq, "on": false })).await;
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    eve.post("/rooms/general/leave", &[]).await.expect(303);
    let told = receiver.wait_for(9).await;
    let expected = [
        "member.joined",
        "message.posted",
        "message.edited",
        "reaction.added",
        "reaction.removed",
        "message.pinned",
        "message.unpinned",
        "message.deleted",
        "member.left",
    ];
    assert_eq!(kinds(&told), expected);
    let ids: BTreeSet<_> = told.iter().map(|one| &one.headers["webhook-id"]).collect();
    assert_eq!(ids.len(), told.len());
    for one in &told {
        assert_eq!((one.path.as_str(), one.headers["content-type"].as_str()), ("/hook?key=1", "application/json"));
        assert_eq!(one.headers["webhook-signature"], signature(one, &secret));
        assert_eq!(one.body["data"]["room"], "general");
        assert_eq!(one.body["data"]["author"]["username"], "eve");
        assert!(one.body["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    for (at, reaction) in [(3, "🍵"), (4, "🍵")] {
        assert_eq!(told[at].body["data"]["reaction"], json!({ "emoji": reaction, "user": "eve" }));
    }
    assert!(told[7].body["data"]["deleted_at"].is_string());
}

#[apply(both)]
async fn only_the_chosen_events_in_the_chosen_rooms_are_told(app: &TestApp) {
    let ruth = admin(app).await;
    let tea = ruth.create_room("Tea", "public").await;
    let receiver = Receiver::start().await;
    let form = [("url", receiver.url("/form")), ("events", "message.posted,room.topic".into()), ("rooms", format!("#{tea}"))];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ruth.post("/admin/webhooks", &form).await.expect(201);
    ruth.enter("general").await;
    ruth.write("general", "not this").await.expect(303);
    ruth.write(&tea, "this").await.expect(303);
    ruth.post(&format!("/rooms/{tea}/1/react"), &[("emoji", "🍵"), ("on", "true")]).await;
    ruth.post(&format!("/rooms/{tea}/settings"), &[("topic", "Leaves")]).await.expect(303);
    let told = receiver.wait_for(2).await;
    assert_eq!(kinds(&told), ["message.posted", "room.topic"]);
    assert_eq!(texts(&told), ["this", "Leaves"]);
}

#[apply(both)]
async fn private_rooms_are_told_of_only_by_name_and_conversations_never(app: &TestApp) {
    let (ruth, eve) = (admin(app).await, app.register("eve").await);
    let (named, unnamed) = (ruth.create_room("Named", "private").await, ruth.create_room("Unnamed", "private").await);
    let foreign = eve.create_room("Foreign", "private").await;
    let receiver = Receiver::start().await;
    // Who cannot read a room cannot have it read to somebody else.
    let body = json!({ "url": receiver.url("/"), "rooms": [foreign] });
    assert_eq!(post_json(&ruth, "/admin/webhooks", &body).await.expect(422).json()["error"]["field"], "rooms");
    add(&ruth, &receiver, "/all", &["message.posted"], &[]).await;
    add(&ruth, &receiver, "/named", &["message.posted"], &[&named]).await;
    let direct = ruth.post("/direct", &[("users", "eve")]).await.expect(303).location();
    ruth.post(&format!("{direct}/messages"), &[("body", "only for eve")]).await.expect(303);
    ruth.write(&named, "in the named room").await.expect(303);
    ruth.write(&unnamed, "in the other one").await.expect(303);
    ruth.enter("general").await;
    ruth.write("general", "for all").await.expect(303);
    let mut told: Vec<_> =
        receiver.wait_for(2).await.iter().map(|one| (one.path.clone(), one.body["data"]["body"].clone())).collect();
    told.sort_by_key(|(path, _)| path.clone());
    assert_eq!(told, [("/all".into(), json!("for all")), ("/named".into(), json!("in the named room"))]);
}

/// What is sent is what is there at that moment.
#[apply(both)]
async fn nothing_that_was_deleted_or_became_private_is_told_later(app: &TestApp) {
    let ruth = admin(app).await;
    let tea = ruth.create_room("Tea", "public").await;
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/", &["message.posted"], &[]).await;
    ruth.enter("general").await;
    receiver.reply(Reply::Status(500, ""));
    ruth.write("general", "a secret").await.expect(303);
    receiver.wait_for(1).await;
    ruth.write(&tea, "soon private").await.expect(303);
    ruth.post("/rooms/general/2/delete", &[]).await.expect(303);
    ruth.post(&format!("/rooms/{tea}/settings"), &[("visibility", "private")]).await.expect(303);
    ruth.write("general", "the end").await.expect(303);
    receiver.reply(Reply::Status(204, ""));
    app.pass(std::time::Duration::from_secs(60));
    let told = receiver.wait_for(3).await;
    assert_eq!(texts(&told[1..]), ["", "the end"]);
    assert!(told[1].body["data"]["deleted_at"].is_string());
    assert!(!told[1].text.contains("secret"));
}

/// Whoever keeps copies must forget a room that became private, and hears of one that became public.
#[apply(both)]
async fn whoever_knew_a_room_is_told_that_it_became_private_and_all_that_one_became_public(app: &TestApp) {
    let ruth = admin(app).await;
    let tea = ruth.create_room("Tea", "public").await;
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/all", &["room.renamed", "room.visibility"], &[]).await;
    let settings = format!("/rooms/{tea}/settings");
    let private = [("name", "Secret tea"), ("visibility", "private")];
    ruth.post(&settings, &private).await.expect(303);
    ruth.post(&settings, &[("name", "Open tea")]).await.expect(303);
    let told = receiver.wait_for(1).await;
    assert_eq!(kinds(&told), ["room.visibility"]);
    assert_eq!(told[0].body["data"], json!({ "room": tea, "name": "Tea", "visibility": "private" }));
    let public = [("visibility", "public"), ("confirm", "yes")];
    ruth.post(&settings, &public).await.expect(303);
    let told = receiver.wait_for(2).await;
    assert_eq!(kinds(&told), ["room.visibility", "room.visibility"]);
    assert_eq!(told[1].body["data"]["body"], "public");
    // One that names the room, which it may know all the time, gets the messages.
    let named = Receiver::start().await;
    add(&ruth, &named, "/named", &["room.visibility"], &[&tea]).await;
    ruth.post(&settings, &[("visibility", "private")]).await.expect(303);
    let told = named.wait_for(1).await;
    assert_eq!(texts(&told), ["private"]);
    receiver.wait_for(3).await;
    // What became public and private again before it could be told was never known.
    receiver.reply(Reply::Status(500, ""));
    ruth.post(&settings, &public).await.expect(303);
    receiver.wait_for(4).await;
    ruth.post(&settings, &[("visibility", "private")]).await.expect(303);
    receiver.reply(Reply::Status(204, ""));
    app.pass(std::time::Duration::from_secs(60));
    let told = receiver.wait_for(5).await;
    assert_eq!(told[4].body["data"]["visibility"], "private");
    assert!(!told.iter().any(|one| one.text.contains("Secret")), "{told:?}");
}

#[apply(both)]
async fn rooms_that_come_and_go_are_told(app: &TestApp) {
    let ruth = admin(app).await;
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/", &["room.created", "room.renamed", "room.archived", "room.restored", "room.deleted"], &[]).await;
    ruth.create_room("Hidden", "private").await;
    let tea = ruth.create_room("Tea", "public").await;
    // Of a room that is gone by then, only its end would be told.
    receiver.wait_for(1).await;
    ruth.post(&format!("/rooms/{tea}/settings"), &[("name", "Coffee")]).await.expect(303);
    receiver.wait_for(2).await;
    ruth.post(&format!("/rooms/{tea}/archive"), &[]).await.expect(303);
    receiver.wait_for(3).await;
    ruth.post(&format!("/rooms/{tea}/unarchive"), &[]).await.expect(303);
    receiver.wait_for(4).await;
    ruth.post(&format!("/rooms/{tea}/delete"), &[("confirm", &tea)]).await.expect(303);
    let told = receiver.wait_for(5).await;
    assert_eq!(kinds(&told), ["room.created", "room.renamed", "room.archived", "room.restored", "room.deleted"]);
    assert_eq!(told.last().unwrap().body["data"], json!({ "room": tea, "name": "Coffee" }));
    assert_eq!(told[0].body["data"]["room"], tea.as_str());
}

/// It would take the place of what people do.
#[apply(both)]
async fn what_the_server_deletes_by_itself_is_not_told(app: &TestApp) {
    let (ruth, eve, mary) = (admin(app).await, app.register("eve").await, app.register("mary").await);
    for person in [&ruth, &eve, &mary] {
        person.enter("general").await;
    }
    for (person, body) in [(&eve, "@mary one"), (&mary, "@eve two"), (&ruth, "three"), (&ruth, "by hand"), (&eve, "reported")] {
        person.write("general", body).await.expect(303);
    }
    let receiver = Receiver::start().await;
    add(&ruth, &receiver, "/", &[], &[]).await;
    let alive = async || app.database.query("select body from messages where kind = 'text' and deleted_at is null").await.len();
    let rows = ruth.get_json("/rooms/general").await.json()["messages"].as_array().unwrap().clone();
    let seq_of = |body: &str| rows.iter().find(|one| one["body"] == body).expect("it is there")["seq"].clone();
    let (by_hand, reported) = (seq_of("by hand"), seq_of("reported"));
    ruth.post(&format!("/rooms/general/{by_hand}/delete"), &[]).await.expect(303);
    // Somebody decides about one message: it is by hand, too.
    mary.post(&format!("/rooms/general/{reported}/report"), &[("reason", "It’s rude")]).await.expect(303);
    let report = ruth.get_json("/admin/reports").await.json()["reports"][0]["id"].as_str().expect("an id").to_owned();
    ruth.post(&format!("/admin/reports/{report}/close"), &[("action", "delete")]).await.expect(303);
    ruth.post("/admin/people/eve/delete-messages", &[("since", "all")]).await.expect(303);
    until("hers are gone", async || alive().await == 2).await;
    let form = [("messages", "delete"), ("confirm", "mary")];
    ruth.post("/admin/people/mary/delete", &form).await.expect(303);
    until("hers are gone, too", async || alive().await == 1).await;
    keep(&ruth, "messages=1h").await;
    app.pass(hours(2));
    until("the rest has expired", async || alive().await == 0).await;
    ruth.post("/rooms/general/settings", &[("topic", "the end")]).await.expect(303);
    until("the end is told", async || kinds(&receiver.deliveries()).last() == Some(&"room.topic")).await;
    let told = receiver.deliveries();
    assert_eq!(kinds(&told), ["message.deleted", "message.deleted", "room.topic"]);
    assert_eq!((&told[0].body["data"]["seq"], &told[1].body["data"]["seq"]), (&by_hand, &reported));
}
