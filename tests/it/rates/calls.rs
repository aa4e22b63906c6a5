//! Calling a whole large room with `@room` or `@here`.

use serde_json::{Value, json};

use super::is_too_often;
use crate::both;
use crate::harness::app::Server;
use crate::harness::{Database, Person};

/// So many people without sockets in `general`, beside those who are there.
async fn fill_general(database: &Database, people: usize) {
    database
        .run(&format!(
            "insert into users (username, name, password_hash, created_at)
             with recursive n(i) as (select 1 union all select i + 1 from n where i < {people})
             select 'member' || i, 'Member ' || i, 'none', 1 from n"
        ))
        .await;
    database
        .run(
            "insert into memberships (room_id, user_id, joined_at)
             select rooms.id, users.id, 1 from rooms join users on username like 'member%' where slug = 'general'",
        )
        .await;
}

async fn mentioned(person: &Person) -> Vec<Value> {
    let found = person.get_json("/mentions").await.expect(200).json();
    found["mentions"].as_array().expect("messages").iter().map(|message| message["body"].clone()).collect()
}

#[apply(both)]
async fn a_large_room_is_called_so_often_and_a_small_one_whenever_one_likes(database: &Database) {
    // 333 people at once, and as many again in an hour.
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/min")]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let (_hers, _) = grace.join("general").await;
    fill_general(database, 120).await;
    let (socket, _) = ada.join("general").await;
    let post = |body: &str, nonce: &str| json!({ "room": "general", "body": body, "nonce": nonce });
    for number in 0..2 {
        socket.ok("message", post(&format!("@room number {number}"), &format!("n{number}"))).await;
    }
    is_too_often(&socket, "message", post("@room once more", "n2")).await;
    // Neither is an edit a way around it, nor the form; and it says what it is about.
    let seq = socket.post("general", "without it", "n3").await["seq"].take();
    is_too_often(&socket, "edit", json!({ "room": "general", "seq": seq, "body": "@room after all" })).await;
    let page = ada.write("general", "@room by form").await;
    page.expect(429);
    assert!(page.body.contains("This would notify up to 122 people") && page.body.contains("@room by form"), "{}", page.body);
    assert!(!page.header("retry-after").is_empty());
    // Few are here: calling them is cheap.
    socket.ok("message", post("@here a few", "n4")).await;
    assert_eq!(mentioned(&grace).await, ["@here a few", "@room number 1", "@room number 0"]);
    let rows = database.query("select count(*) as n from mentions").await;
    assert_eq!(rows[0]["n"], json!(121 + 121 + 1), "those who were called, and no others");
    // In a small room it costs nothing.
    let small = ada.create_room("Small", "private").await;
    socket.ok("join", json!({ "room": small })).await;
    for number in 0..5 {
        socket.post(&small, &format!("@room {number}"), &format!("s{number}")).await;
    }
    // Another person has a share of their own.
    assert_eq!(grace.write("general", "@room from me").await.status, 303);
    server.stop().await;
}
