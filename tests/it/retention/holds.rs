//! Legal holds.

use std::time::Duration;

use serde_json::{Value, json};

use super::{hears_deletion, hold, hours, keep, post, post_json, read, room_of_eve, until};
use crate::accounts::tokens::{self, secret};
use crate::api::Program;
use crate::files::removal::comes_to;
use crate::files::{attachments, form, send};
use crate::harness::TestApp;
use crate::{both, everywhere};

#[apply(everywhere)]
async fn nothing_of_a_room_expires_while_it_is_held(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let other = eve.create_room("Other", "public").await;
    let (socket, _) = eve.join(&room).await;
    let held = post(&socket, &room, "evidence").await;
    let (there, _) = eve.join(&other).await;
    let free = post(&there, &other, "small talk").await;
    let id = hold(&ada, "room", &room).await;
    keep(&ada, "messages=2h").await;
    app.pass(hours(3));
    // The rooms are gone through in the order in which they were made.
    hears_deletion(&there, free).await;
    assert_eq!(read(&eve, &room, held).await["body"], "evidence");
    let told = eve.get(&format!("/rooms/{room}/members")).await.body.clone();
    assert!(!told.contains("egal hold") && !told.contains("Case 7"), "members are not told");
    let refused = post_json(&eve, &format!("/rooms/{room}/delete"), &[("confirm", &room)]).await;
    assert_eq!(refused.expect(403).code(), "forbidden");

    let ada = app.log_in("ada").await;
    ada.post(&format!("/admin/holds/{id}/release"), &[]).await.expect(303);
    app.pass(Duration::from_secs(61));
    hears_deletion(&socket, held).await;
    let actions = ada.get_json("/admin/audit?action=hold").await.json()["entries"].clone();
    let actions: Vec<_> = actions.as_array().unwrap().iter().map(|entry| [&entry["action"], &entry["target"]]).collect();
    assert_eq!(actions, [[&json!("hold.release"), &json!(room)], [&json!("hold.add"), &json!(room)]]);
}

#[apply(both)]
async fn what_people_delete_of_it_stays_for_administrators(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let (socket, _) = eve.join(&room).await;
    let with_text = form(&[("plan.txt", b"all the plans")]).text("body", "the first words");
    let sent = send(&eve, &room, with_text).await;
    let file = attachments(&sent).remove(0)["url"].as_str().unwrap().to_owned();
    let seq = sent.json()["message"]["seq"].as_i64().unwrap();
    let id = hold(&ada, "person", "eve").await;
    socket.ok("edit", json!({ "room": room, "seq": seq, "body": "other words" })).await;
    socket.ok("delete", json!({ "room": room, "seq": seq })).await;
    let gone = read(&ada, &room, seq).await;
    assert_eq!((&gone["body"], &gone["attachments"]), (&json!(""), &Value::Null), "for everybody it is deleted");
    eve.get(&file).await.expect(404);
    let path = format!("/admin/holds/{id}");
    let kept = ada.get_json(&path).await.expect(200).json();
    let texts: Vec<_> = kept["held"].as_array().unwrap().iter().map(|text| text["body"].as_str().unwrap()).collect();
    assert_eq!(texts, ["other words", "the first words"], "{kept}");
    assert_eq!(kept["held"][0]["author"], "eve");
    assert_eq!(ada.get(&file).await.expect(200).body, "all the plans");
    assert!(ada.get(&path).await.expect(200).body.contains("other words"));
    eve.get_json(&path).await.expect(403);
    assert_eq!(ada.get_json("/admin/audit?action=hold.read").await.json()["entries"].as_array().unwrap().len(), 2);
    // An administrator who deletes everything of a person does not delete it either.
    let second = post(&socket, &room, "written later").await;
    ada.post("/admin/people/eve/delete-messages", &[("since", "all")]).await.expect(303);
    hears_deletion(&socket, second).await;
    let bodies = ada.get_json(&path).await.json()["held"].clone();
    assert!(bodies.as_array().unwrap().iter().any(|text| text["body"] == "written later"), "{bodies}");

    // With the last hold that covers it, it goes.
    let other = hold(&ada, "room", &room).await;
    ada.post(&format!("{path}/release"), &[]).await.expect(303);
    app.pass(Duration::from_secs(61));
    assert!(!ada.get_json(&format!("/admin/holds/{other}")).await.json()["held"].as_array().unwrap().is_empty());
    ada.post(&format!("/admin/holds/{other}/release"), &[]).await.expect(303);
    until("nothing is kept", async || app.database.rows("held").await.is_empty()).await;
    comes_to(&app.files.path().join("blobs"), 0).await;
    ada.get(&file).await.expect(404);
}

/// What is for administrators takes an administrator's log-in, or a token that says `admin`.
#[apply(everywhere)]
async fn a_held_file_is_not_for_a_token_without_admin(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let sent = send(&eve, &room, form(&[("plans.txt", b"all the plans")])).await;
    let file = attachments(&sent).remove(0);
    let (url, id) = (file["url"].as_str().unwrap(), file["id"].as_str().unwrap());
    let plain = tokens::Program::new(app, &secret(&ada, "read write").await);
    let full = tokens::Program::new(app, &secret(&ada, "read admin").await);
    let about = format!("/api/v1/files/{id}");
    for program in [&plain, &full] {
        assert_eq!(program.get(url).await.expect(200).body, "all the plans");
    }
    let hold = hold(&ada, "person", "eve").await;
    eve.post(&format!("/rooms/{room}/{}/delete", sent.json()["message"]["seq"]), &[]).await.expect(303);
    for path in [url, &about] {
        assert_eq!(plain.get(path).await.expect(404).code(), "not_found", "{path}");
        full.get(path).await.expect(200);
        ada.get(path).await.expect(200);
        assert_eq!(eve.get_json(path).await.expect(404).code(), "not_found", "{path}");
    }
    plain.get(&format!("/admin/holds/{hold}")).await.expect(403);
    full.get(&format!("/admin/holds/{hold}")).await.expect(200);
}

#[apply(both)]
async fn an_account_and_its_rooms_outlast_a_hold(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let (socket, _) = eve.join(&room).await;
    let (hers, _) = ada.join(&room).await;
    let kept = post(&socket, &room, "by eve").await;
    let free = post(&hers, &room, "by ada").await;
    let id = hold(&ada, "person", "@Eve").await;
    keep(&ada, "messages=2h").await;
    let deletion = [("messages", "delete"), ("confirm", "eve")];
    post_json(&ada, "/admin/people/eve/delete", &deletion).await.expect(403);
    app.pass(hours(3));
    hears_deletion(&hers, free).await;
    assert_eq!(read(&ada, &room, kept).await["body"], "by eve");
    // The room goes out of sight, and its messages wait.
    eve.post(&format!("/rooms/{room}/delete"), &[("confirm", &room)]).await.expect(303);
    ada.get(&format!("/rooms/{room}")).await.expect(404);
    let other = ada.create_room("Other", "public").await;
    let (there, _) = ada.join(&other).await;
    let later = post(&there, &other, "later").await;
    app.pass(hours(3));
    hears_deletion(&there, later).await;
    let bodies = async || app.database.query("select body from messages where body = 'by eve'").await.len();
    assert_eq!(bodies().await, 1);
    let ada = app.log_in("ada").await;
    ada.post(&format!("/admin/holds/{id}/release"), &[]).await.expect(303);
    until("the room is purged", async || bodies().await == 0).await;
    ada.post("/admin/people/eve/delete", &deletion).await.expect(303);
}

#[apply(both)]
async fn a_hold_on_everything_stops_everything(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let (socket, _) = eve.join(&room).await;
    let seq = post(&socket, &room, "anything").await;
    let id = hold(&ada, "everything", "").await;
    keep(&ada, "messages=2h,audit=2h").await;
    app.pass(hours(3));
    // The next run begins after this one has ended.
    let passed = app.clock.now();
    until("a run has ended that began then", async || ada_state(app).await["done_at"].as_str() >= Some(&passed.to_string()))
        .await;
    assert_eq!(read(&eve, &room, seq).await["body"], "anything");
    let registered = "select 1 as one from audit where action = 'user.register'";
    assert_eq!(app.database.query(registered).await.len(), 2);
    let ada = app.log_in("ada").await;
    post_json(
        &eve,
        "/settings/account/delete",
        &[("messages", "keep"), ("confirm", "eve"), ("password", crate::harness::site::PASSWORD)],
    )
    .await;
    assert_eq!(app.database.query("select 1 as one from users where username = 'eve'").await.len(), 1);
    ada.post(&format!("/admin/holds/{id}/release"), &[]).await.expect(303);
    hears_deletion(&socket, seq).await;
}

async fn ada_state(app: &TestApp) -> Value {
    let stored = app.database.query("select value from meta where key = 'retention'").await;
    stored.first().and_then(|row| serde_json::from_str(row["value"].as_str()?).ok()).unwrap_or_default()
}

#[apply(everywhere)]
async fn a_hold_with_the_same_nonce_is_the_same_until_it_is_released(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    app.database.make_admin("eve").await;
    let (program, other) = (Program::of(app, &ada, "write admin").await, Program::of(app, &eve, "write admin").await);
    let wanted = json!({ "scope": "room", "target": room, "reason": "Case 7", "nonce": "case-7" });
    let made = program.post("/admin/holds", wanted.clone()).await.expect(201).json();
    assert_eq!(program.post("/admin/holds", wanted.clone()).await.expect(200).json(), made);
    // Whatever else it says; and of somebody else it is another one.
    let differs = json!({ "scope": "everything", "reason": "Case 8", "nonce": "case-7" });
    assert_eq!(program.post("/admin/holds", differs).await.expect(200).json(), made);
    assert_ne!(other.post("/admin/holds", wanted.clone()).await.expect(201).json()["hold"]["id"], made["hold"]["id"]);
    let long = json!({ "scope": "room", "target": room, "reason": "Case 7", "nonce": "n".repeat(65) });
    assert_eq!(program.post("/admin/holds", long).await.expect(422).json()["error"]["field"], "nonce");
    let recorded = app.database.query("select actor from audit where action = 'hold.add' order by id").await;
    assert_eq!(recorded, ["ada", "eve"].map(|actor| json!({ "actor": actor })));
    program.delete(&format!("/admin/holds/{}", made["hold"]["id"].as_str().expect("an id"))).await.expect(204);
    assert_ne!(program.post("/admin/holds", wanted).await.expect(201).json()["hold"]["id"], made["hold"]["id"]);
}

#[apply(both)]
async fn holds_are_for_administrators_and_have_bounds(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let form = [("scope", "room"), ("target", &*room), ("reason", "Case 7")];
    post_json(&eve, "/admin/holds", &form).await.expect(403);
    for (scope, target, reason, field) in [
        ("room", "nowhere", "Case 7", "target"),
        ("person", "nobody", "Case 7", "target"),
        ("room", &*room, " ", "reason"),
        ("rooms", &*room, "Case 7", "scope"),
    ] {
        let fields = [("scope", scope), ("target", target), ("reason", reason)];
        assert_eq!(post_json(&ada, "/admin/holds", &fields).await.expect(422).json()["error"]["field"], field);
        assert!(ada.post("/admin/holds", &fields).await.expect(422).body.contains("role=\"alert\""), "{field}");
    }
    let long = "x".repeat(501);
    post_json(&ada, "/admin/holds", &[("scope", "everything"), ("reason", &long)]).await.expect(422);
    ada.post("/admin/holds/17/release", &[]).await.expect(404);
    ada.get_json("/admin/holds/x").await.expect(404);
    let insert = "insert into holds (room_id, reason, created_by, created_at) select (select id from rooms where slug = 'general'), 'old', 'ada', 1 from users";
    while app.database.rows("holds").await.len() < 200 {
        app.database.run(insert).await;
    }
    let first = ada.get_json("/admin/holds").await.expect(200).json();
    assert_eq!((first["holds"].as_array().unwrap().len(), &first["more"]), (50, &json!(true)));
    let next = format!("/admin/holds?before={}", first["next"].as_str().unwrap());
    assert_eq!(ada.get_json(&next).await.json()["holds"].as_array().unwrap().len(), 50);
    assert!(ada.get(&next).await.expect(200).body.contains("Next page"));
    assert_eq!(post_json(&ada, "/admin/holds", &form).await.expect(422).json()["error"]["field"], "scope");
    // Who has not proved lately who they are, is asked.
    app.pass(Duration::from_secs(11 * 60));
    let id = first["holds"][0]["id"].as_str().unwrap();
    ada.post(&format!("/admin/holds/{id}/release"), &[]).await;
    assert_eq!(app.database.rows("holds").await.len(), 200);
}
