//! Rooms with times of their own.

use reqwest::Method;
use serde_json::{Value, json};

use super::{hears_deletion, hours, keep, post, post_json, read, room_of_eve};
use crate::everywhere;
use crate::harness::{Answer, Person, TestApp};

#[apply(everywhere)]
async fn owners_keep_less_and_administrators_decide_freely(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let (grace, outsider) = (app.register("grace").await, app.register("mallory").await);
    grace.enter(&room).await;
    keep(&ada, "messages=90d,files=30d").await;
    let path = format!("/rooms/{room}/retention");
    let (socket, _) = grace.join(&room).await;
    for nobody in [&grace, &outsider] {
        post_json(nobody, &path, &[("messages", "7")]).await.expect(403);
    }
    for (field, wrong) in [("messages", "91"), ("messages", "forever"), ("files", "31"), ("messages", "soon"), ("files", "0")] {
        let refused = post_json(&eve, &path, &[(field, wrong)]).await;
        assert_eq!(refused.expect(422).json()["error"]["field"], field, "{wrong}");
    }
    post_json(&ada, &path, &[("messages", "36501")]).await.expect(422);
    eve.post(&path, &[("messages", "7"), ("files", "1")]).await.expect(303);
    let told = socket.next_where("room", |room| room["keep_messages"] == 7).await;
    assert_eq!((&told["slug"], &told["keep_files"]), (&json!(room), &json!(1)));
    let page = async || grace.get(&format!("/rooms/{room}/members")).await.expect(200).body.clone();
    app.comes_to(true, async || page().await.contains("Messages are kept for 7 days, and files for 1 day.")).await;
    assert!(!page().await.contains(&path), "the form is for owners");
    assert!(eve.get(&format!("/rooms/{room}/members")).await.body.contains(&path));
    let kept = async || grace.get_json(&format!("/rooms/{room}/members")).await.json()["kept"].clone();
    app.comes_to(json!({ "messages": 7 * 86_400, "files": 86_400 }), kept).await;

    ada.post(&path, &[("messages", "forever"), ("files", "default")]).await.expect(303);
    let told = socket.next_where("room", |room| room["keep_messages"] == 0).await;
    assert_eq!(told["keep_files"], Value::Null);
    app.comes_to(json!({ "messages": null, "files": 30 * 86_400 }), kept).await;
    eve.post(&path, &[("messages", "default")]).await.expect(303);
    let log = ada.get_json("/admin/audit?action=room.settings").await.json();
    let changes: Vec<_> = log["entries"].as_array().unwrap().iter().rev().map(|entry| entry["detail"]["after"].clone()).collect();
    assert_eq!(
        changes,
        [
            json!({ "keep_messages": "7d", "keep_files": "1d" }),
            json!({ "keep_messages": "forever", "keep_files": "default" }),
            json!({ "keep_messages": "default" }),
        ]
    );
}

async fn says(person: &Person, room: &str, words: &str) -> bool {
    person.get(&format!("/rooms/{room}")).await.expect(200).body.contains(words)
}

#[apply(everywhere)]
async fn a_rooms_page_says_how_long_things_are_kept_unless_it_is_for_ever(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let other = eve.create_room("Long", "public").await;
    let is_limited = "id=\"expiry\"";
    assert!(!says(&ada, &room, is_limited).await && !says(&eve, &other, is_limited).await);
    eve.post(&format!("/rooms/{room}/retention"), &[("messages", "90")]).await.expect(303);
    let words = "Messages and files are kept for 90 days, then they’re deleted for everyone.";
    app.comes_to(true, async || says(&ada, &room, words).await).await;
    assert!(!says(&eve, &other, is_limited).await);
    // A page that a browser has kept is another one as soon as the server's own time is.
    let path = format!("/rooms/{other}");
    let before = eve.get(&path).await.expect(200).header("etag").to_owned();
    keep(&ada, "messages=300d,files=30d").await;
    let words = "Messages are kept for 300 days, and files for 30 days.";
    let again = async || Answer::of(eve.request(Method::GET, &path).header("if-none-match", &before)).await.body.contains(words);
    app.comes_to(true, again).await;
}

#[apply(everywhere)]
async fn an_administrator_decides_about_a_room_that_they_cannot_see(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    let room = eve.create_room("Secret", "private").await;
    let mallory = app.register("mallory").await;
    post_json(&mallory, &format!("/rooms/{room}/retention"), &[("messages", "1")]).await.expect(404);
    let answer = ada.post(&format!("/rooms/{room}/retention"), &[("messages", "1")]).await;
    assert_eq!(answer.expect(303).location(), format!("/admin/rooms/{room}"));
    let page = ada.get(&format!("/admin/rooms/{room}")).await;
    assert!(
        page.expect(200).body.contains("Messages and files are kept for 1 day, then they’re deleted for everyone."),
        "{}",
        page.body
    );
    ada.get(&format!("/rooms/{room}")).await.expect(404);
    // A conversation is as the server has it.
    let direct = eve.socket().await.ok("direct", json!({ "users": ["ada"] })).await["room"]["slug"].as_str().unwrap().to_owned();
    post_json(&eve, &format!("/rooms/{direct}/retention"), &[("messages", "1")]).await.expect(403);
}

#[apply(everywhere)]
async fn a_rooms_own_time_counts(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let other = eve.create_room("Long", "public").await;
    let (socket, _) = eve.join(&room).await;
    let short = post(&socket, &room, "short-lived").await;
    let (there, _) = eve.join(&other).await;
    let long = post(&there, &other, "long-lived").await;
    let forever = ada.create_room("Archive", "public").await;
    let (third, _) = ada.join(&forever).await;
    let kept = post(&third, &forever, "kept").await;
    ada.post(&format!("/rooms/{room}/retention"), &[("messages", "1")]).await.expect(303);
    ada.post(&format!("/rooms/{forever}/retention"), &[("messages", "forever")]).await.expect(303);
    app.pass(hours(25));
    hears_deletion(&socket, short).await;
    assert_eq!(read(&eve, &other, long).await["body"], "long-lived");
    // Now the server's time, which the last room does not have.
    keep(&ada, "20h").await;
    hears_deletion(&there, long).await;
    assert_eq!(read(&ada, &forever, kept).await["body"], "kept");
    ada.post(&format!("/rooms/{forever}/retention"), &[("messages", "default")]).await.expect(303);
    app.pass(std::time::Duration::from_secs(61));
    hears_deletion(&third, kept).await;
}
