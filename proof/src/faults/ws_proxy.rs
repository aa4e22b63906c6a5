//! A WebSocket proxy that loses and repeats live messages, as a faulty one between client and server might.
//!
//! Owns parsing WebSocket frames on the way to the client. It only touches `message` events; acknowledgements always arrive.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Proxy;
use crate::client::frame;

/// How a live message begins.
const MESSAGE: &[u8] = br#"42/chat,["message","#;

/// What the proxy did, over all connections.
#[derive(Debug, Default)]
pub struct Counts {
    /// Lost messages: every third of a connection.
    pub lost: AtomicU64,
    /// Repeated messages: the one before each of those.
    pub doubled: AtomicU64,
}

/// The proxy.
pub struct WsProxy {
    proxy: Proxy,
    /// What it did.
    pub counts: Arc<Counts>,
}

impl WsProxy {
    /// Starts one in front of that server.
    pub async fn before(server: SocketAddr) -> Self {
        let counts = Arc::<Counts>::default();
        let counting = counts.clone();
        let serve = move |near: TcpStream| {
            let counts = counting.clone();
            async move {
                let Ok(far) = TcpStream::connect(server).await else { return };
                drop(far.set_nodelay(true));
                let ((mut near_in, near_out), (far_in, mut far_out)) = (near.into_split(), far.into_split());
                tokio::select! {
                    _ = copy(&mut near_in, &mut far_out) => {}
                    _ = filter(far_in, near_out, &counts) => {}
                }
            }
        };
        Self { proxy: Proxy::start(serve).await, counts }
    }
}

impl Deref for WsProxy {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        &self.proxy
    }
}

/// Passes on the answer to the upgrade, and then frame by frame. An answer that is no upgrade is passed on whole.
async fn filter(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, counts: &Counts) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await?);
    }
    to.write_all(&head).await?;
    if !head.starts_with(b"HTTP/1.1 101") {
        return copy(&mut from, &mut to).await.map(drop);
    }
    let mut messages = 0_u64;
    loop {
        let mut frame = Vec::new();
        let (head, length) = loop {
            frame.push(from.read_u8().await?);
            if let Some(found) = frame::head(&frame) {
                break found;
            }
        };
        frame.resize(head + length, 0);
        from.read_exact(&mut frame[head..]).await?;
        if !frame[head..].starts_with(MESSAGE) {
            to.write_all(&frame).await?;
            continue;
        }
        messages += 1;
        let (times, counter) = match messages % 3 {
            0 => (0, Some(&counts.lost)),
            2 => (2, Some(&counts.doubled)),
            _ => (1, None),
        };
        for _ in 0..times {
            to.write_all(&frame).await?;
        }
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}
