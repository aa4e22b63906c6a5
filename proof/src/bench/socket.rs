//! One blocking Socket.IO connection over WebSocket: it connects, joins, and is handed on.
//!
//! Owns the handshake. It need not be fast: `sender` and `listeners` do what happens a million times.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Type};

use crate::bench::Result;
use crate::bench::http::find;
use crate::bench::people::Person;
use crate::client::frame::{self, head};

const PATIENCE: Duration = Duration::from_secs(30);

/// From how many addresses connections come: each has some 28,000 ports, and a closed port is unusable for a minute.
const SOURCES: u32 = 32;

/// Connects from one of these addresses.
fn dial(address: SocketAddr) -> Result<TcpStream> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nth = COUNT.fetch_add(1, Ordering::Relaxed) % SOURCES;
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    let source = Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 0, 2).to_bits() + nth);
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

pub struct Socket {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Socket {
    pub fn connect(address: SocketAddr, person: &Person) -> Result<Self> {
        let stream = dial(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut socket = Self { stream, unread: Vec::with_capacity(2048) };
        let cookie = &person.cookie;
        socket.stream.write_all(
            format!(
                "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: load\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncookie: {cookie}\r\n\r\n"
            )
            .as_bytes(),
        )?;
        let end = loop {
            socket.read_more()?;
            if let Some(end) = find(&socket.unread, b"\r\n\r\n") {
                break end;
            }
        };
        if !socket.unread.starts_with(b"HTTP/1.1 101") {
            return Err(String::from_utf8_lossy(&socket.unread).into_owned().into());
        }
        socket.unread.drain(..end + 4);
        socket.send(b"40/chat,")?;
        let answer = socket.next(|text| text.starts_with("40/chat,") || text.starts_with("44/chat,"))?;
        if answer.starts_with("44") {
            return Err(format!("refused: {answer}").into());
        }
        Ok(socket)
    }

    pub fn join(&mut self, room: &str) -> Result<String> {
        self.ask("join", &format!(r#"{{"room":"{room}"}}"#))
    }

    /// Sends an event, and waits for its acknowledgement, which must be `ok`.
    pub fn ask(&mut self, event: &str, payload: &str) -> Result<String> {
        self.send(format!(r#"42/chat,0["{event}",{payload}]"#).as_bytes())?;
        let answer = self.next(|text| text.starts_with("43/chat,0["))?;
        if !answer.starts_with(r#"43/chat,0[{"ok":true"#) {
            return Err(format!("{event}: {answer}").into());
        }
        Ok(answer)
    }

    /// Hands the connection on, with what has been read but not handled.
    pub fn into_parts(self) -> Result<(TcpStream, Vec<u8>)> {
        self.stream.set_nonblocking(true)?;
        Ok((self.stream, self.unread))
    }

    /// The next packet that is wanted; others are skipped, and pings answered.
    fn next(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
        loop {
            while let Some((head, length)) = head(&self.unread).filter(|(head, length)| self.unread.len() >= head + length) {
                let text = String::from_utf8_lossy(&self.unread[head..head + length]).into_owned();
                self.unread.drain(..head + length);
                if text == "2" {
                    self.stream.write_all(&PONG)?;
                } else if is_wanted(&text) {
                    return Ok(text);
                }
            }
            self.read_more()?;
        }
    }

    fn send(&mut self, packet: &[u8]) -> Result<()> {
        let mut bytes = Vec::with_capacity(packet.len() + 8);
        frame::push(&mut bytes, 0x81, packet, true);
        Ok(self.stream.write_all(&bytes)?)
    }

    fn read_more(&mut self) -> Result<()> {
        let mut chunk = [0; 32 * 1024];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return Err("the server closed the socket".into());
        }
        self.unread.extend_from_slice(&chunk[..read]);
        Ok(())
    }
}

/// The answer to Engine.IO's ping, as a frame.
pub const PONG: [u8; 7] = [0x81, 0x81, 0, 0, 0, 0, b'3'];
