//! The parts of HTTP, WebSocket and Socket.IO that the floor needs. It recognizes what this bench's client writes, and checks nothing.

use crate::bench::http::find;
use crate::bench::sender::BODY;
use crate::client::frame;

pub enum Heard {
    Post(u64),
    Join(u64),
    Leave(u64),
    Answer(&'static [u8]),
    Nothing,
}

pub struct Frames {
    pub message: Vec<u8>,
    pub many: Vec<u8>,
    replay: String,
}

impl Frames {
    pub fn prepare() -> Self {
        let message = format!(
            r#"{{"room":"general","seq":1,"rev":1,"kind":"text","author":{{"id":1,"username":"ada","name":"ada"}},"body":"{BODY}","html":"<p>{BODY}</p>\n","created_at":"2026-01-01T00:00:00.000Z","nonce":"sender0-12345"}}"#
        );
        let replay = format!(r#"[{{"ok":true,"messages":[{}]}}]"#, vec![message.as_str(); 50].join(","));
        let mut frame = Vec::new();
        push(&mut frame, &format!(r#"42/chat,["message",{message}]"#));
        Self { many: frame.repeat(256), message: frame, replay }
    }

    pub fn acknowledge(&self, answers: &mut Vec<u8>, id: u64, seq: u64) {
        push(answers, &format!(r#"43/chat,{id}[{{"ok":true,"message":{{"seq":{seq}}}}}]"#));
    }

    pub fn replay(&self, answers: &mut Vec<u8>, id: u64) {
        push(answers, &format!("43/chat,{id}{}", self.replay));
    }
}

fn push(bytes: &mut Vec<u8>, text: &str) {
    frame::push(bytes, 0x81, text.as_bytes(), false);
}

/// The first complete request or packet, and its length.
pub fn next(bytes: &[u8]) -> Option<(Heard, usize)> {
    match bytes.first()? {
        b'G' => {
            let end = find(bytes, b"\r\n\r\n")? + 4;
            const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
            Some((Heard::Answer(UPGRADED), end))
        }
        b'P' => {
            let end = find(bytes, b"\r\n\r\n")? + 4;
            let head = std::str::from_utf8(&bytes[..end]).ok()?;
            let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
            const KNOWN: &[u8] = b"HTTP/1.1 303 See Other\r\nlocation: /\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n";
            (bytes.len() >= end + length).then_some((Heard::Answer(KNOWN), end + length))
        }
        _ => packet(bytes),
    }
}

/// A client's frame. Its mask is zero: this bench's client chose it.
fn packet(bytes: &[u8]) -> Option<(Heard, usize)> {
    let (head, length) = frame::head(bytes)?;
    let text = bytes.get(head..head + length)?;
    let heard = match text {
        b"40/chat," => Heard::Answer(b"\x81\x1340/chat,{\"sid\":\"0\"}"),
        [b'4', b'2', b'/', b'c', b'h', b'a', b't', b',', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let id = std::str::from_utf8(&rest[..digits]).ok()?.parse().unwrap_or_default();
            match &rest[digits..] {
                event if event.starts_with(b"[\"message\"") => Heard::Post(id),
                event if event.starts_with(b"[\"join\"") => Heard::Join(id),
                _ => Heard::Leave(id),
            }
        }
        _ => Heard::Nothing,
    };
    Some((heard, head + length))
}
