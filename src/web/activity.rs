//! What is pinned in a room, and what addresses one.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json};
use serde::Deserialize;
use serde_json::json;

use super::frame::frame;
use super::respond::{Answer, Asked, page};
use super::session::CurrentUser;
use super::views::{MentionsPage, PinsPage};
use crate::chat::activity::Pins;
use crate::error::Error;
use crate::state::AppState;

/// How many mentions a page holds.
const PAGE: i64 = 50;

/// `GET /rooms/{slug}/pins` (`before`).
pub async fn pins(
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

/// Where a page of mentions or pins begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    before: Option<String>,
}

/// `GET /mentions` (`before`).
pub async fn mentions(State(state): State<AppState>, Query(place): Query<Before>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    let before = place.before.filter(|before| !before.is_empty()).map(|before| before.parse::<i64>()).transpose();
    let before = before.map_err(|_| refuse(Error::invalid("before", "`before` must be a whole number.")))?;
    let mentions = state.chat.mentions(user.id, before, PAGE).await.map_err(refuse)?;
    if asked.is_json() {
        return Ok(Json(mentions).into_response());
    }
    Ok(page(&MentionsPage::new(frame(&state, &user).await.map_err(refuse)?.at("mentions"), mentions)))
}
