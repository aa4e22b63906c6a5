//! How many rooms somebody can be in, by what others do and by what they do themselves.

use serde_json::json;

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Answer, Database};

/// So many public rooms that `username` is in already.
async fn is_in(database: &Database, username: &str, rooms: usize, direct: bool) {
    let key = if direct { "'key ' || i" } else { "null" };
    let tag = if direct { "talk" } else { "room" };
    database
        .run(&format!(
            "insert into rooms (slug, name, visibility, created_at, direct_key)
             with recursive n(i) as (select 1 union all select i + 1 from n where i < {rooms})
             select 'many-{tag}-' || i, 'Room ' || i, 'public', 1, {key} from n"
        ))
        .await;
    database
        .run(&format!(
            "insert into memberships (room_id, user_id, joined_at)
             select rooms.id, users.id, 1 from rooms join users on username = '{username}' where slug like 'many-{tag}-%'"
        ))
        .await;
}

#[apply(both)]
async fn others_bring_nobody_into_more_than_500_rooms(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "60/min")]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let (den, attic) = (ada.create_room("Den", "private").await, ada.create_room("Attic", "private").await);
    let open = ada.create_room("Open", "public").await;
    is_in(database, "grace", 499, false).await;
    ada.post(&format!("/rooms/{den}/members"), &[("username", "grace")]).await.expect(303);
    let path = format!("/rooms/{attic}/members");
    let page = ada.post(&path, &[("username", "grace")]).await;
    page.expect(422);
    assert!(page.body.contains("They’re already in 500 rooms") && page.body.contains("value=\"grace\""), "{}", page.body);
    let answer = Answer::of(ada.form(&path, &[("username", "grace")]).header("accept", "application/json")).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
    assert_eq!(answer.json()["error"]["field"], "username");
    // What they do themselves is theirs.
    let (socket, _) = grace.join(&open).await;
    socket.ok("join", json!({ "room": den })).await;
    grace.create_room("Mine", "private").await;
    server.stop().await;
}

#[apply(both)]
async fn nobody_is_in_more_than_2000_rooms(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "60/min")]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let open = ada.create_room("Open", "public").await;
    is_in(database, "grace", 2_000, false).await;
    let socket = grace.socket().await;
    assert_eq!(socket.refused("join", json!({ "room": open })).await, "forbidden");
    let refused = grace.post("/rooms", &[("name", "One more")]).await;
    assert!(refused.status == 403 && refused.body.contains("2,000 rooms"), "{}", refused.body);
    // Those that they are in, they can go into and leave: then there is room for another.
    socket.ok("join", json!({ "room": "many-room-1" })).await;
    grace.post("/rooms/many-room-1/leave", &[]).await.expect(303);
    socket.ok("join", json!({ "room": open })).await;
    server.stop().await;
}

#[apply(both)]
async fn nobody_has_more_than_2000_conversations(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "60/min")]).await;
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    server.register("grace").await;
    is_in(database, "grace", 2_000, true).await;
    let socket = eve.socket().await;
    let answer = socket.ask("direct", json!({ "users": ["grace"] })).await;
    assert_eq!((&answer["error"]["code"], &answer["error"]["field"]), (&json!("invalid"), &json!("users")));
    socket.ok("direct", json!({ "users": ["ada"] })).await;
    ada.post("/direct", &[("users", "grace")]).await.expect(422);
    server.stop().await;
}

#[apply(both)]
async fn without_a_rate_there_are_no_such_bounds(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let den = ada.create_room("Den", "private").await;
    is_in(database, "grace", 2_000, false).await;
    ada.post(&format!("/rooms/{den}/members"), &[("username", "grace")]).await.expect(303);
    grace.create_room("Mine", "private").await;
    server.stop().await;
}
