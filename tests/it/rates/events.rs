//! What sockets ask for too often.

use reqwest::Method;
use serde_json::json;
use tokio::net::TcpStream;

use super::is_too_often;
use crate::accounts::tokens;
use crate::both;
use crate::harness::app::Server;
use crate::harness::{Answer, Database, Socket};

#[apply(both)]
async fn each_kind_of_event_has_its_own_share(database: &Database) {
    // So slow that everything may be done once.
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let general = || json!({ "room": "general" });
    let (socket, _) = ada.join("general").await;
    is_too_often(&socket, "leave", general()).await;
    is_too_often(&socket, "join", general()).await;
    // Posts are counted apart, and so is a preview.
    let mut seq = json!(null);
    for number in 0..3 {
        seq = socket.post("general", &format!("a post {number}"), &format!("n{number}")).await["seq"].take();
    }
    socket.ok("preview", json!({ "body": "*words*" })).await;
    let of_message = |on: bool| json!({ "room": "general", "seq": seq, "on": on, "emoji": "👍" });
    socket.ok("react", of_message(true)).await;
    socket.ok("typing", general()).await;
    is_too_often(&socket, "typing", general()).await;
    socket.ok("read", of_message(true)).await;
    is_too_often(&socket, "unread", of_message(true)).await;
    socket.ok("pin", of_message(true)).await;
    is_too_often(&socket, "pin", of_message(false)).await;
    socket.ok("level", json!({ "room": "general", "level": "muted" })).await;
    is_too_often(&socket, "level", json!({ "room": "general", "level": "all" })).await;
    socket.ok("search", json!({ "q": "post" })).await;
    is_too_often(&socket, "search", json!({ "q": "post" })).await;
    socket.ok("direct", json!({ "users": ["grace"] })).await;
    is_too_often(&socket, "direct", json!({ "users": ["grace"] })).await;
    socket.ok("history", general()).await;
    for event in ["history", "sync", "watch", "pins", "revisions", "mentions"] {
        is_too_often(&socket, event, json!({ "room": "general", "seq": seq, "after": 0 })).await;
    }
    // Others are not held up, and another socket is no other person.
    let (hers, _) = grace.join("general").await;
    hers.ok("history", general()).await;
    is_too_often(&ada.socket().await, "history", general()).await;
    server.stop().await;
}

#[apply(both)]
async fn pages_and_sockets_are_counted_together(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    let ada = server.register("ada").await;
    let socket = ada.socket().await;
    ada.get_json("/rooms/general").await.expect(200);
    is_too_often(&socket, "history", json!({ "room": "general" })).await;
    socket.ok("search", json!({ "q": "words" })).await;
    socket.ok("join", json!({ "room": "general" })).await;
    socket.ok("level", json!({ "room": "general", "level": "muted" })).await;
    let refused = ada.post("/rooms/general/level", &[("level", "all")]).await;
    assert!(refused.status == 429 && !refused.header("retry-after").is_empty(), "{refused:?}");
    server.stop().await;
}

#[apply(both)]
async fn what_programs_do_is_counted_apart_from_what_their_owner_does(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h"), ("POST_RATE", "1/h")]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    let stranger = server.stranger();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(tokens::secret(&ada, "read write").await);
        // Counters are in memory.
        server.stop().await;
        server.start_again().await;
    }
    let read = async |token: &str| Answer::of(stranger.request(Method::GET, "/rooms/general").bearer_auth(token)).await.status;
    let post = async |token: &str| {
        let request = stranger.request(Method::POST, "/rooms/general/messages").bearer_auth(token);
        Answer::of(request.form(&[("body", "beep")])).await.status
    };
    assert_eq!((read(&tokens[0]).await, read(&tokens[0]).await, read(&tokens[1]).await), (200, 429, 429));
    assert_eq!((post(&tokens[0]).await, post(&tokens[1]).await, post(&tokens[0]).await), (201, 201, 429));
    // Events too, those that are changes and those that are not.
    let stream = TcpStream::connect(server.address).await.expect("the server is there");
    let authorization = format!("Bearer {}", tokens[1]);
    let socket = Socket::open_with(stream, &server.site, &[("authorization", &authorization)]).await.expect("let in");
    let socket = socket.enter().await.expect("let in");
    is_too_often(&socket, "history", json!({ "room": "general" })).await;
    socket.ok("join", json!({ "room": "general" })).await;
    is_too_often(&socket, "message", json!({ "room": "general", "body": "beep", "nonce": "n0" })).await;
    // The person has all of theirs.
    ada.get_json("/rooms/general").await.expect(200);
    let own = ada.socket().await;
    own.ok("join", json!({ "room": "general" })).await;
    own.ok("message", json!({ "room": "general", "body": "hello", "nonce": "n1" })).await;
    own.ok("message", json!({ "room": "general", "body": "again", "nonce": "n2" })).await;
    is_too_often(&own, "message", json!({ "room": "general", "body": "too often", "nonce": "n3" })).await;
    server.stop().await;
}

#[apply(both)]
async fn with_its_defaults_nobody_who_comes_back_to_hundreds_of_rooms_is_refused(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "60/min")]).await;
    let ada = server.register("ada").await;
    let (socket, joined) = ada.join("general").await;
    // What a client does that is in 500 rooms, on three devices at once.
    let mut pending = Vec::new();
    for number in 0..1_500 {
        pending.push(socket.send("join", json!({ "room": "general", "after": joined["head"]["rev"] })).await);
        if number % 100 == 99 {
            for one in pending.drain(..) {
                let answer = one.acknowledgement().await;
                assert_eq!(answer["ok"], json!(true), "{number}: {answer}");
            }
        }
    }
    // And a script that reads a whole history.
    for _ in 0..500 {
        socket.ok("history", json!({ "room": "general", "before": 2 })).await;
    }
    server.stop().await;
}
