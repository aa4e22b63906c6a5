//! People who cannot keep up: they are cut, others do not notice, and they catch up by `rev`.

use serde_json::json;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::everywhere;
use crate::harness::{DEADLINE, Socket, TestApp};

/// How much is said: far more than all buffers on the way hold together.
const ROUNDS: usize = 80;
const POSTS: usize = 100;
const LENGTH: usize = 2_000;

#[apply(everywhere)]
async fn who_reads_nothing_is_cut_and_catches_up_later(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (writing, _) = ada.join("general").await;
    // A small window, so that little fits into the network itself.
    let tcp = TcpSocket::new_v4().expect("a socket");
    tcp.set_recv_buffer_size(4096).expect("a small buffer");
    let stream = tcp.connect(app.address).await.expect("the server accepts");
    let stuck = Socket::open_on(stream, app, &grace.cookies(), Some(&app.origin)).await.expect("the transport opens");
    let stuck = stuck.enter().await.expect("she is let in");
    let joined = stuck.ok("join", json!({ "room": "general" })).await;
    let known = joined["head"]["rev"].as_i64().expect("a number");
    stuck.set_reading(false);
    let body = "all work and no play ".repeat(LENGTH / 21);
    let mut said = 0;
    'saying: for round in 0..ROUNDS {
        let mut pending = Vec::new();
        for number in 0..POSTS {
            let data = json!({ "room": "general", "body": body, "nonce": format!("{round}-{number}") });
            pending.push(writing.send("message", data).await);
        }
        for one in pending {
            assert_eq!(one.acknowledgement().await["ok"], json!(true), "the others go on");
            said += 1;
        }
        let is_gone =
            |it: &(String, serde_json::Value)| it.0 == "presence" && it.1["user"] == "grace" && it.1["online"] == json!(false);
        if writing.peek().iter().any(is_gone) {
            break 'saying;
        }
    }
    writing.next_where("presence", |it| it["user"] == "grace" && it["online"] == json!(false)).await;
    stuck.set_reading(true);
    // What the network had taken in still comes, through the small window; that takes as long as it takes, but something always comes.
    let mut came = stuck.peek().len();
    while timeout(DEADLINE, stuck.end()).await.is_err() {
        let before = std::mem::replace(&mut came, stuck.peek().len());
        assert!(came > before, "the connection is still there, after {came} events");
    }
    // What did get through is in order and without gaps; the rest comes by rev.
    let mut last = known;
    for message in stuck.peek_at("message") {
        let rev = message["rev"].as_i64().expect("a number");
        assert!(rev <= last + 1, "a gap before {rev}, after {last}");
        last = last.max(rev);
    }
    let again = grace.socket().await;
    let mut part = again.ok("join", json!({ "room": "general", "after": last })).await;
    loop {
        for message in part["messages"].as_array().expect("messages") {
            let rev = message["rev"].as_i64().expect("a number");
            assert_eq!(rev, last + 1);
            last = rev;
        }
        if part["complete"] == json!(true) {
            break;
        }
        part = again.ok("sync", json!({ "room": "general", "after": last })).await;
    }
    assert_eq!(last, known + said);
}
