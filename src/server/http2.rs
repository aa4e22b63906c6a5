//! An HTTP/2 connection.
//!
//! Owns what its many streams may cost together, which one request after the other over HTTP/1.1 cannot: how many there are, how long one
//! waits for a client that does not take its answer, how often a client may give up, and when an idle connection ends. It must not know
//! what is served.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{COOKIE, HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::server::conn::http2;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tokio::time::{Instant, interval};

use super::stream::ConnectionControl;

/// How many requests may be open at once: about as many as a page has files. Each may have an answer in memory.
const STREAMS: u32 = 32;
/// How much a client may send ahead of whoever reads it: for one request, and for all of a connection.
const WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// How large the headers of a request may be.
const HEADERS: u32 = 32 * 1024;
/// How much of an answer is handed over at once: what the client has not asked for stays in the answer, which is watched.
const PIECE: usize = 16 * 1024;
/// How often a client that is silent is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(15);
const PONG: Duration = Duration::from_secs(15);
/// A client that takes nothing of an answer for so long is cut.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many more requests than it finished a client may give up.
const GIVEN_UP: u32 = 100;
/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How connections are served.
pub(super) fn builder() -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    // WebSockets over HTTP/2 are not announced: browsers open a connection of its own for them, which can be cut by itself.
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(2 * PIECE)
        .max_header_list_size(HEADERS)
        .max_local_error_reset_streams(GIVEN_UP as usize)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    http
}

/// The streams of one connection.
#[derive(Clone)]
pub(super) struct Streams(Arc<Mutex<State>>);

struct State {
    control: ConnectionControl,
    /// The open streams: since when each waits for the client to take a piece, if it does.
    open: HashMap<u64, Option<Instant>>,
    next: u64,
    /// When the last one ended.
    idle_since: Instant,
    /// How many more requests were given up than finished.
    given_up: u32,
}

impl Streams {
    /// Of a connection that this control cuts.
    pub fn new(control: ConnectionControl) -> Self {
        let state = State { control, open: HashMap::new(), next: 0, idle_since: Instant::now(), given_up: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A request has come.
    pub fn begin(&self) -> Open {
        let mut state = self.0.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, None);
        Open { streams: self.clone(), number, is_answered: false }
    }

    /// Waits until there has been no stream for `time`. Cuts the connection of a client that leaves its answers lying.
    pub async fn idle(&self, time: Duration) {
        let mut look = interval(LOOK);
        loop {
            look.tick().await;
            let state = self.0.lock();
            if state.open.is_empty() && state.idle_since.elapsed() >= time {
                return;
            }
            if state.open.values().flatten().any(|since| since.elapsed() >= PATIENCE) {
                tracing::debug!("a client does not take its answers; cutting it");
                state.control.cut();
                return;
            }
        }
    }
}

/// A stream, until it is dropped.
pub(super) struct Open {
    streams: Streams,
    number: u64,
    is_answered: bool,
}

impl Open {
    /// The answer is there; its body goes out.
    pub fn answered<B>(mut self, response: Response<B>) -> Response<Paced<B>> {
        self.is_answered = true;
        response.map(|body| Paced { body: Box::pin(body), rest: Bytes::new(), stream: self })
    }

    fn waits(&self, since: Option<Instant>) {
        if let Some(open) = self.streams.0.lock().open.get_mut(&self.number) {
            *open = since;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.streams.0.lock();
        state.open.remove(&self.number);
        state.idle_since = Instant::now();
        if self.is_answered {
            state.given_up = state.given_up.saturating_sub(1);
        } else {
            // Work that was begun for nothing (CVE-2023-44487).
            state.given_up += 1;
            if state.given_up > GIVEN_UP {
                tracing::debug!("a client gives up one request after the other; cutting it");
                state.control.cut();
            }
        }
    }
}

/// A body that is handed over in pieces. Whoever writes it asks for the next one only when the client takes more.
pub(super) struct Paced<B> {
    body: Pin<Box<B>>,
    rest: Bytes,
    stream: Open,
}

impl<B: Body<Data = Bytes>> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        this.stream.waits(None);
        if this.rest.is_empty() {
            match ready!(this.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        this.stream.waits(Some(Instant::now()));
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// Makes a request as it would be over HTTP/1.1, which is what the rest of the program reads: its host in `Host` (RFC 9113, section
/// 8.3.1), and its cookies in one line (section 8.2.3).
///
/// # Errors
/// When it names two hosts.
pub(super) fn as_http1<B>(request: &mut Request<B>) -> io::Result<()> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("the request names no host"))?;
        if request.headers().get_all(HOST).iter().any(|named| !named.as_bytes().eq_ignore_ascii_case(host.as_bytes())) {
            return Err(wrong("the request names two hosts"));
        }
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().insert(HOST, host);
    }
    let mut cookies = request.headers().get_all(COOKIE).iter();
    if cookies.next().is_some() && cookies.next().is_some() {
        let all: Vec<_> = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        let line = HeaderValue::from_bytes(&all.join(&b"; "[..])).map_err(|_| wrong("the request has no cookies"))?;
        request.headers_mut().insert(COOKIE, line);
    }
    Ok(())
}

/// Ends when the connection has, or has been idle; in that case the client is told, and given a while to notice.
pub(super) async fn until_idle<C: Future>(connection: Pin<&mut C>, streams: &Streams, time: Duration) -> Option<C::Output> {
    tokio::select! {
        ended = connection => Some(ended),
        () = streams.idle(time) => None,
    }
}
