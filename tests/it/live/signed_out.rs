//! Signing out reaches every open socket of the session, at once.

use std::time::{Duration, Instant};

use proof::faults::bad_clients::{BufferFiller, invited, stuck, until_gone};
use proof::infra::proc_stats::unsent;
use serde_json::{Value, json};

use crate::harness::site::PASSWORD;
use crate::harness::{DEADLINE, Load, Person, Socket, TestApp};
use crate::{both, everywhere};

#[apply(everywhere)]
async fn logging_out_ends_the_sessions_sockets_and_only_those(app: &TestApp) {
    let ada = app.register("ada").await;
    let elsewhere = app.log_in("ada").await;
    let (first, _) = ada.join("general").await;
    let (second, _) = ada.join("general").await;
    let (other, _) = elsewhere.join("general").await;
    ada.post("/logout", &[]).await.expect(303);
    for socket in [&first, &second] {
        let told = socket.next("signed_out").await;
        assert!(told["reason"].is_string(), "{told}");
        socket.is_cut().await;
    }
    other.post("general", "still here", "1").await;
    other.hears("still here").await;
    for socket in [&first, &second] {
        assert!(socket.peek_at("message").iter().all(|it| it["body"] != "still here"), "{:?}", socket.peek());
    }
}

#[apply(both)]
async fn a_socket_that_was_ended_can_do_nothing_more_and_not_come_back(app: &TestApp) {
    let ada = app.register("ada").await;
    let grace = app.register("grace").await;
    let (witness, _) = grace.join("general").await;
    let (socket, _) = ada.join("general").await;
    let cookies = ada.cookies();
    ada.post("/logout", &[]).await.expect(303);
    // The session is over when the answer has come: what is sent from here on finds no one.
    let posting = socket.send("message", json!({ "room": "general", "body": "from the grave", "nonce": "1" })).await;
    socket.raw("40/chat,").await;
    let outcome = posting.outcome().await;
    assert!(outcome.as_ref().is_none_or(|it| it["error"]["code"] == "unauthenticated"), "{outcome:?}");
    socket.is_cut().await;
    let again = Socket::open(app, &cookies, Some(&app.origin)).await.expect("the transport opens");
    assert_eq!(again.enter().await.err().map(|refusal| refusal.message().to_owned()).as_deref(), Some("unauthenticated"));
    witness.post("general", "the end", "2").await;
    witness.hears("the end").await;
    assert!(witness.peek_at("message").iter().all(|it| it["body"] != "from the grave"));
    witness.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(false)).await;
}

#[apply(everywhere)]
async fn leaving_the_namespace_and_entering_again_asks_for_the_session_again(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    // Out of the namespace, with the transport still open, and only then the session ends.
    socket.raw("41/chat,").await;
    let (witness, _) = app.log_in("ada").await.join("general").await;
    witness.post("general", "a moment", "1").await;
    ada.post("/logout", &[]).await.expect(303);
    socket.raw("40/chat,").await;
    assert!(socket.admission().await.is_err());
    witness.post("general", "for members", "2").await;
    witness.hears("for members").await;
    assert!(socket.peek_at("message").iter().all(|it| it["body"] != "for members"));
}

/// The ways to lose all access.
const ENDS: [&str; 4] = ["password", "ban", "logout", "login"];

async fn lose_access(end: &str, person: &Person, administrator: &Person) {
    let name = person.username.as_str();
    let answer = match end {
        "password" => person.post("/settings/password", &[("current", PASSWORD), ("password", "eleven slow lighthouses")]).await,
        "ban" => administrator.post(&format!("/people/{name}/ban"), &[]).await,
        "logout" => person.post("/logout", &[]).await,
        _ => person.post("/login", &[("username", name), ("password", PASSWORD)]).await,
    };
    answer.expect(303);
}

/// Whoever loses their access sends a bare CONNECT over the same transport all the time, also in the moment in which it happens.
#[apply(everywhere)]
async fn whoever_was_thrown_out_does_not_come_back_with_a_bare_connect(app: &TestApp) {
    let (root, owner) = (app.register("rosa").await, app.register("host").await);
    app.database.make_admin("rosa").await;
    let room = owner.create_room("Inside", "private").await;
    let (witness, _) = owner.join(&room).await;
    for end in ENDS {
        let kicked = app.register(end).await;
        owner.post(&format!("/rooms/{room}/members"), &[("username", end)]).await.expect(303);
        let before = kicked.at(app);
        // One still in the namespace, one that has left it with the transport open, and one that never entered.
        let ((inside, _), (outside, _)) = (kicked.join(&room).await, kicked.join(&room).await);
        outside.raw("41/chat,").await;
        let waiting = Socket::open(app, &before.cookies(), None).await.expect("the transport opens");
        let mut all = [inside, outside, waiting];
        let knocking = async {
            for _ in 0..200 {
                for socket in &mut all {
                    // Whoever knocks too often is cut, and comes back.
                    if socket.has_ended() {
                        *socket = Socket::open(app, &before.cookies(), None).await.expect("the transport opens");
                    }
                    socket.raw("40/chat,").await;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::join!(lose_access(end, &kicked, &root), knocking);
        let secret = format!("not for {end}");
        let told = witness.post(&room, &secret, &secret).await;
        witness.hears(&secret).await;
        for socket in &all {
            socket.raw("40/chat,").await;
            let answer = socket.send("join", json!({ "room": room })).await.within(Duration::from_millis(300)).await;
            assert!(answer.as_ref().is_none_or(|it| it["ok"] == json!(false)), "{end}: let in again: {answer:?}");
            let after = socket.peek_at("message").into_iter().find(|it| it["rev"].as_i64() >= told["rev"].as_i64());
            assert_eq!(after, None, "{end}: heard after the end");
        }
        let members = async || owner.get_json(&format!("/rooms/{room}/members")).await.json()["members"].take();
        let is_here = |members: &Value| {
            members.as_array().into_iter().flatten().any(|it| it["person"]["username"] == end && it["online"] == json!(true))
        };
        let began = Instant::now();
        while is_here(&members().await) {
            assert!(began.elapsed() < DEADLINE, "{end} is still there");
        }
        assert!(before.get("/rooms").await.expect(303).location().starts_with("/login"));
        assert_eq!(before.try_socket().await.expect_err("the old cookie opens a socket").message(), "unauthenticated");
    }
}

#[apply(everywhere)]
async fn whoever_loses_access_is_cut_at_once_though_they_read_nothing(app: &TestApp) {
    let root = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    let mut load = Load::gather(app, 2).await;
    let (owner, room) = load.witness();
    let mut filler = BufferFiller::register(app).await;
    for end in ENDS {
        let victim = invited(app, &owner, &room, end, 1).await.remove(0);
        filler.invite(&victim).await;
        let before = victim.at(app);
        load.during(async {
            let mut all = vec![victim.join(&room).await.0];
            for nth in 0..4 {
                all.push(stuck(&victim, &filler.room, nth).await);
            }
            filler.fill().await;
            assert!(unsent(app.address.port()) > 1_000_000, "all buffers on the way to them are full");
            lose_access(end, &victim, &root).await;
            until_gone(&owner, &room, &victim.username, DEADLINE).await;
            all[0].is_cut().await;
            assert_eq!(all[0].peek_at("signed_out").len(), 1, "{end}: the one that reads is told why");
            for socket in &all {
                socket.set_reading(true);
                socket.is_cut().await;
            }
            assert!(before.get("/rooms").await.expect(303).location().starts_with("/login"));
        })
        .await;
    }
    app.database.check(&mut load).await;
}

#[apply(everywhere)]
async fn logouts_that_race_with_connects_leave_no_socket_behind(app: &TestApp) {
    for round in 0..8 {
        let ada = if round == 0 { app.register("ada").await } else { app.log_in("ada").await };
        let (logout, sockets) =
            tokio::join!(ada.post("/logout", &[]), futures_util::future::join_all((0..6).map(|_| ada.try_socket())));
        logout.expect(303);
        for socket in sockets.into_iter().flatten() {
            // Let in before the end, and ended with it.
            socket.is_cut().await;
        }
    }
}
