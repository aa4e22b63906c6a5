//! A TCP proxy that a test can cut, restore, or make drop the server's replies.
//!
//! Owns copying bytes. It must not understand them.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::Proxy;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Everything arrives.
    Open,
    /// Connections end, and none can be made.
    Cut,
    /// Connections stay, but what the server sends is dropped.
    DropReplies,
}

/// Where the proxy connects to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A TCP server.
    Tcp(SocketAddr),
    /// A server with a socket in the file system, such as the temporary Postgres.
    Unix(PathBuf),
}

/// The proxy.
pub struct TcpProxy {
    proxy: Proxy,
    state: watch::Sender<State>,
    /// How often it was cut. Each cut ends the connections of that moment, even if the proxy is restored at once.
    cuts: watch::Sender<u64>,
}

impl TcpProxy {
    /// Starts one that passes everything on.
    pub async fn to(target: Target) -> Self {
        let (state, cuts) = (watch::channel(State::Open).0, watch::channel(0).0);
        let (states, counts) = (state.clone(), cuts.clone());
        let serve = move |near: TcpStream| {
            // Subscribed from here on: earlier cuts do not count.
            let (target, state, cuts) = (target.clone(), states.subscribe(), counts.subscribe());
            let is_cut = *state.borrow() == State::Cut;
            async move {
                match target {
                    _ if is_cut => {}
                    Target::Tcp(address) => {
                        if let Ok(server) = TcpStream::connect(address).await {
                            drop(server.set_nodelay(true));
                            join(near.into_split(), server.into_split(), state, cuts).await;
                        }
                    }
                    Target::Unix(path) => {
                        if let Ok(server) = UnixStream::connect(path).await {
                            join(near.into_split(), server.into_split(), state, cuts).await;
                        }
                    }
                }
            }
        };
        Self { proxy: Proxy::start(serve).await, state, cuts }
    }

    /// Ends all connections; new ones end at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
        self.cuts.send_modify(|count| *count += 1);
    }

    /// From now on drops what the server sends, while the connections stay.
    pub fn drop_replies(&self) {
        self.state.send_replace(State::DropReplies);
    }

    /// Passes everything on again.
    pub fn restore(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Deref for TcpProxy {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        &self.proxy
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.cut();
    }
}

async fn join(
    near: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    far: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    state: watch::Receiver<State>,
    mut cuts: watch::Receiver<u64>,
) {
    let (there, back) = (cuts.clone(), cuts.clone());
    tokio::select! {
        // First, so that nothing of an old connection comes through a proxy that was restored at once.
        biased;
        _ = cuts.changed() => {}
        () = copy(near.0, far.1, None, there) => {}
        () = copy(far.0, near.1, Some(state), back) => {}
    }
}

/// Copies until either side ends or the proxy is cut. Where a state is watched, bytes are dropped unless the proxy is open.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: Option<watch::Receiver<State>>,
    cuts: watch::Receiver<u64>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let is_lost = state.as_ref().is_some_and(|state| *state.borrow() != State::Open);
        // Read after the state: a cut sets the state first, and restoring does not reset the count.
        if cuts.has_changed().unwrap_or(true) {
            break;
        }
        if !is_lost && to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// On one thread, where this test is woken together with the proxy's own task and runs before it.
    #[tokio::test]
    async fn dropped_replies_stay_lost_when_the_proxy_is_cut_and_restored_at_once() {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = TcpProxy::to(Target::Tcp(server.local_addr().expect("an address"))).await;
        for _ in 0..20 {
            let mut near = TcpStream::connect(proxy.site.address).await.expect("the proxy listens");
            let (mut far, _) = server.accept().await.expect("the proxy connects");
            // Both sides are connected.
            far.write_all(b"a").await.expect("it is open");
            assert_eq!(near.read_u8().await.expect("it is open"), b'a');
            let (mut bell, ringing) = UnixStream::pair().expect("a pair");
            ringing.writable().await.expect("there is room");
            proxy.drop_replies();
            assert_eq!(far.try_write(b"lost").expect("there is room"), 4);
            ringing.try_write(b"!").expect("there is room");
            bell.read_u8().await.expect("it rang");
            proxy.cut();
            proxy.restore();
            let mut heard = Vec::new();
            drop(near.read_to_end(&mut heard).await);
            assert_eq!(heard, b"");
        }
    }
}
