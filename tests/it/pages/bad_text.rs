//! Text that is not valid: broken UTF-8, NUL and lone surrogates, wherever somebody can send text. NUL is tried in every place there is: each
//! route's parameters, each field of the API, of forms and of events.

use std::fs;
use std::path::Path;

use proof::client::Raw;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::forgery::FORMS;
use crate::api::sweep::operations;
use crate::architecture::sources;
use crate::both;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, DEADLINE, Load, Person, Site, TestApp};
use crate::rooms::sweep::events;

#[apply(both)]
async fn text_that_is_not_valid_is_refused_in_words_and_nothing_of_it_is_stored(app: &TestApp) {
    let mut load = Load::gather(app, 2).await;
    let mallory = app.register("mallory").await;
    mallory.join("general").await;
    load.during(async {
        over_sockets(&mallory).await;
        over_forms(&mallory).await;
        over_paths(&mallory).await;
    })
    .await;
    in_frames(app, &mallory.cookies()).await;
    let said = app
        .database
        .query("select body from messages where kind = 'text' and room_id = (select id from rooms where slug = 'general')")
        .await;
    assert!(said.is_empty(), "some of it was stored: {said:?}");
    app.database.check(&mut load).await;
}

/// Somebody who may ask for everything.
async fn administrator(app: &TestApp) -> Person {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    ada.enter("general").await;
    ada
}

/// The routes of all pages, as the code has them.
fn page_routes() -> Vec<String> {
    let files = sources(Path::new("src/web/pages"));
    let texts = files.iter().map(|file| fs::read_to_string(file).expect("a file with code"));
    texts
        .flat_map(|text| {
            text.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).map(ToOwned::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// A route whose parameter at this place is `bad`, and whose other ones lead somewhere.
fn with_bad(route: &str, place: usize, bad: &str) -> String {
    let mut parts = route.split(['{', '}']);
    let mut path = parts.next().unwrap_or_default().to_owned();
    let mut at = 0;
    while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
        let good = match name {
            "slug" | "room" => "general",
            "username" => "ada",
            "section" => "rooms",
            "emoji" => "%F0%9F%91%8D",
            _ => "1",
        };
        path.push_str(if at == place { bad } else { good });
        path.push_str(rest);
        at += 1;
    }
    path
}

#[apply(both)]
async fn a_path_with_nul_leads_nowhere(app: &TestApp) {
    let ada = administrator(app).await;
    let pages = page_routes().into_iter().flat_map(|route| [(Method::GET, route.clone()), (Method::POST, route)]);
    let api = operations(app).await.into_iter().map(|(method, path)| (method, format!("/api/v1{path}")));
    let mut count = 0;
    for (method, route) in pages.chain(api) {
        for place in 0..route.matches('{').count() {
            for bad in ["%00", "general%00"] {
                let path = with_bad(&route, place, bad);
                let request = ada.request(method.clone(), &path).header("origin", &ada.site.origin);
                let answer = Answer::of(request.header("accept", "application/json")).await;
                // The address of a hook takes one method, and no session.
                assert!(matches!(answer.status, 404 | 405), "{method} {path} was answered {}: {}", answer.status, answer.body);
                count += 1;
            }
        }
    }
    assert!(count >= 500, "{count}");
    // Nobody learns from it which paths there are.
    for path in ["/rooms/%00", "/no-such-page/%00"] {
        assert_eq!(app.stranger().get_json(path).await.expect(404).code(), "not_found", "{path}");
    }
}

/// The field that is named when a request is refused as `invalid`.
#[track_caller]
fn field(answer: &Answer, what: &str) -> String {
    assert_eq!(answer.status, 422, "{what}: {}", answer.body);
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], "invalid", "{what}: {error}");
    error["field"].as_str().unwrap_or_default().to_owned()
}

#[apply(both)]
async fn a_query_with_nul_names_its_parameter(app: &TestApp) {
    let ada = administrator(app).await;
    let mut asked: Vec<_> =
        ["/rooms", "/rooms/general", "/people", "/search", "/direct", "/invites", "/settings", "/login", "/admin/audit"]
            .into_iter()
            .map(|path| (Method::GET, path.to_owned(), "after".to_owned()))
            .collect();
    let document = app.stranger().get("/api/openapi.json").await.expect(200).json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
                let name = parameter["name"].as_str().expect("a name").to_owned();
                asked.push((method.to_uppercase().parse().expect("a method"), with_bad(path, usize::MAX, ""), name));
            }
        }
    }
    assert!(asked.len() >= 50, "{}", asked.len());
    for (method, path, name) in asked {
        for bad in ["%00", "a%00b"] {
            let path = format!("{path}?{name}={bad}");
            let request = ada.request(method.clone(), &path).header("origin", &ada.site.origin);
            let answer = Answer::of(request.header("accept", "application/json")).await;
            assert_eq!(field(&answer, &path), name, "{method} {path}");
        }
    }
}

#[apply(both)]
async fn a_body_with_nul_names_its_field(app: &TestApp) {
    let ada = administrator(app).await;
    let send = async |method: Method, path: &str, body: &Value| {
        let request = ada.request(method, path).header("origin", &ada.site.origin).header("accept", "application/json");
        Answer::of(request.json(body)).await
    };
    let before = app.database.rows("messages").await;
    let document = app.stranger().get("/api/openapi.json").await.expect(200).json();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else { continue };
            let schema = document.pointer(schema.as_str().expect("a reference").trim_start_matches('#')).expect("a schema");
            for name in schema["properties"].as_object().expect("fields").keys() {
                for value in [json!("a\0b"), json!(["a", "\0"])] {
                    let method: Method = method.to_uppercase().parse().expect("a method");
                    let what = format!("{method} {path} {name}");
                    let body = json!({ name: value });
                    assert_eq!(field(&send(method, &with_bad(path, usize::MAX, ""), &body).await, &what), *name, "{what}");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 100, "{count}");
    // These are answered as for anybody.
    let tells_nothing = |path: &str| matches!(path, "/reset" | "/login" | "/login/second");
    for (path, fields) in FORMS.into_iter().filter(|(path, _)| !path.ends_with("/files") && !tells_nothing(path)) {
        for (place, (name, _)) in fields.iter().enumerate() {
            let mut sent = fields.to_vec();
            sent[place].1 = "a\0b";
            let answer = Answer::of(ada.form(path, &sent).header("accept", "application/json")).await;
            assert_eq!(field(&answer, path), *name, "{path}");
        }
    }
    // What is no form.
    let files = reqwest::multipart::Form::new().text("body", "a\0b");
    let request = ada.request(Method::POST, "/rooms/general/files").header("origin", &ada.site.origin).multipart(files);
    assert_eq!(field(&Answer::of(request.header("accept", "application/json")).await, "files"), "body");
    let post = async |path: &str, body: Value| field(&send(Method::POST, path, &body).await, path);
    assert_eq!(post("/settings/tokens", json!({ "name": "a\0b", "scopes": ["read"] })).await, "name");
    let key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    for (endpoint, p256dh, expected) in [("https://push.example/\0", key, "endpoint"), ("https://push.example/1", "\0", "p256dh")]
    {
        let subscription = json!({ "endpoint": endpoint, "keys": { "p256dh": p256dh, "auth": "BTBZMqHH6r4Tts7J_aSIgg" } });
        assert_eq!(post("/settings/push", subscription).await, expected);
    }
    assert_eq!(app.database.rows("messages").await, before);
    assert!(app.database.rows("push_subscriptions").await.is_empty());
    ada.get("/rooms/general").await.expect(200);
}

/// Each event with each of its texts; what others send meanwhile is committed.
#[apply(both)]
async fn an_event_with_nul_names_its_field(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let ((socket, _), (other, _)) = (ada.join("general").await, grace.join("general").await);
    let mut all = events("general");
    all.extend([
        (
            "message",
            json!({ "room": "general", "body": "x", "nonce": "6", "attachments": ["0123456789abcdef"], "alts": ["a cat"] }),
        ),
        ("draft", json!({ "room": "general", "body": "x", "edit_seq": 1, "edit_body": "y" })),
        ("direct", json!({ "users": ["grace"] })),
        ("search", json!({ "q": "x", "order": "newest", "before": "general~1", "tz": "Europe/Paris" })),
        ("preview", json!({ "body": "x" })),
        ("pins", json!({ "room": "general", "before": "1" })),
        ("watch", json!({ "after": "general" })),
    ]);
    let mut count = 0;
    for (event, data) in all {
        for (name, value) in data.as_object().expect("an object") {
            let bad = match value {
                Value::String(text) => json!(format!("{text}\0")),
                Value::Array(_) => json!(["\0"]),
                _ => continue,
            };
            let mut data = data.clone();
            data[name] = bad;
            let answer = socket.ask(event, data.clone()).await;
            let error = &answer["error"];
            assert_eq!((&error["code"], &error["field"]), (&json!("invalid"), &json!(name)), "{event} {data}: {answer}");
            count += 1;
        }
        other.post("general", "still here", &format!("still-{count}")).await;
    }
    assert!(count >= 50, "{count}");
    app.database.check_rooms().await;
}

/// What JSON can spell and no text can hold. The connection stays.
async fn over_sockets(mallory: &Person) {
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
            let answer = tokio::time::timeout(DEADLINE, answer).await.ok().and_then(Result::ok);
            let answer = answer.unwrap_or_else(|| panic!("no answer to {text} as {field}"));
            let code = answer["error"]["code"].as_str().unwrap_or_default();
            assert!(matches!(code, "invalid" | "not_found"), "{text} as {field}: {answer}");
            assert!(answer["error"]["message"].as_str().is_some_and(|words| !words.is_empty()), "without words: {answer}");
            refused += 1;
        }
    }
    socket.ok("history", json!({ "room": "general" })).await;
}

/// The same in forms, percent-encoded and raw, and forms that are of another kind.
async fn over_forms(mallory: &Person) {
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
    for text in bad {
        for (path, field) in forms {
            let body = [field.as_bytes(), b"=", text, b"&password=", PASSWORD.replace(' ', "+").as_bytes()].concat();
            let request = mallory.form(path, &[]).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
            is_refused(&Answer::of(request).await, &format!("{path} {field}={}", String::from_utf8_lossy(text)));
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
    }
}

/// Where a path or a link holds it; files are only ever named in paths.
async fn over_paths(mallory: &Person) {
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
}

/// The client is told that it is at fault, in words.
fn is_refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what} was answered {}:\n{}", answer.status, answer.body);
    let is_static = what.starts_with("/static/");
    assert!(is_static || !answer.body.trim().is_empty(), "{what} was answered {} without a word", answer.status);
}

/// Bytes that are no text, in a text frame: the connection ends, before the welcome and after it.
async fn in_frames(site: &Site, cookies: &str) {
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
            assert!(raw.end(DEADLINE).await.is_some(), "{body:?} did not end the connection");
        }
    }
}
