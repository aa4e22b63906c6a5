//! What Redis has sent and this node has not decoded yet.
//!
//! Owns its bound. The connection is always read: what does not fit is dropped, and its numbers are missing from the frames that follow, so
//! that the changes in it are read from the database. It must not know what is in a frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, mpsc};

/// How many frames may wait.
const FRAMES: usize = 1024;
/// How many bytes of them, about.
const BYTES: usize = 16 * 1024 * 1024;

/// Where frames wait.
#[derive(Debug)]
pub struct Inbox {
    frames: mpsc::Receiver<Vec<u8>>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    queue: mpsc::Sender<Vec<u8>>,
    bytes: AtomicUsize,
    /// Notified when the connection has ended.
    ended: Notify,
}

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        let (queue, frames) = mpsc::channel(FRAMES);
        Self { frames, state: Arc::new(State { queue, bytes: AtomicUsize::new(0), ended: Notify::new() }) }
    }

    /// What a connection hands over all that it reads to.
    pub fn entrance(&self) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
        let state = self.state.clone();
        move |pushed| {
            state.take(pushed);
            Ok(())
        }
    }

    /// The next frame; nothing once the connection has ended.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        tokio::select! {
            biased;
            frame = self.frames.recv() => {
                let frame = frame?;
                self.state.bytes.fetch_sub(frame.len(), Ordering::AcqRel);
                Some(frame)
            }
            () = self.state.ended.notified() => None,
        }
    }
}

impl State {
    fn take(&self, PushInfo { kind, mut data }: PushInfo) {
        match (kind, data.pop()) {
            // The channel, then the frame.
            (PushKind::Message, Some(Value::BulkString(frame))) => {
                let length = frame.len();
                let is_full = self.bytes.fetch_add(length, Ordering::AcqRel) + length > BYTES;
                if is_full || self.queue.try_send(frame).is_err() {
                    self.bytes.fetch_sub(length, Ordering::AcqRel);
                }
            }
            (PushKind::Disconnection, _) => self.ended.notify_one(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(frame: Vec<u8>) -> PushInfo {
        PushInfo { kind: PushKind::Message, data: vec![Value::BulkString(b"channel".to_vec()), Value::BulkString(frame)] }
    }

    #[tokio::test]
    async fn it_is_bounded_however_much_arrives_and_takes_more_once_it_is_read() {
        for size in [10, 1_000, 100_000] {
            let mut inbox = Inbox::new();
            let enter = inbox.entrance();
            for number in 0..100_000_u32 {
                let mut frame = number.to_be_bytes().to_vec();
                frame.resize(size, 0);
                enter(message(frame)).unwrap();
            }
            let kept = FRAMES.min(BYTES / size);
            assert_eq!(inbox.state.bytes.load(Ordering::Relaxed), kept * size);
            for number in 0..kept {
                let frame = inbox.next().await.unwrap();
                assert_eq!(u32::from_be_bytes(frame[..4].try_into().unwrap()), number as u32);
            }
            assert_eq!(inbox.state.bytes.load(Ordering::Relaxed), 0);
            enter(message(vec![7; size])).unwrap();
            enter(PushInfo { kind: PushKind::Disconnection, data: Vec::new() }).unwrap();
            assert_eq!(inbox.next().await, Some(vec![7; size]));
            assert_eq!(inbox.next().await, None);
        }
    }
}
