//! Legal holds.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::holds::Hold;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::retention::holds::{Held, WantedHold};
use crate::security_log::Source;
use crate::web::api::body::{Fields, HoldScope};
use crate::web::layers::session::{ConfirmedUser, CurrentUser};
use crate::web::query::{Before, Query};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list, add)).routes(routes!(show, release))
}

/// A hold.
#[derive(Debug, Serialize, ToSchema)]
struct HoldEntry {
    /// Its id.
    id: String,
    /// What it covers: `room`, `person` or `everything`.
    scope: &'static str,
    /// The slug of the room, or the username of the person.
    target: Option<String>,
    /// Why.
    reason: String,
    /// The username of who set it.
    created_by: String,
    /// When.
    created_at: Millis,
}

impl From<Hold> for HoldEntry {
    fn from(hold: Hold) -> Self {
        let scope = match (&hold.room_id, &hold.user_id) {
            (Some(_), _) => "room",
            (None, Some(_)) => "person",
            (None, None) => "everything",
        };
        let Hold { id, slug, username, reason, created_by, created_at, .. } = hold;
        Self { id: id.to_string(), scope, target: slug.or(username), reason, created_by, created_at }
    }
}

/// A page of holds.
#[derive(Debug, Serialize, ToSchema)]
struct HoldList {
    /// The holds, newest first.
    holds: Vec<HoldEntry>,
    /// Whether there are older ones.
    more: bool,
    /// The `before` of the next page.
    next: Option<String>,
}

/// The legal holds: what they cover is not deleted, whatever the retention says.
#[utoipa::path(
    get, path = "/api/v1/admin/holds", tag = "administration", operation_id = "list_holds",
    params(("before" = Option<String>, Query, description = "The `next` of the page before")),
    responses((status = 200, body = HoldList)),
)]
async fn list(State(state): State<AppState>, Query(place): Query<Before>, user: CurrentUser) -> Result<Json<HoldList>> {
    let found = state.retention.holds(user.actor(), place.id()?).await?;
    let holds = found.items.into_iter().map(Into::into).collect();
    Ok(Json(HoldList { holds, more: found.next.is_some(), next: found.next.map(|next| next.to_string()) }))
}

/// A hold to set.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "scope": "room", "target": "general", "reason": "Case 7" })))]
struct NewHold {
    /// What it is to cover: `room`, `person` or `everything`.
    #[schema(value_type = HoldScope, required = true)]
    scope: String,
    /// The slug of the room, or the username of the person.
    target: String,
    /// Why.
    #[schema(required = true)]
    reason: String,
    /// Anything that is new for each hold: with the same one again there is no other.
    nonce: Option<String>,
}

/// A hold that was set.
#[derive(Debug, Serialize, ToSchema)]
struct HoldAnswer {
    /// The hold.
    hold: HoldEntry,
}

/// Sets a hold.
#[utoipa::path(
    post, path = "/api/v1/admin/holds", tag = "administration", operation_id = "add_hold",
    request_body = NewHold,
    responses(
        (status = 201, description = "The hold applies", body = HoldAnswer),
        (status = 200, description = "One with this nonce applies already", body = HoldAnswer),
    ),
)]
async fn add(
    State(state): State<AppState>,
    user: ConfirmedUser,
    source: Source,
    Fields(NewHold { scope, target, reason, nonce }): Fields<NewHold>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Describe)?;
    let wanted = WantedHold { scope: scope.trim(), target: &target, reason: &reason, nonce: nonce.as_deref() };
    let (hold, is_new) = state.retention.add_hold(user.actor(), &user.username, wanted, &source).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(HoldAnswer { hold: hold.into() })).into_response())
}

/// A hold with a page of what was kept because of it.
#[derive(Debug, Serialize, ToSchema)]
struct HeldList {
    /// The hold.
    hold: HoldEntry,
    /// Texts of deleted messages, newest first.
    held: Vec<Held>,
    /// Whether there are older ones.
    more: bool,
    /// The `before` of the next page.
    next: Option<String>,
}

/// A hold, and what was kept of deleted messages because of it. That it was read is recorded.
#[utoipa::path(
    get, path = "/api/v1/admin/holds/{id}", tag = "administration", operation_id = "get_hold",
    params(
        ("id" = String, Path, description = "The hold"),
        ("before" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = HeldList)),
)]
async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(place): Query<Before>,
    user: ConfirmedUser,
    source: Source,
) -> Result<Json<HeldList>> {
    permissions::may_administer(user.actor(), ServerAction::ManageHolds)?;
    state.chat.allow(user.id, ActionKind::Search)?;
    let (hold, found) = state.retention.held(user.actor(), &user.username, &id, place.id()?, &source).await?;
    let next = found.next.map(|next| next.to_string());
    Ok(Json(HeldList { hold: hold.into(), held: found.items, more: next.is_some(), next }))
}

/// Releases a hold: what only it has kept is deleted.
#[utoipa::path(
    delete, path = "/api/v1/admin/holds/{id}", tag = "administration", operation_id = "release_hold",
    params(("id" = String, Path, description = "The hold")),
    responses((status = 204, description = "The hold is released")),
)]
async fn release(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: ConfirmedUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Describe)?;
    state.retention.release_hold(user.actor(), &user.username, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
