//! What is older than it should be kept.

use serde_json::{Value, json};

use super::{hears_deletion, hours, keep, post, post_json, read, room_of_eve, until};
use crate::files::removal::comes_to;
use crate::files::{attachments, form, send, send_one};
use crate::harness::{Database, Nodes, Server, TestApp};
use crate::{both, everywhere, nodes};

#[apply(everywhere)]
async fn an_expired_message_goes_for_everybody_as_if_it_was_deleted(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let (socket, _) = ada.join(&room).await;
    let (hers, _) = eve.join(&room).await;
    let old = post(&socket, &room, "an old marmalade secret for @eve").await;
    socket.ok("edit", json!({ "room": room, "seq": old, "body": "an old marmalade recipe for @eve" })).await;
    hers.ok("react", json!({ "room": room, "seq": old, "emoji": "🎉", "on": true })).await;
    eve.post(&format!("/rooms/{room}/{old}/pin"), &[("on", "true")]).await.expect(303);
    app.pass(hours(1));
    let newer = post(&socket, &room, "newer marmalade").await;
    let known = hers.ok("join", json!({ "room": room })).await["head"]["rev"].as_i64().unwrap();
    let found = async || eve.get_json("/search?q=marmalade").await.expect(200).json()["results"].as_array().unwrap().len();
    until("both are found", async || found().await == 2).await;

    keep(&ada, "messages=2h").await;
    app.pass(hours(1) + hours(1) / 2);
    let gone = hears_deletion(&hers, old).await;
    hears_deletion(&socket, old).await;
    assert!(gone["rev"].as_i64().unwrap() > known, "{gone}");
    for field in ["attachments", "reactions", "edited_at", "pinned"] {
        assert_eq!(gone[field], Value::Null, "{field}");
    }
    // Who comes back learns it too, and what is not old enough stays.
    let later = eve.socket().await.ok("join", json!({ "room": room, "after": known })).await;
    let told: Vec<_> = later["messages"].as_array().unwrap().iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    assert!(told.contains(&old) && !told.contains(&newer), "{later}");
    assert_eq!(read(&eve, &room, newer).await["body"], "newer marmalade");
    until("one is found", async || found().await == 1).await;
    for table in ["revisions", "reactions", "mentions"] {
        assert_eq!(app.database.rows(table).await, Vec::<Value>::new(), "{table}");
    }
    // Notices go as well: they say who was here.
    assert!(read(&eve, &room, 1).await["deleted_at"].is_string());
    app.database.check_rooms().await;
    let overview = async || ada.get_json("/admin").await.expect(200).json()["retention"].clone();
    until("the administrators see it", async || {
        app.pass(std::time::Duration::from_secs(61));
        overview().await["last"]["messages"].as_u64().is_some_and(|count| count >= 1)
    })
    .await;
}

#[apply(both)]
async fn expired_files_leave_their_messages(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let (socket, _) = ada.join(&room).await;
    let with_text = form(&[("plan.txt", b"all the plans")]).text("body", "the plan");
    let sent = send(&eve, &room, with_text).await;
    let file = attachments(&sent).remove(0);
    let seq = sent.json()["message"]["seq"].as_i64().unwrap();
    let alone =
        send(&eve, &room, form(&[("alone.txt", b"nothing else")])).await.expect(201).json()["message"]["seq"].as_i64().unwrap();
    let blobs = app.files.path().join("blobs");
    comes_to(&blobs, 2).await;
    keep(&ada, "files=2h").await;
    app.pass(hours(3));
    let stripped = socket.next_where("message", |message| message["attachments"][0]["expired"] == true).await;
    assert_eq!((&stripped["seq"], &stripped["body"]), (&json!(seq), &json!("the plan")));
    let kept = &stripped["attachments"][0];
    assert_eq!((&kept["id"], &kept["name"], &kept["bytes"]), (&file["id"], &json!("plan.txt"), &json!(13)));
    assert_eq!((&kept["preview"], &kept["excerpt"]), (&Value::Null, &Value::Null));
    hears_deletion(&socket, alone).await;
    eve.get(file["url"].as_str().unwrap()).await.expect(404);
    comes_to(&blobs, 0).await;
    assert!(eve.get(&format!("/rooms/{room}")).await.expect(200).body.contains("Expired · TXT · 13 bytes"));
    app.database.check_rooms().await;
}

#[apply(both)]
async fn an_old_file_behind_a_young_one_expires(database: &Database) {
    let files = format!("file://{}", database.folder().join("files").display());
    let mut server = Server::start(database.url(), &[("FILES_URL", &*files)]).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Tea", "public").await;
    let young = send_one(&eve, &room, "young.txt", b"young").await;
    let sent = send(&eve, &room, form(&[("old.txt", b"old")])).await;
    let (old, seq) = (attachments(&sent).remove(0), sent.json()["message"]["seq"].as_i64().unwrap());
    server.stop().await;
    // As after an import into a room in which somebody has written: places are not in the order of time.
    let age = "update messages set created_at = created_at - 86400000 where room_id in (select id from rooms where name = 'Tea')";
    database.run(&format!("{age} and seq = {seq}")).await;
    let mut server = Server::start(database.url(), &[("FILES_URL", &*files), ("RETENTION", "files=2h")]).await;
    let eve = server.log_in("eve").await;
    until("the old file goes", async || eve.get(old["url"].as_str().unwrap()).await.status == 404).await;
    assert_eq!(eve.get(young["url"].as_str().unwrap()).await.expect(200).body, "young");
    assert!(read(&eve, &room, seq).await["deleted_at"].is_string(), "there was nothing else in it");
    server.stop().await;
    database.check_rooms().await;
}

#[apply(both)]
async fn sessions_and_the_audit_log_have_their_times(database: &Database) {
    let mut server = Server::start(database.url(), &[("RETENTION", "audit=5h,sessions=3h"), ("AUDIT_KEEP", "off")]).await;
    let ada = server.register("ada").await;
    database.make_admin("ada").await;
    let (socket, _) = ada.join("general").await;
    let refused = post_json(&ada, "/admin/settings", &[("retention", "off")]).await;
    assert_eq!(refused.expect(422).json()["error"]["field"], "retention", "the environment decides");
    server.pass(hours(2));
    let ada_again = server.log_in("ada").await;
    server.pass(hours(2));
    until("the old session ends", async || database.rows("sessions").await.len() == 1).await;
    ada.get("/rooms").await.expect(303);
    ada_again.get("/rooms").await.expect(200);
    assert_eq!(socket.next("signed_out").await["reason"], "expired");
    let count =
        async || database.query("select count(*) as count from audit where action = 'user.register'").await[0]["count"].clone();
    assert_eq!(count().await, 1);
    server.pass(hours(2));
    until("the old entry goes", async || count().await == 0).await;
    server.stop().await;
}

#[apply(nodes)]
async fn sessions_that_are_too_old_end_on_every_node(nodes: &Nodes) {
    let (ada, eve) = (nodes.a.register("ada").await, nodes.b.register("eve").await);
    nodes.database.make_admin("ada").await;
    let (at_a, _) = ada.join("general").await;
    let (at_b, _) = eve.join("general").await;
    keep(&ada, "sessions=2h").await;
    nodes.a.pass(hours(3));
    for socket in [at_a, at_b] {
        assert_eq!(socket.next("signed_out").await["reason"], "expired");
        socket.is_cut().await;
    }
}

#[apply(nodes)]
async fn of_two_nodes_one_deletes_and_both_tell(nodes: &Nodes) {
    let (ada, eve) = (nodes.a.register("ada").await, nodes.b.register("eve").await);
    nodes.database.make_admin("ada").await;
    let (at_a, _) = ada.join("general").await;
    let (at_b, _) = eve.join("general").await;
    let mut last = 0;
    for number in 0..30 {
        last = post(&at_a, "general", &format!("number {number}")).await;
    }
    let before =
        ada.get_json("/rooms/general").await.json()["messages"].as_array().unwrap().last().unwrap()["rev"].as_i64().unwrap();
    keep(&ada, "messages=2h").await;
    nodes.a.pass(hours(3));
    let (one, other) = (hears_deletion(&at_a, last).await, hears_deletion(&at_b, last).await);
    assert_eq!(one["rev"], other["rev"]);
    // Each message took one `rev`: nobody deleted it a second time.
    let room = &nodes.database.query("select seq, rev from rooms where slug = 'general'").await[0];
    assert_eq!(room["rev"].as_i64().unwrap(), before + room["seq"].as_i64().unwrap());
    nodes.database.check_rooms().await;
}
