//! A room's page: its history, a place in it, a day of it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Redirect};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::frame;
use crate::clock::Millis;
use crate::db::room_lists::SidebarRooms;
use crate::db::rooms::RoomView;
use crate::error::Error;
use crate::model::Logged;
use crate::model::{Head, Page, Room, Window};
use crate::web::etag::{Tag, ask_again};
use crate::web::form::whole_number;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page};
use crate::web::state::AppState;
use crate::web::views::{Company, RoomPage, Shown};

/// How many messages a page holds when nobody says.
pub(super) const PAGE: i64 = 50;

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
    /// The stretch, and how many messages of it.
    ///
    /// # Errors
    /// `invalid`, for the field that is wrong.
    pub fn window(&self) -> Result<(Window, i64), Error> {
        let number = |field, text: &Option<String>| text.as_deref().map(|text| whole_number(field, text)).transpose();
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

/// `GET /rooms/{slug}`: a page of history. It makes nobody a member, whatever led to it: that is what `join` is for.
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
    let mut shown = Shown::default();
    let view = if asked.is_json() {
        state.chat.view(user.id, &slug).await.map_err(refuse)?
    } else {
        // Most readers are members, and their rooms are asked for anyway.
        let favorites = user.sidebar.favorites();
        let SidebarRooms { rooms, current } = state.chat.sidebar_rooms(user.id, &slug, favorites).await.map_err(refuse)?;
        shown.frame = Some(frame::around(&state, &user, rooms));
        match current {
            Some(current) => {
                shown.pins = Some(current.pins);
                shown.draft = current.draft;
                current.view
            }
            None => state.chat.view(user.id, &slug).await.map_err(refuse)?,
        }
    };
    // The service worker renews what it keeps, and browsers fetch ahead: then nobody has visited the room.
    let is_visit = !asked.is_json() && !["purpose", "sec-purpose"].iter().any(|name| headers.contains_key(*name));
    if is_visit && user.last_room.as_deref() != Some(&*view.room.slug) {
        // A disk that is full does not keep anybody from reading.
        if let Err(error) = state.accounts.visited(user.id, view.room.id).await {
            tracing::warn!(%error, "a visit was not noted");
        }
    }
    if is_visit
        && view.is_hidden
        && let Err(error) = state.chat.opened_hidden(user.id, &view).await
    {
        tracing::warn!(%error, "a conversation stays hidden");
    }
    // Another message is to be answered, or none any more.
    if let (Some(_), Some(draft)) = (&place.reply_to, &mut shown.draft) {
        draft.reply_to = None;
    }
    if let Some(seq) = place.reply_to.as_deref().and_then(|seq| seq.parse().ok()) {
        shown.answering = Some(state.chat.message(&view, seq).await.map_err(refuse)?);
    }
    show(&state, user, view, window, limit, shown, &asked).await
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
    // All that a page of messages follows from, but not the messages: they are what their room's `rev` and people's names make them.
    let stretch = (window, limit, state.chat.epoch(), view.head, state.chat.renamings());
    if asked.is_json() {
        let tag = Tag::of(&(stretch, &view.room));
        if asked.knows(&tag) {
            return Ok(ask_again(tag.unchanged()));
        }
        let history = state.chat.page(&view, window, limit).await.map_err(refuse)?;
        let head = HeadJson { head: view.head, epoch: state.chat.epoch() };
        return Ok(ask_again(tag.on(Json(HistoryJson { room: &view.room, history, head }).into_response())));
    }
    let frame = match shown.frame.take() {
        Some(frame) => frame,
        None => {
            let SidebarRooms { rooms, current } =
                state.chat.sidebar_rooms(user.id, &view.room.slug, user.sidebar.favorites()).await.map_err(refuse)?;
            if let Some(current) = current {
                shown.pins = Some(current.pins);
                shown.draft = current.draft;
            }
            frame::around(state, &user, rooms)
        }
    };
    let answering = shown.answering.as_ref().map(|logged| logged.message.seq);
    // Of whoever is not found there is nothing more to say.
    if let Some(other) = frame.partner(&view.room.direct)
        && let Ok(profile) = state.accounts.profile(&other.username).await
    {
        shown.company = Some(Company::of(profile, state.clock.now(), &frame.times));
    }
    let tag = Tag::of(&(stretch, &view, &frame, shown.target, answering, &shown.company, &shown.draft));
    if asked.knows(&tag) {
        return Ok(tag.unchanged());
    }
    let history = state.chat.page(&view, window, limit).await.map_err(refuse)?;
    if let Some(seq) = shown.draft.as_ref().and_then(|draft| draft.reply_to) {
        // What is not there any more is not answered.
        shown.answering = state.chat.message(&view, seq).await.ok().filter(|logged| logged.message.deleted_at.is_none());
    }
    shown.answered = state.chat.answered(&view, &history.messages).await.map_err(refuse)?;
    if shown.pins.is_none() {
        shown.pins = Some(state.chat.count_pins(&view).await.map_err(refuse)?);
    }
    Ok(tag.on(page(&RoomPage::new(frame, &state.chat, view, history, shown))))
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
    let date: Date = day.date.parse().map_err(|_| asked.refuse(invalid_date()))?;
    // A day is the reader's own, unless they say whose.
    let zone = day.tz.filter(|zone| !zone.is_empty());
    let zone = zone.as_deref().unwrap_or_else(|| user.times.zone_name());
    let zone: String = form_urlencoded::byte_serialize(zone.as_bytes()).collect();
    let slug: String = form_urlencoded::byte_serialize(slug.as_bytes()).collect();
    Ok(Redirect::to(&format!("/rooms/{slug}/on/{date}?tz={zone}")).into_response())
}

fn invalid_date() -> Error {
    Error::invalid("date", "Enter a date as YYYY-MM-DD.")
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
    let (from, until) = bounds_of(&date, day.tz.as_deref()).map_err(refuse)?;
    let seq = state.chat.first_of_day(&view, from, until).await.map_err(refuse)?;
    let window = seq.map_or(Window::Latest, Window::Around);
    show(&state, user, view, window, PAGE, Shown { target: seq, ..Shown::default() }, &asked).await
}

/// When a day begins and when the next one does, in UTC or the named time zone.
///
/// # Errors
/// `invalid`, for `date` or `tz`.
pub fn bounds_of(date: &str, zone: Option<&str>) -> Result<(Millis, Millis), Error> {
    let date: Date = date.parse().map_err(|_| invalid_date())?;
    let zone = match zone.filter(|zone| !zone.is_empty()) {
        None => TimeZone::UTC,
        Some(zone) => {
            TimeZone::get(zone).map_err(|_| Error::invalid("tz", "Unknown time zone. Try a name like Europe/Paris."))?
        }
    };
    let start = |date: Date| -> Result<Millis, Error> {
        let start = date.to_zoned(zone.clone()).map_err(|_| invalid_date())?;
        Ok(Millis(start.timestamp().as_millisecond()))
    };
    let next = date.tomorrow().map_err(|_| invalid_date())?;
    Ok((start(date)?, start(next)?))
}
