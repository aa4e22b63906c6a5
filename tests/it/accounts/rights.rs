//! What an access token has of its owner's power as an administrator: nothing without the scope `admin`, in no room and nowhere else. The sweeps
//! (`rooms`, `administration` and `api`) try every route, event and operation; here the same is done with the scope.

use serde_json::json;

use super::tokens::{Program, secret};
use crate::harness::{Person, TestApp};
use crate::retention::until;
use crate::{both, everywhere};

/// An owner, an administrator, and the administrator's programs: one without the scope `admin`, and one with it.
async fn programs(app: &TestApp) -> (Person, Person, Program, Program) {
    let (ada, rosa) = (app.register("ada").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    let plain = Program::new(app, &secret(&rosa, "read write").await);
    let full = Program::new(app, &secret(&rosa, "read write admin").await);
    (ada, rosa, plain, full)
}

#[apply(everywhere)]
async fn in_a_private_room_of_others_it_takes_the_scope(app: &TestApp) {
    let (ada, _, plain, full) = programs(app).await;
    app.register("mei").await;
    let room = ada.create_room("Secret circle", "private").await;
    ada.write(&room, "the password is swordfish").await.expect(303);
    ada.post(&format!("/rooms/{room}/members"), &[("username", "mei")]).await.expect(303);
    let state = async || {
        let room =
            app.database.query("select archived_at, keep_messages, keep_files from rooms where visibility = 'private'").await;
        let members = app.database.query("select user_id, role from memberships order by user_id").await;
        (room, members, app.database.rows("room_bans").await)
    };
    for (path, fields) in [
        ("retention", &[("messages", "30")][..]),
        ("members/mei/role", &[("role", "moderator")]),
        ("members/mei/ban", &[]),
        ("members/mei/unban", &[]),
        ("archive", &[]),
        ("unarchive", &[]),
        ("hooks", &[("name", "Builds")]),
        ("members/rosa/role", &[("role", "owner")]),
    ] {
        let path = format!("/rooms/{room}/{path}");
        let before = state().await;
        assert_eq!(plain.post(&path, fields).await.expect(404).code(), "not_found", "{path}");
        assert_eq!(state().await, before, "{path}");
        let answer = full.post(&path, fields).await;
        // Who is no member adds nobody, and a webhook's bot would be somebody.
        let expected = if path.ends_with("/hooks") { 403 } else { 303 };
        assert_eq!(answer.status, expected, "{path}: {answer:?}");
    }
    // They own it now, and every token that writes does what an owner does.
    plain.post(&format!("/rooms/{room}/delete"), &[("confirm", &room)]).await.expect(303);
}

#[apply(both)]
async fn among_the_members_of_a_room_it_takes_the_scope(app: &TestApp) {
    let (ada, rosa, plain, full) = programs(app).await;
    let room = ada.create_room("Open house", "public").await;
    rosa.enter(&room).await;
    let (socket, _) = ada.join(&room).await;
    let seq = socket.post(&room, "the first words", "1").await["seq"].as_i64().expect("a place");
    socket.ok("edit", json!({ "room": room, "seq": seq, "body": "other words" })).await;
    let (told, telling) = (plain.socket().await.expect("let in"), full.socket().await.expect("let in"));
    // What was written before, on each way.
    let asked = json!({ "room": room, "seq": seq });
    for path in [format!("/rooms/{room}/{seq}/history"), format!("/api/v1/rooms/{room}/messages/{seq}/revisions")] {
        let refused = plain.get(&path).await;
        assert!(refused.expect(403).code() == "forbidden" && !refused.body.contains("first words"), "{path}: {refused:?}");
        assert!(full.get(&path).await.expect(200).body.contains("the first words"), "{path}");
    }
    assert_eq!(told.refused("revisions", asked.clone()).await, "forbidden");
    assert_eq!(telling.ok("revisions", asked.clone()).await["revisions"][0]["body"], "the first words");
    // What is an owner's, and so an administrator's.
    for (path, fields) in [
        ("settings", &[("name", "Closed house")][..]),
        ("retention", &[("messages", "30")]),
        ("archive", &[]),
        ("unarchive", &[]),
    ] {
        let path = format!("/rooms/{room}/{path}");
        assert_eq!(plain.post(&path, fields).await.expect(403).code(), "forbidden", "{path}");
        full.post(&path, fields).await.expect(303);
    }
    assert_eq!(told.refused("message", json!({ "room": room, "body": "/archive", "nonce": "2" })).await, "forbidden");
    assert_eq!(told.refused("delete", asked.clone()).await, "forbidden");
    telling.ok("delete", asked).await;
    // Their person loses nothing by it.
    rosa.post(&format!("/rooms/{room}/settings"), &[("name", "Rosa’s house")]).await.expect(303);
}

/// A reminder of a room is said later, when the token may be gone.
#[apply(both)]
async fn a_reminder_is_said_with_the_rights_that_asked_for_it(app: &TestApp) {
    let (ada, rosa, plain, full) = programs(app).await;
    let room = ada.create_room("News", "public").await;
    rosa.enter(&room).await;
    ada.post(&format!("/rooms/{room}/settings"), &[("posting", "moderator")]).await.expect(303);
    plain.post(&format!("/rooms/{room}/messages"), &[("body", "not mine to tell")]).await.expect(403);
    let (socket, _) = ada.join(&room).await;
    let path = format!("/rooms/{room}/messages");
    plain.post(&path, &[("body", "/remind room in 1 second of nothing")]).await.expect(200);
    until("it is due", async || app.database.query("select id from jobs where kind = 'remind'").await.is_empty()).await;
    full.post(&path, &[("body", "/remind room in 1 second of everything")]).await.expect(200);
    socket.hears("Reminder: of everything").await;
    assert!(app.database.query("select id from messages where body like '%of nothing%'").await.is_empty());
}
