//! A room's page: its history, a place in it, a day of it, and posting to it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Redirect};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::form::Form;
use super::frame::frame;
use super::respond::{Answer, Asked, Refused, page, page_with};
use super::session::CurrentUser;
use super::views::{RoomPage, Shown};
use crate::chat::Draft;
use crate::chat::change::Logged;
use crate::chat::types::{Head, Page, Room, Window};
use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::error::Error;
use crate::state::AppState;

/// How many messages a page holds when nobody says.
const PAGE: i64 = 50;

/// Which stretch of history a link asks for. Texts, so that a wrong one is refused by its own name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    before: Option<String>,
    after: Option<String>,
    around: Option<String>,
    limit: Option<String>,
    reply_to: Option<String>,
}

impl Place {
    fn window(&self) -> Result<(Window, i64), Error> {
        let number = |field: &'static str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match text.parse::<i64>() {
                Ok(number) if number >= 0 => Ok(Some(number)),
                _ => Err(Error::invalid(field, format!("`{field}` must be a whole number that is not negative."))),
            },
        };
        let limit = number("limit", &self.limit)?.unwrap_or(PAGE);
        let window = match (number("before", &self.before)?, number("after", &self.after)?, number("around", &self.around)?) {
            (None, None, None) => Window::Latest,
            (Some(seq), None, None) => Window::Before(seq),
            (None, Some(seq), None) => Window::After(seq),
            (None, None, Some(seq)) => Window::Around(seq),
            _ => return Err(Error::invalid("before", "Give one of `before`, `after` and `around`.")),
        };
        Ok((window, limit))
    }
}

/// `GET /rooms/{slug}`: a page of history. The page of a public room makes its reader a member; JSON and prefetching only read.
pub async fn room(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(place): Query<Place>,
    headers: HeaderMap,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let (window, limit) = place.window().map_err(refuse)?;
    let enters = !asked.is_json() && !headers.contains_key("sec-purpose") && is_document(&headers);
    let view = if enters {
        state.chat.enter(user.id, &slug).await.map_err(refuse)?
    } else {
        state.chat.view(user.id, &slug).await.map_err(refuse)?
    };
    if enters && user.last_room.as_deref() != Some(&*view.room.slug) {
        state.accounts.visited(user.id, view.room.id).await.map_err(refuse)?;
    }
    let mut shown = Shown::default();
    if let Some(seq) = place.reply_to.as_deref().and_then(|seq| seq.parse().ok()) {
        shown.answering = Some(state.chat.message(&view, seq).await.map_err(refuse)?);
    }
    show(&state, user, view, window, limit, shown, &asked).await
}

/// Whether a browser asks for the page itself, and not for a picture or a script that some page says is here. A service worker that
/// passes a page on asks for it as for nothing in particular; one that renews what it keeps says that nobody is looking.
fn is_document(headers: &HeaderMap) -> bool {
    let is_passed_on = |dest: &axum::http::HeaderValue| dest == "document" || dest == "empty";
    headers.get("sec-fetch-dest").is_none_or(is_passed_on) && !headers.contains_key("purpose")
}

/// `GET /rooms/{slug}/{seq}`: the page around a message, with it marked.
pub async fn permalink(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let seq = seq.parse::<i64>().ok().filter(|seq| (1..=view.head.seq).contains(seq));
    let seq = seq.ok_or_else(|| refuse(Error::NotFound("message")))?;
    show(&state, user, view, Window::Around(seq), PAGE, Shown { target: Some(seq), ..Shown::default() }, &asked).await
}

/// A page of history as JSON. Written out of what is encoded already: no message is taken apart again.
#[derive(Serialize)]
struct HistoryJson<'a> {
    room: &'a Room,
    #[serde(flatten)]
    history: Page<Arc<Logged>>,
    head: HeadJson<'a>,
}

#[derive(Serialize)]
struct HeadJson<'a> {
    #[serde(flatten)]
    head: Head,
    epoch: &'a str,
}

async fn show(
    state: &AppState,
    user: CurrentUser,
    view: RoomView,
    window: Window,
    limit: i64,
    mut shown: Shown,
    asked: &Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let history = state.chat.page(&view, window, limit).await.map_err(refuse)?;
    if asked.is_json() {
        let head = HeadJson { head: view.head, epoch: state.chat.epoch() };
        return Ok(Json(HistoryJson { room: &view.room, history, head }).into_response());
    }
    let frame = frame(state, &user).await.map_err(refuse)?;
    shown.answered = state.chat.answered(&view, &history.messages).await.map_err(refuse)?;
    shown.pins = state.chat.count_pins(&view).await.map_err(refuse)?;
    Ok(page(&RoomPage::new(frame, &state.chat, view, history, shown)))
}

/// The link to a day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Day {
    date: String,
    tz: Option<String>,
}

/// `GET /rooms/{slug}/on?date=…`: where the form that asks for a day leads.
pub async fn to_date(Path(slug): Path<String>, Query(day): Query<Day>, user: CurrentUser, asked: Asked) -> Answer {
    let _signed_in = user;
    let date: Date = day.date.parse().map_err(|_| asked.refuse(invalid_date()))?;
    let zone = day.tz.filter(|zone| !zone.is_empty());
    let query = zone.map(|zone| {
        let zone: String = form_urlencoded::byte_serialize(zone.as_bytes()).collect();
        format!("?tz={zone}")
    });
    let slug: String = form_urlencoded::byte_serialize(slug.as_bytes()).collect();
    Ok(Redirect::to(&format!("/rooms/{slug}/on/{date}{}", query.unwrap_or_default())).into_response())
}

fn invalid_date() -> Error {
    Error::invalid("date", "A date is written YYYY-MM-DD.")
}

/// `GET /rooms/{slug}/on/{YYYY-MM-DD}`: the page around the first message on or after that day; after the last one, the end.
pub async fn on_date(
    State(state): State<AppState>,
    Path((slug, date)): Path<(String, String)>,
    Query(day): Query<Day>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let moment = start_of(&date, day.tz.as_deref()).map_err(refuse)?;
    let seq = state.chat.first_on_or_after(&view, moment).await.map_err(refuse)?;
    let window = seq.map_or(Window::Latest, Window::Around);
    show(&state, user, view, window, PAGE, Shown { target: seq, ..Shown::default() }, &asked).await
}

/// When a day begins, in UTC or the named time zone.
fn start_of(date: &str, zone: Option<&str>) -> Result<Millis, Error> {
    let date: Date = date.parse().map_err(|_| invalid_date())?;
    let zone = match zone.filter(|zone| !zone.is_empty()) {
        None => TimeZone::UTC,
        Some(zone) => {
            TimeZone::get(zone).map_err(|_| Error::invalid("tz", "This time zone is unknown: name it like Europe/Paris."))?
        }
    };
    let start = date.to_zoned(zone).map_err(|_| invalid_date())?;
    Ok(Millis(start.timestamp().as_millisecond()))
}

/// The form that posts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewMessage {
    body: String,
    nonce: Option<String>,
    reply_to: Option<String>,
    /// The other button was pressed.
    preview: Option<String>,
}

/// `POST /rooms/{slug}/messages`.
pub async fn post(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<NewMessage>,
) -> Answer {
    if form.preview.is_some() && !asked.is_json() {
        let html = state.chat.preview(user.id, &form.body).map(|preview| preview.html);
        return show_again(&state, &slug, user, form, html, &asked).await;
    }
    let logged = match submit(&state, &slug, &user, &form).await {
        Ok(logged) => logged,
        Err(error @ (Error::Invalid { .. } | Error::TooLong { .. } | Error::RateLimited { .. })) if !asked.is_json() => {
            return show_again(&state, &slug, user, form, Err(error), &asked).await;
        }
        Err(error) => return Err(asked.refuse(error)),
    };
    let seq = logged.message.seq;
    if let (Some(room), false) = (state.chat.known_room(&slug), asked.is_json()) {
        // Who writes by form has the room before their eyes.
        // The post is committed whatever comes of this, and must not look refused.
        if let Err(error) = super::act::mark_read(&state, &user, room, &slug, seq).await {
            tracing::debug!(%error, "a read marker stayed behind its person's own post");
        }
    }
    if asked.is_json() {
        return Ok((StatusCode::CREATED, Json(json!({ "message": logged }))).into_response());
    }
    Ok(Redirect::to(&format!("/rooms/{slug}#m{seq}")).into_response())
}

async fn submit(state: &AppState, slug: &str, user: &CurrentUser, form: &NewMessage) -> Result<Arc<Logged>, Error> {
    let room = state.chat.view(user.id, slug).await?.room.id;
    let reply_to = match form.reply_to.as_deref().filter(|seq| !seq.is_empty()) {
        None => None,
        Some(seq) => Some(seq.parse().map_err(|_| Error::invalid("reply_to", "`reply_to` must be a whole number."))?),
    };
    let nonce = form.nonce.clone().filter(|nonce| !nonce.is_empty());
    let draft = Draft { body: form.body.clone(), nonce, reply_to };
    state.chat.post(user.id, room, draft)?.message().await
}

/// The room again, with what was written, and how it would look or why it was not taken: nobody types a message twice.
async fn show_again(
    state: &AppState,
    slug: &str,
    user: CurrentUser,
    form: NewMessage,
    outcome: Result<String, Error>,
    asked: &Asked,
) -> Result<axum::response::Response, Refused> {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, slug).await.map_err(refuse)?;
    let history = state.chat.page(&view, Window::Latest, PAGE).await.map_err(refuse)?;
    let frame = frame(state, &user).await.map_err(refuse)?;
    let shown = Shown {
        answered: state.chat.answered(&view, &history.messages).await.map_err(refuse)?,
        pins: state.chat.count_pins(&view).await.map_err(refuse)?,
        answering: match form.reply_to.as_deref().and_then(|seq| seq.parse().ok()) {
            Some(seq) => state.chat.message(&view, seq).await.ok(),
            None => None,
        },
        target: None,
    };
    let mut room = RoomPage::new(frame, &state.chat, view, history, shown);
    room.draft = form.body;
    let error = match outcome {
        Ok(html) => {
            room.preview = Some(html);
            return Ok(page(&room));
        }
        Err(error) => error,
    };
    room.problem = Some((&error).into());
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let mut response = page_with(status, &room);
    super::respond::retry_after(&mut response, error.retry_after());
    Ok(response)
}
