//! Feeds: who can create one, what a feed reader gets at its address, and when that ends.

use serde_json::json;

use crate::harness::{Answer, Person, TestApp};
use crate::{both, everywhere};

/// Creates a feed; its id, and the path of its address.
async fn create(person: &Person, room: &str, kind: &str) -> (String, String) {
    let request = person.form(&format!("/rooms/{room}/feeds"), &[("kind", kind)]).header("accept", "application/json");
    let feed = Answer::of(request).await.expect(201).json()["feed"].clone();
    let url = feed["url"].as_str().expect("an address");
    let path = url.split_once("/feeds/").expect("a path").1;
    (feed["id"].as_str().expect("an id").to_owned(), format!("/feeds/{path}"))
}

/// What a feed reader gets, which has no session.
async fn read(app: &TestApp, path: &str) -> String {
    let answer = app.stranger().get(path).await;
    let answer = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/atom+xml; charset=utf-8");
    answer.body.clone()
}

#[apply(both)]
async fn a_feed_reader_follows_a_room_without_a_log_in(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Secret <circle>", "private").await;
    let (socket, _) = ada.join(&room).await;
    socket.post(&room, "the **first** one & <b>more</b>", "1").await;
    socket.post(&room, "a control \u{1} character", "2").await;
    let gone = socket.post(&room, "deleted later", "3").await["seq"].to_string();
    let (_, path) = create(&ada, &room, "messages").await;
    ada.post(&format!("/rooms/{room}/{gone}/delete"), &[]).await.expect(303);

    let document = read(app, &path).await;
    let feed = roxmltree::Document::parse(&document).expect("XML");
    let texts = |name: &str| -> Vec<String> {
        feed.descendants().filter(|node| node.has_tag_name(name)).map(|node| node.text().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(texts("title"), ["Secret <circle> · Parlor", "ada: a control  character", "ada: the **first** one & <b>more</b>"]);
    assert_eq!(texts("name"), ["ada", "ada"]);
    assert!(texts("content")[1].contains("the <strong>first</strong> one &amp; &lt;b&gt;more&lt;/b&gt;"), "{document}");
    let ids = texts("id");
    assert!(ids[1].starts_with(&ids[0]) && ids[1] != ids[2], "{ids:?}");
    let links: Vec<_> = feed.descendants().filter_map(|node| node.attribute("href")).collect();
    assert!(links[0].ends_with(&path) && links[2].contains(&format!("/rooms/{room}/")), "{links:?}");

    // Nobody creates one of a room that they cannot see.
    let request = eve.form(&format!("/rooms/{room}/feeds"), &[]).header("accept", "application/json");
    assert_eq!(Answer::of(request).await.expect(404).code(), "not_found");
    assert!(app.stranger().post(&format!("/rooms/{room}/feeds"), &[]).await.expect(303).location().starts_with("/login"));
}

#[apply(both)]
async fn a_feed_of_pins_changes_with_them_and_costs_little_in_between(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "to be pinned", "1").await["seq"].clone();
    socket.post("general", "not pinned", "2").await;
    let (_, path) = create(&ada, "general", "pins").await;
    let before = app.stranger().get(&path).await;
    let etag = before.expect(200).header("etag").to_owned();
    assert!(!before.body.contains("<entry>"));
    let again = async || Answer::of(app.stranger().request(reqwest::Method::GET, &path).header("if-none-match", &etag)).await;
    again().await.expect(304);
    socket.ok("pin", json!({ "room": "general", "seq": seq, "on": true })).await;
    let now = again().await;
    assert!(now.expect(200).body.contains("to be pinned") && !now.body.contains("not pinned"));
    // A reader that knows the document learns of a new name.
    let etag = now.header("etag").to_owned();
    ada.post("/settings", &[("name", "Ada Lovelace")]).await.expect(303);
    let renamed = Answer::of(app.stranger().request(reqwest::Method::GET, &path).header("if-none-match", &etag)).await;
    assert!(renamed.expect(200).body.contains("<name>Ada Lovelace</name>"));
}

#[apply(everywhere)]
async fn an_address_is_good_as_long_as_its_person_can_read_the_room(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    let room = ada.create_room("Circle", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    ada.write(&room, "for members").await.expect(303);
    let (_, path) = create(&eve, &room, "messages").await;
    let (id, general) = create(&eve, "general", "messages").await;
    assert!(read(app, &path).await.contains("for members"));
    // Removed from the room: as if there were no such feed, also in the list.
    ada.post(&format!("/rooms/{room}/members/eve/remove"), &[]).await.expect(303);
    let refused = app.stranger().get(&path).await;
    let unknown = app.stranger().get("/feeds/0123456789abcdef0123456789abcdef").await;
    assert_eq!(refused.expect(404).body, unknown.expect(404).body);
    let listed = eve.get_json("/settings/feeds").await.expect(200).json()["feeds"].clone();
    assert_eq!((&listed[0]["room"], &listed[1]["room"]), (&json!("general"), &json!(null)), "{listed}");
    assert!(!listed[1]["used_at"].is_null() && listed[0]["used_at"].is_null(), "{listed}");
    assert!(!eve.get("/settings/feeds").await.expect(200).body.contains("Circle"));
    // Somebody else cannot revoke it; its person can.
    ada.post(&format!("/settings/feeds/{id}/revoke"), &[]).await.expect(404);
    read(app, &general).await;
    let (_, other) = create(&eve, "general", "pins").await;
    assert_eq!(eve.post(&format!("/settings/feeds/{id}/revoke"), &[]).await.expect(303).location(), "/settings/feeds");
    app.stranger().get(&general).await.expect(404);
    // Deactivated: everything ends.
    read(app, &other).await;
    ada.post("/admin/people/eve/deactivate", &[]).await.expect(303);
    app.stranger().get(&other).await.expect(404);
    let log = ada.get_json("/admin/audit?action=feed.create").await.expect(200).json();
    assert_eq!(log["entries"].as_array().map(Vec::len), Some(3), "{log}");
}

#[apply(both)]
async fn wrong_kinds_and_too_many_feeds_are_refused(app: &TestApp) {
    let ada = app.register("ada").await;
    let ask = async |kind: &str| {
        let request = ada.form("/rooms/general/feeds", &[("kind", kind)]).header("accept", "application/json");
        Answer::of(request).await
    };
    let refused = ask("rumors").await;
    assert_eq!((refused.expect(422).code(), &refused.json()["error"]["field"]), ("invalid".to_owned(), &json!("kind")));
    for _ in 0..50 {
        ask("messages").await.expect(201);
    }
    assert_eq!(ask("messages").await.expect(403).code(), "forbidden");
    let page = ada.post("/rooms/general/feeds", &[("kind", "pins")]).await;
    assert!(page.expect(403).body.contains("50 feeds"));
}

#[apply(both)]
async fn creating_one_needs_a_fresh_proof(app: &TestApp) {
    let ada = app.register("ada").await;
    let (_, path) = create(&ada, "general", "messages").await;
    app.pass(std::time::Duration::from_secs(11 * 60));
    assert!(ada.post("/rooms/general/feeds", &[]).await.expect(303).location().starts_with("/confirm"));
    read(app, &path).await;
}
