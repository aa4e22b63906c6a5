//! Making a private room public and a public one private: asked for, recorded, and only by who may.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Answer, Person, TestApp};

async fn set(person: &Person, room: &str, fields: &[(&str, &str)]) -> Answer {
    person.post(&format!("/rooms/{room}/settings"), fields).await
}

async fn visibility(person: &Person, room: &str) -> Value {
    person.get_json(&format!("/rooms/{room}")).await.expect(200).json()["room"]["visibility"].take()
}

/// A room that Ada made, with Grace in it, and words of both.
async fn den(app: &TestApp) -> (Person, Person, String) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Den", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
    for (person, words) in [(&ada, "the password is swordfish"), (&grace, "thanks"), (&grace, "and goodbye")] {
        person.write(&room, words).await.expect(303);
    }
    (ada, grace, room)
}

#[apply(both)]
async fn a_private_room_is_made_public_only_when_that_is_confirmed(app: &TestApp) {
    let (ada, _grace, room) = den(app).await;
    let eve = app.register("eve").await;
    let fields = [("name", "Open den"), ("topic", "Come in"), ("visibility", "public")];
    for confirm in [None, Some(""), Some("no"), Some("false")] {
        let mut fields = fields.to_vec();
        fields.extend(confirm.map(|confirm| ("confirm", confirm)));
        let page = set(&ada, &room, &fields).await;
        // What becomes readable, and the rest of the form once more.
        let page = page.expect(422).body.clone();
        assert!(page.contains("all 3 messages since ") && page.contains("name=\"confirm\" value=\"yes\""), "{page}");
        assert!(page.contains("name=\"name\" value=\"Open den\"") && page.contains("name=\"topic\" value=\"Come in\""), "{page}");
        let form = ada.form(&format!("/rooms/{room}/settings"), &fields).header("accept", "application/json");
        let data = Answer::of(form).await;
        let error = &data.expect(422).json()["error"];
        assert_eq!((&error["code"], &error["field"]), (&json!("invalid"), &json!("confirm")));
    }
    assert_eq!(visibility(&ada, &room).await, "private", "nothing was changed");
    assert_eq!(ada.get_json(&format!("/rooms/{room}")).await.json()["room"]["name"], "Den");
    eve.get(&format!("/rooms/{room}")).await.expect(404);
    let mut fields = fields.to_vec();
    fields.push(("confirm", "yes"));
    set(&ada, &room, &fields).await.expect(303);
    assert_eq!(visibility(&eve, &room).await, "public");
    assert!(eve.get(&format!("/rooms/{room}")).await.body.contains("swordfish"));
}

#[apply(both)]
async fn a_change_of_visibility_is_recorded_in_the_room_both_ways(app: &TestApp) {
    let (ada, grace, room) = den(app).await;
    let (listening, _) = grace.join(&room).await;
    set(&ada, &room, &[("visibility", "public"), ("confirm", "yes")]).await.expect(303);
    let recorded = listening.next_where("message", |it| it["kind"] == "visibility").await;
    assert_eq!((&recorded["body"], &recorded["author"]["username"]), (&json!("public"), &json!("ada")));
    assert_eq!((&recorded["html"], &recorded["nonce"]), (&json!(""), &Value::Null));
    let described = listening.next_where("room", |it| it["visibility"] == "public").await;
    assert_eq!(described["room"], json!(room));
    // Back again it needs no confirmation: nobody reads more than before.
    set(&ada, &room, &[("visibility", "private")]).await.expect(303);
    let again = listening.next_where("message", |it| it["kind"] == "visibility" && it["body"] == "private").await;
    assert_eq!(again["rev"].as_i64(), recorded["rev"].as_i64().map(|rev| rev + 1));
    // What changes nothing is not recorded.
    set(&ada, &room, &[("visibility", "private")]).await.expect(303);
    set(&ada, &room, &[("topic", "quiet")]).await.expect(303);
    listening.next_where("message", |it| it["kind"] == "topic").await;
    let page = grace.get_json(&format!("/rooms/{room}")).await.json();
    let kinds: Vec<_> =
        page["messages"].as_array().expect("messages").iter().map(|it| it["kind"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds[kinds.len() - 3..], ["visibility", "visibility", "topic"]);
    let page = grace.get(&format!("/rooms/{room}")).await.body;
    assert!(page.contains("ada made the room public") && page.contains("ada made the room private"), "{page}");
    // A record is nothing that waits, that is found, or that can be changed; only the owner can delete it (`slow_mode.rs`).
    let found = grace.get_json("/search?q=public").await.expect(200).json();
    assert_eq!(found["results"], json!([]));
    let seq = recorded["seq"].clone();
    assert_eq!(listening.refused("react", json!({ "room": room, "seq": seq, "emoji": "👍", "on": true })).await, "invalid");
    assert_eq!(ada.post(&format!("/rooms/{room}/{seq}/edit"), &[("body", "x")]).await.status, 422);
    assert_eq!(grace.post(&format!("/rooms/{room}/{seq}/delete"), &[]).await.status, 403);
}

#[apply(both)]
async fn only_who_looks_after_a_room_changes_who_may_read_it(app: &TestApp) {
    let (ada, grace, room) = den(app).await;
    let (eve, mary) = (app.register("eve").await, app.register("mary").await);
    app.database.make_admin("mary").await;
    let public = [("visibility", "public"), ("confirm", "yes")];
    // With and without the confirmation: it is not asked of who may not.
    for fields in [&public[..], &public[..1]] {
        set(&grace, &room, fields).await.expect(403);
        set(&eve, &room, fields).await.expect(404);
        set(&mary, &room, fields).await.expect(404);
        set(&app.stranger(), &room, fields).await.expect(303);
    }
    assert_eq!(visibility(&ada, &room).await, "private");
    // An administrator who is a member may.
    ada.post(&format!("/rooms/{room}/members"), &[("username", "mary")]).await.expect(303);
    set(&mary, &room, &public[..1]).await.expect(422);
    set(&mary, &room, &public).await.expect(303);
    assert_eq!(visibility(&eve, &room).await, "public");
    set(&grace, &room, &[("visibility", "private")]).await.expect(403);
    eve.enter(&room).await;
    set(&eve, &room, &[("visibility", "private")]).await.expect(403);
    // Direct messages stay between their people, whatever is confirmed.
    let direct = ada.post("/direct", &[("users", "grace")]).await.expect(303).location();
    ada.post(&format!("{direct}/settings"), &public).await.expect(403);
}

#[apply(both)]
async fn a_room_without_words_says_so_before_it_is_made_public(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Empty", "private").await;
    let page = set(&ada, &room, &[("visibility", "public")]).await.expect(422).body.clone();
    assert!(page.contains("there are none yet"), "{page}");
    ada.write(&room, "first").await.expect(303);
    let page = set(&ada, &room, &[("visibility", "public")]).await.expect(422).body.clone();
    assert!(page.contains("the 1 message from "), "{page}");
}
