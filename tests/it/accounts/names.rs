//! Which usernames, names and passwords are accepted.

use serde_json::{Value, json};

use crate::harness::site::PASSWORD;
use crate::harness::{Answer, TestApp};
use crate::{both, once};

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

/// Names that show nothing, or hide something.
const BLANK: [&str; 17] = [
    "&#8203;",
    "&nbsp; &ZeroWidthSpace;",
    "\u{200B}",
    "\u{3164}",
    "\u{2800}",
    "\u{115F}\u{1160}",
    "\u{17B4}",
    "\u{FFA0}",
    "\u{FE0F}",
    "\u{E0041}",
    "\u{301}\u{302}",
    "\u{200D}",
    "\u{34F}",
    "\u{A0}",
    "\u{3000}",
    "\u{AD}",
    "\u{180E}",
];

#[apply(both)]
async fn a_name_is_seen_and_taken_for_nobody_elses(app: &TestApp) {
    let ada = app.register("ada").await;
    app.register("ace").await;
    let odd = [
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
    ];
    for name in BLANK.into_iter().chain(odd) {
        assert_eq!(problem(app, "mallory", name).await.as_deref(), Some("name"), "{}", name.escape_unicode());
    }
    let mallory = app.register("mallory").await;
    for name in BLANK.into_iter().chain(odd) {
        let answer = Answer::of(mallory.form("/settings", &[("name", name)]).header("accept", "application/json")).await;
        let error = answer.expect(422).json()["error"].clone();
        assert_eq!((&error["code"], &error["field"]), (&json!("invalid"), &json!("name")), "{}", name.escape_unicode());
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 20), "{error}");
        let page = mallory.post("/settings", &[("name", name)]).await;
        assert!(page.status == 422 && page.body.contains("role=\"alert\""), "{}", name.escape_unicode());
    }
    assert_eq!(mallory.get_json("/settings").await.json()["settings"]["name"], "mallory");
    // One's own username is one's own, and a part of a name is nobody's.
    ada.post("/settings", &[("name", "ADA")]).await.expect(303);
    for name in ["Ada Lovelace", "Ада", "山田\u{3000}太郎", "मीरा Meera", "Zoë 🦊", "O’Neil (he/him)"] {
        mallory.post("/settings", &[("name", name)]).await.expect(303);
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
    let reserved = [
        "here",
        "room",
        "all",
        "everyone",
        "channel",
        "me",
        "system",
        "parlor",
        "admin",
        "administrator",
        "root",
        "moderator",
        "support",
        "security",
        "staff",
        "Admin",
        "adm1n",
        "a.d.m.i.n",
        "r00t",
    ];
    for username in reserved {
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
    assert_eq!(problem(app, "trudy", "ada-lovelace").await, None);
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
async fn usernames_of_any_other_shape_are_refused(app: &TestApp) {
    let too_long = "a".repeat(33);
    let others = [
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
        "аdmin",
        "a\u{202E}b",
        "a\u{200D}b",
        "a\u{200B}b",
        "a\0b",
        "a\nb",
        "<b>",
        "日本",
        "a%00",
        "🦀",
        &too_long,
    ];
    for username in others {
        let answer = app.stranger().post("/register", &[("username", username), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422, "{username:?}");
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
async fn a_name_to_show_hides_nothing_and_has_64_characters_at_most(app: &TestApp) {
    let too_long = "é".repeat(65);
    let hidden = ["a\u{202E}b", "a\u{2066}b", "a\u{200B}b", "a\u{FEFF}b", "a\u{7}b", "a\0b", "a\nb", &too_long];
    for (number, name) in hidden.into_iter().enumerate() {
        let username = format!("user{number}");
        let fields = [("username", &*username), ("password", PASSWORD), ("name", name)];
        assert_eq!(app.stranger().post("/register", &fields).await.status, 422, "{name:?}");
    }
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
