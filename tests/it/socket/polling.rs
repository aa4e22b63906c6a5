//! Long-polling, where it is allowed: whose a session is, how many there may be, and how they end.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::json;

use crate::both;
use crate::harness::app::Server;
use crate::harness::packet::Packet;
use crate::harness::polling::{OPENING, Polling};
use crate::harness::{Answer, DEADLINE, Database, Person};

const ALLOWED: (&str, &str) = ("TRANSPORTS", "websocket,polling");

fn event(name: &str, data: &serde_json::Value, number: u64) -> String {
    crate::harness::packet::event(name, data, Some(number))
}

async fn ask(session: &Polling, person: &Person, name: &str, data: serde_json::Value, number: u64) -> serde_json::Value {
    session.send(person, &event(name, &data, number)).await.expect(200);
    let fits = |packet: &Packet| matches!(packet, Packet::Acknowledged(_, it, _) if *it == number);
    let Packet::Acknowledged(_, _, mut arguments) = session.until(person, fits).await else { unreachable!("it fits") };
    arguments.remove(0)
}

async fn is_over(session: &Polling, person: &Person) {
    // What was queued before may still come.
    for _ in 0..5 {
        let answer = session.poll(person).await;
        if answer.status == 400 {
            return;
        }
    }
    panic!("the session is still there");
}

#[apply(both)]
async fn people_talk_over_polling_and_upgrade(database: &Database) {
    let server = Server::start(database.url(), &[ALLOWED]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let (witness, _) = grace.join("general").await;
    let session = Polling::enter(&ada).await;
    assert_eq!(ask(&session, &ada, "join", json!({ "room": "general" }), 1).await["ok"], true);
    let said = json!({ "room": "general", "body": "over polling", "nonce": "1" });
    assert_eq!(ask(&session, &ada, "message", said, 2).await["ok"], true);
    witness.hears("over polling").await;
    let mut socket = upgrade(&server, &session, &ada.cookies()).await.expect("its owner upgrades it");
    send(&mut socket, "2probe").await;
    assert_eq!(next(&mut socket).await, "3probe");
    send(&mut socket, "5").await;
    let said = json!({ "room": "general", "body": "over a socket", "nonce": "2" });
    send(&mut socket, &event("message", &said, 3)).await;
    witness.hears("over a socket").await;
    // What ends the access ends the connection that the session is on now.
    ada.post("/logout", &[]).await.expect(303);
    while socket.next().await.is_some_and(|frame| frame.is_ok_and(|frame| !frame.is_close())) {}
}

#[apply(both)]
async fn a_session_is_nobody_elses(database: &Database) {
    let server = Server::start(database.url(), &[ALLOWED]).await;
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    let room = ada.create_room("Secrets", "private").await;
    let session = Polling::enter(&ada).await;
    assert_eq!(ask(&session, &ada, "join", json!({ "room": room }), 1).await["ok"], true);
    let stolen = event("message", &json!({ "room": room, "body": "stolen", "nonce": "stolen" }), 2);
    let stranger = server.stranger();
    for thief in [&stranger, &eve] {
        session.poll(thief).await.expect(400);
        session.send(thief, &stolen).await.expect(400);
        session.send(thief, "1").await.expect(400);
        assert_eq!(upgrade(&server, &session, &thief.cookies()).await.err(), Some(400));
    }
    // With her cookie, from a page of somebody else's, in every way in which a browser says so.
    let foreign = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (name, value) in foreign {
        Answer::of(session.post(&ada, &stolen).header(name, value)).await.expect(400);
        Answer::of(ada.request(Method::GET, &session.path()).header(name, value)).await.expect(400);
    }
    // None of that touched it, and nothing went to anybody else.
    let answer = ask(&session, &ada, "message", json!({ "room": room, "body": "mine", "nonce": "mine" }), 3).await;
    assert_eq!((&answer["ok"], &answer["message"]["body"]), (&json!(true), &json!("mine")));
    let page = ada.get_json(&format!("/rooms/{room}")).await;
    assert!(!page.body.contains("stolen"), "{}", page.body);
    // A new session of the same person is another one.
    let again = server.log_in("ada").await;
    session.poll(&again).await.expect(400);
}

#[apply(both)]
async fn a_page_from_elsewhere_is_not_let_in_over_polling(database: &Database) {
    let server = Server::start(database.url(), &[ALLOWED]).await;
    let ada = server.register("ada").await;
    let foreign = ("origin", "https://evil.example");
    let opened = Answer::of(ada.request(Method::GET, OPENING).header(foreign.0, foreign.1)).await;
    let Packet::Open(open) = Packet::parse(&opened.body) else { panic!("{opened:?}") };
    let session = Polling { sid: open["sid"].as_str().expect("a session has an id").to_owned() };
    Answer::of(session.post(&ada, "40/chat,").header(foreign.0, foreign.1)).await.expect(200);
    // A ping may come first.
    loop {
        let told = Answer::of(ada.request(Method::GET, &session.path()).header(foreign.0, foreign.1)).await;
        if told.expect(200).body.contains("forbidden_origin") {
            break;
        }
    }
}

#[apply(both)]
async fn what_ends_an_access_ends_its_polling_session(database: &Database) {
    let server = Server::start(database.url(), &[ALLOWED]).await;
    let ada = server.register("ada").await;
    let session = Polling::enter(&ada).await;
    let old = server.stranger();
    old.plant_cookie(&ada.cookies());
    // It hears it if it asks at that time.
    let told = session.until(&old, |packet| matches!(packet, Packet::Event(_, _, name, _) if name == "signed_out"));
    let (told, out) = tokio::join!(told, ada.post("/logout", &[]));
    out.expect(303);
    assert!(matches!(&told, Packet::Event(_, _, _, data) if data[0]["reason"] == "logged_out"), "{told:?}");
    is_over(&session, &old).await;
}

#[apply(both)]
async fn what_breaks_the_protocol_ends_a_polling_session(database: &Database) {
    let server = Server::start(database.url(), &[ALLOWED]).await;
    let ada = server.register("ada").await;
    for packet in [r#"451-/chat,["message",{"_placeholder":true,"num":0}]"#, "bAAAA", "40/elsewhere,", "40", "42[]"] {
        let outside = server.stranger();
        let session = Polling::open(&outside).await.expect("the session opens");
        session.send(&outside, packet).await;
        is_over(&session, &outside).await;
        let session = Polling::enter(&ada).await;
        session.send(&ada, packet).await;
        is_over(&session, &ada).await;
    }
    let outside = server.stranger();
    let session = Polling::open(&outside).await.expect("the session opens");
    let connects = ["40/chat,"; 9].join("\u{1e}");
    session.send(&outside, &connects).await.expect(400);
    is_over(&session, &outside).await;
}

#[apply(both)]
async fn sessions_count_as_connections_of_their_address_and_in_all(database: &Database) {
    for (limit, from) in [("ADDRESS_CONNECTION_LIMIT", [127, 0, 0, 1]), ("CONNECTION_LIMIT", [127, 0, 0, 2])] {
        let mut server = Server::start(database.url(), &[ALLOWED, (limit, "8")]).await;
        // Over a connection, which counts as well; a client may make another one meanwhile.
        let stranger = Person::from_address(server.site.clone(), "", Some(from.into()));
        let (mut opened, mut dropped) = (0, 0);
        let began = tokio::time::Instant::now();
        let refused = loop {
            match Answer::try_of(stranger.request(Method::GET, OPENING)).await {
                Ok(answer) if answer.status == 200 => opened += 1,
                Ok(refused) => break refused,
                // The other connection was one too many, and was closed without an answer. A later request takes the first one, or another one once
                // the server has seen that the first one is gone.
                Err(_) => {
                    dropped += 1;
                    assert!(began.elapsed() < DEADLINE, "{limit}: {opened} opened, {dropped} dropped");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        assert!((4..=7).contains(&opened), "{limit}: {opened}");
        assert_eq!(refused.status, 503, "{refused:?}");
        drop(stranger);
        server.stop().await;
    }
}

#[apply(both)]
async fn behind_a_proxy_sessions_count_for_the_client(database: &Database) {
    let server =
        Server::start(database.url(), &[ALLOWED, ("ADDRESS_CONNECTION_LIMIT", "3"), ("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let open = async |client: &str| {
        let request = server.stranger().request(Method::GET, OPENING).header("x-forwarded-for", client);
        Answer::of(request).await.status
    };
    for _ in 0..3 {
        assert_eq!(open("192.0.2.1").await, 200);
    }
    assert_eq!(open("192.0.2.1").await, 503);
    assert_eq!(open("192.0.2.2").await, 200);
}

#[apply(both)]
async fn only_so_many_sessions_wait_to_be_let_in(database: &Database) {
    let server = Server::start(database.url(), &[ALLOWED]).await;
    let stranger = server.stranger();
    let ada = server.register("ada").await;
    let let_in = Polling::enter(&ada).await;
    let mut opened = 0;
    while Polling::open(&stranger).await.is_ok() {
        opened += 1;
        assert!(opened < 500, "there is no end to it");
    }
    assert_eq!(opened, 64);
    // Whoever is in does not mind, and neither does another address.
    assert_eq!(ask(&let_in, &ada, "join", json!({ "room": "general" }), 1).await["ok"], true);
    let other = Person::from_address(server.site.clone(), "", Some([127, 0, 0, 2].into()));
    Polling::open(&other).await.expect("another address has its own");
}

type Upgraded = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

/// Takes a session over to a WebSocket, or gives the status of the refusal.
async fn upgrade(server: &Server, session: &Polling, cookies: &str) -> Result<Upgraded, u16> {
    use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest};
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket&sid={}", server.address, session.sid);
    let mut request = url.into_client_request().expect("the URL of a socket");
    if !cookies.is_empty() {
        request.headers_mut().insert("cookie", cookies.parse().expect("cookies are a header"));
    }
    let stream = tokio::net::TcpStream::connect(server.address).await.expect("the server accepts");
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other:?}"),
    }
}

async fn send(socket: &mut Upgraded, text: &str) {
    use futures_util::SinkExt;
    socket.send(tokio_tungstenite::tungstenite::Message::text(text)).await.expect("it is taken");
}

async fn next(socket: &mut Upgraded) -> String {
    let frame = socket.next().await.expect("it goes on").expect("it goes on");
    frame.into_text().expect("a text").to_string()
}
