//! Which usernames, names and passwords are accepted; names that look like somebody else's, or like nothing: other alphabets, joiners,
//! direction marks, blanks.

use serde_json::{Value, json};

use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, TestApp, process};
use crate::{both, once};

/// Usernames that look like another, or have another shape.
const ODD_USERNAMES: [&str; 65] = [
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
    "",
    " ",
    ".ada",
    "-ada",
    "_ada",
    "a b",
    "a/b",
    "a@b",
    "ada!",
    "ädä",
    "ада",
    "a\u{202E}b",
    "a\u{200D}b",
    "a\u{200B}b",
    "a\0b",
    "a\nb",
    "<b>",
    "日本",
    "a%00",
    "🦀",
];

/// The same letters in another width or case.
const SAME_USERNAMES: [&str; 6] =
    ["admin", "Admin", "ADMIN", " admin ", "\u{FF41}\u{FF44}\u{FF4D}\u{FF49}\u{FF4E}", "\u{FF21}DMIN"];

/// Names with hidden characters.
const HIDING: [&str; 19] = [
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
    "a\u{202E}b",
    "a\u{2066}b",
    "a\u{200B}b",
    "a\u{FEFF}b",
    "a\u{7}b",
    "a\0b",
    "a\nb",
];

/// Names that belong to somebody else or to an office, or look so.
const SOMEBODY_ELSES: [&str; 30] = [
    "Adа",
    "Ada Лавлейс",
    "ADA",
    "@ada",
    "Ａｄａ",
    "асе",
    "𝐚𝐝𝐚",
    "Ada @ada",
    "Ada\u{2003}\u{2003}L.",
    "\u{A0}Ada L.",
    "Ada L.\u{2800}",
    "Admin",
    "adm1n",
    "System",
    "PARLOR",
    "Everyone",
    "ADMIN",
    "Adm1n",
    "Аdmin",
    "@admin",
    "Parlor",
    "Here",
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

/// What is wrong with a registration under this username and name; nothing where it is taken.
async fn problem(app: &TestApp, username: &str, name: &str) -> Option<String> {
    let fields = [("username", username), ("password", PASSWORD), ("name", name)];
    let answer = Answer::of(app.stranger().form("/register", &fields).header("accept", "application/json")).await;
    if answer.status == 303 {
        return None;
    }
    let error = answer.expect(422).json()["error"].clone();
    assert_eq!(error["code"], "invalid", "{error}");
    Some(error["field"].as_str().unwrap_or_default().to_owned())
}

/// Asserts that a request is refused as `invalid`, for this field.
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
    for name in ODD_USERNAMES.into_iter().chain([&*"a".repeat(33)]) {
        let stranger = app.stranger();
        let answer = stranger.post("/register", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422, "{name:?} ({}) was let in as a username", name.escape_unicode());
        assert_eq!(stranger.get_json("/rooms").await.status, 401, "{name:?} is signed in all the same");
    }
    for same in SAME_USERNAMES {
        let answer = app.stranger().post("/register", &[("username", same), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422, "{same:?} is a second admin");
    }
    let eve = app.register("eve").await;
    let people = eve.get("/people").await.body;
    assert!(people.contains("/people/admin\""), "admin is there");
    assert_eq!(app.log_in("admin").await.get_json("/rooms").await.status, 200);
}

#[apply(both)]
async fn a_name_is_seen_hides_nothing_and_is_nobody_elses(app: &TestApp) {
    let (ada, mallory) = (app.register("ada").await, app.register("mallory").await);
    app.register("ace").await;
    app.register("ada1").await;
    for name in HIDING {
        // What stands at an end may be trimmed; what stays must not hide anything.
        for (path, field) in [("/settings", "name"), ("/settings", "status"), ("/rooms", "name")] {
            let answer = mallory.post(path, &[(field, name), ("visibility", "public")]).await;
            let is_trimmed = name.trim() != name;
            assert!(answer.status == 422 || is_trimmed, "{name:?} as {field} of {path} was answered {}", answer.status);
        }
    }
    let blank = [
        "&#8203;",
        "&nbsp; &ZeroWidthSpace;",
        "\u{200B}",
        "\u{2800}",
        "\u{115F}\u{1160}",
        "\u{301}\u{302}",
        "\u{A0}",
        "\u{3000}",
    ];
    for name in SOMEBODY_ELSES.into_iter().chain(BLANKS).chain(blank) {
        assert_eq!(problem(app, "eve", name).await.as_deref(), Some("name"), "{}", name.escape_unicode());
        refuses(&mallory, "/settings", &[("name", name)], "name").await;
        let page = mallory.post("/settings", &[("name", name)]).await;
        assert!(page.status == 422 && page.body.contains("role=\"alert\""), "{}", name.escape_unicode());
    }
    assert_eq!(mallory.get_json("/settings").await.json()["settings"]["name"], "mallory");
    // One's own username is one's own, and a part of a name is nobody's.
    ada.post("/settings", &[("name", "ADA")]).await.expect(303);
    for name in ["Ada Lovelace", "Ада", "Ева", "山田\u{3000}太郎", "田中 Eve", "मीरा Meera", "Zoë 🦊", "O’Neil (he/him)"]
    {
        mallory.post("/settings", &[("name", name)]).await.expect(303);
    }
    let people = mallory.get("/people").await.body;
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
async fn a_name_from_before_stays_until_another_is_chosen(app: &TestApp) {
    let eve = app.register("eve").await;
    app.database.run("update users set name = 'Adа' where username = 'eve'").await;
    eve.post("/settings", &[("name", "Adа"), ("status", "Here")]).await.expect(303);
    let settings = eve.get_json("/settings").await.json();
    assert_eq!((&settings["settings"]["name"], &settings["settings"]["status"]), (&json!("Adа"), &json!("Here")));
    eve.post("/settings", &[("name", "Eve")]).await.expect(303);
    assert_eq!(eve.post("/settings", &[("name", "Adа")]).await.status, 422);
}

#[apply(both)]
async fn what_is_too_long_for_its_field_is_refused_and_kept_as_it_was_typed(app: &TestApp) {
    let ada = app.register("ada").await;
    for (path, field, limit) in [("/settings", "status", 100), ("/settings", "name", 64), ("/rooms", "name", 64)] {
        let long = "harbour".chars().cycle().take(limit + 1).collect::<String>();
        let page = ada.post(path, &[(field, &*long), ("visibility", "public")]).await.expect(422).body.clone();
        assert!(page.contains(&format!("value=\"{long}\"")) && page.contains(&format!("{limit} characters")), "{path} {field}");
        // The browser does not cut it before either.
        let form = ada.get(path).await.expect(200).body.clone();
        let input = form.split("<input").find(|input| input.contains(&format!("name=\"{field}\""))).expect("the field");
        assert!(!input.split('>').next().unwrap_or_default().contains("maxlength"), "{input}");
    }
}

#[apply(both)]
async fn reserved_usernames_are_nobodys(app: &TestApp) {
    let reserved = "here room all everyone channel me system parlor admin administrator root moderator support security staff Staff \
                    Admin adm1n a.d.m.i.n a_d_m_i_n r00t";
    for username in reserved.split(' ') {
        assert_eq!(problem(app, username, "").await.as_deref(), Some("username"), "{username}");
    }
    app.register("ada1").await;
    assert_eq!(problem(app, "adal", "").await.as_deref(), Some("username"), "it looks like ada1");
    for username in ["ali", "robot", "adele", "owner", "bot"] {
        assert_eq!(problem(app, username, "").await, None, "{username}");
    }
}

#[apply(both)]
async fn where_two_people_look_alike_the_username_stands_beside_the_name(app: &TestApp) {
    let (ada, mallory) = (app.register("ada").await, app.register("mallory").await);
    let reader = app.register("eve").await;
    ada.post("/settings", &[("name", "Ada Lovelace")]).await.expect(303);
    for person in [&ada, &mallory] {
        person.join("general").await;
    }
    ada.write("general", "from the real one").await.expect(303);
    let (listening, _) = reader.join("general").await;
    let authors = async || {
        let page = reader.get_json("/rooms/general").await.json();
        let texts: Vec<Value> =
            page["messages"].as_array().expect("messages").iter().filter(|it| it["kind"] == "text").cloned().collect();
        texts.iter().map(|message| message["author"]["alike"] == json!(true)).collect::<Vec<_>>()
    };
    assert_eq!(authors().await, [false]);
    let beside = |username: &str| format!("<span class=\"at\">@{username}</span>");
    assert!(!reader.get("/rooms/general").await.body.contains(&beside("ada")));
    // Somebody else takes a name that looks the same. What was said before looks otherwise from now on, too.
    mallory.post("/settings", &[("name", "Ada  LoveIace.")]).await.expect(303);
    for username in ["mallory", "ada"] {
        let told = listening.next_where("person", |it| it["username"] == username && it["alike"] == json!(true)).await;
        assert_eq!(told["name"].as_str().map(|name| name.starts_with("Ada")), Some(true));
    }
    mallory.write("general", "from the false one").await.expect(303);
    assert_eq!(authors().await, [true, true]);
    let page = reader.get("/rooms/general").await.body.clone();
    assert!(page.contains(&beside("ada")) && page.contains(&beside("mallory")), "{page}");
    let heard = listening.hears("from the false one").await;
    assert_eq!(heard["author"]["alike"], json!(true));
    assert!(reader.get("/search?q=false").await.body.contains("@mallory"));
    // A third registers under it, and then only one is left.
    assert_eq!(problem(app, "trudy", "Áda-lovelace").await, None);
    let trudy = app.log_in("trudy").await;
    trudy.join("general").await;
    trudy.write("general", "from a third").await.expect(303);
    assert_eq!(authors().await, [true, true, true]);
    mallory.post("/settings", &[("name", "Mallory")]).await.expect(303);
    assert_eq!(authors().await, [true, false, true]);
    trudy.post("/settings", &[("name", "Trudy")]).await.expect(303);
    assert_eq!(authors().await, [false, false, false]);
    assert!(!reader.get("/rooms/general").await.body.contains("class=\"at\""));
}

#[apply(once)]
async fn usernames_of_every_allowed_shape_are_accepted(app: &TestApp) {
    let longest = "a".repeat(32);
    for username in ["a", "7", "ada.lovelace", "a-b_c.d", "0x", &longest] {
        app.register(username).await;
    }
}

#[apply(once)]
async fn spaces_around_a_username_and_capital_letters_do_not_make_another_one(app: &TestApp) {
    let stranger = app.stranger();
    stranger.post("/register", &[("username", "Ada"), ("password", PASSWORD)]).await.expect(303);
    let (socket, _) = stranger.join("general").await;
    assert_eq!(socket.post("general", "hello", "1").await["author"]["username"], "ada");
}

#[apply(once)]
async fn a_name_to_show_has_64_characters_at_most(app: &TestApp) {
    let too_long = "é".repeat(65);
    let fields = [("username", "ada"), ("password", PASSWORD), ("name", &*too_long)];
    assert_eq!(app.stranger().post("/register", &fields).await.status, 422);
    let longest = "é".repeat(64);
    for (number, name) in ["Grace Hopper", "李小龍", "محمد", &longest].into_iter().enumerate() {
        let username = format!("good{number}");
        let fields = [("username", &*username), ("password", PASSWORD), ("name", name)];
        app.stranger().post("/register", &fields).await.expect(303);
    }
}

#[apply(once)]
async fn passwords_that_are_short_endless_or_common_are_refused(app: &TestApp) {
    let endless = "a b".repeat(86);
    let common = [
        "password",
        "12345678",
        "qwertyuiop",
        "Password1!",
        "Summer2024!",
        "admin1234",
        "p@$$w0rd2025",
        "Parlor2024!",
        "countess-ada-1",
        "ByronByron1!",
    ];
    for password in ["", "seven77", "ada-ada1\0", &endless].into_iter().chain(common) {
        let fields = [("username", "ada"), ("name", "Countess Byron"), ("password", password)];
        let answer = Answer::of(app.stranger().form("/register", &fields).header("accept", "application/json")).await;
        assert_eq!((answer.status, &answer.json()["error"]["field"]), (422, &"password".into()), "{password:?}");
    }
    let ada = app.register("ada").await;
    for password in common {
        let answer = ada.post("/settings/password", &[("current", PASSWORD), ("password", password)]).await;
        assert!(answer.status == 422 && answer.body.contains("role=\"alert\""), "{password:?}");
    }
    ada.get("/rooms").await.expect(200);
}

#[apply(once)]
async fn a_long_password_is_refused_in_words_and_never_cut(app: &TestApp) {
    let long: String = "seven quiet harbours, ".chars().cycle().take(300).collect();
    let fields = [("username", "ada"), ("password", &*long)];
    let answer = app.stranger().post("/register", &fields).await;
    assert!(answer.status == 422 && answer.body.contains("at most 256 characters"), "{}", answer.body);
    let ada = app.register("ada").await;
    let answer = ada.post("/settings/password", &[("current", PASSWORD), ("password", &long)]).await;
    assert!(answer.status == 422 && answer.body.contains("at most 256 characters"));
    // A browser would cut what is pasted, without a word.
    for page in [app.stranger().get("/register").await, app.stranger().get("/login").await, ada.get("/settings/password").await] {
        for field in page.expect(200).body.split("<input").filter(|field| field.contains("type=\"password\"")) {
            assert!(!field.split('>').next().unwrap_or_default().contains("maxlength"), "{field}");
        }
    }
}

#[apply(once)]
async fn passwords_of_any_script_and_up_to_256_characters_are_accepted(app: &TestApp) {
    let longest: String = "seven quiet harbours, ".chars().cycle().take(256).collect();
    for (number, password) in ["рыба-меч и чай", "七つの静かな港です", "  spaces around  ", &longest].into_iter().enumerate()
    {
        let username = format!("user{number}");
        let fields = [("username", &*username), ("password", password)];
        app.stranger().post("/register", &fields).await.expect(303);
        app.stranger().post("/login", &fields).await.expect(303);
    }
}
