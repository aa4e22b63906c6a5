//! Threads: a message and all replies to it, direct and indirect.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::message_actions::parse_seq;
use crate::chat::threads::Thread;
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::whole_number;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::ThreadPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/{seq}/thread", get(show))
}

/// The cursor of a page of a thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThreadPlace {
    after: Option<String>,
}

/// `GET /rooms/{slug}/{seq}/thread` (`after`): the root of the message's chain of replies, and the replies.
pub async fn show(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    Query(from): Query<ThreadPlace>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    let seq = parse_seq(&seq)?;
    let after = from.after.as_deref().filter(|after| !after.is_empty()).map(|after| whole_number("after", after)).transpose();
    let after = after?;
    let thread = state.chat.thread(&view, seq, after.unwrap_or(0)).await?;
    if format.is_json() {
        let Thread { message, replies, count, more, next } = thread;
        return Ok(Json(
            json!({ "room": view.room, "message": message, "replies": replies, "count": count, "more": more, "next": next }),
        )
        .into_response());
    }
    let answered = state.chat.answered(&view, &thread.replies).await?;
    let layout = layout(&state, &user).await?;
    Ok(page(&ThreadPage::new(layout, view, thread, &answered, seq, after.is_none())))
}
