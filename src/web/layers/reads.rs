//! Limits of concurrent reads: how many pages a person loads at once, and the memory that responses hold until they are written.
//!
//! Owns the layer with the slot for a request's read permit, and the body that holds the permit until it has been written. `limits`
//! decides how many permits and how much memory there are; `server` cuts a client that does not read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

use crate::chat::Chat;
use crate::error::Result;
use crate::limits::Reading;
use crate::model::UserId;

/// How many bytes of a body the connection gets at once.
const CHUNK: usize = 32 * 1024;

/// A request extension that holds the request's permit.
#[derive(Clone)]
pub struct PermitSlot(Arc<Slot>);

struct Slot {
    chat: Arc<Chat>,
    reading: Mutex<Option<Reading>>,
}

impl PermitSlot {
    /// Waits for a permit of this person's, unless the request has one; `busy` if that takes too long.
    pub async fn take(&self, person: UserId) -> Result<()> {
        if self.lock().is_some() {
            return Ok(());
        }
        let reads = self.0.chat.reads();
        let reading = reads.begin(&reads.permits_of(person)).await?;
        *self.lock() = Some(reading);
        Ok(())
    }

    /// Whether the request has a permit: then it has been counted as a read.
    pub fn is_taken(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, Option<Reading>> {
        self.0.reading.lock()
    }
}

/// Lets a request take a permit, and holds that until the response has been written.
pub async fn hold(State(chat): State<Arc<Chat>>, mut request: Request, next: Next) -> Response {
    let slot = PermitSlot(Arc::new(Slot { chat, reading: Mutex::default() }));
    request.extensions_mut().insert(slot.clone());
    let response = next.run(request).await;
    let reading = slot.lock().take();
    let Some(mut reading) = reading else { return response };
    response.map(|body| {
        // A body of unknown size keeps the whole reservation.
        if let Some(bytes) = body.size_hint().exact() {
            reading.made(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        Body::new(Held { body, rest: Bytes::new(), _reading: reading })
    })
}

/// A body that is sent in chunks, and holds its request's permit until the last one.
struct Held {
    body: Body,
    rest: Bytes,
    _reading: Reading,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let chunk = self.rest.len().min(CHUNK);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        match hint.exact() {
            Some(bytes) => hint.set_exact(bytes + rest),
            None => hint.set_lower(hint.lower() + rest),
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::Reads;

    use super::*;

    #[tokio::test]
    async fn a_body_is_sent_in_chunks_and_holds_its_turn_until_the_last_one() {
        let reads = Reads::new(1 << 30);
        let permits = reads.permits_of(UserId(1));
        let reading = reads.begin(&permits).await.unwrap();
        let mut held = Held { body: Body::from(vec![7; 2 * CHUNK + 1]), rest: Bytes::new(), _reading: reading };
        let (mut chunks, mut left) = (Vec::new(), 2 * CHUNK + 1);
        while !held.is_end_stream() {
            assert_eq!(held.size_hint().exact(), Some(left as u64));
            let frame = std::future::poll_fn(|cx| Pin::new(&mut held).poll_frame(cx)).await.unwrap().unwrap();
            let data = frame.into_data().unwrap();
            left -= data.len();
            chunks.push(data.len());
        }
        assert_eq!(chunks, [CHUNK, CHUNK, 1]);
    }
}
