//! The messages that mention the reader.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::MentionsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/mentions", get(list))
}

/// How many mentions a page holds.
const PAGE: i64 = 50;

/// The cursor of a page of mentions or pins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    pub(super) before: Option<String>,
}

/// `GET /mentions` (`before`).
pub async fn list(
    State(state): State<AppState>,
    Query(place): Query<Before>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let before = place.before.filter(|before| !before.is_empty()).map(|before| before.parse::<i64>()).transpose();
    let before = before.map_err(|_| Error::invalid("before", "`before` must be a whole number."))?;
    let mentions = state.chat.mentions(user.id, before, PAGE).await?;
    if format.is_json() {
        return Ok(Json(mentions).into_response());
    }
    Ok(page(&MentionsPage::new(layout(&state, &user).await?.at("mentions"), mentions)))
}
