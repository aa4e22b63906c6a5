//! Very many sockets that only listen, on one thread.
//!
//! Owns reading from them: one large buffer for all, and a count for each. It must not store or decode what they receive.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::bench::frame_counter::{FrameCounter, FrameKind};
use crate::bench::people::Person;
use crate::bench::socket::{PONG, Socket};
use crate::bench::{Result, on_threads};

pub const CHUNK: usize = 256 * 1024;

struct Listener {
    stream: TcpStream,
    counter: FrameCounter,
    heard: usize,
    is_open: bool,
}

impl Listener {
    fn new(socket: Socket) -> Result<Self> {
        let (mut stream, unread) = socket.into_parts()?;
        let mut counter = FrameCounter::default();
        let mut pings = 0;
        // What came together with the acknowledgement of the join is not counted.
        counter.walk(&unread, |seen| pings += usize::from(seen == FrameKind::Ping));
        for _ in 0..pings {
            stream.write_all(&PONG)?;
        }
        Ok(Self { stream: TcpStream::from_std(stream), counter, heard: 0, is_open: true })
    }
}

#[derive(Default)]
pub struct Listeners {
    listeners: Vec<Listener>,
}

impl Listeners {
    /// Connects `count` more sockets of one person, all live in a room; a few at a time.
    pub fn grow(&mut self, address: SocketAddr, person: &Person, room: &str, count: usize) -> Result<()> {
        const AT_ONCE: usize = 8;
        let gathered = on_threads(AT_ONCE, |nth| {
            let connect = |_| {
                let mut socket = Socket::connect(address, person)?;
                socket.join(room)?;
                Listener::new(socket)
            };
            (nth..count).step_by(AT_ONCE).map(connect).collect::<Result<Vec<_>>>()
        })?;
        self.listeners.extend(gathered.into_iter().flatten());
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.listeners.len()
    }

    /// Registers all from this index on; their tokens are their indexes.
    pub fn register(&mut self, poll: &Poll, from: usize) -> Result<()> {
        for (place, listener) in self.listeners.iter_mut().enumerate().skip(from) {
            poll.registry().register(&mut listener.stream, Token(place), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Resets the counts.
    pub fn forget(&mut self) {
        self.listeners.iter_mut().for_each(|listener| listener.heard = 0);
    }

    /// Reads what waits for one of them, and returns how many messages were delivered. `hear` gets the index of each; the first one since
    /// the last [`Self::forget`] is 0.
    pub fn read(&mut self, place: usize, buffer: &mut [u8], mut hear: impl FnMut(usize)) -> Result<usize> {
        let Listener { stream, counter, heard, is_open } = &mut self.listeners[place];
        let before = *heard;
        while *is_open {
            match stream.read(buffer) {
                Ok(0) => *is_open = false,
                Ok(read) => {
                    let mut pings = 0;
                    counter.walk(&buffer[..read], |seen| match seen {
                        FrameKind::Message => {
                            hear(*heard);
                            *heard += 1;
                        }
                        FrameKind::Ping => pings += 1,
                        FrameKind::Close => *is_open = false,
                        FrameKind::Other => {}
                    });
                    for _ in 0..pings {
                        stream.write_all(&PONG)?;
                    }
                    // A short read: the socket is empty, and epoll reports the next arrival (epoll(7), question 9).
                    if read < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => *is_open = false,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(*heard - before)
    }

    /// How many are connected and have received exactly this number of messages.
    pub fn complete(&self, messages: usize) -> usize {
        self.listeners.iter().filter(|listener| listener.is_open && listener.heard == messages).count()
    }

    pub fn open(&self) -> usize {
        self.listeners.iter().filter(|listener| listener.is_open).count()
    }

    pub fn wait(&mut self, time: Duration) -> Result<()> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; CHUNK];
        self.register(&poll, 0)?;
        let until = std::time::Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                break;
            }
            poll.poll(&mut events, Some(left))?;
            for event in &events {
                self.read(event.token().0, &mut buffer, |_| {})?;
            }
        }
        self.listeners.iter_mut().try_for_each(|listener| Ok(poll.registry().deregister(&mut listener.stream)?))
    }
}
