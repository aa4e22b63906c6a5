//! Drafts: they are stored for their person, follow them to another browser, and are nobody else's business.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Person, TestApp};

async fn bodies(person: &Person) -> Vec<(String, String)> {
    let answer = person.get_json("/drafts").await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer["drafts"].as_array().unwrap().iter().map(|draft| (text(&draft["room"]), text(&draft["body"]))).collect()
}

fn pair(room: &str, body: &str) -> (String, String) {
    (room.to_owned(), body.to_owned())
}

both! {
    async fn a_draft_follows_its_person_and_survives_a_log_out(app: &TestApp) {
        let ada = app.register("ada").await;
        let (here, _) = ada.join("general").await;
        let there = app.log_in("ada").await.socket().await;
        let saved = here.ok("draft", json!({ "room": "general", "body": "half a thought", "reply_to": 1 })).await;
        assert_eq!(saved["draft"]["body"], "half a thought");
        let told = there.next("draft").await;
        assert_eq!((&told["room"], &told["body"], &told["reply_to"]), (&json!("general"), &json!("half a thought"), &json!(1)));
        assert!(here.peek_at("draft").is_empty(), "only the other sockets are told");
        // The last one holds, by a form as well.
        ada.post("/rooms/general/draft", &[("body", ""), ("edit_seq", "4"), ("edit_body", "better")]).await.expect(303);
        let told = there.next_where("draft", |it| it["edit"]["seq"] == json!(4)).await;
        assert_eq!((&told["edit"]["body"], &told["body"], &told["reply_to"]), (&json!("better"), &json!(""), &Value::Null));
        ada.post("/logout", &[]).await.expect(303);
        let again = app.log_in("ada").await;
        let drafts = again.socket().await.ok("drafts", json!({})).await;
        assert_eq!(drafts["drafts"][0]["edit"], json!({ "seq": 4, "body": "better" }));
        // An empty one is none.
        again.post("/rooms/general/draft", &[("body", "")]).await.expect(303);
        assert_eq!(bodies(&again).await, []);
    }

    async fn a_draft_is_no_message_and_nobody_elses(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let (here, _) = ada.join("general").await;
        let (writing, _) = grace.join("general").await;
        let before = app.database.rows("messages").await;
        here.ok("draft", json!({ "room": "general", "body": "between me and me" })).await;
        writing.ok("draft", json!({ "room": "general", "body": "mine" })).await;
        assert_eq!(app.database.rows("messages").await, before);
        assert_eq!(bodies(&ada).await, [pair("general", "between me and me")]);
        assert_eq!(bodies(&grace).await, [pair("general", "mine")]);
        here.post("general", "said", "1").await;
        writing.hears("said").await;
        assert!(writing.peek_at("draft").is_empty(), "somebody heard of another's draft");
        // Whoever stored it takes it away: a post does not look for one.
        assert_eq!(bodies(&ada).await, [pair("general", "between me and me")]);
        app.stranger().get_json("/drafts").await.expect(401);
    }

    async fn a_draft_goes_with_the_room_that_one_loses(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let room = ada.create_room("Secret circle", "private").await;
        ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
        grace.post(&format!("/rooms/{room}/draft"), &[("body", "I think")]).await.expect(303);
        assert_eq!(bodies(&grace).await, [pair(&room, "I think")]);
        ada.post(&format!("/rooms/{room}/members/grace/remove"), &[]).await.expect(303);
        assert_eq!(bodies(&grace).await, []);
        grace.post(&format!("/rooms/{room}/draft"), &[("body", "and yet")]).await.expect(404);
        // Who comes back begins anew.
        ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
        assert_eq!(bodies(&grace).await, []);
    }

    async fn drafts_have_limits_that_say_so_and_lose_nothing(app: &TestApp) {
        let ada = app.register("ada").await;
        let (socket, _) = ada.join("general").await;
        socket.ok("draft", json!({ "room": "general", "body": "kept" })).await;
        for (data, code, field) in [
            (json!({ "body": "é".repeat(8_001) }), "too_long", "body"),
            (json!({ "body": "", "edit_seq": 2, "edit_body": "é".repeat(8_001) }), "too_long", "edit_body"),
            (json!({ "body": "a\u{0}b" }), "invalid", "body"),
            (json!({ "body": "a", "edit_seq": 2 }), "invalid", "edit_body"),
            (json!({ "body": "a", "reply_to": "one" }), "invalid", "reply_to"),
            (json!({}), "invalid", "body"),
        ] {
            let mut data = data;
            data["room"] = json!("general");
            let answer = socket.ask("draft", data).await;
            assert_eq!((&answer["error"]["code"], &answer["error"]["field"]), (&json!(code), &json!(field)), "{answer}");
        }
        assert_eq!(bodies(&ada).await, [pair("general", "kept")]);
        // Together: sixteen of these are as much as is stored.
        let long = "é".repeat(8_000);
        let mut refused = 0;
        for number in 0..17 {
            let room = ada.create_room(&format!("Room {number}"), "public").await;
            let answer = socket.ask("draft", json!({ "room": room, "body": long })).await;
            refused += i32::from(answer["error"]["field"] == "body");
        }
        assert_eq!((refused, bodies(&ada).await.len()), (1, 17));
        // What is there already may still be changed and taken away.
        socket.ok("draft", json!({ "room": "general", "body": "kept, and more" })).await;
        socket.ok("draft", json!({ "room": "general", "body": "" })).await;
        assert_eq!(bodies(&ada).await.len(), 16);
    }
}
