//! Entering and leaving.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Answer, Person, TestApp};

/// What the room recorded, as pairs of kind and username.
async fn records(reader: &Person, room: &str) -> Vec<(String, String)> {
    let page = reader.get_json(&format!("/rooms/{room}?limit=200")).await.expect(200).json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let messages = page["messages"].as_array().expect("messages").iter();
    messages.map(|message| (text(&message["kind"]), text(&message["author"]["username"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

#[apply(both)]
async fn joining_by_form_or_by_socket_makes_a_member_once(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Tea", "public").await;
    let answer = grace.post(&format!("/rooms/{slug}/join"), &[]).await;
    assert_eq!(answer.expect(303).location(), format!("/rooms/{slug}"));
    grace.enter(&slug).await;
    let (socket, _) = grace.join(&slug).await;
    socket.ok("join", json!({ "room": slug })).await;
    let mary = app.register("mary").await;
    let (_socket, joined) = mary.join(&slug).await;
    mary.enter(&slug).await;
    assert_eq!(joined["messages"].as_array().map(Vec::len), Some(3));
    let expected = [("joined", "ada"), ("joined", "grace"), ("joined", "mary")];
    assert_eq!(records(&ada, &slug).await, pairs(&expected));
}

#[apply(both)]
async fn following_a_link_to_a_public_room_shows_it_and_makes_nobody_a_member(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let slug = ada.create_room("Tea", "public").await;
    let (writing, _) = ada.join(&slug).await;
    writing.post(&slug, "the kettle is on", "1").await;
    let tomorrow = "2999-01-01";
    let links = ["", "/2", "?around=1", "?reply_to=2", "/on/2001-01-01", "/members", "/pins", "/2/more"];
    let headers: [&[(&str, &str)]; 6] = [
        &[],
        &[("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site")],
        &[
            ("sec-fetch-dest", "document"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-user", "?1"),
        ],
        &[("sec-fetch-dest", "empty"), ("sec-fetch-site", "same-origin")],
        &[("sec-purpose", "prefetch")],
        &[("accept", "application/json")],
    ];
    for link in links {
        for headers in headers {
            let mut request = eve.request(reqwest::Method::GET, &format!("/rooms/{slug}{link}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 200, "{link} with {headers:?}");
        }
    }
    eve.get(&format!("/rooms/{slug}/on?date={tomorrow}")).await.expect(303);
    assert_eq!(records(&ada, &slug).await, pairs(&[("joined", "ada"), ("text", "ada")]));
    assert!(writing.peek_at("message").iter().all(|it| it["author"]["username"] != "eve"));
    // It is there to read, with a button in the place of the composer.
    let page = eve.get(&format!("/rooms/{slug}")).await.body;
    let form = format!("method=\"post\" action=\"/rooms/{slug}/join\"");
    assert!(page.contains("the kettle is on") && page.contains(&form) && !page.contains("<textarea"), "{page}");
    assert!(!page.contains(&format!("data-room=\"{slug}\" data-unread")), "it is not among her rooms: {page}");
    eve.write(&slug, "me too").await.expect(403);
    // The button of that page.
    eve.enter(&slug).await;
    let page = eve.get(&format!("/rooms/{slug}")).await.body;
    assert!(page.contains("<textarea") && !page.contains(&form), "{page}");
    let joined = writing.next_where("message", |message| message["kind"] == "joined").await;
    assert_eq!(joined["author"]["username"], "eve");
}

#[apply(both)]
async fn nobody_joins_a_private_room_of_others_by_its_name(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let slug = ada.create_room("Circle", "private").await;
    for (person, status) in [(&eve, 404), (&app.stranger(), 303), (&ada, 303)] {
        let answer = person.post(&format!("/rooms/{slug}/join"), &[]).await;
        assert_eq!(answer.status, status, "{}", person.username);
    }
    let direct = ada.post("/direct", &[("users", "ada")]).await.expect(303).location();
    eve.post(&format!("{direct}/join"), &[]).await.expect(404);
    assert_eq!(records(&ada, &slug).await, pairs(&[("joined", "ada")]));
}

#[apply(both)]
async fn many_ways_in_at_once_make_one_member(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Tea", "public").await;
    let sockets = futures_util::future::join_all((0..4).map(|_| grace.join(&slug)));
    let pages = futures_util::future::join_all((0..4).map(|_| grace.enter(&slug)));
    let _both = tokio::join!(sockets, pages);
    assert_eq!(records(&ada, &slug).await, pairs(&[("joined", "ada"), ("joined", "grace")]));
}

#[apply(both)]
async fn reading_a_public_room_over_the_socket_does_not_enter_it(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Tea", "public").await;
    let socket = grace.socket().await;
    socket.ok("history", json!({ "room": slug })).await;
    assert_eq!(records(&ada, &slug).await, pairs(&[("joined", "ada")]));
    // Reading is open to her; writing is for members.
    let refused = socket.refused("message", json!({ "room": slug, "body": "hi", "nonce": "1" })).await;
    assert_eq!(refused, "forbidden");
}

#[apply(both)]
async fn who_leaves_is_no_member_and_may_come_back_to_a_public_room(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Tea", "public").await;
    let (listening, _) = ada.join(&slug).await;
    let (socket, _) = grace.join(&slug).await;
    let answer = grace.post(&format!("/rooms/{slug}/leave"), &[]).await;
    assert_eq!(answer.expect(303).location(), "/rooms");
    assert_eq!(socket.next("removed").await["room"], json!(slug));
    let refused = socket.refused("message", json!({ "room": slug, "body": "hi", "nonce": "1" })).await;
    assert_eq!(refused, "forbidden");
    let left = listening.next_where("message", |message| message["kind"] == "left").await;
    assert_eq!(left["author"]["username"], "grace");
    socket.ok("join", json!({ "room": slug })).await;
    socket.post(&slug, "back again", "2").await;
    let expected = [("joined", "ada"), ("joined", "grace"), ("left", "grace"), ("joined", "grace"), ("text", "grace")];
    assert_eq!(records(&ada, &slug).await, pairs(&expected));
}

#[apply(both)]
async fn leaving_twice_is_leaving_once(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Tea", "public").await;
    grace.enter(&slug).await;
    let leave = format!("/rooms/{slug}/leave");
    grace.post(&leave, &[]).await.expect(303);
    grace.post(&leave, &[]).await.expect(303);
    let expected = [("joined", "ada"), ("joined", "grace"), ("left", "grace")];
    assert_eq!(records(&ada, &slug).await, pairs(&expected));
}

#[apply(both)]
async fn the_leave_event_ends_the_listening_and_not_the_membership(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Tea", "public").await;
    let (writing, _) = ada.join(&slug).await;
    let (socket, _) = grace.join(&slug).await;
    socket.ok("join", json!({ "room": "general" })).await;
    socket.ok("leave", json!({ "room": slug })).await;
    writing.post(&slug, "unheard", "1").await;
    // Told in the order of the commits: what comes after has come, so the other never will.
    writing.ok("join", json!({ "room": "general" })).await;
    writing.post("general", "heard", "2").await;
    socket.hears("heard").await;
    assert!(socket.peek_at("message").iter().all(|message| message["body"] != "unheard"));
    // Still a member: she may write without joining again.
    socket.post(&slug, "still here", "3").await;
    assert_eq!(records(&ada, &slug).await.len(), 4);
}

#[apply(both)]
async fn who_leaves_a_private_room_cannot_come_back_alone(app: &TestApp) {
    let ada = app.register("ada").await;
    let slug = ada.create_room("Circle", "private").await;
    let (socket, _) = ada.join(&slug).await;
    ada.post(&format!("/rooms/{slug}/leave"), &[]).await.expect(303);
    socket.next("removed").await;
    assert_eq!(socket.refused("join", json!({ "room": slug })).await, "not_found");
    ada.get(&format!("/rooms/{slug}")).await.expect(404);
}
