//! Slash commands, over the socket, by the form, and of programs.

use serde_json::{Value, json};

use crate::accounts::tokens;
use crate::api::Program;
use crate::everywhere;
use crate::harness::{Answer, Person, TestApp};

async fn texts(person: &Person, room: &str) -> Vec<Value> {
    let page = person.get_json(&format!("/rooms/{room}")).await.expect(200).json();
    let all = page["messages"].as_array().expect("messages").clone();
    all.into_iter().filter(|message| message["kind"] == "text").map(|message| message["body"].clone()).collect()
}

async fn send(person: &Person, room: &str, body: &str) -> Answer {
    let form = person.form(&format!("/rooms/{room}/messages"), &[("body", body)]);
    Answer::of(form.header("accept", "application/json")).await
}

#[apply(everywhere)]
async fn a_command_does_what_its_sender_may(app: &TestApp) {
    let (ada, bob, eve) = (app.register("ada").await, app.register("bob").await, app.register("eve").await);
    let cyd = app.register("cyd").await;
    let room = ada.create_room("Workshop", "private").await;
    let (socket, _) = ada.join(&room).await;
    let ask = async |body: &str, nonce: &str| socket.ask("message", json!({ "room": room, "body": body, "nonce": nonce })).await;
    let answer = ask("/topic All about engines", "n1").await;
    assert_eq!(answer, json!({ "ok": true, "notice": "The topic is now “All about engines”." }));
    let invited = ask("/invite @bob", "n2").await;
    assert_eq!(invited["notice"], "Added @bob.", "{invited}");
    app.comes_to(json!("All about engines"), async || {
        bob.get_json(&format!("/rooms/{room}")).await.json()["room"]["topic"].clone()
    })
    .await;
    let refused = ask("/invite cyd @nobody-at-all", "n3").await;
    assert_eq!(refused["error"]["message"], "@nobody-at-all: No one has that username.");
    assert_eq!(cyd.get_json(&format!("/rooms/{room}")).await.status, 404, "nobody was added");
    let refused = ask("/topic \u{202e}x", "n7").await;
    assert_eq!(refused["error"]["field"], "body", "{refused}");
    assert_eq!(ask("/topic", "n4").await["error"]["field"], "body");
    let help = ask("/help", "n5").await["notice"].as_str().expect("a text").to_owned();
    assert!(help.contains("/topic text: Changes the topic of this room") && help.contains("/shrug"), "{help}");
    // By the form, and as others may.
    assert_eq!(send(&bob, &room, "/topic Engines").await.expect(200).json()["notice"], "The topic is now “Engines”.");
    assert_eq!(send(&bob, &room, "/archive").await.status, 403);
    for body in ["/topic Mine", "/invite eve", "/archive", "/help"] {
        assert_eq!(send(&eve, &room, body).await.status, 404, "{body}");
    }
    assert_eq!(texts(&ada, &room).await, Vec::<Value>::new(), "no message");
    bob.post(&format!("/rooms/{room}/messages"), &[("body", "/topic Machines")]).await.expect(303);
    let page = bob.post(&format!("/rooms/{room}/messages"), &[("body", "/help")]).await;
    assert!(page.expect(200).body.contains("/invite @username"), "{}", page.body);
    assert_eq!(ask("/archive", "n6").await["notice"], "This room is archived now.");
    assert_eq!(send(&bob, &room, "hi").await.status, 403);
}

#[apply(everywhere)]
async fn other_texts_are_messages(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut expected = Vec::new();
    for (at, (typed, posted)) in [
        ("/usr/bin/x is broken", "/usr/bin/x is broken"),
        ("//deploy now", "/deploy now"),
        ("//topic is a command", "/topic is a command"),
        ("/me waves", "_waves_"),
        ("/shrug", "¯\\\\\\_(ツ)\\_/¯"),
    ]
    .into_iter()
    .enumerate()
    {
        socket.ok("message", json!({ "room": "general", "body": typed, "nonce": format!("n{at}") })).await;
        expected.push(json!(posted));
    }
    assert_eq!(texts(&ada, "general").await, expected);
    for unknown in ["/deploy now", "/archive it", "/me"] {
        let refused = socket.ask("message", json!({ "room": "general", "body": unknown, "nonce": "u" })).await;
        assert_eq!((&refused["error"]["code"], &refused["error"]["field"]), (&json!("invalid"), &json!("body")), "{unknown}");
        assert_eq!(send(&ada, "general", unknown).await.status, 422, "{unknown}");
        // Without scripts, the form again, with what is wrong and what was typed.
        let page = ada.post("/rooms/general/messages", &[("body", unknown)]).await;
        assert_eq!(page.status, 422, "{unknown}");
        assert!(page.body.contains(unknown) && page.body.contains("role=\"alert\""), "{}", page.body);
    }
    assert_eq!(texts(&ada, "general").await, expected, "no message");
    let html = ada.get("/rooms/general").await.body.clone();
    assert!(html.contains("<em>waves</em>") && html.contains("¯\\_(ツ)_/¯"), "{html}");
}

#[apply(everywhere)]
async fn a_reminder_is_said_once_when_it_is_due(app: &TestApp) {
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let room = ada.create_room("Workshop", "public").await;
    let (listening, _) = bob.join(&room).await;
    let watching = ada.socket().await;
    watching.ok("watch", json!({})).await;
    let told = async |body: &str| send(&ada, &room, body).await.expect(200).json()["notice"].clone();
    assert_eq!(told("/remind list").await, "No reminders wait.");
    let answer = told("/remind in 1 second stand up").await;
    assert!(answer.as_str().is_some_and(|answer| answer.starts_with("I’ll remind you on ")), "{answer}");
    told("/remind room in 1 second demo").await;
    // Asked again because no answer was heard.
    for _ in 0..2 {
        let asked = json!({ "room": room, "body": "/remind in 2 hours later", "nonce": "r1" });
        assert!(watching.ask("message", asked).await["notice"].is_string());
    }
    let listed = told("/remind list").await;
    assert!(listed.as_str().is_some_and(|list| list.matches("you: later").count() == 1), "{listed}");
    let other = bob.create_room("Other", "public").await;
    let outside = send(&ada, &other, "/remind room in 2 hours tea").await;
    assert_eq!(outside.status, 403, "{}", outside.body);
    for wrong in ["/remind", "/remind tea", "/remind in 500 weeks tea"] {
        assert_eq!(send(&ada, &room, wrong).await.status, 422, "{wrong}");
    }
    let demo = listening.hears("Reminder: demo").await;
    assert_eq!(demo["author"]["username"], "ada");
    let heard = watching.next_where("activity", |it| it["message"]["body"] == "Reminder: stand up").await;
    let author = &heard["message"]["author"];
    assert_eq!((&author["name"], &author["bot"]), (&json!("Reminders"), &json!(true)));
    assert!(told("/remind list").await.as_str().is_some_and(|list| list.ends_with("you: later")));
}

#[apply(everywhere)]
async fn a_program_uses_commands_as_its_person_does(app: &TestApp) {
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let room = ada.create_room("Workshop", "private").await;
    let path = format!("/rooms/{room}/commands");
    let program = Program::of(app, &ada, "write").await;
    let send = async |text: &str, nonce: &str| program.post(&path, json!({ "text": text, "nonce": nonce })).await;
    let told = send("/topic All about engines", "n1").await.expect(200).json();
    assert_eq!(told, json!({ "notice": "The topic is now “All about engines”." }));
    assert_eq!(send("/invite @bob", "n2").await.expect(200).json()["notice"], "Added @bob.");
    assert!(send("/help", "n3").await.expect(200).json()["notice"].as_str().is_some_and(|help| help.contains("/archive")));
    // Asked again because no answer was heard.
    let waved = send("/me waves", "n4").await.expect(201).json();
    assert_eq!((&waved["message"]["body"], waved.get("notice")), (&json!("_waves_"), None));
    assert_eq!(send("/me waves", "n4").await.expect(200).json()["message"]["seq"], waved["message"]["seq"]);
    for _ in 0..2 {
        send("/remind in 2 hours tea", "n5").await.expect(200);
    }
    assert_eq!(program.get("/me/reminders").await.json()["reminders"].as_array().map(Vec::len), Some(1));
    program.post(&path, json!({ "text": "/shrug" })).await.expect(201);
    let long = format!("/me {}", "x".repeat(20_000));
    for (wrong, code) in [
        ("", "invalid"),
        ("hello", "invalid"),
        (" /topic x", "invalid"),
        ("//topic x", "invalid"),
        ("/usr/bin/x is broken", "invalid"),
        ("/deploy now", "invalid"),
        ("/topic", "invalid"),
        ("/me", "invalid"),
        ("/invite nobody-at-all", "invalid"),
        ("/remind tea", "invalid"),
        (&long, "too_long"),
    ] {
        let refused = send(wrong, "n6").await.expect(422).json()["error"].clone();
        assert_eq!((&refused["code"], &refused["field"]), (&json!(code), &json!("text")), "{wrong:.30}");
    }
    for text in ["/topic x", "/me waves"] {
        let refused = send(text, &"n".repeat(65)).await.expect(422).json()["error"].clone();
        assert_eq!(refused["field"], "nonce", "{text}");
    }
    assert_eq!(texts(&ada, &room).await, ["_waves_", "¯\\\\\\_(ツ)\\_/¯"].map(|text| json!(text)));
    // As far as the token and its person may. The text of a message stays a text.
    let reader = Program::of(app, &ada, "read").await;
    reader.get(&path).await.expect(200);
    reader.post(&path, json!({ "text": "/topic x" })).await.expect(403);
    let member = Program::of(app, &bob, "write").await;
    member.post(&path, json!({ "text": "/archive" })).await.expect(403);
    assert_eq!(member.say(&room, "/archive").await["body"], "/archive");
    assert_eq!(send("/archive", "n7").await.expect(200).json()["notice"], "This room is archived now.");
    assert_eq!(send("/me waves again", "n8").await.status, 403);
}

#[apply(everywhere)]
async fn a_bot_uses_commands_as_far_as_it_may(app: &TestApp) {
    let (ada, _) = (app.register("ada").await, app.register("bob").await);
    let room = ada.create_room("Workshop", "private").await;
    ada.post("/settings/bots", &[("username", "builder"), ("name", "Build robot")]).await.expect(303);
    let fields = [("name", "script"), ("scopes", "write"), ("bot", "builder")];
    let made = Answer::of(ada.form("/settings/tokens", &fields).header("accept", "application/json")).await.expect(201).json();
    let bot = tokens::Program::new(app, made["token"]["secret"].as_str().expect("a secret"));
    let path = format!("/api/v1/rooms/{room}/commands");
    bot.post(&path, &[("text", "/me whirs")]).await.expect(404);
    ada.post("/settings/bots/builder/rooms", &[("room", &room)]).await.expect(303);
    let said = bot.post(&path, &[("text", "/me whirs")]).await.expect(201).json()["message"].clone();
    assert_eq!((&said["body"], &said["author"]["bot"]), (&json!("_whirs_"), &json!(true)));
    bot.post(&path, &[("text", "/help")]).await.expect(200);
    // It is a guest: it brings nobody in, and changes nothing about the room.
    for text in ["/topic Mine", "/invite ada", "/archive"] {
        bot.post(&path, &[("text", text)]).await.expect(403);
    }
}
