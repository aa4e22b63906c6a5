//! Somebody who is in thousands of rooms: pages stay small, and nothing that waits is out of sight.

use serde_json::json;

use crate::both;
use crate::harness::{Socket, TestApp};

/// All that `watch` tells, page by page.
async fn watched(socket: &Socket) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut asked = json!({});
    loop {
        let answer = socket.ok("watch", asked).await;
        assert!(answer.to_string().len() < 1024 * 1024);
        let rooms = answer["rooms"].as_array().expect("rooms").iter();
        pages.push(rooms.map(|it| it["room"].as_str().expect("a slug").to_owned()).collect::<Vec<_>>());
        assert_eq!(answer["more"] == json!(true), answer["next"].is_string());
        if answer["more"] == json!(false) {
            return pages;
        }
        asked = json!({ "after": answer["next"] });
    }
}

#[apply(both)]
async fn a_member_of_thousands_of_rooms_has_small_pages(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.fill_rooms("ada", "eve", 3_000).await;
    let addressed = eve.create_room("Zebra", "public").await;
    ada.enter(&addressed).await;
    eve.write(&addressed, "are you there, @ada?").await.expect(303);
    let listed =
        |page: &str| page.matches(" data-room=\"many-").count() + page.matches(" data-room=\"zebra\" data-unread").count();
    for path in ["/rooms/many-2999", "/rooms", "/rooms?mine=yes", "/mentions", "/direct", "/people", "/settings"] {
        let page = ada.get(path).await.expect(200).body.clone();
        assert!(page.len() < 100_000, "{path}: {} bytes", page.len());
        // No more than 50, but for the one that is open.
        assert!((50..=51).contains(&listed(&page)), "{path}: {}", listed(&page));
        // What addresses her, and every room in which something waits, though by name they come late; and the way to the others.
        assert!(page.contains("data-room=\"zebra\" data-unread=\"1\""), "{path}");
        for number in (100..=3_000).step_by(100) {
            assert!(page.contains(&format!("data-room=\"many-{number:04}\" data-unread=\"1\"")), "{path}: {number}");
        }
        assert!(page.contains("<p class=\"more\"><a href=\"/rooms?mine=yes\">Show more"), "{path}");
    }
    // The room that one looks at is always there.
    let page = ada.get("/rooms/many-2999").await.body;
    assert!(
        page.contains("data-room=\"many-2999\" data-unread=\"0\" data-level=\"\" data-seq=\"0\" aria-current=\"page\""),
        "{page}"
    );
    assert!(!eve.get("/rooms").await.body.contains("Show more"));
    // What is muted is out of the way.
    ada.post("/rooms/many-0001/level", &[("level", "muted")]).await.expect(303);
    let page = ada.get("/mentions").await.body;
    assert!(!page.contains("data-room=\"many-0001\"") && page.contains("data-room=\"many-0002\""), "{page}");
    // Her favorites are there, whatever their names, and beside the others.
    for slug in ["many-2997", "many-2998"] {
        ada.post(&format!("/rooms/{slug}/favorite"), &[("on", "true")]).await.expect(303);
    }
    let page = ada.get("/mentions").await.body;
    let favorites =
        page.split("data-list=\"favorites\"").nth(1).and_then(|rest| rest.split("</section>").next()).expect("a section");
    assert!(favorites.contains("data-room=\"many-2997\"") && favorites.contains("data-room=\"many-2998\""), "{favorites}");
    assert_eq!(listed(&page), 52);
}

#[apply(both)]
async fn watch_tells_of_all_of_them_in_pages_and_each_is_heard_from(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.fill_rooms("ada", "eve", 450).await;
    let direct = eve.post("/direct", &[("users", "ada")]).await.expect(303).location();
    let watching = ada.socket().await;
    // Of those that she has not asked for she hears nothing yet, and then she does.
    let pages = watched(&watching).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [200, 200, 51]);
    let mut slugs = pages.concat();
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), 451);
    assert!(slugs.contains(&direct.trim_start_matches("/rooms/").to_owned()));
    for room in ["many-0001", "many-0300", "many-0450"] {
        eve.enter(room).await;
        eve.write(room, "hello").await.expect(303);
        assert_eq!(watching.next_where("activity", |it| it["room"] == room).await["message"]["body"], "hello");
    }
    // Somebody else's rooms are nobody's business, whatever is given as `after`.
    let other = eve.socket().await.ok("watch", json!({ "after": "many-0001" })).await;
    assert!(!other.to_string().contains("many-0002"), "{other}");
    assert_eq!(watching.refused("watch", json!({ "after": 7 })).await, "invalid");
    assert_eq!(watching.refused("watch", json!({ "after": "a\u{0}b" })).await, "invalid");
}

#[apply(both)]
async fn who_is_brought_into_one_more_room_hears_of_that_one(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.fill_rooms("ada", "eve", 300).await;
    let watching = ada.socket().await;
    watched(&watching).await;
    let room = eve.create_room("Late", "private").await;
    eve.post(&format!("/rooms/{room}/members"), &[("username", "ada")]).await.expect(303);
    // On Postgres the rooms that were filled from outside may still be reported.
    let entered = watching.next_where("entered", |it| it["room"] == json!(room)).await;
    assert_eq!(entered["name"], json!("Late"));
}
