//! Acting on a message by form: what the room's script does by socket, for everybody else.
//!
//! Owns these forms and the page that offers them. Who may do what is decided by the ledger; the page only leaves out what would be
//! refused.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::form::{Form, whole_number};
use super::frame::frame;
use super::respond::{Answer, Asked, page, page_with, retry_after};
use super::session::CurrentUser;
use super::views::{MorePage, RevisionsPage, ThreadPage};
use crate::chat::Chat;
use crate::chat::change::Logged;
use crate::chat::rates;
use crate::chat::revisions::Place;
use crate::chat::threads::Thread;
use crate::chat::types::RoomId;
use crate::error::{Error, Result};
use crate::state::AppState;

/// What the forms carry; each uses what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Act {
    body: String,
    emoji: String,
    on: String,
    level: String,
    seq: String,
}

impl Act {
    fn is_on(&self) -> Result<bool> {
        match self.on.as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(Error::invalid("on", "`on` is true or false.")),
        }
    }
}

/// `GET /rooms/{slug}/{seq}/more`: one message, with everything that its reader may do with it.
pub async fn more(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    show(&state, &slug, &seq, &user, &asked, None).await
}

async fn show(
    state: &AppState,
    slug: &str,
    seq: &str,
    user: &CurrentUser,
    asked: &Asked,
    problem: Option<(Error, String)>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, slug).await.map_err(refuse)?;
    let logged = state.chat.message(&view, place(seq).map_err(refuse)?).await.map_err(refuse)?;
    let status = match &problem {
        Some((error, _)) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
        None => StatusCode::OK,
    };
    let frame = frame(state, user).await.map_err(refuse)?;
    let mut more = MorePage::new(frame, view, &logged.message);
    let wait = problem.as_ref().and_then(|(error, _)| error.retry_after());
    if let Some((error, draft)) = problem {
        more.problem = Some((&error).into());
        more.draft = draft;
    }
    let mut response = page_with(status, &more);
    retry_after(&mut response, wait);
    Ok(response)
}

/// Where a page of revisions lies.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RevisionsPlace {
    before: Option<String>,
    after: Option<String>,
}

impl RevisionsPlace {
    fn place(&self) -> Result<Place> {
        let number = |field, text: &Option<String>| {
            text.as_deref().filter(|text| !text.is_empty()).map(|text| whole_number(field, text)).transpose()
        };
        Place::new(number("before", &self.before)?, number("after", &self.after)?)
    }
}

/// `GET /rooms/{slug}/{seq}/history` (`before` or `after`): what a message said before its edits. For its author and for administrators.
pub async fn revisions(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    Query(place): Query<RevisionsPlace>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let seq = self::place(&seq).map_err(refuse)?;
    let place = place.place().map_err(refuse)?;
    let revisions = state.chat.revisions(&view, user.id, seq, place).await.map_err(refuse)?;
    if asked.is_json() {
        return Ok(Json(revisions).into_response());
    }
    let now = state.chat.message(&view, seq).await.map_err(refuse)?;
    let frame = frame(&state, &user).await.map_err(refuse)?;
    Ok(page(&RevisionsPage::new(frame, view, &now.message, revisions, place == Place::Newest)))
}

/// Where a page of a thread begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThreadPlace {
    after: Option<String>,
}

/// `GET /rooms/{slug}/{seq}/thread` (`after`): the message that this one's chain of replies began with, and the replies.
pub async fn thread(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    Query(from): Query<ThreadPlace>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let seq = place(&seq).map_err(refuse)?;
    let after = from.after.as_deref().filter(|after| !after.is_empty()).map(|after| whole_number("after", after)).transpose();
    let after = after.map_err(refuse)?;
    let thread = state.chat.thread(&view, seq, after.unwrap_or(0)).await.map_err(refuse)?;
    if asked.is_json() {
        let Thread { message, replies, count, more, next } = thread;
        return Ok(Json(
            json!({ "room": view.room, "message": message, "replies": replies, "count": count, "more": more, "next": next }),
        )
        .into_response());
    }
    let answered = state.chat.answered(&view, &thread.replies).await.map_err(refuse)?;
    let frame = frame(&state, &user).await.map_err(refuse)?;
    Ok(page(&ThreadPage::new(frame, view, thread, &answered, seq, after.is_none())))
}

/// `POST /rooms/{slug}/{seq}/{act}`: `edit`, `delete`, `react`, `pin` or `unread`.
pub async fn act(
    State(state): State<AppState>,
    Path((slug, seq, act)): Path<(String, String, String)>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Act>,
) -> Answer {
    match change(&state, &slug, &seq, &act, &user, &form).await {
        Ok(Changed::Message(logged)) if asked.is_json() => Ok(Json(json!({ "message": logged })).into_response()),
        Ok(Changed::Marker { unread, mentions }) if asked.is_json() => {
            Ok(Json(json!({ "unread": unread, "mentions": mentions })).into_response())
        }
        // Back to where the message is; one that is marked unread would be read again there.
        Ok(Changed::Message(logged)) => Ok(to_message(&slug, logged.message.seq)),
        Ok(Changed::Marker { .. }) => Ok(Redirect::to("/rooms").into_response()),
        Err(error) if error.shows_form_again() && !asked.is_json() => {
            show(&state, &slug, &seq, &user, &asked, Some((error, form.body))).await
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

enum Changed {
    Message(Arc<Logged>),
    Marker { unread: i64, mentions: i64 },
}

async fn change(state: &AppState, slug: &str, seq: &str, act: &str, user: &CurrentUser, form: &Act) -> Result<Changed> {
    let room = state.chat.view(user.id, slug).await?.room.id;
    let (chat, seq) = (&state.chat, place(seq)?);
    let pending = match act {
        "edit" => chat.edit(user.id, room, seq, &form.body)?,
        "delete" => chat.delete(user.id, room, seq)?,
        "react" => chat.react(user.id, room, seq, &form.emoji, form.is_on()?)?,
        "pin" => chat.pin(user.id, room, seq, form.is_on()?)?,
        "unread" => {
            let done = chat.mark_unread(user.id, room, seq)?.outcome().await?;
            let unread = state.realtime.marked(user.id, room, slug, &done, None).await?;
            return Ok(Changed::Marker { unread: unread.unread, mentions: unread.mentions });
        }
        _ => return Err(Error::NotFound("page")),
    };
    Ok(Changed::Message(pending.message().await?))
}

/// `POST /rooms/{slug}/read` (`seq`; the room's end when there is none): moves the read marker forward.
pub async fn read(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Act>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let seq = if form.seq.is_empty() { Ok(view.head.seq) } else { place(&form.seq) };
    let unread = mark_read(&state, &user, view.room.id, &slug, seq.map_err(refuse)?).await.map_err(refuse)?;
    Ok(asked.done(json!({ "unread": unread }), &format!("/rooms/{slug}")))
}

/// Moves somebody's read marker forward, and tells their sockets; gives how many messages wait behind it.
///
/// # Errors
/// What the ledger refuses.
pub async fn mark_read(state: &AppState, user: &CurrentUser, room: RoomId, slug: &str, seq: i64) -> Result<i64> {
    let done = state.chat.read(user.id, room, seq)?.outcome().await?;
    Ok(state.realtime.marked(user.id, room, slug, &done, None).await?.unread)
}

/// `POST /rooms/{slug}/level` (`level` = `all`, `mentions`, `muted`, or nothing): one's notification level for the room.
pub async fn level(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Act>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let level = Chat::level(Some(&form.level)).map_err(refuse)?;
    state.realtime.set_level(user.id, &slug, level, None).await.map_err(refuse)?;
    Ok(asked.done(json!({ "level": level }), &format!("/rooms/{slug}")))
}

/// `POST /rooms/{slug}/favorite` (`on` = `true`, `false`): whether the room is among one's favorites in the sidebar.
pub async fn favorite(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Act>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    state.chat.allow(user.id, rates::Act::Level).map_err(refuse)?;
    let on = form.on == "true";
    let path = match state.chat.view(user.id, &slug).await {
        Ok(view) => format!("/rooms/{}", view.room.slug),
        // What is to be no favorite any more may be out of sight as well.
        Err(Error::NotFound(_)) if !on => "/rooms".to_owned(),
        Err(error) => return Err(refuse(error)),
    };
    state.accounts.favorite(user.id, &slug, on).await.map_err(refuse)?;
    state.realtime.favorite(user.id, &slug, on);
    Ok(asked.done(json!({ "favorite": on }), &path))
}

/// `POST /rooms/{slug}/hide` (`on` = `true`, `false`): whether a conversation is out of one's sidebar, until somebody writes there.
pub async fn hide(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Act>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    state.chat.allow(user.id, rates::Act::Level).map_err(refuse)?;
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let on = form.on == "true";
    // Nothing waits where nobody sees it.
    if on && view.room.is_direct {
        mark_read(&state, &user, view.room.id, &slug, view.head.seq).await.map_err(refuse)?;
    }
    state.realtime.hide(user.id, &view, on).await.map_err(refuse)?;
    let path = if on { "/direct".to_owned() } else { format!("/rooms/{}", view.room.slug) };
    Ok(asked.done(json!({ "hidden": on }), &path))
}

/// The form that opens or closes a section of the sidebar.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Section {
    section: String,
    closed: String,
}

/// `POST /sidebar` (`section` = `favorites`, `rooms`, `directs`; `closed` = `true`, `false`).
pub async fn section(State(state): State<AppState>, user: CurrentUser, asked: Asked, Form(form): Form<Section>) -> Answer {
    let refuse = |error| asked.refuse(error);
    state.chat.allow(user.id, rates::Act::Level).map_err(refuse)?;
    let is_closed = form.closed == "true";
    state.accounts.close_section(user.id, &form.section, is_closed).await.map_err(refuse)?;
    state.realtime.section(user.id, &form.section, is_closed);
    Ok(asked.done(json!({ "section": form.section, "closed": is_closed }), "/"))
}

fn place(seq: &str) -> Result<i64> {
    seq.parse().ok().filter(|seq| *seq > 0).ok_or(Error::NotFound("message"))
}

fn to_message(slug: &str, seq: i64) -> Response {
    Redirect::to(&format!("/rooms/{slug}/{seq}#m{seq}")).into_response()
}
