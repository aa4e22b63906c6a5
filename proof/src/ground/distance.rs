//! A long way between people and a server: everything takes its time, each way.
//!
//! Owns holding bytes back. What is on the way is bounded, as it is on a real line.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::Site;

/// How many pieces may be on the way at once, each way.
const ON_THE_WAY: usize = 256;
/// The largest piece, in bytes.
const PIECE: usize = 16 * 1024;

/// The way.
pub struct Distance {
    /// The server as it is seen from afar.
    pub site: Site,
    accepting: JoinHandle<()>,
}

impl Distance {
    /// One on which everything takes so long, each way.
    pub async fn to(far: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let site = Site::at(listener.local_addr().expect("a bound listener has an address"));
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(join(near, far, delay));
            }
        });
        Self { site, accepting }
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn join(near: TcpStream, far: SocketAddr, delay: Duration) {
    let Ok(far) = TcpStream::connect(far).await else { return };
    drop(near.set_nodelay(true));
    drop(far.set_nodelay(true));
    let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = carry(near_reads, far_writes, delay) => {}
        () = carry(far_reads, near_writes, delay) => {}
    }
}

/// Carries bytes until either side ends, and what was on the way has arrived.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut way) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
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
async fn a_word_takes_its_time_there_and_back_and_arrives_whole() {
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = echo.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = echo.accept().await.unwrap();
        let (mut reading, mut writing) = stream.split();
        tokio::io::copy(&mut reading, &mut writing).await.unwrap();
    });
    let distance = Distance::to(far, Duration::from_millis(50)).await;
    let mut near = TcpStream::connect(distance.site.address).await.unwrap();
    let said = vec![7; 3 * PIECE + 1];
    let began = Instant::now();
    near.write_all(&said).await.unwrap();
    let mut heard = vec![0; said.len()];
    near.read_exact(&mut heard).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(heard, said);
}
