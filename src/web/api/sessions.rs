//! Where one is logged in.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::session_list::OwnSession;
use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{After, Query};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(end))
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
struct SessionList {
    /// The sessions, newest first.
    sessions: Vec<OwnSession>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// Where you are logged in. Access tokens are not among these.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions", operation_id = "list_sessions",
    params(("after" = Option<String>, Query, description = "The `next` of the page before")),
    responses((status = 200, body = SessionList)),
)]
async fn list(State(state): State<AppState>, Query(query): Query<After>, user: CurrentUser) -> Result<Json<SessionList>> {
    let listing = state.accounts.own_sessions(&user, &user.session, &query.after).await?;
    Ok(Json(SessionList { sessions: listing.sessions, more: listing.next.is_some(), next: listing.next }))
}

/// Ends a session, with its sockets. Access tokens cannot.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "sessions", operation_id = "end_session",
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "It has ended")),
)]
async fn end(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    state.accounts.end_session(&user, &user.session, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
