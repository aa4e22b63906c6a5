//! A thread: a message and the replies to it.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json};
use serde::Deserialize;
use serde_json::json;

use super::frame::frame;
use super::message_actions::place;
use crate::chat::threads::Thread;
use crate::web::form::whole_number;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page};
use crate::web::state::AppState;
use crate::web::views::ThreadPage;

/// Where a page of a thread begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThreadPlace {
    after: Option<String>,
}

/// `GET /rooms/{slug}/{seq}/thread` (`after`): the message that this one's chain of replies began with, and the replies.
pub async fn show(
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
