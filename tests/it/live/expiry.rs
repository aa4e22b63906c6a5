//! Sessions that run out, also under open sockets.

use std::time::Duration;

use serde_json::json;

use crate::harness::app::Server;
use crate::harness::{Database, TestApp};
use crate::{both, everywhere};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[apply(everywhere)]
async fn a_session_that_is_not_used_runs_out(app: &TestApp) {
    let ada = app.register("ada").await;
    app.pass(DAY * 13);
    ada.get("/rooms").await.expect(200);
    // Its use began the time anew.
    app.pass(DAY * 13);
    ada.get("/rooms").await.expect(200);
    app.pass(DAY * 15);
    assert!(ada.get("/rooms").await.expect(303).location().starts_with("/login"));
    assert_eq!(ada.try_socket().await.err().map(|refusal| refusal.message().to_owned()).as_deref(), Some("unauthenticated"));
}

#[apply(everywhere)]
async fn a_session_runs_out_at_last_however_much_it_is_used(app: &TestApp) {
    let ada = app.register("ada").await;
    let mut days = 0;
    while ada.get("/rooms").await.status == 200 {
        app.pass(DAY * 10);
        days += 10;
        assert!(days <= 120, "it never ends");
    }
    assert!((80..=100).contains(&days), "{days}");
}

#[apply(both)]
async fn a_session_that_runs_out_takes_its_open_sockets_along(database: &Database) {
    let server = Server::start(database.url(), &[("SESSION_IDLE", "1h"), ("SESSION_LIFETIME", "2h")]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    server.pass(Duration::from_secs(3 * 60 * 60));
    // At the next look at the sessions, which is within a minute.
    let ended = tokio::time::timeout(Duration::from_secs(60), socket.end()).await;
    assert!(ended.is_ok(), "the socket outlives its session");
    assert!(socket.peek_at("signed_out").len() <= 1);
    ada.get("/rooms").await.expect(303);
}

/// A session that is not used for too long, and one that has lived for too long: a quiet socket and one that posts both end.
#[apply(both)]
async fn either_limit_ends_a_quiet_socket_and_one_that_posts(database: &Database) {
    let limits = [
        ("idle", [("SESSION_IDLE", "1h"), ("SESSION_LIFETIME", "24h")]),
        ("lifetime", [("SESSION_IDLE", "24h"), ("SESSION_LIFETIME", "2h")]),
    ];
    for (what, settings) in limits {
        let mut server = Server::start(database.url(), &settings).await;
        let person = server.register(what).await;
        let ((quiet, _), (busy, _)) = (person.join("general").await, person.join("general").await);
        let posting = async {
            for count in 0.. {
                let data = json!({ "room": "general", "body": "here", "nonce": format!("{what}-{count}") });
                match busy.send("message", data).await.outcome().await {
                    Some(answer) => assert!(answer["ok"] == true || answer["error"]["code"] == "unauthenticated", "{answer}"),
                    None => return count,
                }
                if count == 0 {
                    // Not before it has run out.
                    server.pass(Duration::from_secs(50 * 60));
                    person.try_socket().await.expect("the session has not run out");
                    server.pass(Duration::from_secs(3 * 60 * 60));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            unreachable!("it posts until it is cut")
        };
        // At the next look at the sessions, which is within a minute.
        let ending = async { tokio::join!(quiet.end(), posting).1 };
        let posts = tokio::time::timeout(Duration::from_secs(70), ending).await.expect("the sockets are closed");
        assert!(posts > 0);
        person.get("/rooms").await.expect(303);
        assert_eq!(person.try_socket().await.expect_err("the session is over").message(), "unauthenticated");
        server.stop().await;
    }
}

#[apply(everywhere)]
async fn a_clock_that_jumps_an_hour_signs_nobody_out_and_keeps_the_order(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut seqs = Vec::new();
    for (number, jump) in [3_600_000, -7_200_000, 3_600_000].into_iter().enumerate() {
        app.clock.shift(jump);
        ada.get("/rooms/general").await.expect(200);
        seqs.push(socket.post("general", "tick", &format!("n{number}")).await["seq"].as_i64().expect("a number"));
    }
    assert_eq!(seqs, [2, 3, 4]);
    let page = ada.get_json("/rooms/general").await.json();
    let order: Vec<_> = page["messages"].as_array().expect("messages").iter().map(|it| it["seq"].clone()).collect();
    assert_eq!(json!(order), json!([1, 2, 3, 4]));
}
