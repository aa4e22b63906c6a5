//! How one shows oneself, and how one wants things.

use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Answer, Database, TestApp};

#[apply(both)]
async fn a_new_name_shows_at_once_everywhere(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    socket.post("general", "written under the old name", "1").await;
    let (listening, joined) = grace.join("general").await;
    let author = |messages: &Value| {
        let messages = messages.as_array().expect("messages").clone();
        messages.iter().find(|message| message["kind"] == "text").expect("words")["author"]["name"].clone()
    };
    // By now the end of the room is in memory, under the old name.
    assert_eq!(author(&joined["messages"]), "ada");
    ada.post("/settings", &[("name", "Ada Lovelace"), ("status", "Counting")]).await.expect(303);
    assert_eq!(listening.next("person").await, json!({ "username": "ada", "name": "Ada Lovelace", "status": "Counting" }));
    assert_eq!(author(&grace.join("general").await.1["messages"]), "Ada Lovelace");
    assert_eq!(author(&grace.get_json("/rooms/general").await.json()["messages"]), "Ada Lovelace");
    let page = grace.get("/rooms/general").await.body;
    assert!(page.contains("Ada Lovelace</a>"), "{page}");
    assert!(ada.get("/rooms").await.body.contains("Ada Lovelace"), "one's own frame");
    assert_eq!(socket.post("general", "and under the new one", "2").await["author"]["name"], "Ada Lovelace");
    // What others do not see is not told to them.
    ada.post("/settings", &[("theme", "dark")]).await.expect(303);
    ada.post("/settings", &[("status", "")]).await.expect(303);
    assert_eq!(listening.next_where("person", |it| it["status"] == "").await["name"], "Ada Lovelace");
    assert!(listening.peek_at("person").len() <= 2, "{:?}", listening.peek_at("person"));
    // Without a name, the username is shown.
    ada.post("/settings", &[("name", "  ")]).await.expect(303);
    assert_eq!(ada.get_json("/settings").await.json()["settings"]["name"], "ada");
}

#[apply(both)]
async fn pins_reactions_and_notices_say_what_somebody_is_called(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    ada.post("/settings", &[("name", "Ada Lovelace")]).await.expect(303);
    let den = ada.create_room("Den", "private").await;
    ada.post(&format!("/rooms/{den}/members"), &[("username", "grace")]).await.expect(303);
    let (socket, _) = ada.join(&den).await;
    let seq = socket.post(&den, "the door code", "1").await["seq"].take();
    socket.ok("pin", json!({ "room": den, "seq": seq, "on": true })).await;
    socket.ok("react", json!({ "room": den, "seq": seq, "emoji": "👍", "on": true })).await;
    let address = format!("/rooms/{den}");
    for name in ["Ada Lovelace", "Countess <Byron>"] {
        ada.post("/settings", &[("name", name)]).await.expect(303);
        let name = name.replace('<', "&#60;").replace('>', "&#62;");
        let said = [format!(">Pinned by {name}<"), format!("{name} added grace"), format!("{name} reacted with 👍")];
        let missing = async || {
            let page = grace.get(&address).await.expect(200).body.clone();
            said.iter().filter(|said| !page.contains(&**said)).cloned().collect()
        };
        app.comes_to(Vec::<String>::new(), missing).await;
        assert!(grace.get(&format!("{address}/pins")).await.expect(200).body.contains(&format!("Pinned by {name}")));
    }
    ada.post(&format!("{address}/members/grace/remove"), &[]).await.expect(303);
    assert!(ada.get(&address).await.expect(200).body.contains("Countess &#60;Byron&#62; removed grace"));
}

#[apply(both)]
async fn what_is_not_sent_stays_and_what_is_wrong_is_named(app: &TestApp) {
    let ada = app.register("ada").await;
    let good = [("name", "Ada"), ("status", "Here"), ("time_zone", "europe/paris"), ("theme", "dark"), ("notify", "all")];
    assert_eq!(ada.post("/settings", &good).await.expect(303).location(), "/settings?saved");
    ada.post("/settings", &[("theme", "light")]).await.expect(303);
    let expected = json!({ "settings": { "username": "ada", "name": "Ada", "status": "Here", "time_zone": "Europe/Paris",
        "theme": "light", "notify": "all" } });
    assert_eq!(ada.get_json("/settings").await.expect(200).json(), expected);
    let long = "é".repeat(101);
    let long_name = "é".repeat(65);
    for (field, value) in [
        ("name", "a\u{202E}b"),
        ("name", &*long_name),
        ("status", &*long),
        ("status", "two\nlines"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "+01:00"),
        ("theme", "sepia"),
        ("notify", "sometimes"),
        ("notify", ""),
    ] {
        let form = ada.form("/settings", &[(field, value)]);
        let answer = Answer::of(form.header("accept", "application/json")).await;
        assert_eq!((answer.status, &answer.json()["error"]["field"]), (422, &json!(field)), "{field} {value:?}");
        let page = ada.post("/settings", &[(field, value)]).await;
        assert!(page.status == 422 && page.body.contains("role=\"alert\""), "{field} {value:?}");
    }
    assert_eq!(ada.get_json("/settings").await.json(), expected, "a refusal changes nothing");
    // No text can have that, so it is refused before it is a form of this page.
    let nul = [("status", "a\0b")];
    let answer = Answer::of(ada.form("/settings", &nul).header("accept", "application/json")).await;
    assert_eq!(answer.expect(422).json()["error"]["field"], "status", "{answer:?}");
    assert!(ada.post("/settings", &nul).await.expect(422).body.contains("U+0000"));
    assert_eq!(ada.get_json("/settings").await.json(), expected);
    // What was typed is still there.
    let page = ada.post("/settings", &[("name", "Countess"), ("time_zone", "Mars/Olympus")]).await;
    assert!(page.body.contains("value=\"Countess\"") && page.body.contains("Mars/Olympus"));
    assert_eq!(app.stranger().post("/settings", &[("name", "x")]).await.status, 303);
    let foreign = ada.request(Method::POST, "/settings").header("sec-fetch-site", "cross-site").form(&[("name", "x")]);
    assert_eq!(Answer::of(foreign).await.status, 403);
}

#[apply(both)]
async fn pages_have_the_chosen_light_and_tell_their_times_in_the_chosen_zone(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.write("general", "not yet").await;
    let room = ada.create_room("Clocks", "public").await;
    ada.write(&room, "tick").await.expect(303);
    let at =
        ada.get_json(&format!("/rooms/{room}")).await.json()["messages"][1]["created_at"].as_str().expect("a time").to_owned();
    let at: jiff::Timestamp = at.parse().expect("RFC 3339");
    assert!(ada.get("/rooms").await.body.contains("data-theme=\"auto\""));
    for (zone, theme) in [("Asia/Kolkata", "dark"), ("America/St_Johns", "light"), ("", "auto")] {
        ada.post("/settings", &[("time_zone", zone), ("theme", theme)]).await.expect(303);
        let page = ada.get(&format!("/rooms/{room}")).await.expect(200).body.clone();
        let there = if zone.is_empty() { "UTC" } else { zone };
        let clock = at.in_tz(there).expect("a zone").strftime("%H:%M").to_string();
        assert!(page.contains(&format!(">{clock}</")), "{zone}: {clock}");
        assert!(page.contains(&format!("<html lang=\"en\" data-theme=\"{theme}\">")));
    }
    assert!(app.stranger().get("/login").await.body.contains("<html lang=\"en\" data-theme=\"auto\">"));
}

#[apply(both)]
async fn changing_oneself_is_bounded(database: &Database) {
    let mut limited = Server::start(database.url(), &[("ACT_RATE", "6/min")]).await;
    let ada = limited.register("ada").await;
    let mut refused = None;
    for number in 0..12 {
        let answer = ada.post("/settings", &[("status", &format!("number {number}"))]).await;
        if answer.status == 429 {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("twelve at once are too many");
    assert!(!refused.header("retry-after").is_empty());
    limited.stop().await;
}
