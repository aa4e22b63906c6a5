//! What changes in a room: at once, waited for, or as a stream.
//!
//! Owns how long a request waits, and the stream's form. Who waits holds no connection of the database and no read permit, and is woken by
//! `realtime::followers`; whether they may still read is asked again each time, in the database.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Json, Response};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::messages::Position;
use crate::chat::rate_limits::ActionKind;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::model::{Logged, Message};
use crate::realtime::followers::Follower;
use crate::server::Deadline;
use crate::web::accept::wants_events;
use crate::web::layers::measure::Waited;
use crate::web::layers::session::{CurrentUser, Transferring};
use crate::web::query::Query;
use crate::web::state::AppState;

/// The longest wait of one request.
const LONGEST: Duration = Duration::from_secs(30);
/// How long the answer may take after it.
const ANSWERING: Duration = Duration::from_secs(16);
/// How often a stream says that it is alive, and asks whether it may go on.
const ALIVE: Duration = Duration::from_secs(15);
/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);
/// How long the database may take each time.
const PATIENCE: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(changes))
}

/// What changed in a room.
#[derive(Debug, Serialize, ToSchema)]
struct Changes {
    /// The present state of each changed message, in the order of `rev`.
    #[schema(value_type = Vec<Message>)]
    messages: Vec<Arc<Logged>>,
    /// The end of the room's log.
    head: Position,
    /// Whether that is all; if not, go on from the last `rev`.
    complete: bool,
}

/// The parameters. Numbers are texts here, so that the error of a bad one names its field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Since {
    after: Option<String>,
    wait: Option<String>,
}

impl Since {
    /// The `rev` to go on from: a stream that is continued says it in a header. None: from now on.
    fn after(&self, headers: &HeaderMap) -> Result<Option<i64>> {
        let continued = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
        let after = continued.or(self.after.as_deref()).map(str::trim).filter(|after| !after.is_empty());
        let number = |after: &str| after.parse::<i64>().ok().filter(|after| *after >= 0);
        after
            .map(|after| {
                number(after).ok_or_else(|| Error::invalid("after", "`after` must be a whole number that is not negative."))
            })
            .transpose()
    }

    /// How long to wait; no longer than [`LONGEST`].
    fn wait(&self) -> Result<Duration> {
        let Some(wait) = self.wait.as_deref().map(|wait| wait.trim().trim_end_matches('s')).filter(|wait| !wait.is_empty())
        else {
            return Ok(Duration::ZERO);
        };
        let seconds = wait.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0);
        let seconds = seconds.ok_or_else(|| Error::invalid("wait", "`wait` must be a number of seconds, up to 30."))?;
        Ok(Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
    }
}

/// What changed in a room since a `rev`.
///
/// With `wait`, the answer comes as soon as something changes, or empty after so many seconds. With `Accept: text/event-stream`, each changed message is an
/// event `message` whose id is its `rev`, from `after` or `Last-Event-ID` on. The stream says that it is alive every 15 seconds, and ends with an event `end`,
/// which holds an error, when access ends.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/changes", tag = "changes", operation_id = "get_changes",
    params(
        ("slug" = String, Path, description = "The room"),
        ("after" = Option<i64>, Query, description = "The last `rev` that you know; by default what comes from now on"),
        ("wait" = Option<f64>, Query, description = "How many seconds to wait for a change; more than 30 count as 30"),
        ("Last-Event-ID" = Option<i64>, Header, description = "As `after`, for a stream that is continued"),
    ),
    responses(
        (status = 200, description = "Up to 500 changes, or a stream", content((Changes = "application/json"), (String = "text/event-stream"))),
    ),
)]
async fn changes(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(since): Query<Since>,
    Transferring(user): Transferring,
    headers: HeaderMap,
    deadline: Option<Extension<Deadline>>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Read)?;
    let (after, wait) = (since.after(&headers)?, since.wait()?);
    let view = state.chat.view(user.id, &slug).await?;
    let is_stream = wants_events(&headers);
    // Subscribe first, then read: what is committed in between wakes.
    let following = if is_stream || !wait.is_zero() {
        Some(state.realtime.followers().follow(user.id, &user.session, view.room.id, view.head).ok_or(Error::BUSY)?)
    } else {
        None
    };
    let after = after.unwrap_or(view.head.rev);
    let mut reader = Reader { state, user, slug: view.room.slug.clone(), after };
    // Nobody is woken by the end of a session that ended before they subscribed.
    let first = if following.is_some() { reader.read().await? } else { reader.read_of(&view).await? };
    if is_stream && let Some(follower) = following {
        return Ok(stream_of(reader, follower, first));
    }
    if let Some(Extension(deadline)) = deadline {
        deadline.extend(wait + ANSWERING);
    }
    let (answer, waited) = match following {
        Some(mut follower) if first.messages.is_empty() && first.complete => {
            let (changes, waited) = reader.wait(&mut follower, wait).await?;
            (changes.unwrap_or(first), waited)
        }
        _ => (first, Duration::ZERO),
    };
    let mut response = Json(answer).into_response();
    response.extensions_mut().insert(Waited(waited));
    Ok(response)
}

/// Somebody who reads what changes in a room.
struct Reader {
    state: AppState,
    user: CurrentUser,
    slug: Arc<str>,
    /// The last `rev` that they know.
    after: i64,
}

impl Reader {
    /// What changed, if they may still read it.
    async fn read(&self) -> Result<Changes> {
        let read = async {
            let user = self.state.accounts.session_user(&self.user.session).await?.ok_or(Error::Unauthenticated)?;
            let view = self.state.chat.view(user.id, &self.slug).await?;
            self.read_of(&view).await
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap_or(Err(Error::Unavailable))
    }

    /// The same for a room that they have just been seen to be able to read.
    async fn read_of(&self, view: &RoomView) -> Result<Changes> {
        let changes = self.state.chat.changes(view, self.after).await?;
        let head = Position::new(&self.state, changes.head);
        Ok(Changes { messages: changes.messages, head, complete: changes.complete })
    }

    /// The next changes, or none if there are none in time; and for how long nothing happened.
    async fn wait(&mut self, follower: &mut Follower, time: Duration) -> Result<(Option<Changes>, Duration)> {
        let mut waited = Duration::ZERO;
        let until = Instant::now() + time;
        loop {
            let (began, next) = (Instant::now(), self.unless_it_ends(until));
            let is_woken = follower.woken(next).await;
            waited += began.elapsed();
            // At the end, too: whether they may still read it.
            let changes = self.read().await?;
            if !changes.messages.is_empty() {
                return Ok((Some(changes), waited));
            }
            if !is_woken && (next == until || follower.is_closed()) {
                return Ok((None, waited));
            }
        }
    }

    /// Until when to wait: a session that expires does so without an event.
    fn unless_it_ends(&self, until: Instant) -> Instant {
        let left = self.user.expires_at.0.saturating_sub(self.state.clock.now().0);
        let left = u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis);
        left.and_then(|left| Instant::now().checked_add(left)).map_or(until, |end| end.min(until))
    }
}

/// A stream of what changes in a room.
struct Stream {
    reader: Reader,
    follower: Follower,
    epoch: Arc<str>,
    /// What was read already.
    read: Option<Changes>,
    /// Whether there is more to read without waiting.
    has_more: bool,
    has_ended: bool,
}

impl Stream {
    /// The next events; none at the end.
    async fn next(&mut self) -> Option<Vec<Event>> {
        if self.has_ended || self.follower.is_closed() {
            return None;
        }
        let mut is_woken = true;
        let read = match self.read.take() {
            Some(read) => Ok(read),
            None => {
                if !self.has_more {
                    let next = self.reader.unless_it_ends(Instant::now() + ALIVE);
                    is_woken = self.follower.woken(next).await;
                }
                self.reader.read().await
            }
        };
        match read {
            Ok(changes) if changes.head.is_of(&self.epoch) => {
                self.has_more = !changes.complete;
                if let Some(last) = changes.messages.last() {
                    self.reader.after = last.message.rev;
                }
                let mut events: Vec<_> = changes.messages.iter().map(|logged| event_of(logged)).collect();
                if events.is_empty() && !is_woken {
                    events.push(Event::default().comment("alive"));
                }
                Some(events)
            }
            // The history was replaced: whoever comes back with an old `rev` is told so.
            Ok(_) => None,
            Err(error) => {
                self.has_ended = true;
                Some(vec![Event::default().event("end").data(json!({ "error": error.to_json() }).to_string())])
            }
        }
    }
}

fn event_of(logged: &Logged) -> Event {
    Event::default().event("message").id(logged.message.rev.to_string()).data(logged.json().get())
}

/// The changes as a stream of events.
fn stream_of(reader: Reader, follower: Follower, first: Changes) -> Response {
    let epoch = reader.state.chat.epoch();
    let begun = Stream { reader, follower, epoch, read: Some(first), has_more: false, has_ended: false };
    let steps = stream::unfold(begun, |mut stream| async move { stream.next().await.map(|events| (events, stream)) });
    let events = steps.flat_map(|events| stream::iter(events.into_iter().map(Ok::<_, Infallible>)));
    let opening = stream::iter([Ok(Event::default().retry(RETRY).comment("open"))]);
    let mut response = Sse::new(opening.chain(events)).into_response();
    // A proxy must not collect events.
    response.headers_mut().insert(NO_BUFFERING, HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(after: &str, wait: &str) -> Since {
        Since { after: Some(after.into()), wait: Some(wait.into()) }
    }

    #[test]
    fn a_wait_is_bounded() {
        for (wait, seconds) in [("", 0.0), ("0", 0.0), ("1.5", 1.5), ("30", 30.0), ("30s", 30.0), ("600", 30.0), ("inf", 30.0)] {
            assert_eq!(since("", wait).wait().unwrap().as_secs_f64(), seconds, "{wait}");
        }
        for wrong in ["-1", "soon", "NaN"] {
            assert_eq!(since("", wrong).wait().unwrap_err().field(), Some("wait"), "{wrong}");
        }
    }

    #[test]
    fn a_stream_goes_on_behind_its_last_event() {
        let mut headers = HeaderMap::new();
        assert_eq!(since("7", "").after(&headers).unwrap(), Some(7));
        assert_eq!(since("", "").after(&headers).unwrap(), None);
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("9"));
        assert_eq!(since("7", "").after(&headers).unwrap(), Some(9));
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("x"));
        assert_eq!(since("7", "").after(&headers).unwrap_err().field(), Some("after"));
        assert_eq!(since("-7", "").after(&HeaderMap::new()).unwrap_err().field(), Some("after"));
    }
}
