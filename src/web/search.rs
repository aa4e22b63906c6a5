//! The page of search, and the same as JSON.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};
use serde::Deserialize;

use super::frame::frame;
use super::respond::{Answer, Asked, page_with, retry_after};
use super::session::CurrentUser;
use super::views::SearchPage;
use crate::chat::search::{Order, Results};
use crate::error::Error;
use crate::state::AppState;

/// What is searched for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sought {
    q: String,
    order: Option<String>,
    before: Option<String>,
}

/// `GET /search` (`q`, `order` = `newest` or `best`, `before`).
pub async fn page_of_results(
    State(state): State<AppState>,
    Query(sought): Query<Sought>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let order = Order::parse(sought.order.as_deref()).map_err(refuse)?;
    let zone = user.times.zone().clone();
    let found = state.chat.search(user.id, Some(zone), &sought.q, order, sought.before.as_deref()).await;
    if asked.is_json() {
        return Ok(Json(found.map_err(refuse)?).into_response());
    }
    let (results, problem) = match found {
        Ok(results) => (results, None),
        // What was typed stays in the field, with what is wrong with it.
        Err(error) if error.shows_form_again() => (Results::default(), Some(error)),
        Err(error) => return Err(refuse(error)),
    };
    let frame = frame(&state, &user).await.map_err(refuse)?.at("search");
    let is_next = sought.before.is_some_and(|before| !before.is_empty());
    let shown = SearchPage::new(frame, sought.q, order, is_next, results, problem.as_ref());
    let status = problem.as_ref().map_or(200, Error::status);
    let mut response = page_with(StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), &shown);
    retry_after(&mut response, problem.as_ref().and_then(Error::retry_after));
    Ok(response)
}
