//! People over TLS: pages over HTTP/2, sockets over wss, and those who only begin handshakes.

use axum::http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Served;
use crate::harness::secure::{NAME, ask};
use crate::harness::servers::Script;
use crate::harness::{DEADLINE, Database};
use crate::{both, once};

fn form(path: &str, cookies: &[String]) -> Request<()> {
    let mut request = Request::post(format!("https://{NAME}{path}"))
        .header("origin", format!("https://{NAME}"))
        .header("content-type", "application/x-www-form-urlencoded");
    // As browsers do over HTTP/2: each in a line of its own.
    for cookie in cookies {
        request = request.header("cookie", cookie);
    }
    request.body(()).expect("a request")
}

fn get(path: &str, cookies: &[String]) -> Request<()> {
    let mut request = Request::get(format!("https://{NAME}{path}"));
    for cookie in cookies {
        request = request.header("cookie", cookie);
    }
    request.body(()).expect("a request")
}

/// The cookies that an answer sets.
fn cookies(headers: &axum::http::HeaderMap) -> Vec<String> {
    let set = headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("a text"));
    set.map(|cookie| cookie.split(';').next().expect("a pair").to_owned()).collect()
}

#[apply(both)]
async fn somebody_signs_up_and_reads_over_http2_and_talks_over_wss(database: &Database) {
    let Served { mut server, client, authority, .. } = Served::start(database, &[]).await;
    let (requests, connection) = client.h2().await;
    let body = "username=ada&password=seven+quiet+harbours";
    let reply = ask(&requests, form("/register", &[]), body).await;
    assert_eq!(reply.status, 303, "{reply:?}");
    for cookie in reply.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().expect("a text");
        assert!(cookie.starts_with("__Host-") && cookie.contains("Secure"), "{cookie}");
    }
    let mut cookies = cookies(&reply.headers);
    cookies.insert(0, "theme=dark".into());
    let page = ask(&requests, get("/rooms/general", &cookies), "").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("ada"));
    let foreign = Request::post(format!("https://{NAME}/logout")).header("origin", "https://evil.example");
    let foreign = foreign.header("cookie", cookies.join("; ")).body(()).expect("a request");
    assert_eq!(ask(&requests, foreign, "x=y").await.status, 403);
    let elsewhere = Request::get("https://evil.example/login").body(()).expect("a request");
    assert_eq!(ask(&requests, elsewhere, "").await.status, 421);

    // The official client, which checks the certificate too.
    let file = database.folder().join("authority.pem");
    std::fs::write(&file, &authority.pem).expect("a file");
    let (address, cookies) = (server.address.to_string(), cookies.join("; "));
    let arguments = [NAME, &address, &file.display().to_string(), &cookies, "over the wire"];
    if let Some(script) = Script::start("socket.js", &arguments).await {
        let said = script.next().await;
        assert_eq!(said["message"]["body"], "over the wire", "{said}");
        let page = client.get("/healthz").await;
        assert_eq!(page.status, 200);
    }
    server.signal("TERM").await;
    let ended = connection.await.expect("no panic");
    // What the client answers to the goodbye may find nobody any more.
    let is_late = |error: &h2::Error| error.get_io().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
    assert!(ended.as_ref().err().is_none_or(is_late), "a goodbye, not a cut: {ended:?}");
    assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
}

#[apply(once)]
async fn websockets_are_not_announced_over_http2(database: &Database) {
    let Served { server: _server, client, .. } = Served::start(database, &[]).await;
    let (requests, _connection) = client.h2().await;
    assert!(!requests.is_extended_connect_protocol_enabled());
    let request = get("/socket.io/?EIO=4&transport=websocket", &[]);
    assert_eq!(ask(&requests, request, "").await.status, 400);
}

/// Whoever only begins handshakes takes at most half of the connections, and not for long.
#[apply(once)]
async fn those_who_only_begin_handshakes_do_not_keep_others_out(database: &Database) {
    let Served { server, client, .. } = Served::start(database, &[("CONNECTION_LIMIT", "12")]).await;
    let mut open = client.connect_to(NAME, "http/1.1").await.expect("it is the first");
    let mut silent = Vec::new();
    for number in 0..40 {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        if number % 2 == 0 {
            stream.write_all(&[22, 3, 1]).await.ok();
        }
        silent.push(stream);
    }
    // By trying again, as browsers do.
    let came_in = async { while client.certificate().await.is_err() {} };
    tokio::time::timeout(DEADLINE, came_in).await.expect("somebody new comes in");
    open.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("it is open");
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
