//! Counts the events in a stream of frames.
//!
//! Owns the position in one connection's stream. It must cost very little for each frame: it reads a head and a few bytes, and skips the
//! rest, however the stream is split into reads.

use crate::client::frame::head;

const MESSAGE: &[u8] = br#"42/chat,["message""#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    Message,
    Ping,
    Other,
    Close,
}

#[derive(Debug, Default)]
pub struct FrameCounter {
    /// How many bytes of the current frame are still to come.
    skip: usize,
    /// The beginning of a frame that is too short to be recognized.
    partial: Vec<u8>,
}

impl FrameCounter {
    pub fn walk(&mut self, mut bytes: &[u8], mut see: impl FnMut(FrameKind)) {
        while !self.partial.is_empty() {
            let Some((byte, rest)) = bytes.split_first() else { return };
            self.partial.push(*byte);
            bytes = rest;
            if let Some((seen, length)) = recognize(&self.partial) {
                see(seen);
                self.skip = length - self.partial.len();
                self.partial.clear();
            }
        }
        loop {
            if self.skip >= bytes.len() {
                self.skip -= bytes.len();
                return;
            }
            bytes = &bytes[self.skip..];
            match recognize(bytes) {
                Some((seen, length)) => {
                    see(seen);
                    self.skip = length;
                }
                None => {
                    self.skip = 0;
                    self.partial.extend_from_slice(bytes);
                    return;
                }
            }
        }
    }
}

/// A frame's kind, and its length with its head; `None` while too little of it is there.
fn recognize(bytes: &[u8]) -> Option<(FrameKind, usize)> {
    let (head, length) = head(bytes)?;
    let start = bytes.get(head..head + length.min(MESSAGE.len()))?;
    let seen = match (bytes[0] & 0x0f, start) {
        (1, MESSAGE) => FrameKind::Message,
        (1, b"2") => FrameKind::Ping,
        (8, _) => FrameKind::Close,
        _ => FrameKind::Other,
    };
    Some((seen, head + length))
}
