//! Text that is none, and names that only look like another one.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::client::site::PASSWORD;
use crate::client::{Answer, Person, Raw, Site};
use crate::torture::guests::make_administrator_called;
use crate::torture::load::history;
use crate::torture::watch::never_panicked;
use crate::torture::{Case, Db, Load, Outcome, Played, Stage};

/// The cases about it.
pub const CASES: &[Case] = &[
    Case {
        name: "bad-text",
        about: "invalid UTF-8, NUL and lone surrogates in socket, form, path and file name: a clear refusal each, and nothing of it is stored",
        databases: Db::BOTH,
        rounds: 3,
        short: 1,
        needs: &[],
        run: |stage, rounds| Box::pin(bad_text(stage, rounds)),
    },
    Case {
        name: "look-alikes",
        about: "names that look like somebody else's or like nothing: other alphabets, joiners, direction marks, blanks, reserved names; none is let in, as a username or as a name to show, and of two who look alike the usernames are told",
        databases: Db::BOTH,
        rounds: 1,
        short: 1,
        needs: &[],
        run: |stage, _| Box::pin(look_alikes(stage)),
    },
];

const PATIENCE: Duration = Duration::from_secs(20);

async fn bad_text(stage: Stage, rounds: u32) -> Played {
    let server = stage.start(&[]).await;
    let mut load = Load::gather(&server, 2).await;
    let mallory = server.register("mallory").await;
    mallory.join("general").await;
    let mut outcome = Outcome::default();
    let mut refused = 0;
    for _ in 0..rounds {
        let trying = async { over_sockets(&mallory).await + over_forms(&mallory).await + over_paths(&mallory).await };
        refused += load.during(trying).await;
        no_text(&server, &mallory.cookies()).await;
    }
    let said: Vec<Value> = history(&mallory, "general").await.into_iter().filter(|message| message["kind"] == "text").collect();
    assert!(said.is_empty(), "some of it was stored: {said:?}");
    never_panicked(&server);
    outcome.note(format!("{refused} refusals"));
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// What JSON can spell and no text can hold. The connection stays.
async fn over_sockets(mallory: &Person) -> usize {
    let (socket, _) = mallory.join("general").await;
    let bad = [r"\u0000", r"a\u0000b", r"\ud800", r"\udfff", r"\udc00\ud800", r"a\ud83d"];
    let mut refused = 0;
    for text in bad {
        for field in ["room", "body", "nonce", "emoji"] {
            let event = if field == "emoji" { "react" } else { "message" };
            let value = |name: &str, good: &str| format!("\"{name}\":\"{}\"", if name == field { text } else { good });
            let fields = [value("room", "general"), value("body", "x"), value("nonce", "bad"), value("emoji", "👍")].join(",");
            // Taken as a number, so that the answer can be told from others'.
            let number = 1_000_000 + refused as u64;
            let answer = socket.expect(number);
            socket.raw(&format!("42/chat,{number}[\"{event}\",{{{fields},\"seq\":1,\"on\":true}}]")).await;
            let answer = tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok);
            let answer = answer.unwrap_or_else(|| panic!("no answer to {text} as {field}"));
            let code = answer["error"]["code"].as_str().unwrap_or_default();
            assert!(matches!(code, "invalid" | "not_found"), "{text} as {field}: {answer}");
            assert!(answer["error"]["message"].as_str().is_some_and(|words| !words.is_empty()), "without words: {answer}");
            refused += 1;
        }
    }
    socket.ok("history", json!({ "room": "general" })).await;
    refused
}

/// The same in forms, percent-encoded and raw, and forms that are of another kind.
async fn over_forms(mallory: &Person) -> usize {
    let bad: [&[u8]; 7] = [b"%00", b"a%00b", b"%ff", b"%c0%80", b"%ed%a0%80", b"\xff\xfe", b"\x00"];
    let forms = [
        ("/rooms/general/messages", "body"),
        ("/rooms", "name"),
        ("/settings", "name"),
        ("/settings", "status"),
        ("/preview", "body"),
        ("/direct", "users"),
        ("/login", "username"),
        ("/register", "username"),
    ];
    let mut refused = 0;
    for text in bad {
        for (path, field) in forms {
            let body = [field.as_bytes(), b"=", text, b"&password=", PASSWORD.replace(' ', "+").as_bytes()].concat();
            let request = mallory.form(path, &[]).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
            is_refused(&Answer::of(request).await, &format!("{path} {field}={}", String::from_utf8_lossy(text)));
            refused += 1;
        }
    }
    let name =
        b"--x\r\nContent-Disposition: form-data; name=\"body\"; filename=\"a\x00\xff\xed\xa0\x80.txt\"\r\n\r\nx\r\n--x--\r\n";
    for kind in
        ["multipart/form-data; boundary=x", "text/plain", "application/json", "application/x-www-form-urlencoded; charset=\"\\\""]
    {
        let path = "/rooms/general/messages";
        let request = mallory.request(Method::POST, path).header("origin", &mallory.site.origin).header(CONTENT_TYPE, kind);
        is_refused(&Answer::of(request.body(name.to_vec())).await, &format!("{path} as {kind}"));
        refused += 1;
    }
    refused
}

/// Where a path or a link holds it; files are only ever named in paths.
async fn over_paths(mallory: &Person) -> usize {
    let paths = [
        "/rooms/%00",
        "/rooms/%ff",
        "/rooms/%ed%a0%80",
        "/rooms/general%00",
        "/rooms/general/%00",
        "/rooms/general/on/%00",
        "/rooms/general?before=%00",
        "/rooms/general?before=%ff",
        "/people/%00",
        "/people/%ff",
        "/people?q=%00",
        "/people?after=%00",
        "/search?q=x&before=%00",
        "/static/%00",
        "/static/%ff.js",
        "/static/css/base.css%00.png",
        "/static/..%2f..%2fCargo.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/css/%ed%a0%80.css",
        "/rooms/general/members/%00/remove",
        "/%00",
        "/%ff",
    ];
    for path in paths {
        is_refused(&mallory.get(path).await, path);
        let answer = mallory.get_json(path).await;
        is_refused(&answer, path);
    }
    paths.len() * 2
}

/// The client is told that it is at fault, in words.
fn is_refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what} was answered {}:\n{}", answer.status, answer.body);
    let is_static = what.starts_with("/static/");
    assert!(is_static || !answer.body.trim().is_empty(), "{what} was answered {} without a word", answer.status);
}

/// Bytes that are no text, in a frame that says it is one: the connection ends, before the welcome and after it.
async fn no_text(site: &Site, cookies: &str) {
    let bodies: [&[u8]; 4] = [
        b"\xff\xfe",
        b"42/chat,[\"message\",{\"room\":\"general\",\"body\":\"\xed\xa0\x80\",\"nonce\":\"1\"}]",
        b"42/chat,[\"\xc3\x28\",{}]",
        b"4\xf4\x90\x80\x80",
    ];
    for body in bodies {
        for welcome in [true, false] {
            let mut raw = Raw::socket(site, cookies).await;
            if welcome {
                raw.frame(0x81, b"40/chat,").await;
            }
            raw.frame(0x81, body).await;
            assert!(raw.end(PATIENCE).await.is_some(), "{body:?} did not end the connection");
        }
    }
}

async fn look_alikes(stage: Stage) -> Played {
    make_administrator_called("admin", &stage).await;
    let server = stage.start(&[]).await;
    let admin = server.log_in("admin").await;
    let odd = [
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
    for name in odd {
        let stranger = server.stranger();
        let answer = stranger.post("/register", &[("username", name), ("password", PASSWORD)]).await;
        // A line end around a name is no part of it: then it is the name itself, which somebody has.
        assert_eq!(answer.status, 422, "{name:?} ({}) was let in as a username", name.escape_unicode());
        assert_eq!(stranger.get_json("/rooms").await.status, 401, "{name:?} is signed in all the same");
    }
    // The same letters in another width or case are the same name.
    for same in ["admin", "Admin", "ADMIN", " admin ", "\u{FF41}\u{FF44}\u{FF4D}\u{FF49}\u{FF4E}", "\u{FF21}DMIN"] {
        let answer = server.stranger().post("/register", &[("username", same), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422, "{same:?} is a second admin");
    }
    let hiding = [
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
    let eve = server.register("eve").await;
    for name in hiding {
        // What stands at an end may be taken off; what stays must not hide anything.
        for (path, field) in [("/settings", "name"), ("/settings", "status"), ("/rooms", "name")] {
            let answer = eve.post(path, &[(field, name), ("visibility", "public")]).await;
            let is_trimmed = name.trim() != name;
            assert!(answer.status == 422 || is_trimmed, "{name:?} as {field} of {path} was answered {}", answer.status);
        }
    }
    let refusals = nobody_elses(&server, &eve).await + nothing_to_see(&eve).await;
    alike(&server, &eve).await;
    let people = eve.get("/people").await;
    let hidden = people
        .body
        .chars()
        .find(|c| matches!(c, '\u{200B}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'));
    assert_eq!(hidden, None, "a name hides something");
    assert!(people.body.contains("/people/admin\""), "admin is there");
    assert_eq!(admin.get_json("/rooms").await.status, 200);
    never_panicked(&server);
    let mut outcome = Outcome::default();
    outcome.note(format!("{} names refused, {} hidden characters", odd.len() + 6 + refusals, hiding.len()));
    Ok(outcome)
}

/// Whether a request was refused as `invalid`, for this field, to somebody who reads JSON.
async fn refuses(person: &Person, path: &str, fields: &[(&str, &str)], field: &str) {
    let answer = Answer::of(person.form(path, fields).header("accept", "application/json")).await;
    let error = answer.json()["error"].clone();
    let expected = (422, &json!("invalid"), &json!(field));
    assert_eq!(
        (answer.status, &error["code"], &error["field"]),
        expected,
        "{path} with {}",
        format!("{fields:?}").escape_unicode()
    );
}

/// Usernames that are nobody's to choose, and names to show that somebody else, or an office, would be taken for.
async fn nobody_elses(server: &Site, eve: &Person) -> usize {
    let reserved = [
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
    for username in reserved {
        refuses(&server.stranger(), "/register", &[("username", username), ("password", PASSWORD)], "username").await;
    }
    server.register("ace").await;
    server.register("ada1").await;
    refuses(&server.stranger(), "/register", &[("username", "adal"), ("password", PASSWORD)], "username").await;
    let names = [
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
    for name in names {
        refuses(eve, "/settings", &[("name", name)], "name").await;
        refuses(&server.stranger(), "/register", &[("username", "mallory"), ("password", PASSWORD), ("name", name)], "name")
            .await;
    }
    for name in ["Ева", "Eve 🦊 (she/her)", "田中 Eve", "Eve"] {
        eve.post("/settings", &[("name", name)]).await.expect(303);
    }
    reserved.len() + 1 + 2 * names.len()
}

/// Names, rooms, topics, statuses and messages that show nothing.
async fn nothing_to_see(eve: &Person) -> usize {
    let blanks = [
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
    eve.join("general").await;
    for blank in blanks {
        refuses(eve, "/settings", &[("name", blank)], "name").await;
        refuses(eve, "/settings", &[("status", blank)], "status").await;
        refuses(eve, "/rooms", &[("name", blank), ("visibility", "public")], "name").await;
        refuses(eve, "/rooms", &[("name", "Blank"), ("topic", blank), ("visibility", "public")], "topic").await;
        refuses(eve, "/rooms/general/messages", &[("body", blank), ("nonce", blank)], "body").await;
    }
    blanks.len() * 5
}

/// Two who look alike are told apart by their usernames, also in what was said before.
async fn alike(server: &Site, eve: &Person) {
    let grace = server.register("grace").await;
    let (listening, _) = eve.join("general").await;
    for (person, name) in [(&grace, "Grace Hopper"), (eve, "Gráce  hopper.")] {
        let (socket, _) = person.join("general").await;
        socket.post("general", "who am I", name).await;
        person.post("/settings", &[("name", name)]).await.expect(303);
    }
    let told = listening.next_where("person", |it| it["username"] == "grace" && it["alike"] == json!(true)).await;
    assert_eq!(told["name"], "Grace Hopper");
    let said = history(eve, "general").await;
    let alike: Vec<&Value> = said.iter().filter(|message| message["author"]["alike"] == json!(true)).collect();
    assert!(["grace", "eve"].iter().all(|name| alike.iter().any(|message| message["author"]["username"] == *name)), "{said:?}");
    assert!(said.iter().all(|message| message["author"]["username"] != "admin" || message["author"].get("alike").is_none()));
    let page = eve.get("/rooms/general").await.body;
    assert!(page.contains("@grace</span>") && page.contains("@eve</span>"), "the page tells no usernames");
}
