//! The floor: the least work of any server that stores messages in SQLite and sends them to sockets.
//!
//! Owns one loop with a batched insert (all posts of one poll are one transaction, in prepared statements, synced as elsewhere) and a bare
//! write (each socket gets one prepared frame for each post, all frames of a batch with one call). There are no accounts, rooms, checks,
//! HTML, index or history. It understands only this bench's client.

mod frames;
mod store;

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use self::frames::{Frames, Heard};
use self::store::Store;
use super::Result;

const DOOR: Token = Token(usize::MAX);
const CHUNK: usize = 64 * 1024;

/// Serves until it is killed.
pub fn main() -> ExitCode {
    std::thread::spawn(end_when_told);
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proof floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn end_when_told() {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime of one thread");
    runtime.block_on(async { signal(SignalKind::terminate()).expect("a signal can be waited for").recv().await });
    std::process::exit(0);
}

struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
    answers: Vec<u8>,
    /// Bytes of prepared frames that are still to be written.
    owed: usize,
    is_live: bool,
}

fn serve() -> Result<()> {
    let setting = |name: &str| std::env::var(name).ok();
    let address: SocketAddr = setting("LISTEN").as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let mut store = match (setting("STORE").as_deref(), setting("DATABASE_URL")) {
        (Some("off"), _) | (_, None) => None,
        (_, Some(url)) => Some(Store::open(url.trim_start_matches("sqlite://"))?),
    };
    let frames = Frames::prepare();
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut door = TcpListener::bind(address)?;
    poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
    println!("listening on http://{}", door.local_addr()?);
    let mut peers: HashMap<usize, Peer> = HashMap::new();
    let mut next = 0;
    let mut seq = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        match poll.poll(&mut events, None) {
            // The signal that ends it is handled by the other thread.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        let mut posts = Vec::new();
        for event in &events {
            if event.token() == DOOR {
                while let Ok((mut stream, _)) = door.accept() {
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, Token(next), Interest::READABLE | Interest::WRITABLE)?;
                    peers.insert(next, Peer { stream, unread: Vec::new(), answers: Vec::new(), owed: 0, is_live: false });
                    next += 1;
                }
                continue;
            }
            let key = event.token().0;
            let Some(peer) = peers.get_mut(&key) else { continue };
            let is_open = peer.read(&mut chunk, &frames, |id| posts.push((key, id))).is_ok() && peer.write(&frames).is_ok();
            if !is_open {
                peers.remove(&key);
            }
        }
        if posts.is_empty() {
            continue;
        }
        if let Some(store) = &mut store {
            store.insert(posts.len())?;
        }
        for (key, id) in &posts {
            seq += 1;
            if let Some(peer) = peers.get_mut(key) {
                frames.acknowledge(&mut peer.answers, *id, seq);
            }
        }
        for peer in peers.values_mut() {
            if peer.is_live {
                peer.owed += posts.len() * frames.message.len();
            }
            if peer.owed > 0 || !peer.answers.is_empty() {
                // A closed connection is noticed when it is read.
                let _ = peer.write(&frames);
            }
        }
    }
}

impl Peer {
    /// Reads what has come, answers everything except posts, and reports those.
    fn read(&mut self, chunk: &mut [u8], frames: &Frames, mut post: impl FnMut(u64)) -> Result<()> {
        loop {
            match self.stream.read(chunk) {
                Ok(0) => return Err("closed".into()),
                Ok(read) => self.unread.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        while let Some((heard, used)) = frames::next(&self.unread) {
            self.unread.drain(..used);
            match heard {
                Heard::Post(id) => post(id),
                Heard::Join(id) => {
                    self.is_live = true;
                    frames.replay(&mut self.answers, id);
                }
                Heard::Leave(id) => {
                    self.is_live = false;
                    frames.acknowledge(&mut self.answers, id, 0);
                }
                Heard::Answer(answer) => self.answers.extend_from_slice(answer),
                Heard::Nothing => {}
            }
        }
        Ok(())
    }

    /// Writes as much as the kernel accepts: answers first, but never inside a frame.
    fn write(&mut self, frames: &Frames) -> Result<()> {
        let (one, many) = (frames.message.len(), &frames.many);
        loop {
            let inside = self.owed % one;
            let (bytes, is_owed) = match () {
                () if inside > 0 => (&many[one - inside..one], true),
                () if !self.answers.is_empty() => (self.answers.as_slice(), false),
                () if self.owed > 0 => (&many[..self.owed.min(many.len())], true),
                () => return Ok(()),
            };
            match self.stream.write(bytes) {
                Ok(written) if is_owed => self.owed -= written,
                Ok(written) => drop(self.answers.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
