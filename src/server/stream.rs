//! A stream that can be cut from outside.
//!
//! Owns the end of a connection that does not end by itself: a client that has stopped reading leaves its writer waiting, and no
//! message reaches that. Whoever waits on a stream that is cut is woken, and fails.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::limits::Place;

/// A connection's stream, with its cut and its place; all three end together, also after an upgrade.
pub(super) struct Cuttable {
    stream: TcpStream,
    cut: CancellationToken,
    // The halves of an upgraded stream are polled by two tasks, and each must be woken. Made only when there is something to wait
    // for: most writes never wait.
    reading: Wait,
    writing: Wait,
    _place: Place,
}

type Wait = Option<Pin<Box<WaitForCancellationFutureOwned>>>;

impl Cuttable {
    pub(super) fn new(stream: TcpStream, cut: CancellationToken, place: Place) -> Self {
        Self { stream, cut, reading: None, writing: None, _place: place }
    }

    /// Polls the stream, or fails when it is cut, now or later.
    fn poll<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        side: fn(&mut Self) -> &mut Wait,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let this = self.get_mut();
        if this.cut.is_cancelled() {
            return Poll::Ready(Err(cut()));
        }
        if let Poll::Ready(done) = poll(Pin::new(&mut this.stream), cx) {
            return Poll::Ready(done);
        }
        let token = this.cut.clone();
        let wait = side(this).get_or_insert_with(|| Box::pin(token.cancelled_owned()));
        wait.as_mut().poll(cx).map(|()| Err(cut()))
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was cut")
}

impl AsyncRead for Cuttable {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |this| &mut this.reading, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, |this| &mut this.writing, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll(cx, |this| &mut this.writing, |stream, cx| stream.poll_write_vectored(cx, bufs))
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
