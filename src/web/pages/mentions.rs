//! The messages that mention one.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Json};
use serde::Deserialize;

use super::frame::frame;
use crate::error::Error;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page};
use crate::web::state::AppState;
use crate::web::views::MentionsPage;

/// How many mentions a page holds.
const PAGE: i64 = 50;

/// Where a page of mentions or pins begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    pub(super) before: Option<String>,
}

/// `GET /mentions` (`before`).
pub async fn list(State(state): State<AppState>, Query(place): Query<Before>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    let before = place.before.filter(|before| !before.is_empty()).map(|before| before.parse::<i64>()).transpose();
    let before = before.map_err(|_| refuse(Error::invalid("before", "`before` must be a whole number.")))?;
    let mentions = state.chat.mentions(user.id, before, PAGE).await.map_err(refuse)?;
    if asked.is_json() {
        return Ok(Json(mentions).into_response());
    }
    Ok(page(&MentionsPage::new(frame(&state, &user).await.map_err(refuse)?.at("mentions"), mentions)))
}
