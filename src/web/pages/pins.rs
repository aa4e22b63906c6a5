//! What is pinned in a room.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json};
use serde_json::json;

use super::frame::frame;
use super::mentions::Before;
use crate::chat::pins::Pins;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page};
use crate::web::state::AppState;
use crate::web::views::PinsPage;

/// `GET /rooms/{slug}/pins` (`before`).
pub async fn list(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(place): Query<Before>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let before = place.before.as_deref().filter(|before| !before.is_empty());
    let pins = state.chat.pins(&view, before).await.map_err(refuse)?;
    if asked.is_json() {
        let count = state.chat.count_pins(&view).await.map_err(refuse)?;
        let Pins { messages, more, next } = pins;
        return Ok(
            Json(json!({ "room": view.room, "messages": messages, "more": more, "next": next, "count": count })).into_response()
        );
    }
    Ok(page(&PinsPage::new(frame(&state, &user).await.map_err(refuse)?, view, &pins)))
}
