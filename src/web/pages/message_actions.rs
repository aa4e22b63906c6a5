//! Acting on a message by form: what the room's script does by socket, for everybody else.
//!
//! Owns these forms and the page that offers them. Who may do what is decided by the ledger; the page only leaves out what would be
//! refused.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::frame::frame;
use crate::chat::read_markers::{Marker, Unread};
use crate::error::{Error, Result};
use crate::model::Logged;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::views::MorePage;

/// What the forms carry; each uses what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Act {
    body: String,
    emoji: String,
    on: String,
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
        Ok(Changed::Marker(unread)) if asked.is_json() => Ok(Json(unread).into_response()),
        // Back to where the message is; one that is marked unread would be read again there.
        Ok(Changed::Message(logged)) => Ok(to_message(&slug, logged.message.seq)),
        Ok(Changed::Marker(_)) => Ok(Redirect::to("/rooms").into_response()),
        Err(error) if error.shows_form_again() && !asked.is_json() => {
            show(&state, &slug, &seq, &user, &asked, Some((error, form.body))).await
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

enum Changed {
    Message(Arc<Logged>),
    Marker(Unread),
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
            let marker = Marker { user: user.id, room, slug, origin: None };
            return Ok(Changed::Marker(chat.mark_unread(marker, seq).await?));
        }
        _ => return Err(Error::NotFound("page")),
    };
    Ok(Changed::Message(pending.message().await?))
}

pub(super) fn place(seq: &str) -> Result<i64> {
    seq.parse().ok().filter(|seq| *seq > 0).ok_or(Error::NotFound("message"))
}

fn to_message(slug: &str, seq: i64) -> Response {
    Redirect::to(&format!("/rooms/{slug}/{seq}#m{seq}")).into_response()
}
