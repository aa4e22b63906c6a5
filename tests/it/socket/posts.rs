//! Posting: what a message is, that everybody hears it, and that a retry makes no second one.

use serde_json::{Value, json};

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Database, TestApp};

#[apply(both)]
async fn a_post_is_acknowledged_as_the_message_that_everybody_hears(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (hers, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    let message = hers.post("general", "hello *world*", "n-1").await;
    assert_eq!(message["room"], "general");
    assert_eq!((&message["seq"], &message["rev"]), (&json!(3), &json!(3)));
    assert_eq!((&message["kind"], &message["body"], &message["nonce"]), (&json!("text"), &json!("hello *world*"), &json!("n-1")));
    assert_eq!(message["author"]["username"], "ada");
    assert!(message["author"]["id"].is_i64() && message["author"]["name"].is_string());
    assert_eq!(message["html"].as_str().map(str::trim), Some("<p>hello <em>world</em></p>"));
    let time = message["created_at"].as_str().expect("a time");
    assert!(time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    for absent in ["edited_at", "deleted_at", "reply_to", "reactions"] {
        assert!(message.get(absent).is_none(), "{absent} applies to nothing yet: {message}");
    }
    assert_eq!(hers.hears("hello *world*").await, message, "the sender hears it as well");
    assert_eq!(other.hears("hello *world*").await, message);
    let (_, joined) = grace.join("general").await;
    assert_eq!(joined["messages"][2], message, "the replay tells the same");
}

#[apply(both)]
async fn a_post_by_form_is_the_same_as_one_by_socket(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let fields = [("body", "from the form"), ("nonce", "f-1")];
    let answer = ada.post("/rooms/general/messages", &fields).await;
    let heard = socket.hears("from the form").await;
    let place = answer.expect(303).location();
    assert!(place.starts_with("/rooms/general") && place.contains(&heard["seq"].to_string()), "{place}");
    assert_eq!(heard["nonce"], "f-1");
    ada.post("/rooms/general/messages", &fields).await.expect(303);
    assert_eq!(socket.post("general", "another try", "f-1").await, heard);
    let reply = [("body", "an answer"), ("reply_to", "2")];
    ada.post("/rooms/general/messages", &reply).await.expect(303);
    assert_eq!(socket.hears("an answer").await["reply_to"], 2);
}

#[apply(both)]
async fn what_one_sends_with_send_is_a_message_too(app: &TestApp) {
    // The official clients' `send(data)` emits an event called `message`; without an acknowledgement asked for.
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    socket.tell("message", json!({ "room": "general", "body": "sent", "nonce": "1" })).await;
    socket.hears("sent").await;
}

#[apply(both)]
async fn the_same_nonce_again_gives_the_same_message_and_nothing_happens_twice(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let first = socket.post("general", "once", "n").await;
    // Alone, many at once, from another socket, with other words.
    assert_eq!(socket.post("general", "once", "n").await, first);
    let mut pending = Vec::new();
    for _ in 0..20 {
        pending.push(socket.send("message", json!({ "room": "general", "body": "once", "nonce": "n" })).await);
    }
    for one in pending {
        assert_eq!(one.acknowledgement().await["message"], first);
    }
    let (elsewhere, _) = app.log_in("ada").await.join("general").await;
    assert_eq!(elsewhere.post("general", "other words", "n").await, first);
    // Somebody else's nonce of the same name is another one.
    let (others, _) = grace.join("general").await;
    assert_ne!(others.post("general", "hers", "n").await["seq"], first["seq"]);
    others.hears("hers").await;
    socket.hears("hers").await;
    let heard = socket.peek_at("message").into_iter().filter(|it| it["body"] == "once").count();
    assert_eq!(heard, 1, "{:?}", socket.peek());
}

#[apply(both)]
async fn many_first_tries_of_one_nonce_at_once_make_one_message(app: &TestApp) {
    let ada = app.register("ada").await;
    let sockets = futures_util::future::join_all((0..4).map(|_| ada.join("general"))).await;
    let posts = sockets.iter().map(|(socket, _)| socket.post("general", "once", "n"));
    let messages = futures_util::future::join_all(posts).await;
    assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
    let rows = app.database.query("select seq from messages where nonce = 'n'").await;
    assert_eq!(rows.len(), 1);
}

#[apply(both)]
async fn the_retry_of_an_edited_or_deleted_post_tells_what_became_of_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "frist", "n").await["seq"].take();
    socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "first" })).await;
    assert_eq!(socket.post("general", "frist", "n").await["body"], "first");
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    let retried = socket.post("general", "frist", "n").await;
    assert_eq!((&retried["seq"], &retried["body"]), (&seq, &json!("")));
}

#[apply(both)]
async fn a_reply_names_a_message_of_the_room(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "question", "1").await["seq"].take();
    let reply = json!({ "room": "general", "body": "answer", "nonce": "2", "reply_to": seq });
    assert_eq!(socket.ok("message", reply).await["message"]["reply_to"], seq);
    for nowhere in [json!(0), json!(99), json!("2"), json!(-1)] {
        let reply = json!({ "room": "general", "body": "answer", "nonce": "3", "reply_to": nowhere });
        assert_eq!(socket.refused("message", reply).await, "invalid", "{nowhere}");
    }
}

#[apply(both)]
async fn the_longest_message_is_taken_whole_and_a_longer_one_is_not(database: &Database) {
    let server = Server::start(database.url(), &[("MAX_MESSAGE_CHARS", "100")]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for (number, letter) in ["a", "é", "日", "🦀", "&"].into_iter().enumerate() {
        let longest = letter.repeat(100);
        let message = socket.post("general", &longest, &format!("n{number}")).await;
        assert_eq!(message["body"], json!(longest));
        let refused = socket.ask("message", json!({ "room": "general", "body": letter.repeat(101), "nonce": "x" })).await;
        assert_eq!(refused["error"]["code"], "too_long", "{refused}");
        let edit = json!({ "room": "general", "seq": message["seq"], "body": letter.repeat(101) });
        assert_eq!(socket.refused("edit", edit).await, "too_long");
        ada.write("general", &letter.repeat(101)).await.expect(422);
        ada.write("general", &longest).await.expect(303);
    }
}

#[apply(both)]
async fn the_longest_message_by_default_fits_through_the_socket_in_every_script(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for (number, letter) in ["a", "日", "🦀", "\n", "\""].into_iter().enumerate() {
        let body = format!("x{}", letter.repeat(7998)) + "x";
        let message = socket.post("general", &body, &format!("n{number}")).await;
        assert!(message["body"] == json!(body), "{letter:?} was changed");
    }
}

#[apply(both)]
async fn posts_too_fast_are_told_when_to_come_back(database: &Database) {
    let server = Server::start(database.url(), &[("POST_RATE", "2/min")]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut answers = Vec::new();
    for number in 0..12 {
        let data = json!({ "room": "general", "body": "fast", "nonce": format!("n{number}") });
        answers.push(socket.send("message", data).await);
    }
    let mut accepted = 0;
    let mut refused: Vec<Value> = Vec::new();
    for answer in answers {
        let answer = answer.acknowledgement().await;
        if answer["ok"] == json!(true) { accepted += 1 } else { refused.push(answer) }
    }
    assert_eq!(accepted, 4, "of 12, with a burst of twice the rate");
    for answer in &refused {
        assert_eq!(answer["error"]["code"], "rate_limited");
        assert!(answer["error"]["retry_after"].as_f64().is_some_and(|wait| wait > 0.0 && wait <= 360.0), "{answer}");
    }
    // The form is not a way around it; others are not held up by it.
    ada.write("general", "fast").await.expect(429);
    let grace = server.register("grace").await;
    grace.enter("general").await;
    grace.write("general", "in time").await.expect(303);
}
