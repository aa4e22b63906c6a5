//! The arrangement of one's sidebar: favorites, hidden conversations, closed sections.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, flag};
use crate::error::Result;
use crate::model::sidebar::SECTIONS;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(show))
        .routes(routes!(favorite, no_favorite))
        .routes(routes!(hide, unhide))
        .routes(routes!(section))
}

/// How one's sidebar is arranged.
#[derive(Debug, Serialize, ToSchema)]
struct Sidebar {
    /// The slugs of those favorite rooms that one can see, in the order in which they were added.
    favorites: Vec<String>,
    /// The sections that are closed, of `favorites`, `rooms` and `directs`.
    #[schema(value_type = Vec<String>)]
    closed: Vec<&'static str>,
}

/// How your sidebar is arranged.
#[utoipa::path(
    get, path = "/api/v1/sidebar", tag = "rooms", operation_id = "get_sidebar",
    responses((status = 200, body = Sidebar)),
)]
async fn show(State(state): State<AppState>, user: CurrentUser) -> Result<Json<Sidebar>> {
    let arranged = state.chat.arrangement(user.id).await?;
    let favorites = arranged.favorites().iter().map(ToString::to_string).collect();
    let closed = SECTIONS.into_iter().filter(|section| arranged.is_closed(section)).collect();
    Ok(Json(Sidebar { favorites, closed }))
}

/// Adds a room to your favorites.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/favorite", tag = "rooms", operation_id = "add_favorite",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 204, description = "The room is a favorite")),
)]
async fn favorite(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.set_favorite(user.id, &slug, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a room from your favorites, also one that you cannot see any more.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/favorite", tag = "rooms", operation_id = "remove_favorite",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 204, description = "The room is no favorite")),
)]
async fn no_favorite(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.set_favorite(user.id, &slug, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hides a conversation until its next message, and marks it as read.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/hidden", tag = "people", operation_id = "hide_conversation",
    params(("slug" = String, Path, description = "The conversation")),
    responses((status = 204, description = "The conversation is hidden")),
)]
async fn hide(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.hide(user.id, &slug).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows a hidden conversation again.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/hidden", tag = "people", operation_id = "unhide_conversation",
    params(("slug" = String, Path, description = "The conversation")),
    responses((status = 204, description = "The conversation is shown")),
)]
async fn unhide(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.unhide(user.id, &slug).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a section of the sidebar is closed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "closed": true })))]
struct SectionState {
    /// Whether it is; no if it is not sent.
    #[serde(deserialize_with = "flag")]
    closed: Option<bool>,
}

/// Closes or opens a section of your sidebar.
#[utoipa::path(
    put, path = "/api/v1/sidebar/{section}", tag = "rooms", operation_id = "set_section",
    params(("section" = String, Path, description = "`favorites`, `rooms` or `directs`")),
    request_body = SectionState,
    responses((status = 204, description = "The section is closed or open, as was asked")),
)]
async fn section(
    State(state): State<AppState>,
    Path(section): Path<String>,
    user: CurrentUser,
    Fields(wanted): Fields<SectionState>,
) -> Result<StatusCode> {
    state.chat.set_section(user.id, &section, wanted.closed.unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}
