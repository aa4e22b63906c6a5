//! Who is let into the chat.

use crate::both;
use crate::harness::app::Server;
use crate::harness::packet::Packet;
use crate::harness::socket::Refusal;
use crate::harness::{Database, Socket, TestApp};

async fn refusal(app: &TestApp, cookies: &str, origin: Option<&str>) -> String {
    let entered = match Socket::open(app, cookies, origin).await {
        Ok(socket) => socket.enter().await,
        Err(refusal) => Err(refusal),
    };
    entered.err().map_or_else(|| "let in".to_owned(), |refusal| refusal.message().to_owned())
}

#[apply(both)]
async fn who_has_a_session_is_let_in_from_our_pages_and_from_programs(app: &TestApp) {
    let ada = app.register("ada").await;
    assert_eq!(refusal(app, &ada.cookies(), Some(&app.origin)).await, "let in");
    assert_eq!(refusal(app, &ada.cookies(), None).await, "let in");
}

#[apply(both)]
async fn who_has_no_session_is_not_let_in(app: &TestApp) {
    let ada = app.register("ada").await;
    let old = ada.cookies();
    ada.post("/logout", &[]).await.expect(303);
    let name = old.split('=').next().expect("a cookie has a name");
    let invented = ["", "AAAAAAAAAAAAAAAAAAAAAA", "\""].map(|value| format!("{name}={value}"));
    for cookies in invented.iter().map(String::as_str).chain(["", "a=b; c", &old]) {
        assert_eq!(refusal(app, cookies, Some(&app.origin)).await, "unauthenticated", "{cookies:?}");
    }
}

#[apply(both)]
async fn a_page_of_another_origin_is_not_let_in(app: &TestApp) {
    let ada = app.register("ada").await;
    let foreign = [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://localhost:1",
        "",
        "file://",
        &format!("{}.evil.example", app.origin),
        &app.origin.replace("http://", "https://"),
        &format!("{}/", app.origin),
        &app.origin.replace("127.0.0.1", "localhost"),
    ];
    for origin in foreign {
        assert_eq!(refusal(app, &ada.cookies(), Some(origin)).await, "forbidden_origin", "{origin:?}");
    }
}

#[apply(both)]
async fn with_a_public_url_only_its_pages_are_let_in(database: &Database) {
    let server = Server::start(database.url(), &[("PUBLIC_URL", "http://chat.example")]).await;
    let stranger = server.stranger();
    let fields = [("username", "ada"), ("password", crate::harness::site::PASSWORD)];
    let form = stranger.request(reqwest::Method::POST, "/register").form(&fields).header("origin", "http://chat.example");
    crate::harness::Answer::of(form).await.expect(303);
    for (origin, expected) in [("http://chat.example", ""), (server.origin.as_str(), "forbidden_origin")] {
        let socket = Socket::open(&server, &stranger.cookies(), Some(origin)).await.expect("the transport opens");
        let message = socket.enter().await.err().map(|refusal| refusal.message().to_owned()).unwrap_or_default();
        assert_eq!(message, expected, "{origin}");
    }
}

#[apply(both)]
async fn there_are_no_other_namespaces(app: &TestApp) {
    let ada = app.register("ada").await;
    for namespace in ["/", "/admin", "/chat/", "/chat2", "/CHAT", "/%63hat", ""] {
        let socket = Socket::open(app, &ada.cookies(), Some(&app.origin)).await.expect("the transport opens");
        let connect = if namespace == "/" || namespace.is_empty() { "40".to_owned() } else { format!("40{namespace},") };
        socket.raw(&connect).await;
        let answer = socket.packet(|packet| matches!(packet, Packet::Refused(..) | Packet::Connected(..))).await;
        assert!(matches!(answer, Packet::Refused(..)), "{namespace}: {answer:?}");
    }
}

#[apply(both)]
async fn events_before_the_chat_let_anybody_in_are_not_heard(app: &TestApp) {
    let ada = app.register("ada").await;
    let (listening, _) = ada.join("general").await;
    let socket = Socket::open(app, "", Some(&app.origin)).await.expect("the transport opens");
    socket.raw(r#"42/chat,0["message",{"room":"general","body":"from nobody","nonce":"1"}]"#).await;
    socket.is_cut().await;
    let other = Socket::open(app, &ada.cookies(), Some(&app.origin)).await.expect("the transport opens");
    other.raw(r#"42/chat,0["message",{"room":"general","body":"too early","nonce":"2"}]"#).await;
    other.is_cut().await;
    listening.post("general", "the end", "3").await;
    listening.hears("the end").await;
    assert!(listening.peek_at("message").iter().all(|it| it["kind"] != "text"), "{:?}", listening.peek());
}

#[apply(both)]
async fn only_web_sockets_are_a_transport_unless_polling_is_allowed(database: &Database) {
    let all = [("websocket", false), ("websocket,polling", true)];
    // Without the patched transport there is no polling.
    for &(transports, expected) in if cfg!(feature = "vendored") { &all[..] } else { &all[..1] } {
        let mut server = Server::start(database.url(), &[("TRANSPORTS", transports)]).await;
        let answer = server.stranger().get("/socket.io/?EIO=4&transport=polling").await;
        assert_eq!(answer.status == 200, expected, "{transports}: {answer:?}");
        server.stop().await;
    }
}

#[apply(both)]
async fn an_upgrade_of_another_protocol_is_refused(app: &TestApp) {
    let ada = app.register("ada").await;
    for query in [
        "",
        "?EIO=3&transport=websocket",
        "?EIO=4&transport=carrier-pigeon",
        "?EIO=x&transport=websocket",
        "?transport=websocket",
    ] {
        let answer = ada.get(&format!("/socket.io/{query}")).await;
        assert!((400..500).contains(&answer.status), "{query}: {answer:?}");
    }
}

#[apply(both)]
async fn who_is_refused_may_ask_again_and_is_refused_again(app: &TestApp) {
    let socket = Socket::open(app, "", Some(&app.origin)).await.expect("the transport opens");
    for _ in 0..3 {
        socket.raw("40/chat,").await;
        match socket.admission().await {
            Err(Refusal::ConnectError(data)) => assert_eq!(data["message"], "unauthenticated"),
            Err(Refusal::Closed) => break,
            other => panic!("{other:?}"),
        }
    }
}
