//! A raw TCP connection, for what a correct client cannot send: incomplete requests, wrong frames, endless bodies.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{DEADLINE, Site, frame};

/// How much of an answer is kept.
const KEPT: usize = 64 * 1024;

/// The connection.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects.
    pub async fn open(site: &Site) -> Self {
        let stream = timeout(DEADLINE, TcpStream::connect(site.address)).await;
        Self { stream: stream.expect("the server answers").expect("the server takes connections") }
    }

    /// Connects, and upgrades to a WebSocket, with these cookies.
    pub async fn socket(site: &Site, cookies: &str) -> Self {
        Self::open(site).await.upgraded(site, cookies).await
    }

    /// Uses an existing connection.
    pub fn over(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// Upgrades it to a WebSocket, with these cookies.
    pub async fn upgraded(self, site: &Site, cookies: &str) -> Self {
        let mut raw = self;
        let head = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookies}\r\n\r\n",
            site.address
        );
        raw.send(head.as_bytes()).await;
        let mut answer = Vec::new();
        let upgraded = async {
            while !answer.ends_with(b"\r\n\r\n") {
                answer.push(raw.stream.read_u8().await.expect("the head of an answer"));
            }
        };
        timeout(DEADLINE, upgraded).await.expect("an answer to the upgrade");
        assert!(answer.starts_with(b"HTTP/1.1 101"), "not upgraded: {}", String::from_utf8_lossy(&answer));
        raw
    }

    /// Sends bytes; `false` when the server has hung up, or does not accept them within [`DEADLINE`].
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(DEADLINE, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Sends a frame, masked with zeros. `first` is its first byte: the final flag and the opcode.
    pub async fn frame(&mut self, first: u8, payload: &[u8]) -> bool {
        let mut frame = Vec::new();
        frame::push(&mut frame, first, payload, true);
        self.send(&frame).await
    }

    /// Sends `chunk` repeatedly, up to `total` bytes, until the server hangs up or accepts no more; returns how many bytes were accepted,
    /// with those in the network's buffers.
    pub async fn pour(&mut self, chunk: &[u8], total: u64) -> u64 {
        let mut sent = 0;
        while sent < total && self.send(chunk).await {
            sent += chunk.len() as u64;
        }
        sent
    }

    /// Sends `piece` every second until the server hangs up, and returns how long that took and what came; nothing when it takes
    /// longer than `patience`.
    pub async fn drip(self, piece: &[u8], patience: Duration) -> Option<(Duration, String)> {
        let (began, mut answer) = (Instant::now(), Vec::new());
        let (mut reading, mut writing) = self.stream.into_split();
        let dripping = async {
            while piece.is_empty() || writing.write_all(piece).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let over = async {
            tokio::select! {
                () = dripping => {}
                _ = reading.read_to_end(&mut answer) => {}
            }
        };
        timeout(patience, over).await.ok()?;
        Some((began.elapsed(), String::from_utf8_lossy(&answer).into_owned()))
    }

    /// What comes until the server hangs up; nothing when it does not within `patience`.
    pub async fn end(mut self, patience: Duration) -> Option<String> {
        let mut answer = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        let reading = async {
            // A reset is an end too: the server did not read everything.
            while let Ok(length @ 1..) = self.stream.read(&mut buffer).await {
                answer.extend(&buffer[..length.min(KEPT.saturating_sub(answer.len()))]);
            }
        };
        timeout(patience, reading).await.ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }
}
