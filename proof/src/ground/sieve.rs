//! A proxy that loses and doubles what a server says live, as a buggy one in between might.
//!
//! Owns telling WebSocket frames apart on the way to the client. Only `message` events fall through it; whatever answers somebody arrives.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::client::Site;

/// How a live message begins.
const MESSAGE: &[u8] = br#"42/chat,["message","#;

/// What fell through, and what came twice.
#[derive(Debug, Default)]
pub struct Counts {
    /// Messages that were lost: every third of a connection.
    pub lost: AtomicU64,
    /// Messages that came twice: the one before each of those.
    pub doubled: AtomicU64,
}

/// The proxy.
pub struct Sieve {
    /// The server as it is seen through it.
    pub site: Site,
    /// What it did, over all connections.
    pub counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

impl Sieve {
    /// One before that server.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let site = Site::at(listener.local_addr().expect("a bound listener has an address"));
        let counts = Arc::<Counts>::default();
        let counting = counts.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let counting = counting.clone();
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    drop((near.set_nodelay(true), far.set_nodelay(true)));
                    let ((mut near_in, near_out), (far_in, mut far_out)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        _ = copy(&mut near_in, &mut far_out) => {}
                        _ = sift(far_in, near_out, &counting) => {}
                    }
                });
            }
        });
        Self { site, counts, accepting }
    }
}

impl Deref for Sieve {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Sieve {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Passes the answer to the upgrade on, and then frame by frame. What is no upgrade has no frames and goes through whole.
async fn sift(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, counts: &Counts) -> std::io::Result<()> {
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
        let frame = read_frame(&mut from).await?;
        if !frame.payload().starts_with(MESSAGE) {
            to.write_all(&frame.bytes).await?;
            continue;
        }
        messages += 1;
        let (times, counter) = match messages % 3 {
            0 => (0, Some(&counts.lost)),
            2 => (2, Some(&counts.doubled)),
            _ => (1, None),
        };
        for _ in 0..times {
            to.write_all(&frame.bytes).await?;
        }
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A frame as it came, unmasked as all of a server's are.
struct Frame {
    bytes: Vec<u8>,
    head: usize,
}

impl Frame {
    fn payload(&self) -> &[u8] {
        &self.bytes[self.head..]
    }
}

async fn read_frame(from: &mut OwnedReadHalf) -> std::io::Result<Frame> {
    let mut bytes = vec![0; 2];
    from.read_exact(&mut bytes).await?;
    let longer = match bytes[1] & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    bytes.resize(2 + longer, 0);
    from.read_exact(&mut bytes[2..]).await?;
    let length = match longer {
        0 => usize::from(bytes[1] & 0x7f),
        _ => bytes[2..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
    };
    let head = bytes.len();
    bytes.resize(head + length, 0);
    from.read_exact(&mut bytes[head..]).await?;
    Ok(Frame { bytes, head })
}
