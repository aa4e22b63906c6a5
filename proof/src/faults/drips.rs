//! Connections that are held by sending next to nothing.
//!
//! Owns the one table of them: a test tries each, and the torture case many at once.

use tokio::net::TcpStream;

use crate::client::{Person, Raw};

/// How a connection begins, and what is sent every second.
pub struct Drip {
    /// What it is, in words.
    pub what: &'static str,
    /// Whether it is upgraded to a WebSocket first, and with a session's cookie.
    upgrade: Option<bool>,
    start: Vec<u8>,
    /// What is sent every second.
    pub piece: &'static [u8],
}

/// The head of a masked text frame of 4 KiB.
pub const FRAME: [u8; 8] = [0x81, 0xFE, 0x10, 0x00, 0, 0, 0, 0];

/// All of them.
pub fn all() -> [Drip; 13] {
    const FORM: &str = "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let http = |what, start: String, piece| Drip { what, upgrade: None, start: start.into_bytes(), piece };
    let socket = |what, cookie, start: &[u8], piece| Drip { what, upgrade: Some(cookie), start: start.to_vec(), piece };
    [
        http("nothing at all", String::new(), b""),
        http("a request line", "G".to_owned(), b"E"),
        http("a header", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(), b"a"),
        http("many headers", "GET / HTTP/1.1\r\nhost: x\r\n".to_owned(), b"a:b\r\n"),
        http("a form", format!("{FORM}content-length: 5000\r\n\r\n"), b"a"),
        http("a form in chunks", format!("{FORM}transfer-encoding: chunked\r\n\r\n"), b"1\r\na\r\n"),
        http("a kept connection", HEALTH.to_owned(), b""),
        http("the next request", format!("{HEALTH}GET / HTT"), b"P"),
        socket("an upgraded connection", false, b"", b""),
        socket("an upgraded connection with a cookie", true, b"", b""),
        socket("another namespace", true, b"\x81\x8d\0\0\0\x0040/elsewhere,", b""),
        socket("a frame's head", true, b"", b"\x81"),
        socket("a frame", true, &FRAME, b"a"),
    ]
}

impl Drip {
    /// Begins it over a connection to the site of a person, whose session it may use.
    pub async fn begin(&self, stream: TcpStream, person: &Person) -> Raw {
        let mut raw = Raw::over(stream);
        if let Some(cookie) = self.upgrade {
            let cookies = if cookie { person.cookies() } else { String::new() };
            raw = raw.upgraded(&person.site, &cookies).await;
        }
        raw.send(&self.start).await;
        raw
    }
}
