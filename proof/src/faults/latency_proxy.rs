//! A proxy that delays everything, each way.
//!
//! Owns holding bytes back. What is in flight is bounded, as in a real network.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Proxy;
use super::tcp_proxy::Target;

/// How many chunks may be in flight, each way.
const UNDER_WAY: usize = 256;
/// The largest chunk, in bytes.
const PIECE: usize = 16 * 1024;

/// Starts one in front of a server.
pub async fn start(server: Target, delay: Duration) -> Proxy {
    Proxy::start(move |near| join(near, server.clone(), delay)).await
}

async fn join(near: TcpStream, far: Target, delay: Duration) {
    match far {
        Target::Tcp(address) => {
            let Ok(far) = TcpStream::connect(address).await else { return };
            drop(far.set_nodelay(true));
            both_ways(near, far.into_split(), delay).await;
        }
        Target::Unix(path) => {
            let Ok(far) = UnixStream::connect(path).await else { return };
            both_ways(near, far.into_split(), delay).await;
        }
    }
}

async fn both_ways(near: TcpStream, far: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin), delay: Duration) {
    let near = near.into_split();
    tokio::select! {
        () = carry(near.0, far.1, delay) => {}
        () = carry(far.0, near.1, delay) => {}
    }
}

/// Copies bytes until either side ends, and what was in flight has arrived.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut way) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let reading = async move {
        let mut buffer = vec![0; PIECE];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if sender.send((Instant::now() + delay, buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((due, bytes)) = way.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}

#[tokio::test]
async fn bytes_arrive_whole_and_late_each_way() {
    let echo = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = echo.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = echo.accept().await.unwrap();
        let (mut reading, mut writing) = stream.split();
        tokio::io::copy(&mut reading, &mut writing).await.unwrap();
    });
    let proxy = start(Target::Tcp(far), Duration::from_millis(50)).await;
    let mut near = TcpStream::connect(proxy.site.address).await.unwrap();
    let said = vec![7; 3 * PIECE + 1];
    let began = Instant::now();
    near.write_all(&said).await.unwrap();
    let mut heard = vec![0; said.len()];
    near.read_exact(&mut heard).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(heard, said);
}
