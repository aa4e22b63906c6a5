//! Drafts: they are stored for their person, follow them to another browser, and are nobody else's business.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Program;
use crate::both;
use crate::harness::app::Server;
use crate::harness::{Answer, Database, Person, TestApp};

async fn bodies(person: &Person) -> Vec<(String, String)> {
    let answer = person.get_json("/drafts").await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer["drafts"].as_array().unwrap().iter().map(|draft| (text(&draft["room"]), text(&draft["body"]))).collect()
}

fn pair(room: &str, body: &str) -> (String, String) {
    (room.to_owned(), body.to_owned())
}

#[apply(both)]
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

#[apply(both)]
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

#[apply(both)]
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

/// The page, the API and the event name no room that its writer lost, in whatever way.
#[apply(both)]
async fn no_list_of_drafts_names_a_room_that_is_lost(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let program = Program::of(app, &grace, "read").await;
    let socket = grace.socket().await;
    let listed = async || {
        let by_page = grace.get_json("/drafts").await.expect(200).json()["drafts"].clone();
        assert_eq!(program.get("/me/drafts").await.expect(200).json()["drafts"], by_page);
        assert_eq!(socket.ok("drafts", json!({})).await["drafts"], by_page);
        by_page.as_array().unwrap().len()
    };
    let mut rooms = Vec::new();
    for (name, visibility) in [("Removed", "private"), ("Banned", "public"), ("Left", "public"), ("Deleted", "private")] {
        let room = ada.create_room(name, visibility).await;
        ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
        grace.post(&format!("/rooms/{room}/draft"), &[("body", "I think")]).await.expect(303);
        program.get(&format!("/rooms/{room}/draft")).await.expect(200);
        rooms.push(room);
    }
    assert_eq!(listed().await, 4);
    ada.post(&format!("/rooms/{}/members/grace/remove", rooms[0]), &[]).await.expect(303);
    ada.post(&format!("/rooms/{}/members/grace/ban", rooms[1]), &[]).await.expect(303);
    grace.post(&format!("/rooms/{}/leave", rooms[2]), &[]).await.expect(303);
    ada.post(&format!("/rooms/{}/delete", rooms[3]), &[("confirm", &*rooms[3])]).await.expect(303);
    assert_eq!(listed().await, 0);
    for room in rooms {
        program.get(&format!("/rooms/{room}/draft")).await.expect(404);
    }
    assert!(app.database.rows("drafts").await.is_empty());
}

#[apply(both)]
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

#[apply(both)]
async fn the_page_comes_with_the_draft_and_its_form_takes_it_away(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = grace.join("general").await;
    let asked = socket.post("general", "shall we?", "1").await["seq"].to_string();
    ada.enter("general").await;
    let page = async |path: &str| ada.get(path).await.expect(200).clone();
    let field = |page: &Answer| {
        let (_, field) = page.body.split_once("<textarea").expect("a field");
        let (field, _) = field.split_once("</textarea>").expect("it ends");
        field.rsplit_once('>').expect("it begins").1.to_owned()
    };
    let empty = page("/rooms/general").await;
    assert_eq!(field(&empty), "");
    let hostile = "</textarea><script>1</script> \"half\" a thought";
    ada.post("/rooms/general/draft", &[("body", hostile), ("reply_to", &asked)]).await.expect(303);
    // Whoever has the page already gets it anew, and then not again.
    let known = async |tag: &str| {
        let request = ada.request(Method::GET, "/rooms/general").header("accept", "text/html").header("if-none-match", tag);
        Answer::of(request).await
    };
    let shown = known(empty.header("etag")).await.expect(200).clone();
    let escaped = "&#60;/textarea&#62;&#60;script&#62;1&#60;/script&#62; &#34;half&#34; a thought";
    assert_eq!(field(&shown), escaped);
    known(shown.header("etag")).await.expect(304);
    let answers = |page: &Answer| page.body.contains(&format!("name=\"reply_to\" value=\"{asked}\""));
    assert!(answers(&shown) && shown.body.contains("shall we?</span>"), "{}", shown.body);
    // On every page of the room; another message can be answered, or none.
    for path in [format!("/rooms/general/{asked}"), "/rooms/general?before=2".to_owned()] {
        let shown = page(&path).await;
        assert!(field(&shown) == escaped && answers(&shown), "{path}");
    }
    let otherwise = page("/rooms/general?reply_to=").await;
    assert!(field(&otherwise) == escaped && !answers(&otherwise));
    // It is nobody else's.
    assert!(!grace.get("/rooms/general").await.expect(200).body.contains("half"));
    assert!(!page("/rooms/general/members").await.body.contains("half"));
    // Sent by the form it is gone, but not what else was begun, and open windows hear of it.
    let here = ada.socket().await;
    let edits = [("body", "half"), ("edit_seq", &asked), ("edit_body", "better")];
    ada.post("/rooms/general/draft", &edits).await.expect(303);
    here.next_where("draft", |it| it["body"] == json!("half")).await;
    ada.post("/rooms/general/messages", &[("body", "half a thought, whole")]).await.expect(303);
    let told = here.next("draft").await;
    assert_eq!((&told["body"], &told["edit"]["body"]), (&json!(""), &json!("better")));
    assert_eq!(field(&page("/rooms/general").await), "");
    ada.post("/rooms/general/draft", &[("body", "once more")]).await.expect(303);
    // What is refused stays, and so does the draft; a preview sends nothing.
    ada.post("/rooms/general/messages", &[("body", " ")]).await.expect(422);
    ada.post("/rooms/general/messages", &[("body", "once more"), ("preview", "yes")]).await.expect(200);
    assert_eq!(field(&page("/rooms/general").await), "once more");
    ada.post("/rooms/general/messages", &[("body", "once more")]).await.expect(303);
    assert_eq!(bodies(&ada).await, []);
}

#[apply(both)]
async fn what_a_draft_answers_may_be_gone(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "for a moment", "1").await["seq"].clone();
    for (reply_to, body) in [(seq.clone(), "to what was"), (json!(99), "to what never was")] {
        socket.ok("draft", json!({ "room": "general", "body": body, "reply_to": reply_to })).await;
        if reply_to == seq {
            socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
        }
        let page = ada.get("/rooms/general").await.expect(200).body.clone();
        assert!(page.contains(&format!(">{body}</textarea>")) && !page.contains("name=\"reply_to\""), "{page}");
    }
}

#[apply(both)]
async fn a_draft_that_nobody_touches_is_deleted(database: &Database) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut server = Server::start(database.url(), &[("DRAFT_KEEP", "30d"), ("SESSION_IDLE", "90d")]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    let attic = ada.create_room("Attic", "public").await;
    ada.post("/rooms/general/draft", &[("body", "old")]).await.expect(303);
    ada.post(&format!("/rooms/{attic}/draft"), &[("body", "older")]).await.expect(303);
    server.pass(29 * DAY);
    ada.post(&format!("/rooms/{attic}/draft"), &[("body", "touched again")]).await.expect(303);
    server.pass(2 * DAY);
    // It is looked for when the server starts, and from then on every hour.
    server.stop().await;
    server.start_again().await;
    let ada = server.log_in("ada").await;
    let mut again = tokio::time::interval(Duration::from_millis(20));
    while bodies(&ada).await.len() > 1 {
        again.tick().await;
    }
    assert_eq!(bodies(&ada).await, [pair(&attic, "touched again")]);
    server.stop().await;
}

#[apply(both)]
async fn when_the_space_for_drafts_is_full_none_is_lost(database: &Database) {
    let mut server = Server::start(database.url(), &[("DRAFT_SPACE", "1MB"), ("MAX_MESSAGE_CHARS", "16000")]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    ada.post("/rooms/general/draft", &[("body", "mine")]).await.expect(303);
    // Others write as much as they can, four bytes to the character.
    let long = "🎉".repeat(16_000);
    let mut stored = 0;
    for name in ["grace", "mei", "linus", "kim", "rosa"] {
        let person = server.register(name).await;
        let socket = person.socket().await;
        for number in 0..4 {
            let room = person.create_room(&format!("{name} {number}"), "public").await;
            let answer = socket.ask("draft", json!({ "room": room, "body": long })).await;
            if answer["ok"] == true {
                stored += 1;
            } else {
                let told = answer["error"]["message"].as_str().expect("a sentence");
                assert!(answer["error"]["code"] == "invalid" && told.contains("no more space for drafts"), "{answer}");
            }
        }
        assert_eq!(bodies(&ada).await, [pair("general", "mine")]);
    }
    assert!((15..=17).contains(&stored), "{stored}");
    // What is there can be taken away.
    ada.post("/rooms/general/draft", &[("body", "")]).await.expect(303);
    assert_eq!(bodies(&ada).await, []);
    server.stop().await;
}
