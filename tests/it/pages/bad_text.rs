//! Text that is not valid: broken UTF-8, NUL and lone surrogates, wherever somebody can send text.

use proof::client::Raw;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use crate::both;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, DEADLINE, Load, Person, Site, TestApp};

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
