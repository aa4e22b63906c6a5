//! Message actions by form: editing, deleting, reacting, pinning, marking as unread, removing link previews.
//!
//! Owns these forms and their page, for browsers without scripts; scripts use the socket. The ledger checks permissions; the page leaves
//! out what it would refuse.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::chat::read_markers::{Marker, Unread};
use crate::error::{Error, Result};
use crate::model::Logged;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::MorePage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rooms/{slug}/{seq}/more", get(more))
        .route("/rooms/{slug}/{seq}/{act}", post(act))
        .route("/rooms/{slug}/messages/{seq}/links/remove", post(remove_links))
}

/// The fields of all these forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Act {
    body: String,
    emoji: String,
    on: String,
    reason: String,
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

/// `GET /rooms/{slug}/{seq}/more`: a message, with everything that its reader may do with it.
pub async fn more(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
) -> Result<Response> {
    show(&state, &slug, &seq, &user, None).await
}

async fn show(state: &AppState, slug: &str, seq: &str, user: &CurrentUser, problem: Option<(Error, String)>) -> Result<Response> {
    let view = state.chat.view(user.id, slug).await?;
    let logged = state.chat.message(&view, parse_seq(seq)?).await?;
    let layout = layout(state, user).await?;
    let reported = state.chat.own_report(user.id, &view, logged.message.seq).await?;
    let mut more = MorePage::new(layout, view, &logged.message, reported);
    let Some((error, draft)) = problem else { return Ok(page(&more)) };
    more.problem = Some((&error).into());
    more.draft = draft;
    Ok(form_again(&error, &more))
}

/// `POST /rooms/{slug}/{seq}/{act}`: `edit`, `delete`, `react`, `pin`, `unread` or `report`.
pub async fn act(
    State(state): State<AppState>,
    Path((slug, seq, act)): Path<(String, String, String)>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<Act>,
) -> Result<Response> {
    match change(&state, &slug, &seq, &act, &user, &source, &form).await {
        Ok(Changed::Message(logged)) if format.is_json() => Ok(Json(json!({ "message": logged })).into_response()),
        Ok(Changed::Marker(unread)) if format.is_json() => Ok(Json(unread).into_response()),
        // Back to the message; but showing a message that was marked as unread would mark it as read.
        Ok(Changed::Message(logged)) => Ok(to_message(&slug, logged.message.seq)),
        Ok(Changed::Marker(_)) => Ok(Redirect::to("/rooms").into_response()),
        Ok(Changed::Reported(seq)) => Ok(Redirect::to(&format!("/rooms/{slug}/{seq}/more#report")).into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            show(&state, &slug, &seq, &user, Some((error, form.body))).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /rooms/{slug}/messages/{seq}/links/remove`: removes the link previews of a message, for good.
pub async fn remove_links(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    let logged = state.chat.hide_links(user.caller(), view.room.id, parse_seq(&seq)?)?.message().await?;
    if format.is_json() {
        return Ok(Json(json!({ "message": logged })).into_response());
    }
    Ok(to_message(&view.room.slug, logged.message.seq))
}

enum Changed {
    Message(Arc<Logged>),
    Marker(Unread),
    Reported(i64),
}

async fn change(
    state: &AppState,
    slug: &str,
    seq: &str,
    act: &str,
    user: &CurrentUser,
    source: &Source,
    form: &Act,
) -> Result<Changed> {
    let room = state.chat.view(user.id, slug).await?.room.id;
    let (chat, seq) = (&state.chat, parse_seq(seq)?);
    let pending = match act {
        "edit" => chat.edit(user.caller(), room, seq, &form.body)?,
        "delete" => chat.delete(user.caller(), room, seq, source)?,
        "react" => chat.react(user.caller(), room, seq, &form.emoji, form.is_on()?)?,
        "pin" => chat.pin(user.caller(), room, seq, form.is_on()?)?,
        "unread" => {
            let marker = Marker { user: user.id, room, slug, origin: None };
            return Ok(Changed::Marker(chat.mark_unread(marker, seq).await?));
        }
        "report" => {
            chat.report((user.id, &user.username), slug, seq, &form.reason, source).await?;
            return Ok(Changed::Reported(seq));
        }
        _ => return Err(Error::NotFound("page")),
    };
    Ok(Changed::Message(pending.message().await?))
}

pub(super) fn parse_seq(seq: &str) -> Result<i64> {
    seq.parse().ok().filter(|seq| *seq > 0).ok_or(Error::NotFound("message"))
}

fn to_message(slug: &str, seq: i64) -> Response {
    Redirect::to(&format!("/rooms/{slug}/{seq}#m{seq}")).into_response()
}
