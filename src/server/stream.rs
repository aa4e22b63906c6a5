//! A stream that can be cut from outside, whose peer must read at a least speed, and may send only so much until it is let in.
//!
//! Owns the end of a connection that does not end by itself: a client that has stopped reading leaves its writer waiting, and no
//! message reaches that. Whoever waits on a stream that is cut is woken, and fails. A client that reads a little now and then would
//! hold what waits for it in memory for as long as it likes, so waiting for it uses up a patience that only bytes read restore.

use std::io::{self, IoSlice};
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

/// How long a client may keep a writer waiting, in all, beyond what it has read since.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many bytes a second a client must read when something waits for it.
const MIN_SPEED: u32 = 8 * 1024;
/// In a request's extensions: ends the connection at once, whatever it is doing, and also after an upgrade; and limits what it may
/// still send.
#[derive(Clone, Debug)]
pub struct ConnectionControl {
    pub(super) token: CancellationToken,
    /// How many more bytes may be read; [`UNLIMITED`] for any number.
    allowance: Arc<AtomicU32>,
}

/// Any number of bytes.
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

    /// Makes the connection fail.
    pub fn cut(&self) {
        self.token.cancel();
    }

    /// From here on the connection fails when its client sends more than so many bytes.
    pub fn allow(&self, bytes: u32) {
        self.allowance.store(bytes, Ordering::Relaxed);
    }

    /// The client may send any number of bytes again.
    pub fn allow_all(&self) {
        self.allow(UNLIMITED);
    }

    /// Counts what was read; whether it was allowed.
    fn has_read(&self, bytes: usize) -> bool {
        let left = self.allowance.load(Ordering::Relaxed);
        if left == UNLIMITED {
            return true;
        }
        let Some(after) = u32::try_from(bytes).ok().and_then(|bytes| left.checked_sub(bytes)) else { return false };
        // If it was changed in between, what has just been read does not matter.
        self.allowance.compare_exchange(left, after, Ordering::Relaxed, Ordering::Relaxed).ok();
        true
    }
}

/// A connection's stream, with its cut and its permit; all three end together, also after an upgrade.
pub(super) struct ControlledStream {
    stream: TcpStream,
    control: ConnectionControl,
    // The halves of an upgraded stream are polled by two tasks, and each must be woken. Made only when there is something to wait
    // for: most writes never wait.
    reading: Wait,
    writing: Wait,
    patience: Patience,
    _permit: ConnectionPermit,
}

/// What is left of [`PATIENCE`] with a client that does not read.
struct Patience {
    left: Duration,
    /// Since when its writer waits, and what ends that; only while it does.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Patience {
    const fn new() -> Self {
        Self { left: PATIENCE, waiting: None }
    }

    /// The client took so many bytes.
    fn restore(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if self.left < PATIENCE {
            let earned = Duration::from_secs(1) / MIN_SPEED * u32::try_from(bytes).unwrap_or(u32::MAX);
            self.left = (self.left + earned).min(PATIENCE);
        }
    }

    /// The writer waits; ready when it has waited long enough.
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

    /// Polls the stream, or fails when it is cut, now or later.
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
