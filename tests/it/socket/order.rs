//! One order for everybody, and each sender's own order in it.

use serde_json::{Value, json};

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Database, Socket, TestApp};

/// Sends so many posts without waiting for any, and then waits for all: their seqs in the order of sending.
async fn volley(socket: &Socket, room: &str, name: &str, count: usize) -> Vec<i64> {
    let mut seqs = Vec::with_capacity(count);
    let mut sent = 0;
    while sent < count {
        let mut pending = Vec::new();
        // As many in flight as a socket may have.
        for number in sent..count.min(sent + 200) {
            let data = json!({ "room": room, "body": format!("{name} {number}"), "nonce": format!("{name}-{number}") });
            pending.push(socket.send("message", data).await);
        }
        sent += pending.len();
        for one in pending {
            let answer = one.acknowledgement().await;
            assert_eq!(answer["ok"], json!(true), "{answer}");
            seqs.push(answer["message"]["seq"].as_i64().expect("a number"));
        }
    }
    seqs
}

fn bodies(messages: &[Value], name: &str) -> Vec<String> {
    let own = messages.iter().filter_map(|it| it["body"].as_str()).filter(|body| body.starts_with(&format!("{name} ")));
    own.map(str::to_owned).collect()
}

fn expected(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name} {number}")).collect()
}

#[apply(both)]
async fn posts_in_flight_are_committed_in_the_order_of_sending(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Volley", "public").await;
    let (socket, _) = ada.join(&room).await;
    let seqs = volley(&socket, &room, "ada", 300).await;
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let heard = socket.first(300, "message").await;
    assert_eq!(bodies(&heard, "ada").len(), 300 - heard.iter().filter(|it| it["kind"] != "text").count());
}

/// The first words after a start: nothing is warm yet.
#[apply(both)]
async fn the_first_posts_after_a_restart_keep_their_order_too(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Volley", "public").await;
    server.stop().await;
    server.start_again().await;
    // Without joining first, as a client does that only writes.
    let socket = ada.socket().await;
    let seqs = volley(&socket, &room, "ada", 150).await;
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
}

#[apply(both)]
async fn a_join_among_them_does_not_let_later_posts_overtake(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Volley", "public").await;
    let socket = ada.socket().await;
    let mut pending = Vec::new();
    let mut join = None;
    for number in 0..200 {
        if number == 60 {
            // From its answer on, posts need no looking up.
            join = Some(socket.send("join", json!({ "room": room })).await);
        }
        let data = json!({ "room": room, "body": "hello", "nonce": number.to_string() });
        pending.push(socket.send("message", data).await);
        if number == 90 {
            join.take().expect("sent before").acknowledgement().await;
        }
    }
    let mut seqs = Vec::new();
    for one in pending {
        seqs.push(one.acknowledgement().await["message"]["seq"].as_i64().expect("a number"));
    }
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
}

#[apply(both)]
async fn everybody_sees_the_same_order_and_each_sender_their_own(app: &TestApp) {
    let names = ["ada", "grace", "mary", "edsger"];
    let mut sockets = Vec::new();
    for name in names {
        sockets.push(app.register(name).await.join("general").await.0);
    }
    let volleys = names.iter().zip(&sockets).map(|(name, socket)| volley(socket, "general", name, 80));
    futures_util::future::join_all(volleys).await;
    // The one that came last has heard everything since it came: that is what all are compared by.
    let mut orders = Vec::new();
    for socket in &sockets {
        socket.next_where("message", |it| it["seq"] == json!(4 + 320)).await;
        let heard = socket.peek_at("message");
        let revs: Vec<_> = heard.iter().map(|it| it["rev"].as_i64().expect("a number")).collect();
        assert!(revs.windows(2).all(|pair| pair[1] == pair[0] + 1), "in rev order, without gaps: {revs:?}");
        for name in names {
            let own = bodies(&heard, name);
            let all = expected(name, 80);
            assert!(all.starts_with(&own) && own.len() >= 79, "{name}: {own:?}");
        }
        let texts: Vec<_> = heard.iter().filter(|it| it["kind"] == "text").map(|it| it["body"].clone()).collect();
        orders.push(texts);
    }
    assert!(orders.iter().all(|order| *order == orders[0]));
    app.database.check_rooms().await;
}

#[apply(both)]
async fn changes_of_all_kinds_keep_their_senders_order(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "v0", "0").await["seq"].clone();
    let mut pending = Vec::new();
    for number in 1..=60 {
        pending.push(socket.send("edit", json!({ "room": "general", "seq": seq, "body": format!("v{number}") })).await);
        let on = number % 2 == 1;
        pending.push(socket.send("react", json!({ "room": "general", "seq": seq, "emoji": "👍", "on": on })).await);
    }
    let mut last = Value::Null;
    for one in pending {
        last = one.acknowledgement().await["message"].take();
    }
    assert_eq!((&last["body"], last.get("reactions")), (&json!("v60"), None));
    // Her entering, the message, its edits and its reactions: each a rev, each told, the latest last.
    assert_eq!(last["rev"], json!(2 + 120));
    assert_eq!(socket.next_where("message", |it| it["rev"] == last["rev"]).await, last);
    let heard = socket.peek_at("message");
    let revs: Vec<_> = heard.iter().map(|it| it["rev"].as_i64().expect("a number")).collect();
    assert!(revs.ends_with(&[120, 121]) && revs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{revs:?}");
}
