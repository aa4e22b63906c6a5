//! Finding messages: what is found, by whom, in which order, and what must not be.

mod limits;
mod marked;
mod million;
mod older;
mod operators;
mod pages;
mod paging;
mod private;
mod together;
mod words;

use serde_json::{Value, json};

use crate::harness::{Answer, Person, Socket};

/// What the site answers to a query, as data.
async fn ask(person: &Person, q: &str, rest: &str) -> Answer {
    person.get_json(&format!("/search?q={}{rest}", encode(q))).await
}

/// The bodies of what is found, newest first.
async fn find(person: &Person, q: &str) -> Vec<String> {
    bodies(&ask(person, q, "").await.expect(200).json())
}

/// The bodies of results.
fn bodies(found: &Value) -> Vec<String> {
    let results = found["results"].as_array().expect("results are a list");
    results.iter().map(|result| result["message"]["body"].as_str().expect("a body").to_owned()).collect()
}

/// The same over a socket.
async fn find_live(socket: &Socket, q: &str) -> Vec<String> {
    bodies(&socket.ok("search", json!({ "q": q })).await)
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Writes several messages into a room, one after the other.
async fn say(socket: &Socket, room: &str, words: &[&str]) {
    for body in words {
        let nonce = format!("{body:?}-{:x}", rand::random::<u64>());
        socket.post(room, body, &nonce.chars().rev().take(40).collect::<String>()).await;
    }
}
