//! A room's page: its latest messages, those around a message, or those of a day.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::get;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::db::sidebar::SidebarRooms;
use crate::encoding::query_value;
use crate::error::{Error, Result};
use crate::model::{Author, Head, Logged, Page, Room, Window};
use crate::web::accept::Format;
use crate::web::app_layout;
use crate::web::etag::{ETag, IfNoneMatch, revalidated};
use crate::web::form::whole_number;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::{at_present_slug, page};
use crate::web::state::AppState;
use crate::web::views::{Partner, RoomPage, Shown};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rooms/{slug}", get(room))
        .route("/rooms/{slug}/{seq}", get(permalink))
        .route("/rooms/{slug}/on", get(to_date))
        .route("/rooms/{slug}/on/{date}", get(on_date))
}

/// The default number of messages on a page.
pub(super) const PAGE: i64 = 50;

/// The page of history that a link requests. Numbers are strings here, so that the error of a bad one names its field.
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
    /// The window and the number of messages in it; `invalid`, for the field.
    pub fn window(&self) -> Result<(Window, i64)> {
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

/// `GET /rooms/{slug}`: a page of history. It makes nobody a member: `join` does.
pub async fn room(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(place): Query<Place>,
    parts: Parts,
    user: CurrentUser,
    format: Format,
    if_none_match: IfNoneMatch,
) -> Result<Response> {
    let (window, limit) = place.window()?;
    let mut shown = Shown::default();
    let view = if format.is_json() {
        state.chat.view(user.id, &slug).await?
    } else {
        // One query reads the room along with the sidebar, for members.
        let favorites = user.sidebar.favorites();
        let SidebarRooms { rooms, current } = state.chat.sidebar_rooms(user.id, &slug, favorites).await?;
        shown.layout = Some(app_layout::with_rooms(&state, &user, rooms));
        match current {
            Some(current) => {
                shown.pins = Some(current.pins);
                shown.draft = current.draft;
                current.view
            }
            None => state.chat.view(user.id, &slug).await?,
        }
    };
    if let Some(moved) = at_present_slug(&parts.uri, &slug, &view.room.slug) {
        return Ok(moved);
    }
    // A refresh by the service worker or a prefetch is not a visit.
    let is_visit = !format.is_json() && !["purpose", "sec-purpose"].iter().any(|name| parts.headers.contains_key(*name));
    if is_visit && user.last_room.as_deref() != Some(&*view.room.slug) {
        // Reading works on a full disk.
        if let Err(error) = state.accounts.visited(user.id, view.room.id).await {
            tracing::warn!(%error, "a visit was not stored");
        }
    }
    if is_visit
        && view.is_hidden
        && let Err(error) = state.chat.opened_hidden(user.id, &view).await
    {
        tracing::warn!(%error, "a conversation stays hidden");
    }
    // The link decides which message is replied to, instead of the draft.
    if let (Some(_), Some(draft)) = (&place.reply_to, &mut shown.draft) {
        draft.reply_to = None;
    }
    if let Some(seq) = place.reply_to.as_deref().and_then(|seq| seq.parse().ok()) {
        shown.answering = Some(state.chat.message(&view, seq).await?);
    }
    show(&state, user, view, (window, limit), shown, (format, if_none_match)).await
}

/// `GET /rooms/{slug}/{seq}`: the page around a message, which is highlighted.
pub async fn permalink(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    uri: Uri,
    user: CurrentUser,
    format: Format,
    if_none_match: IfNoneMatch,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    if let Some(moved) = at_present_slug(&uri, &slug, &view.room.slug) {
        return Ok(moved);
    }
    let seq = seq.parse::<i64>().ok().filter(|seq| (1..=view.head.seq).contains(seq));
    let seq = seq.ok_or(Error::NotFound("message"))?;
    show(
        &state,
        user,
        view,
        (Window::Around(seq), PAGE),
        Shown { target: Some(seq), ..Shown::default() },
        (format, if_none_match),
    )
    .await
}

/// A page of history as JSON. Its messages are encoded already.
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
    (window, limit): (Window, i64),
    mut shown: Shown,
    (format, if_none_match): (Format, IfNoneMatch),
) -> Result<Response> {
    // The ETag needs no messages: they are a function of the room's `rev` and of display names. All nodes compute the same one.
    let names = state.chat.display_names();
    let names_version = names.version();
    let version = (window, limit, state.chat.epoch(), view.head, names_version, state.chat.max_chars());
    if format.is_json() {
        let etag = ETag::of(&(version, &view.room));
        if if_none_match.contains(&etag) {
            return Ok(revalidated(etag.not_modified()));
        }
        let history = state.chat.page(&view, window, limit).await?;
        let etag = if names.agree(names_version, authors(&history.messages)) { etag } else { ETag::unique() };
        let head = HeadJson { head: view.head, epoch: &state.chat.epoch() };
        return Ok(revalidated(etag.on(Json(HistoryJson { room: &view.room, history, head }).into_response())));
    }
    let layout = match shown.layout.take() {
        Some(layout) => layout,
        None => {
            let SidebarRooms { rooms, current } =
                state.chat.sidebar_rooms(user.id, &view.room.slug, user.sidebar.favorites()).await?;
            if let Some(current) = current {
                shown.pins = Some(current.pins);
                shown.draft = current.draft;
            }
            app_layout::with_rooms(state, &user, rooms)
        }
    };
    let answering = shown.answering.as_ref().map(|logged| logged.message.seq);
    // Without their profile the page shows less of them.
    if let Some(other) = layout.partner(&view.room.direct)
        && let Ok(profile) = state.accounts.profile(&other.username).await
    {
        shown.partner = Some(Partner::of(profile, state.clock.now(), &layout.times));
    }
    let kept = state.chat.room_kept_for(&view.room);
    let etag =
        ETag::of(&(version, &view, &layout, shown.target, answering, &shown.partner, &shown.draft, state.files.terms(), kept));
    if if_none_match.contains(&etag) {
        return Ok(etag.not_modified());
    }
    let history = state.chat.page(&view, window, limit).await?;
    if let Some(seq) = shown.draft.as_ref().and_then(|draft| draft.reply_to) {
        // A deleted message cannot be replied to.
        shown.answering = state.chat.message(&view, seq).await.ok().filter(|logged| logged.message.deleted_at.is_none());
    }
    shown.answered = state.chat.answered(&view, &history.messages).await?;
    if shown.pins.is_none() {
        shown.pins = Some(state.chat.count_pins(&view).await?);
    }
    let is_consistent =
        names.agree(names_version, authors(&history.messages).chain(shown.answered.iter().map(|answered| &answered.author)));
    let mut room = RoomPage::new(layout, &state.chat, view, history, shown);
    room.files = state.files.terms();
    let page = page(&room);
    let etag = if is_consistent && names.version() == names_version { etag } else { ETag::unique() };
    Ok(etag.on(page))
}

fn authors(messages: &[Arc<Logged>]) -> impl Iterator<Item = &Author> {
    messages.iter().map(|logged| &logged.message.author)
}

/// The parameters of a link to a day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Day {
    date: String,
    tz: Option<String>,
}

/// `GET /rooms/{slug}/on?date=…`: the form for a day; redirects to its page.
pub async fn to_date(Path(slug): Path<String>, Query(day): Query<Day>, user: CurrentUser) -> Result<Response> {
    let date: Date = day.date.parse().map_err(|_| invalid_date())?;
    // By default in the reader's time zone.
    let zone = day.tz.filter(|zone| !zone.is_empty());
    let zone = zone.as_deref().unwrap_or_else(|| user.times.zone_name());
    let zone = query_value(zone);
    let slug = query_value(&slug);
    Ok(Redirect::to(&format!("/rooms/{slug}/on/{date}?tz={zone}")).into_response())
}

fn invalid_date() -> Error {
    Error::invalid("date", "Enter a date as YYYY-MM-DD.")
}

/// `GET /rooms/{slug}/on/{YYYY-MM-DD}`: the page around the first message on or after that day, or the latest messages if there is none.
pub async fn on_date(
    State(state): State<AppState>,
    Path((slug, date)): Path<(String, String)>,
    Query(day): Query<Day>,
    uri: Uri,
    user: CurrentUser,
    format: Format,
    if_none_match: IfNoneMatch,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    if let Some(moved) = at_present_slug(&uri, &slug, &view.room.slug) {
        return Ok(moved);
    }
    let (from, until) = bounds_of(&date, day.tz.as_deref())?;
    let seq = state.chat.first_of_day(&view, from, until).await?;
    let window = seq.map_or(Window::Latest, Window::Around);
    show(&state, user, view, (window, PAGE), Shown { target: seq, ..Shown::default() }, (format, if_none_match)).await
}

/// The first moment of a day and of the next one, in UTC or in the named time zone; `invalid`, for `date` or `tz`.
pub fn bounds_of(date: &str, zone: Option<&str>) -> Result<(Millis, Millis)> {
    let date: Date = date.parse().map_err(|_| invalid_date())?;
    let zone = match zone.filter(|zone| !zone.is_empty()) {
        None => TimeZone::UTC,
        Some(zone) => {
            TimeZone::get(zone).map_err(|_| Error::invalid("tz", "Unknown time zone. Try a name like Europe/Paris."))?
        }
    };
    let start = |date: Date| -> Result<Millis> {
        let start = date.to_zoned(zone.clone()).map_err(|_| invalid_date())?;
        Ok(Millis(start.timestamp().as_millisecond()))
    };
    let next = date.tomorrow().map_err(|_| invalid_date())?;
    Ok((start(date)?, start(next)?))
}
