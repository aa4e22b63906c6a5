//! A socket that posts, with a fixed number of posts in flight.
//!
//! Owns its posts and how long each took to be acknowledged. For all posts that one read acknowledges, new ones are sent with one write.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::bench::Result;
use crate::bench::http::find;
use crate::bench::listeners::CHUNK;
use crate::bench::people::Person;
use crate::bench::socket::{PONG, Socket};
use crate::client::frame::{self, head};

/// A line of ordinary length.
pub const BODY: &str = "The quick brown fox jumps over the lazy dog, and nobody minds.";

#[derive(Clone)]
pub enum Words {
    /// These in turn; they need no escaping in JSON.
    InTurn(Arc<[String]>),
    /// One for each post, by its number.
    Varied(fn(usize) -> String),
}

const ACK: &[u8] = b"43/chat,";
const SEQ: &[u8] = br#""seq":"#;

pub struct Sender {
    stream: TcpStream,
    rooms: Vec<String>,
    words: Words,
    name: String,
    unread: Vec<u8>,
    frames: Vec<u8>,
    sent: Vec<Instant>,
    acknowledged: usize,
    /// How long each acknowledgement took, in order of arrival; may be cleared.
    pub took: Vec<Duration>,
    /// The `seq` of each of these posts, and when it was sent; may be cleared.
    pub places: Vec<(usize, Instant)>,
}

impl Sender {
    /// Connects and joins. If it is not `live` it leaves again: its person stays a member and may post, but it receives nothing.
    pub fn connect(address: SocketAddr, person: &Person, name: &str, rooms: &[String], live: bool) -> Result<Self> {
        let mut socket = Socket::connect(address, person)?;
        for room in rooms {
            socket.join(room)?;
            if !live {
                socket.ask("leave", &format!(r#"{{"room":"{room}"}}"#))?;
            }
        }
        let (stream, unread) = socket.into_parts()?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            rooms: rooms.to_vec(),
            words: Words::InTurn([BODY.to_owned()].into()),
            name: name.to_owned(),
            unread,
            frames: Vec::new(),
            sent: Vec::new(),
            acknowledged: 0,
            took: Vec::new(),
            places: Vec::new(),
        })
    }

    pub fn say(&mut self, words: Words) {
        self.words = words;
    }

    pub fn register(&mut self, poll: &Poll, token: Token) -> Result<()> {
        Ok(poll.registry().register(&mut self.stream, token, Interest::READABLE)?)
    }

    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    pub fn under_way(&self) -> usize {
        self.sent.len() - self.acknowledged
    }

    pub fn post(&mut self, count: usize) -> Result<()> {
        self.frames.clear();
        let now = Instant::now();
        for _ in 0..count {
            let id = self.sent.len();
            let room = &self.rooms[id % self.rooms.len()];
            let name = &self.name;
            let varied;
            let body = match &self.words {
                Words::InTurn(bodies) => &bodies[id % bodies.len()],
                Words::Varied(body) => {
                    varied = body(id);
                    &varied
                }
            };
            let post = format!(r#"42/chat,{id}["message",{{"room":"{room}","body":"{body}","nonce":"{name}-{id}"}}]"#);
            frame::push(&mut self.frames, 0x81, post.as_bytes(), true);
            self.sent.push(now);
        }
        let mut left = self.frames.as_slice();
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(written) => left = &left[written..],
                // Long messages may fill the kernel's buffer until the server reads them.
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_micros(50)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what has arrived; returns the number of acknowledged posts.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let before = self.took.len();
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err("the server closed a sender's socket".into()),
                Ok(read) => {
                    if self.unread.is_empty() {
                        let used = self.take(&buffer[..read])?;
                        self.unread.extend_from_slice(&buffer[used..read]);
                    } else {
                        self.unread.extend_from_slice(&buffer[..read]);
                        let unread = std::mem::take(&mut self.unread);
                        let used = self.take(&unread)?;
                        self.unread = unread;
                        self.unread.drain(..used);
                    }
                    if read < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.took.len() - before)
    }

    /// Handles complete frames, and returns their length.
    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut used = 0;
        let now = Instant::now();
        while let Some((head, length)) = head(&bytes[used..]).filter(|(head, length)| bytes.len() - used >= head + length) {
            let text = &bytes[used + head..used + head + length];
            used += head + length;
            if let Some(ack) = text.strip_prefix(ACK) {
                self.acknowledge(ack, now)?;
            } else if text == b"2" {
                self.stream.write_all(&PONG)?;
            }
        }
        Ok(used)
    }

    fn acknowledge(&mut self, ack: &[u8], now: Instant) -> Result<()> {
        let digits = ack.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let id: usize = std::str::from_utf8(&ack[..digits])?.parse()?;
        if !ack[digits..].starts_with(br#"[{"ok":true"#) {
            return Err(format!("a post was refused: {}", String::from_utf8_lossy(ack)).into());
        }
        self.acknowledged += 1;
        self.took.push(now - self.sent[id]);
        let seq = find(ack, SEQ).map(|at| ack[at + SEQ.len()..].iter().take_while(|byte| byte.is_ascii_digit()));
        let seq = seq.ok_or("an acknowledgement did not say which place the post came to")?;
        let seq = seq.fold(0, |seq, digit| seq * 10 + usize::from(digit - b'0'));
        self.places.push((seq, self.sent[id]));
        Ok(())
    }
}

/// Posts `each` messages with every one of these new senders, and returns when all are acknowledged.
pub fn post_all(senders: &mut [Sender], each: usize, under_way: usize) -> Result<()> {
    let (mut poll, mut events, mut buffer) = (Poll::new()?, Events::with_capacity(64), vec![0; CHUNK]);
    for (place, sender) in senders.iter_mut().enumerate() {
        sender.register(&poll, Token(place))?;
        sender.post(under_way.min(each))?;
    }
    while senders.iter().any(|sender| sender.under_way() > 0) {
        poll.poll(&mut events, Some(Duration::from_secs(20)))?;
        if events.is_empty() {
            return Err("posts are not answered".into());
        }
        for event in &events {
            let sender = &mut senders[event.token().0];
            let answered = sender.read(&mut buffer)?;
            sender.post(answered.min(each - sender.sent()))?;
        }
    }
    Ok(())
}
