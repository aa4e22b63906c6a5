//! Where a person is logged in: their sessions, and ending them; for administrators, ending anybody's.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::REFERER;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde_json::json;
use tower_sessions::Session;

use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::decision::OnPerson;
use crate::web::layers::session::{self, CurrentUser};
use crate::web::pages::people::to_card;
use crate::web::query::{After, Query};
use crate::web::respond::{own_path, page};
use crate::web::state::AppState;
use crate::web::views::SessionsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/settings/sessions", get(list))
        .route("/settings/sessions/{id}/end", post(end))
        .route("/settings/sessions/end-others", post(end_others))
        .route("/settings/sessions/seen", post(seen))
        .route("/admin/people/{username}/end-sessions", post(end_all_of))
}

/// `GET /settings/sessions`: the person's sessions, newest first.
pub async fn list(
    State(state): State<AppState>,
    Query(query): Query<After>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let listing = state.accounts.own_sessions(&user, &user.session, &query.after).await?;
    if format.is_json() {
        let next = listing.next;
        return Ok(Json(json!({ "sessions": listing.sessions, "more": next.is_some(), "next": next })).into_response());
    }
    let layout = layout(&state, &user).await?;
    Ok(page(&SessionsPage::new(layout, listing, query.after.is_empty(), state.clock.now())))
}

/// `POST /settings/sessions/{id}/end`: ends one of the person's sessions.
pub async fn end(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: CurrentUser,
    session: Session,
    source: Source,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let was_current = state.accounts.end_session(&user, &session::key_of(&session)?, &id, &source).await?;
    if was_current {
        // The record is gone; this also removes the cookie.
        session::end(&session, &state.accounts).await?;
    }
    Ok(Redirect::to(if was_current { "/login" } else { "/settings/sessions" }).into_response())
}

/// `POST /settings/sessions/end-others`: ends all of the person's sessions but this one.
pub async fn end_others(State(state): State<AppState>, user: CurrentUser, session: Session, source: Source) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    state.accounts.end_other_sessions(&user, &session::key_of(&session)?, &source).await?;
    Ok(Redirect::to("/settings/sessions").into_response())
}

/// `POST /settings/sessions/seen`: the person has seen the announcement of a log-in; back to where they were.
pub async fn seen(State(state): State<AppState>, user: CurrentUser, session: Session, headers: HeaderMap) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    state.accounts.forget_new_log_in(&session::key_of(&session)?).await?;
    let referer = headers.get(REFERER).and_then(|referer| referer.to_str().ok()).unwrap_or_default();
    // Only its path is used, so it leads nowhere else.
    let path = referer.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    Ok(Redirect::to(path.and_then(own_path).unwrap_or("/settings/sessions")).into_response())
}

/// `POST /admin/people/{username}/end-sessions`, by an administrator: ends all sessions of somebody.
pub async fn end_all_of(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<Response> {
    Ok(to_card(&state.accounts.end_sessions_of(&user, &username, &source).await?))
}
