//! A cable between people and a server, which a test can cut, mend, or make lossy in one direction.
//!
//! Owns copying bytes. It must not understand them.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::Site;

/// What the cable does with what goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// All of it arrives.
    Whole,
    /// Connections end, and none can be made.
    Cut,
    /// Connections stay, but what the server says is lost.
    Deaf,
}

/// Where the far end is plugged in.
#[derive(Clone, Debug)]
pub enum Far {
    /// A TCP server.
    Tcp(SocketAddr),
    /// A server with a socket in the file system, such as the throw-away Postgres.
    Unix(PathBuf),
}

/// A cable.
pub struct Cable {
    /// The server as it is seen through the cable.
    pub site: Site,
    state: Arc<watch::Sender<State>>,
    /// How often it was cut: each time ends the connections of then, however soon it is mended.
    cut: Arc<watch::Sender<u64>>,
    accepting: JoinHandle<()>,
}

impl Cable {
    /// A whole one to that far end.
    pub async fn to(far: Far) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let site = Site::at(listener.local_addr().expect("a bound listener has an address"));
        let state = Arc::new(watch::channel(State::Whole).0);
        let cut = Arc::new(watch::channel(0).0);
        let accepting = tokio::spawn(accept(listener, far, state.clone(), cut.clone()));
        Self { site, state, cut, accepting }
    }

    /// Ends all connections; new ones end at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
        self.cut.send_modify(|count| *count += 1);
    }

    /// From now on what the server says is lost, though the connections stay.
    pub fn deafen(&self) {
        self.state.send_replace(State::Deaf);
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Deref for Cable {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, far: Far, state: Arc<watch::Sender<State>>, cut: Arc<watch::Sender<u64>>) {
    while let Ok((near, _)) = listener.accept().await {
        if *state.borrow() == State::Cut {
            continue;
        }
        // Subscribed from here on: what was cut before does not count.
        let (far, state, cut) = (far.clone(), state.subscribe(), cut.subscribe());
        tokio::spawn(async move {
            drop(near.set_nodelay(true));
            match far {
                Far::Tcp(address) => {
                    if let Ok(server) = TcpStream::connect(address).await {
                        drop(server.set_nodelay(true));
                        join(near.into_split(), server.into_split(), state, cut).await;
                    }
                }
                Far::Unix(path) => {
                    if let Ok(server) = UnixStream::connect(path).await {
                        join(near.into_split(), server.into_split(), state, cut).await;
                    }
                }
            }
        });
    }
}

async fn join(
    near: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    far: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    state: watch::Receiver<State>,
    mut cut: watch::Receiver<u64>,
) {
    let (there, back) = (cut.clone(), cut.clone());
    tokio::select! {
        // First, so that nothing of an old connection comes through a cable that was mended at once.
        biased;
        _ = cut.changed() => {}
        () = copy(near.0, far.1, None, there) => {}
        () = copy(far.0, near.1, Some(state), back) => {}
    }
}

/// Copies until either side ends or the cable is cut. Where a state is watched, bytes are thrown away unless the cable is whole.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: Option<watch::Receiver<State>>,
    cut: watch::Receiver<u64>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let is_lost = state.as_ref().is_some_and(|state| *state.borrow() != State::Whole);
        // Asked after the state: a cut sets that first, and a mending cannot take the count back.
        if cut.has_changed().unwrap_or(true) {
            break;
        }
        if !is_lost && to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On one thread, where this is woken together with the cable's own task and runs before it.
    #[tokio::test]
    async fn what_was_said_to_the_deaf_is_lost_when_the_cable_is_cut_and_mended_at_once() {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let cable = Cable::to(Far::Tcp(server.local_addr().expect("an address"))).await;
        for _ in 0..20 {
            let mut near = TcpStream::connect(cable.site.address).await.expect("the cable listens");
            let (mut far, _) = server.accept().await.expect("the cable connects");
            // Seen to be joined.
            far.write_all(b"a").await.expect("it is open");
            assert_eq!(near.read_u8().await.expect("it is open"), b'a');
            let (mut bell, ringing) = UnixStream::pair().expect("a pair");
            ringing.writable().await.expect("there is room");
            cable.deafen();
            assert_eq!(far.try_write(b"lost").expect("there is room"), 4);
            ringing.try_write(b"!").expect("there is room");
            bell.read_u8().await.expect("it rang");
            cable.cut();
            cable.mend();
            let mut heard = Vec::new();
            drop(near.read_to_end(&mut heard).await);
            assert_eq!(heard, b"");
        }
    }
}
