//! Bodies that take as long as they take: what comes of an upload, and what is sent of a file.
//!
//! Owns how slow a sender may be, and that a refusal reaches a sender who is still sending.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::{IntoResponse, Response};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::Instant;

use crate::files::Slot;
use crate::server::Deadline;

/// How long a sender may pause.
const PAUSE: Duration = Duration::from_secs(25);
/// How much longer the request lives: what has come is still stored.
const STORING: Duration = Duration::from_secs(35);
/// How long a request may take in all.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// After this time, a sender must have sent so many bytes for each second.
const PATIENCE: (Duration, u64) = (Duration::from_secs(60), 1024);
/// How much is read of a body that was refused, and for how long.
const DRAINED: (u64, Duration) = (64 << 20, Duration::from_secs(10));

/// The body of a request, which keeps its request alive while it comes. A clone is the same one.
#[derive(Clone)]
pub struct IncomingBody(Arc<Mutex<BoxStream<'static, io::Result<Bytes>>>>);

impl IncomingBody {
    /// Takes the body of a request, and the request's deadline.
    pub fn of(request: &mut Request) -> (Self, Option<Deadline>) {
        let body = std::mem::take(request.body_mut()).into_data_stream();
        let deadline = request.extensions().get::<Deadline>().cloned();
        let paced = futures_util::stream::unfold(Some((body, Paced::new(deadline.clone()))), |state| async move {
            let (mut body, mut pace) = state?;
            match tokio::time::timeout(PAUSE, body.next()).await {
                Ok(Some(Ok(piece))) => match pace.came(piece.len() as u64) {
                    Ok(()) => Some((Ok(piece), Some((body, pace)))),
                    Err(slow) => Some((Err(slow), None)),
                },
                Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
                Ok(None) => None,
                Err(_) => Some((Err(too_slow()), None)),
            }
        });
        (Self(Arc::new(Mutex::new(paced.fuse().boxed()))), deadline)
    }

    /// Answers with a refusal. The rest of the body is not read, so the connection cannot be used again.
    pub async fn refuse(self, answer: impl IntoResponse) -> Response {
        let mut response = answer.into_response();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        self.drain().await;
        response
    }

    /// Reads on after a refusal, for a while: a client that is still sending would not read the response.
    pub async fn drain(mut self) {
        let (most, time) = DRAINED;
        let reading = async {
            let mut read = 0;
            while let Some(Ok(piece)) = self.next().await {
                read += piece.len() as u64;
                if read > most {
                    return;
                }
            }
        };
        tokio::time::timeout(time, reading).await.ok();
    }
}

impl Stream for IncomingBody {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().as_mut().poll_next(cx)
    }
}

/// How fast a body comes.
struct Paced {
    begun: Instant,
    bytes: u64,
    deadline: Option<Deadline>,
}

impl Paced {
    fn new(deadline: Option<Deadline>) -> Self {
        let paced = Self { begun: Instant::now(), bytes: 0, deadline };
        paced.extend();
        paced
    }

    fn extend(&self) {
        if let Some(deadline) = &self.deadline {
            deadline.extend(PAUSE + STORING);
        }
    }

    /// Some bytes have come; an error if they came too slowly.
    fn came(&mut self, bytes: u64) -> io::Result<()> {
        let (patience, speed) = PATIENCE;
        self.bytes += bytes;
        let took = self.begun.elapsed();
        if took > LONGEST || took > patience && self.bytes < speed * took.as_secs() {
            return Err(too_slow());
        }
        self.extend();
        Ok(())
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the body comes too slowly")
}

/// Gives a request a minute more: what has come is being stored.
pub fn more_time(deadline: Option<&Deadline>) {
    if let Some(deadline) = deadline {
        deadline.extend(2 * STORING);
    }
}

/// The body of a response that holds a slot until it has left.
pub fn outgoing(stream: BoxStream<'static, io::Result<Bytes>>, slot: Slot) -> Body {
    Body::from_stream(stream.map(move |piece| {
        let _held = &slot;
        piece
    }))
}
