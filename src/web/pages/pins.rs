//! A room's pinned messages.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use super::mentions::Before;
use crate::chat::pins::Pins;
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::PinsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/pins", get(list))
}

/// `GET /rooms/{slug}/pins` (`before`).
pub async fn list(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(place): Query<Before>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    let before = place.before.as_deref().filter(|before| !before.is_empty());
    let pins = state.chat.pins(&view, before).await?;
    if format.is_json() {
        let count = state.chat.count_pins(&view).await?;
        let Pins { messages, more, next } = pins;
        return Ok(
            Json(json!({ "room": view.room, "messages": messages, "more": more, "next": next, "count": count })).into_response()
        );
    }
    Ok(page(&PinsPage::new(layout(&state, &user).await?, view, &pins)))
}
