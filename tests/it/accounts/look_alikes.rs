//! Names that look like somebody else's, or like nothing: other alphabets, joiners, direction marks, blanks.

use serde_json::{Value, json};

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, TestApp, process};

const ODD_USERNAMES: [&str; 45] = [
    "\u{430}dmin",
    "adm\u{456}n",
    "\u{3B1}dmin",
    "\u{561}dmin",
    "admi\u{578}",
    "\u{13AA}dmin",
    "a\u{501}min",
    "adm\u{131}n",
    "adm\u{130}n",
    "admin\u{200D}",
    "ad\u{200C}min",
    "ad\u{200B}min",
    "\u{FEFF}admin",
    "admin\u{AD}",
    "admin\u{2060}",
    "admin\u{34F}",
    "admin\u{FE0F}",
    "admin\u{180E}",
    "admin\u{3164}",
    "admin\u{115F}",
    "admin\u{E0041}",
    "\u{202E}nimda",
    "\u{202D}admin",
    "\u{2066}admin\u{2069}",
    "\u{200E}admin",
    "\u{200F}admin",
    "\u{61C}admin",
    "admin\u{301}",
    "a\u{307}dmin",
    "\u{1D41A}dmin",
    "\u{24D0}dmin",
    "\u{1F130}dmin",
    "\u{AA}dmin",
    "\u{212A}ate",
    "admin\u{2024}x",
    "ad\u{2010}min",
    "ad\u{FF0D}min\u{A0}x",
    "admin\u{0}",
    "admin\n",
    "ad min",
    "ADM\u{406}N",
    "\u{FF41}\u{430}dmin",
    "ad\u{2028}min",
    "admin\u{2800}",
    "\u{1160}admin",
];

/// The same letters in another width or case.
const SAME_USERNAMES: [&str; 6] =
    ["admin", "Admin", "ADMIN", " admin ", "\u{FF41}\u{FF44}\u{FF4D}\u{FF49}\u{FF4E}", "\u{FF21}DMIN"];

/// Names with hidden characters.
const HIDING: [&str; 12] = [
    "Ad\u{202E}nim",
    "Admin\u{200B}",
    "\u{2066}Admin\u{2069}",
    "Admin\u{200F}",
    "A\u{0}dmin",
    "Ad\nmin",
    "Admin\u{2028}",
    "\u{FEFF}Admin",
    "Ad\u{61C}min",
    "Ad\u{7f}min",
    "Ad\u{85}min",
    "Ad\u{2060}min",
];

/// Usernames that are reserved, or look like one.
const RESERVED: [&str; 15] = [
    "here",
    "room",
    "all",
    "everyone",
    "channel",
    "me",
    "system",
    "parlor",
    "root",
    "moderator",
    "support",
    "security",
    "Staff",
    "adm1n",
    "a_d_m_i_n",
];

/// Names to show that belong to somebody else, or to an office.
const NOT_EVES: [&str; 17] = [
    "Admin",
    "ADMIN",
    "Adm1n",
    "Аdmin",
    "@admin",
    "System",
    "Parlor",
    "Here",
    "асе",
    "АСЕ",
    "Ace",
    "\u{1D41A}\u{1D41C}\u{1D41E}",
    "Adal",
    "AdaI",
    "pаypal",
    "Eve Ева",
    "Eve @ace",
];

/// Text that shows nothing.
const BLANKS: [&str; 16] = [
    "\u{3164}",
    "\u{2800}\u{2800}",
    "\u{115F}",
    "\u{1160}",
    "\u{17B4}",
    "\u{17B5}",
    "\u{FFA0}",
    "\u{FE0F}",
    "\u{E0100}",
    "\u{E0041}",
    "\u{301}",
    "\u{20DD}",
    "\u{AD}",
    "\u{34F}",
    "\u{180E}",
    "\u{200D}",
];

/// Whether a request was refused as `invalid`, for this field, to somebody who reads JSON.
async fn refuses(person: &Person, path: &str, fields: &[(&str, &str)], field: &str) {
    let answer = Answer::of(person.form(path, fields).header("accept", "application/json")).await;
    let error = answer.json()["error"].clone();
    let expected = (422, &json!("invalid"), &json!(field));
    let what = format!("{fields:?}");
    assert_eq!((answer.status, &error["code"], &error["field"]), expected, "{path} with {}", what.escape_unicode());
}

#[apply(both)]
async fn no_username_looks_like_anothers(database: &Database) {
    // Nobody may register as `admin`; whoever runs the server may add one.
    let settings = [("DATABASE_URL", database.url())];
    let added = process::run(database.folder(), &["user", "add", "admin", "--admin"], &settings, &format!("{PASSWORD}\n")).await;
    assert_eq!(added.status, Some(0), "{added:?}");
    let app = Server::start(database.url(), &[]).await;
    for name in ODD_USERNAMES {
        let stranger = app.stranger();
        let answer = stranger.post("/register", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422, "{name:?} ({}) was let in as a username", name.escape_unicode());
        assert_eq!(stranger.get_json("/rooms").await.status, 401, "{name:?} is signed in all the same");
    }
    for same in SAME_USERNAMES {
        let answer = app.stranger().post("/register", &[("username", same), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422, "{same:?} is a second admin");
    }
    for username in RESERVED {
        refuses(&app.stranger(), "/register", &[("username", username), ("password", PASSWORD)], "username").await;
    }
    app.register("ada1").await;
    refuses(&app.stranger(), "/register", &[("username", "adal"), ("password", PASSWORD)], "username").await;
    let eve = app.register("eve").await;
    let people = eve.get("/people").await.body;
    assert!(people.contains("/people/admin\""), "admin is there");
    assert_eq!(app.log_in("admin").await.get_json("/rooms").await.status, 200);
}

#[apply(both)]
async fn a_name_hides_nothing_and_is_nobody_elses(app: &TestApp) {
    let (eve, _, _) = (app.register("eve").await, app.register("ace").await, app.register("ada1").await);
    for name in HIDING {
        // What stands at an end may be trimmed; what stays must not hide anything.
        for (path, field) in [("/settings", "name"), ("/settings", "status"), ("/rooms", "name")] {
            let answer = eve.post(path, &[(field, name), ("visibility", "public")]).await;
            let is_trimmed = name.trim() != name;
            assert!(answer.status == 422 || is_trimmed, "{name:?} as {field} of {path} was answered {}", answer.status);
        }
    }
    for name in NOT_EVES {
        refuses(&eve, "/settings", &[("name", name)], "name").await;
        let fields = [("username", "mallory"), ("password", PASSWORD), ("name", name)];
        refuses(&app.stranger(), "/register", &fields, "name").await;
    }
    for name in ["Ева", "Eve 🦊 (she/her)", "田中 Eve", "Eve"] {
        eve.post("/settings", &[("name", name)]).await.expect(303);
    }
    let people = eve.get("/people").await.body;
    let hidden = |c: &char| matches!(c, '\u{200B}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    assert_eq!(people.chars().find(hidden), None, "a name hides something");
}

#[apply(both)]
async fn names_rooms_topics_statuses_and_messages_show_something(app: &TestApp) {
    let eve = app.register("eve").await;
    eve.join("general").await;
    for blank in BLANKS {
        refuses(&eve, "/settings", &[("name", blank)], "name").await;
        refuses(&eve, "/settings", &[("status", blank)], "status").await;
        refuses(&eve, "/rooms", &[("name", blank), ("visibility", "public")], "name").await;
        refuses(&eve, "/rooms", &[("name", "Blank"), ("topic", blank), ("visibility", "public")], "topic").await;
        refuses(&eve, "/rooms/general/messages", &[("body", blank), ("nonce", blank)], "body").await;
    }
}

#[apply(both)]
async fn two_who_look_alike_are_told_apart_by_their_usernames_in_older_messages_too(app: &TestApp) {
    let (ada, eve, grace) = (app.register("ada").await, app.register("eve").await, app.register("grace").await);
    ada.join("general").await.0.post("general", "I look like nobody", "ada").await;
    let (listening, _) = eve.join("general").await;
    for (person, name) in [(&grace, "Grace Hopper"), (&eve, "Gráce  hopper.")] {
        let (socket, _) = person.join("general").await;
        socket.post("general", "who am I", name).await;
        person.post("/settings", &[("name", name)]).await.expect(303);
    }
    let told = listening.next_where("person", |it| it["username"] == "grace" && it["alike"] == json!(true)).await;
    assert_eq!(told["name"], "Grace Hopper");
    let page = eve.get_json("/rooms/general").await.json();
    let authors: Vec<&Value> = page["messages"].as_array().expect("messages").iter().map(|message| &message["author"]).collect();
    for name in ["grace", "eve"] {
        assert!(authors.iter().any(|author| author["username"] == name && author["alike"] == json!(true)), "{authors:?}");
    }
    assert!(authors.iter().all(|author| author["username"] != "ada" || author.get("alike").is_none()), "{authors:?}");
    let page = eve.get("/rooms/general").await.body;
    assert!(page.contains("@grace</span>") && page.contains("@eve</span>"), "the page shows no usernames");
}
