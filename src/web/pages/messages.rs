//! Posting to a room with its form.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect};
use serde::Deserialize;
use serde_json::json;

use super::frame::frame;
use super::history::PAGE;
use crate::chat::messages;
use crate::chat::read_markers::Marker;
use crate::error::Error;
use crate::model::Logged;
use crate::model::Window;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, Refused, page, page_with};
use crate::web::state::AppState;
use crate::web::views::{RoomPage, Shown};

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
        Err(error) if error.shows_form_again() && !asked.is_json() => {
            return show_again(&state, &slug, user, form, Err(error), &asked).await;
        }
        Err(error) => return Err(asked.refuse(error)),
    };
    let seq = logged.message.seq;
    if !asked.is_json() {
        // Who writes by form has the room before their eyes.
        // The post is committed whatever comes of this, and must not look refused.
        if let Err(error) =
            state.chat.mark_read(Marker { user: user.id, room: logged.room, slug: &slug, origin: None }, seq).await
        {
            tracing::debug!(%error, "a read marker stayed behind its person's own post");
        }
        // The page came with the draft in the form, and whoever has no scripts can take it away in no other way.
        if let Err(error) = state.chat.clear_sent_draft(logged.room, user.id).await {
            tracing::debug!(%error, "a draft stayed that was sent");
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
    let message = messages::NewMessage { body: form.body.clone(), nonce, reply_to };
    state.chat.post(user.id, room, message)?.message().await
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
        pins: Some(state.chat.count_pins(&view).await.map_err(refuse)?),
        answering: match form.reply_to.as_deref().and_then(|seq| seq.parse().ok()) {
            Some(seq) => state.chat.message(&view, seq).await.ok(),
            None => None,
        },
        target: None,
        company: None,
        draft: None,
        frame: None,
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
    crate::web::respond::retry_after(&mut response, error.retry_after());
    Ok(response)
}
