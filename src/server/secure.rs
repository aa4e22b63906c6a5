//! The TLS handshake of a connection, and the stream after it.
//!
//! Owns how long a handshake may take, and how many there are at once: whoever only begins them must not use up the connections of
//! everybody. It must not know certificates.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::stream::ControlledStream;
use crate::tls::{H2, Handshake, Tls};

/// Timeout of a handshake.
const TIME: Duration = Duration::from_secs(10);
/// When so many have begun, the oldest makes room for the next one.
const MOST: usize = 1024;
/// But not before it has had this long: honest clients come in crowds too, after a restart.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// What an authority speaks to check who this server is (RFC 8737).
const CHALLENGE: &[u8] = b"acme-tls/1";

/// Secures connections.
#[derive(Clone)]
pub(super) struct Acceptor {
    tls: Arc<Tls>,
    begun: Arc<Mutex<Begun>>,
    most: usize,
}

/// The handshakes that have not ended, by their order: when each began, and what cuts it.
#[derive(Default)]
struct Begun {
    next: u64,
    all: BTreeMap<u64, (Instant, CancellationToken)>,
}

/// A handshake that counts until it is dropped.
struct Turn {
    begun: Arc<Mutex<Begun>>,
    number: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.begun.lock().all.remove(&self.number);
    }
}

/// A connection after its handshake.
pub(super) struct Secured {
    pub stream: Box<TlsStream<ControlledStream>>,
    /// Whether the client chose HTTP/2.
    pub is_h2: bool,
}

impl Acceptor {
    /// Handshakes take at most half of the connections that there may be.
    pub fn new(tls: Arc<Tls>, connections: Option<usize>) -> Self {
        let most = connections.map_or(MOST, |limit| (limit / 2).clamp(1, MOST));
        Self { tls, begun: Arc::default(), most }
    }

    /// A turn for a handshake that `cut` ends, unless there are too many.
    fn turn(&self, cut: &CancellationToken) -> Option<Turn> {
        let mut begun = self.begun.lock();
        if begun.all.len() >= self.most {
            let oldest = begun.all.first_entry().filter(|oldest| oldest.get().0.elapsed() >= PATIENCE)?;
            oldest.remove().1.cancel();
        }
        let number = begun.next;
        begun.next += 1;
        begun.all.insert(number, (Instant::now(), cut.clone()));
        Some(Turn { begun: self.begun.clone(), number })
    }

    /// Makes the handshake. Nothing if it was all that the client wanted.
    pub async fn accept(&self, stream: ControlledStream, cut: &CancellationToken) -> io::Result<Option<Secured>> {
        let Some(_turn) = self.turn(cut) else { return Err(io::Error::other("too many handshakes have begun")) };
        let shaking = timeout(TIME, self.shake(stream));
        shaking.await.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")))
    }

    async fn shake(&self, stream: ControlledStream) -> io::Result<Option<Secured>> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let (name, is_challenge) = {
            let hello = start.client_hello();
            let is_challenge = hello.alpn().is_some_and(|mut names| names.any(|name| name == CHALLENGE));
            (hello.server_name().map(str::to_owned), is_challenge)
        };
        match self.tls.answer(name.as_deref(), is_challenge).await {
            Some(Handshake::Site(config)) => {
                let stream = Box::new(start.into_stream(config).await?);
                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(H2);
                Ok(Some(Secured { stream, is_h2 }))
            }
            Some(Handshake::Challenge(config)) => {
                start.into_stream(config).await?.shutdown().await?;
                Ok(None)
            }
            None => Err(io::Error::other("nobody has asked an authority to check this name")),
        }
    }
}

/// The stream of a connection, with TLS or without.
pub(super) enum Stream {
    Plain(ControlledStream),
    Secure(Box<TlsStream<ControlledStream>>),
}

/// Polls whichever it is.
macro_rules! poll {
    ($stream:expr, |$inner:ident| $poll:expr) => {
        match $stream.get_mut() {
            Self::Plain(stream) => {
                let $inner = Pin::new(stream);
                $poll
            }
            Self::Secure(stream) => {
                let $inner = Pin::new(stream);
                $poll
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll!(self, |stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        poll!(self, |stream| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        poll!(self, |stream| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Secure(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll!(self, |stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll!(self, |stream| stream.poll_shutdown(cx))
    }
}
