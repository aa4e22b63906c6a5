//! Forms and addresses that no browser makes.

use proof::client::Raw;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::harness::{Answer, DEADLINE, TestApp};
use crate::{both, once};

#[apply(both)]
async fn text_that_is_no_text_is_refused_with_a_clear_error(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.enter("general").await;
    let bodies: [&[u8]; 6] = [b"body=%FF%FE", b"body=\xff\xfe", b"body=%00", b"body=a%00b", b"body=%ED%A0%80", b"body"];
    for body in bodies {
        let request = ada.request(Method::POST, "/rooms/general/messages").body(body.to_vec());
        let answer = Answer::of(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await;
        // A browser's decoder would put U+FFFD in the place of what is no UTF-8; so may a server.
        assert!(answer.status == 303 || (400..500).contains(&answer.status), "{body:?}: {answer:?}");
    }
    let stored = app.database.rows("messages").await;
    assert!(stored.iter().all(|row| !row["body"].as_str().is_some_and(|body| body.contains('\0'))), "{stored:?}");
}

#[apply(both)]
async fn a_form_of_another_type_is_refused(app: &TestApp) {
    let ada = app.register("ada").await;
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        let request = ada.request(Method::POST, "/rooms").body("name=x&visibility=public").header(CONTENT_TYPE, kind);
        let status = Answer::of(request).await.status;
        assert!((400..500).contains(&status), "{kind:?}: {status}");
    }
}

#[apply(both)]
async fn a_form_larger_than_any_message_is_refused(app: &TestApp) {
    let ada = app.register("ada").await;
    let large = format!("body={}", "a".repeat(4 << 20));
    let request = ada.request(Method::POST, "/rooms/general/messages").body(large);
    // It may hang up before it has read all of it.
    if let Ok(answer) = Answer::try_of(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await {
        assert_eq!(answer.status, 413);
    }
    app.stranger().get("/healthz").await.expect(200);
}

#[apply(both)]
async fn a_strangers_form_is_small(app: &TestApp) {
    app.register("ada").await;
    for path in ["/login", "/register"] {
        let form = |size: usize| format!("username=ada&password={}", "a".repeat(size));
        let send = async |size: usize| {
            let request = app.stranger().request(Method::POST, path).body(form(size));
            Answer::of(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await.status
        };
        assert_eq!(send(20 * 1024).await, 413, "{path}");
        assert!([401, 422].contains(&send(10 * 1024).await), "{path}");
    }
}

#[apply(both)]
async fn a_page_is_found_with_a_slash_behind_it_and_in_capitals(app: &TestApp) {
    let ada = app.register("ada").await;
    for (typed, meant) in [
        ("/rooms/general/", "/rooms/general"),
        ("/rooms/General", "/rooms/general"),
        ("/Rooms/GENERAL/?limit=5", "/rooms/general?limit=5"),
        ("/people/Ada", "/people/ada"),
        ("/search/?q=Wind", "/search?q=Wind"),
    ] {
        assert_eq!(ada.get(typed).await.expect(308).location(), meant, "{typed}");
        ada.get(meant).await.expect(200);
    }
    // A form goes where it was sent, and nowhere else.
    assert_eq!(ada.post("/rooms/General/messages", &[("body", "x")]).await.status, 404);
    // What there is is told to nobody by this.
    app.stranger().get("/rooms/Nowhere/").await.expect(308);
    app.stranger().get("/rooms/nowhere").await.expect(303);
}

#[apply(both)]
async fn odd_addresses_are_not_found_and_no_fault(app: &TestApp) {
    let ada = app.register("ada").await;
    let long = format!("/rooms/{}", "a".repeat(3000));
    let odd = [
        "/rooms/%00",
        "/rooms/%FF",
        "/rooms/%2e%2e%2f%2e%2e",
        "/rooms/general/%00",
        "/rooms/general/x",
        "/rooms/general/-1",
        "/rooms/general/0",
        "/rooms/general/99999999999999999999",
        "/rooms/general/1.5",
        "/rooms/general/on/2026-13-45",
        "/rooms/general/on/x",
        "/rooms/GENERAL ",
        "/rooms/'%20or%201=1",
        "/static/../Cargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "//rooms",
        &long,
    ];
    for path in odd {
        let answer = Answer::of(ada.request(Method::GET, path)).await;
        assert!((300..500).contains(&answer.status), "{path}: {}", answer.status);
        assert_ne!(answer.status, 401, "{path}");
    }
    // A program hears it in its own terms.
    for path in ["/api/v1/rooms/%FF", "/api/v1/rooms/general/messages/1/reactions/%ff"] {
        assert_eq!(Answer::of(ada.request(Method::GET, path)).await.code(), "not_found", "{path}");
    }
    let queries = [
        "before=x",
        "before=-1",
        "after=99999999999999999999",
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=x",
        "before=1&after=1",
        "before=%FF",
        "before=",
        "around=9223372036854775807",
        "limit=%00",
    ];
    for query in queries {
        let answer = ada.get(&format!("/rooms/general?{query}")).await;
        assert!((200..500).contains(&answer.status), "{query}: {}", answer.status);
    }
}

/// By one extractor, in the terms of whoever asks.
#[apply(once)]
async fn a_query_that_cannot_be_read_is_refused_with_its_parameter(app: &TestApp) {
    let ada = app.register("ada").await;
    let lists = ["people?q=a&q=b", "rooms?q=a&mine=yes&q=b", "search?q=a&q=b", "me/blocks?after=x&q=%ff&after=y", "people?q=%c3"];
    for path in lists {
        let answer = ada.get_json(&format!("/api/v1/{path}")).await;
        answer.expect(422);
        assert_eq!((&*answer.code(), &answer.json()["error"]["field"]), ("invalid", &"q".into()), "{path}");
    }
    for path in ["/people?q=a&q=b", "/rooms?q=%ff", "/search?q=a&q=b"] {
        let page = ada.get(path).await;
        page.expect(422);
        assert!(page.body.contains("<html"), "{path}: {}", page.body);
        assert_eq!(ada.get_json(path).await.expect(422).json()["error"]["field"], "q", "{path}");
    }
}

#[apply(once)]
async fn requests_that_are_not_http_are_refused_or_cut(app: &TestApp) {
    let wrong: [&[u8]; 12] = [
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for bytes in wrong {
        let mut raw = Raw::open(app).await;
        raw.send(bytes).await;
        let what = String::from_utf8_lossy(bytes);
        let answer = raw.end(DEADLINE).await.unwrap_or_else(|| panic!("{what:?} is waited for"));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what:?}: {answer}");
    }
}
