//! A stream that can be cut from outside, with a minimum read speed and an optional limit on received bytes.
//!
//! Owns the end of connections that do not end by themselves: a client that stops reading blocks its writer, and no message can
//! reach it. Cutting wakes all waiting tasks with an error. A client that reads very slowly could keep its pending data in memory
//! indefinitely, so waiting uses up a time budget that only bytes read restore.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::limits::ConnectionPermit;

/// Total time that a client may keep a writer waiting, beyond what it has earned by reading.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes per second that a client must read while data is pending.
const MIN_SPEED: u32 = 8 * 1024;
/// A request extension that can cut the connection, also after an upgrade, and limit what the client may send.
#[derive(Clone, Debug)]
pub struct ConnectionControl {
    pub(super) token: CancellationToken,
    /// Remaining number of bytes that may be received, or [`UNLIMITED`].
    allowance: Arc<AtomicU32>,
}

/// No limit.
const UNLIMITED: u32 = u32::MAX;

impl Default for ConnectionControl {
    fn default() -> Self {
        Self::new(CancellationToken::new())
    }
}

impl ConnectionControl {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self { token, allowance: Arc::new(AtomicU32::new(UNLIMITED)) }
    }

    /// Cuts the same connection, but does not limit it: it has several requests at once.
    pub(super) fn cut_only(&self) -> Self {
        Self::new(self.token.clone())
    }

    /// Cuts the connection.
    pub fn cut(&self) {
        self.token.cancel();
    }

    /// Limits further input; more bytes cut the connection.
    pub fn allow(&self, bytes: u32) {
        self.allowance.store(bytes, Ordering::Relaxed);
    }

    /// Removes the limit on input.
    pub fn allow_all(&self) {
        self.allow(UNLIMITED);
    }

    /// Counts received bytes; returns whether they were allowed.
    fn has_read(&self, bytes: usize) -> bool {
        let left = self.allowance.load(Ordering::Relaxed);
        if left == UNLIMITED {
            return true;
        }
        let Some(after) = u32::try_from(bytes).ok().and_then(|bytes| left.checked_sub(bytes)) else { return false };
        // If the limit changed concurrently, these bytes do not matter.
        self.allowance.compare_exchange(left, after, Ordering::Relaxed, Ordering::Relaxed).ok();
        true
    }
}

/// A connection's stream with its control and permit; all end together, also after an upgrade.
pub(super) struct ControlledStream {
    stream: TcpStream,
    control: ConnectionControl,
    // The halves of an upgraded stream are polled by two tasks, and both must be woken. Created only when there is something to
    // wait for: most writes never wait.
    reading: Wait,
    writing: Wait,
    patience: Patience,
    _permit: ConnectionPermit,
}

impl Drop for ControlledStream {
    /// Closing alone does not end the connection while a child process that is just being started has the descriptor too.
    fn drop(&mut self) {
        if self.control.token.is_cancelled() {
            // The client may have ended it already.
            socket2::SockRef::from(&self.stream).shutdown(Shutdown::Both).ok();
        }
    }
}

/// The remaining time budget of a client that does not read.
struct Patience {
    left: Duration,
    /// Since when a writer waits, with its timer; `None` if it does not.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Patience {
    const fn new() -> Self {
        Self { left: PATIENCE, waiting: None }
    }

    /// The client read some bytes.
    fn restore(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if self.left < PATIENCE {
            let earned = Duration::from_secs(1) / MIN_SPEED * u32::try_from(bytes).unwrap_or(u32::MAX);
            self.left = (self.left + earned).min(PATIENCE);
        }
    }

    /// The writer waits; ready once the budget is used up.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let (_, over) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        over.as_mut().poll(cx)
    }
}

type Wait = Option<Pin<Box<WaitForCancellationFutureOwned>>>;

impl ControlledStream {
    pub(super) fn new(stream: TcpStream, control: ConnectionControl, permit: ConnectionPermit) -> Self {
        Self { stream, control, reading: None, writing: None, patience: Patience::new(), _permit: permit }
    }

    /// Polls the stream; fails once it is cut.
    fn poll<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        side: fn(&mut Self) -> &mut Wait,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let this = self.get_mut();
        if this.control.token.is_cancelled() {
            return Poll::Ready(Err(cut()));
        }
        if let Poll::Ready(done) = poll(Pin::new(&mut this.stream), cx) {
            return Poll::Ready(done);
        }
        let token = this.control.token.clone();
        let wait = side(this).get_or_insert_with(|| Box::pin(token.cancelled_owned()));
        wait.as_mut().poll(cx).map(|()| Err(cut()))
    }

    fn write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match self.as_mut().poll(cx, |this| &mut this.writing, write) {
            Poll::Ready(Ok(bytes)) => {
                self.patience.restore(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => self.patience.poll(cx).map(|()| Err(too_slow())),
            failed => failed,
        }
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was cut")
}

impl AsyncRead for ControlledStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut *this).poll(cx, |this| &mut this.reading, |stream, cx| stream.poll_read(cx, buf));
        if !this.control.has_read(buf.filled().len() - before) {
            tracing::debug!("a client sent too much before it was let in; cutting it");
            this.control.cut();
            return Poll::Ready(Err(cut()));
        }
        polled
    }
}

impl AsyncWrite for ControlledStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |this| &mut this.writing, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |this| &mut this.writing, |stream, cx| stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::server::{Connections, Limits};

    #[tokio::test]
    async fn a_cut_ends_a_connection_whose_descriptor_a_child_has_inherited() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let _inherited = socket2::SockRef::from(&stream).try_clone().unwrap();
        let permit = Connections::new(Limits::default()).admit(peer.ip()).unwrap();
        let control = ConnectionControl::default();
        let stream = ControlledStream::new(stream, control.clone(), permit);
        control.cut();
        drop(stream);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0, "it ends");
    }
}
