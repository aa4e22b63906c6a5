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
    tokio::select! {
        () = copy(near.0, far.1, None) => {}
        () = copy(far.0, near.1, Some(state)) => {}
        _ = cut.changed() => {}
    }
}

/// Copies until either side ends. Where a state is watched, bytes are thrown away while it is deaf.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, state: Option<watch::Receiver<State>>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let is_lost = state.as_ref().is_some_and(|state| *state.borrow() == State::Deaf);
        if !is_lost && to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}
