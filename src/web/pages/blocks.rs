//! Blocking people, and the list of those whom one has blocked.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::error::Result;
use crate::model::pagination::PeopleListPage;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::BlockedPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/people/{username}/block", post(block))
        .route("/people/{username}/unblock", post(unblock))
        .route("/settings/blocked", get(list))
}

/// `POST /people/{username}/block`.
async fn block(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser) -> Result<Response> {
    let person = state.chat.block(user.id, &username).await?;
    Ok(Redirect::to(&format!("/people/{}", person.username)).into_response())
}

/// `POST /people/{username}/unblock`.
async fn unblock(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser) -> Result<Response> {
    let person = state.chat.unblock(user.id, &username).await?;
    Ok(Redirect::to(&format!("/people/{}", person.username)).into_response())
}

/// `GET /settings/blocked` (`q`, `after`): whom one has blocked, by name.
async fn list(
    State(state): State<AppState>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let PeopleListPage { people, next } = state.chat.blocked(user.id, &query.sought()?).await?;
    if format.is_json() {
        let people: Vec<_> = people
            .iter()
            .map(|person| json!({ "id": person.id, "username": person.username, "name": person.name, "blocked_at": person.blocked_at }))
            .collect();
        return Ok(Json(json!({ "people": people, "more": next.is_some(), "next": next })).into_response());
    }
    let next = next.map(|next| query.query(&next));
    let layout = layout(&state, &user).await?;
    Ok(page(&BlockedPage { layout, people, next, is_first: query.after.is_empty() }))
}
