//! Clients that hold a connection and say next to nothing. Each of these waits for a limit of the server's to pass, so they do
//! so side by side, and on one database: it makes no difference here.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Socket, TestApp};
use crate::once;

/// How long the longest of the limits may take, with room for a busy machine.
const AT_MOST: Duration = Duration::from_secs(40);

/// Sends a byte now and then until the server hangs up, or it has taken too long.
async fn drips(address: std::net::SocketAddr, start: &str, drip: &[u8]) -> bool {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    stream.write_all(start.as_bytes()).await.expect("it reads");
    let (mut reading, mut writing) = stream.into_split();
    let dripping = async {
        let mut every = tokio::time::interval(Duration::from_millis(700));
        loop {
            every.tick().await;
            if !drip.is_empty() && writing.write_all(drip).await.is_err() {
                return;
            }
        }
    };
    let hung_up = async {
        let mut answer = Vec::new();
        drop(reading.read_to_end(&mut answer).await);
    };
    tokio::time::timeout(AT_MOST, async {
        tokio::select! { () = dripping => {}, () = hung_up => {} }
    })
    .await
    .is_ok()
}

#[apply(once)]
async fn nobody_holds_a_connection_by_dawdling(app: &TestApp) {
    let host = app.address;
    let never_enters = async {
        let socket = Socket::open(app, "", None).await.expect("the transport opens");
        tokio::time::timeout(AT_MOST, socket.end()).await.is_ok()
    };
    let form = format!(
        "POST /login HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 5000\r\n\r\n"
    );
    let chunked = format!(
        "POST /login HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let kept = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let upgrade = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let ends = tokio::join!(
        drips(host, "", b""),
        drips(host, "G", b""),
        drips(host, "GET / HTTP/1.1\r\nhost: x\r\n", b"a"),
        drips(host, &form, b"a"),
        drips(host, &chunked, b"1\r\na\r\n"),
        drips(host, &kept, b""),
        drips(host, &upgrade, b"\x81"),
        never_enters,
    );
    assert_eq!(
        ends,
        (true, true, true, true, true, true, true, true),
        "silent, one byte, headers, form, chunks, kept, frames, no CONNECT"
    );
    app.stranger().get("/healthz").await.expect(200);
}
