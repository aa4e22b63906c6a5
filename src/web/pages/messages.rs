//! Posting a message by form.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing;
use serde::Deserialize;
use serde_json::json;

use super::history::PAGE;
use crate::chat::commands::{self, Act, Input};
use crate::chat::ledger::change::NewAttachment;
use crate::chat::messages;
use crate::chat::read_markers::Marker;
use crate::error::{Error, Result};
use crate::model::{Logged, RoomId, Window};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::{RoomPage, Shown};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/messages", routing::post(post_message))
}

/// The form that posts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewMessage {
    #[serde(flatten)]
    posting: Posting,
    /// Present if the preview button was pressed.
    preview: Option<String>,
}

/// What a form says of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Posting {
    pub body: String,
    pub nonce: Option<String>,
    pub reply_to: Option<String>,
    /// The files that came with it.
    #[serde(skip)]
    pub attachments: Vec<NewAttachment>,
}

/// `POST /rooms/{slug}/messages`.
pub async fn post_message(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<NewMessage>,
) -> Result<Response> {
    if form.preview.is_some() && !format.is_json() {
        let html = state.chat.preview(user.id, &commands::text(&form.posting.body, false)).map(|preview| preview.html);
        return show_again(&state, &slug, &user, form.posting, html).await;
    }
    post(&state, &slug, &user, &source, format, form.posting).await
}

/// Posts a message, and shows it, or the form again with what is wrong.
pub(super) async fn post(
    state: &AppState,
    slug: &str,
    user: &CurrentUser,
    source: &Source,
    format: Format,
    form: Posting,
) -> Result<Response> {
    if form.attachments.is_empty()
        && let Input::Act(act) = commands::read(&form.body)
    {
        return perform(state, slug, user, source, format, form, act).await;
    }
    let logged = match submit(state, slug, user, &form).await {
        Ok(logged) => logged,
        Err(error) if error.shows_form_again() && !format.is_json() => {
            return show_again(state, slug, user, form, Err(error)).await;
        }
        Err(error) => return Err(error),
    };
    let seq = logged.message.seq;
    if !format.is_json() {
        // The page shows the room, so its reader has read it. The post is committed, so errors from here on are only logged.
        if let Err(error) = state.chat.mark_read(Marker { user: user.id, room: logged.room, slug, origin: None }, seq).await {
            tracing::debug!(%error, "the read marker was not moved to the person's own post");
        }
        clear_draft(state, logged.room, user).await;
    }
    if format.is_json() {
        return Ok((StatusCode::CREATED, Json(json!({ "message": logged }))).into_response());
    }
    Ok(Redirect::to(&format!("/rooms/{slug}#m{seq}")).into_response())
}

/// Deletes the draft that a form contained: without scripts nothing else does.
async fn clear_draft(state: &AppState, room: RoomId, user: &CurrentUser) {
    if let Err(error) = state.chat.clear_sent_draft(room, user.id).await {
        tracing::debug!(%error, "the draft of a sent message was not deleted");
    }
}

/// Does what a command says, and says so.
async fn perform(
    state: &AppState,
    slug: &str,
    user: &CurrentUser,
    source: &Source,
    format: Format,
    form: Posting,
    act: Act,
) -> Result<Response> {
    let is_question = matches!(act, Act::Help | Act::Remind(_));
    let nonce = form.nonce.as_deref().filter(|nonce| !nonce.is_empty());
    match state.chat.act(user.caller(), slug, act, nonce, source).await {
        Ok(notice) if format.is_json() => Ok(Json(json!({ "notice": notice })).into_response()),
        Ok(notice) => {
            clear_draft(state, state.chat.view(user.id, slug).await?.room.id, user).await;
            // The room's log shows what was done.
            if !is_question {
                return Ok(Redirect::to(&format!("/rooms/{slug}")).into_response());
            }
            let mut room = again(state, slug, user, Posting::default()).await?;
            room.notice = Some(notice);
            Ok(page(&room))
        }
        Err(error) if error.shows_form_again() && !format.is_json() => show_again(state, slug, user, form, Err(error)).await,
        Err(error) => Err(error),
    }
}

async fn submit(state: &AppState, slug: &str, user: &CurrentUser, form: &Posting) -> Result<Arc<Logged>> {
    let room = state.chat.view(user.id, slug).await?.room.id;
    let reply_to = match form.reply_to.as_deref().filter(|seq| !seq.is_empty()) {
        None => None,
        Some(seq) => Some(seq.parse().map_err(|_| Error::invalid("reply_to", "`reply_to` must be a whole number."))?),
    };
    let nonce = form.nonce.clone().filter(|nonce| !nonce.is_empty());
    let body = commands::text(&form.body, !form.attachments.is_empty()).into_owned();
    let attachments = form.attachments.clone();
    let message = messages::NewMessage { body, nonce, reply_to, attachments, ..messages::NewMessage::default() };
    state.chat.post(user.caller(), room, message)?.message().await
}

/// The room with the input, and its preview or the error.
async fn show_again(
    state: &AppState,
    slug: &str,
    user: &CurrentUser,
    form: Posting,
    outcome: Result<String>,
) -> Result<Response> {
    let mut room = again(state, slug, user, form).await?;
    let error = match outcome {
        Ok(html) => {
            room.preview = Some(html);
            return Ok(page(&room));
        }
        Err(error) => error,
    };
    room.problem = Some((&error).into());
    Ok(form_again(&error, &room))
}

/// The room with the input.
async fn again(state: &AppState, slug: &str, user: &CurrentUser, form: Posting) -> Result<RoomPage> {
    let view = state.chat.view(user.id, slug).await?;
    let history = state.chat.page(&view, Window::Latest, PAGE).await?;
    let layout = layout(state, user).await?;
    let shown = Shown {
        answered: state.chat.answered(&view, &history.messages).await?,
        pins: Some(state.chat.count_pins(&view).await?),
        answering: match form.reply_to.as_deref().and_then(|seq| seq.parse().ok()) {
            Some(seq) => state.chat.message(&view, seq).await.ok(),
            None => None,
        },
        target: None,
        partner: None,
        draft: None,
        layout: None,
    };
    let mut room = RoomPage::new(layout, &state.chat, view, history, shown);
    room.files = state.files.terms();
    room.draft = form.body;
    Ok(room)
}
