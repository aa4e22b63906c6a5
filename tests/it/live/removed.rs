//! Losing a room while everybody writes: from one moment on, nothing more of it comes.

use serde_json::json;

use crate::everywhere;
use crate::harness::{Load, TestApp};

#[apply(everywhere)]
async fn who_is_sent_out_under_load_hears_nothing_from_then_on(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Busy", "private").await;
    let (writing, _) = ada.join(&room).await;
    for round in 0..10 {
        ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
        let (out, _) = grace.join(&room).await;
        let mut pending = Vec::new();
        for number in 0..100 {
            let data = json!({ "room": room, "body": "busy", "nonce": format!("{round}-{number}") });
            pending.push(writing.send("message", data).await);
        }
        let path = format!("/rooms/{room}/members/grace/remove");
        let (removal, ()) = tokio::join!(ada.post(&path, &[]), async {
            for one in pending {
                assert_eq!(one.acknowledgement().await["ok"], json!(true));
            }
        });
        removal.expect(303);
        out.next("removed").await;
        let left = writing.next_where("message", |it| it["kind"] == "left").await["rev"].clone();
        // Something that comes after everything that could still have come.
        writing.ok("join", json!({ "room": "general" })).await;
        out.ok("join", json!({ "room": "general" })).await;
        writing.post("general", "all done", &format!("done-{round}")).await;
        out.hears("all done").await;
        let heard = out.peek_at("message").into_iter().filter(|it| it["room"] == json!(room));
        for message in heard {
            assert!(message["rev"].as_i64() < left.as_i64(), "{message} after {left}");
        }
    }
}

#[apply(everywhere)]
async fn joins_that_race_with_the_removal_leave_nobody_listening(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Busy", "private").await;
    let (writing, _) = ada.join(&room).await;
    for round in 0..10 {
        ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
        let out = grace.socket().await;
        let path = format!("/rooms/{room}/members/grace/remove");
        let mut pending = Vec::new();
        let (removal, ()) = tokio::join!(ada.post(&path, &[]), async {
            for _ in 0..20 {
                pending.push(out.send("join", json!({ "room": room })).await);
            }
        });
        removal.expect(303);
        for one in pending {
            one.acknowledgement().await;
        }
        let body = format!("secret {round}");
        writing.post(&room, &body, &format!("s-{round}")).await;
        writing.ok("join", json!({ "room": "general" })).await;
        out.ok("join", json!({ "room": "general" })).await;
        writing.post("general", "all done", &format!("done-{round}")).await;
        out.hears("all done").await;
        assert!(out.peek_at("message").iter().all(|it| it["body"] != json!(body)), "round {round}");
        app.joins_with(&app.log_in("ada").await, &room, &["ada"]).await;
    }
}

/// Others write all the time; the one who is removed tries to get back in, again and again.
#[apply(everywhere)]
async fn whoever_is_sent_out_while_everybody_writes_is_refused_everything(app: &TestApp) {
    let mut load = Load::gather(app, 2).await;
    let (owner, room) = load.witness();
    let member = app.register("leaver").await;
    for round in 0..5 {
        let nonce = format!("leaver-{round}");
        let socket = load
            .during(async {
                owner.post(&format!("/rooms/{room}/members"), &[("username", "leaver")]).await.expect(303);
                let (socket, _) = member.join(&room).await;
                socket.first(20, "message").await;
                let path = format!("/rooms/{room}/members/leaver/remove");
                let trying = async {
                    let mut pending = Vec::new();
                    for _ in 0..30 {
                        pending.push(socket.send("join", json!({ "room": room })).await);
                        tokio::task::yield_now().await;
                    }
                    pending
                };
                let (removed, pending) = tokio::join!(owner.post(&path, &[]), trying);
                removed.expect(303);
                for one in pending {
                    one.acknowledgement().await;
                }
                for (event, data) in [
                    ("message", json!({ "room": room, "body": nonce, "nonce": nonce })),
                    ("join", json!({ "room": room })),
                    ("sync", json!({ "room": room, "after": 0 })),
                    ("history", json!({ "room": room })),
                    ("read", json!({ "room": room, "seq": 1 })),
                    ("edit", json!({ "room": room, "seq": 2, "body": "mine" })),
                    ("react", json!({ "room": room, "seq": 2, "emoji": "👍", "on": true })),
                ] {
                    assert_eq!(socket.refused(event, data).await, "not_found", "{event}");
                }
                member.get(&format!("/rooms/{room}")).await.expect(404);
                member.write(&room, &nonce).await.expect(404);
                // Much is said meanwhile.
                owner.join(&room).await.0.first(20, "message").await;
                socket
            })
            .await;
        let left = app.database.query("select max(rev) as rev from messages where kind = 'left'").await[0]["rev"].as_i64();
        assert!(left.is_some(), "nobody left");
        for message in socket.peek_at("message").iter().filter(|it| it["room"] == json!(room)) {
            assert!(message["rev"].as_i64() < left, "heard {message} after the removal at rev {left:?}");
        }
        assert!(socket.peek_at("removed").iter().any(|it| it["room"] == json!(room)), "nobody told them");
    }
    app.database.check(&mut load).await;
}
