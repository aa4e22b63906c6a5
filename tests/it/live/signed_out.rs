//! Signing out reaches every open socket of the session, at once.

use serde_json::json;

use crate::both;
use crate::harness::{Socket, TestApp};

both! {
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

    async fn a_logout_reaches_a_socket_that_reads_nothing(app: &TestApp) {
        let ada = app.register("ada").await;
        let grace = app.register("grace").await;
        let (witness, _) = grace.join("general").await;
        let (stuck, _) = ada.join("general").await;
        stuck.set_reading(false);
        ada.post("/logout", &[]).await.expect(303);
        witness.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(false)).await;
        stuck.set_reading(true);
        stuck.is_cut().await;
    }

    async fn logouts_that_race_with_connects_leave_no_socket_behind(app: &TestApp) {
        for round in 0..8 {
            let ada = if round == 0 { app.register("ada").await } else { app.log_in("ada").await };
            let (logout, sockets) = tokio::join!(
                ada.post("/logout", &[]),
                futures_util::future::join_all((0..6).map(|_| ada.try_socket()))
            );
            logout.expect(303);
            for socket in sockets.into_iter().flatten() {
                // Let in before the end, and ended with it.
                socket.is_cut().await;
            }
        }
    }
}
