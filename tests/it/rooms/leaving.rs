//! Leaving many rooms at once.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Answer, Person, TestApp};

async fn leave(person: &Person, rooms: &[&str]) -> Answer {
    let fields: Vec<_> = rooms.iter().map(|room| ("room", *room)).collect();
    person.post("/rooms/leave", &fields).await
}

async fn leave_as_data(person: &Person, rooms: &[&str]) -> Answer {
    let fields: Vec<_> = rooms.iter().map(|room| ("room", *room)).collect();
    Answer::of(person.form("/rooms/leave", &fields).header("accept", "application/json")).await
}

async fn own(person: &Person) -> Vec<Value> {
    let answer = person.get_json("/rooms?mine=yes").await.expect(200).json();
    answer["rooms"].as_array().expect("rooms").iter().map(|listed| listed["room"]["slug"].clone()).collect()
}

#[apply(both)]
async fn the_rooms_that_one_ticks_are_left(app: &TestApp) {
    let (ada, _eve) = (app.register("ada").await, app.register("eve").await);
    app.database.fill_rooms("ada", "eve", 103).await;
    let page = ada.get("/rooms?mine=yes").await.expect(200).body.clone();
    assert!(page.contains("name=\"room\" value=\"many-0001\"") && page.contains("action=\"/rooms/leave\""), "{page}");
    let watching = ada.socket().await;
    watching.ok("watch", json!({})).await;
    assert_eq!(leave(&ada, &["many-0001", "many-0002", "many-0001"]).await.expect(303).location(), "/rooms?mine=yes");
    watching.next_where("removed", |it| it["room"] == "many-0002").await;
    let slugs: Vec<_> = (3..=102).map(|number| format!("many-{number:04}")).collect();
    let slugs: Vec<_> = slugs.iter().map(String::as_str).collect();
    leave(&ada, &slugs).await.expect(303);
    assert_eq!(own(&ada).await, [json!("many-0103")]);
    let left = app.database.query("select author_id from messages where kind = 'left'").await;
    assert_eq!(left.len(), 102);
}

#[apply(both)]
async fn what_cannot_be_left_is_told_in_words_and_the_rest_is(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let tea = ada.create_room("Tea", "public").await;
    let hidden = eve.create_room("Secret", "private").await;
    let direct = ada.post("/direct", &[("users", "eve")]).await.expect(303).location();
    let direct = direct.trim_start_matches("/rooms/");
    let page = leave(&ada, &[&tea, direct, &hidden, "no-such-room"]).await;
    let page = page.expect(422).body.clone();
    assert!(
        page.contains("You left 1 room, but not all of them.") && page.contains("add or remove people in a direct message"),
        "{page}"
    );
    // A room of others is as one that never was.
    let reason = |slug: &str| {
        page.split(&format!("<strong>{slug}</strong>")).nth(1).and_then(|rest| rest.split("</li>").next()).map(str::to_owned)
    };
    assert_eq!(reason(&hidden), reason("no-such-room"));
    assert!(reason(&hidden).is_some() && !page.contains("Secret"), "{page}");
    assert_eq!(own(&ada).await, Vec::<Value>::new());
    let data = leave_as_data(&ada, &["general", direct, &hidden]).await;
    let data = data.expect(200).json();
    assert_eq!(data["left"], json!(["general"]), "who is not in it has left it");
    let refused = data["refused"].as_array().expect("some");
    assert_eq!(
        refused.iter().map(|it| it["error"]["code"].clone()).collect::<Vec<_>>(),
        [json!("forbidden"), json!("not_found")]
    );
    assert_eq!(ada.get_json(&format!("/rooms/{direct}")).await.status, 200);
}

#[apply(both)]
async fn none_and_too_many_are_refused(app: &TestApp) {
    let ada = app.register("ada").await;
    let many: Vec<_> = (0..101).map(|number| format!("room-{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for rooms in [&[][..], &many] {
        let error = leave_as_data(&ada, rooms).await.expect(422).json();
        assert_eq!((&error["error"]["code"], &error["error"]["field"]), (&json!("invalid"), &json!("room")));
        assert!(leave(&ada, rooms).await.expect(422).body.contains("role=\"alert\""));
    }
    assert!(leave(&app.stranger(), &["general"]).await.expect(303).location().starts_with("/login"));
}

#[apply(both)]
async fn a_room_called_leave_has_its_page_all_the_same(app: &TestApp) {
    let ada = app.register("ada").await;
    assert_eq!(ada.create_room("Leave", "public").await, "leave");
    ada.write("leave", "still here").await.expect(303);
    assert!(ada.get("/rooms/leave").await.expect(200).body.contains("still here"));
    leave(&ada, &["leave"]).await.expect(303);
    assert_eq!(own(&ada).await, Vec::<Value>::new());
    ada.post("/rooms/general", &[("room", "general")]).await.expect(405);
}
