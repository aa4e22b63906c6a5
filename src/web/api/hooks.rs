//! The incoming webhooks of a room. An address is in the answer to what made it, and nowhere else.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::hooks::HookRow;
use crate::error::Result;
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(rename, revoke))
}

/// An incoming webhook, without its address.
#[derive(Debug, Serialize, ToSchema)]
struct HookEntry {
    /// Its id.
    id: String,
    /// The name of the bot that it posts as.
    name: String,
    /// The username of the bot.
    username: String,
    /// The file of the bot’s icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<String>,
    /// The username of who made it.
    created_by: Option<String>,
    /// When.
    created_at: Millis,
    /// About when it was last used.
    used_at: Option<Millis>,
    /// Whether its address leads nowhere, because it was restored from a backup.
    restored: bool,
}

impl From<HookRow> for HookEntry {
    fn from(row: HookRow) -> Self {
        let HookRow { id, username, name, photo, created_by, created_at, used_at, is_restored: restored, .. } = row;
        Self { id, name, username, photo, created_by, created_at, used_at, restored }
    }
}

/// The incoming webhooks of a room.
#[derive(Debug, Serialize, ToSchema)]
struct HookList {
    /// The webhooks, the latest first.
    hooks: Vec<HookEntry>,
}

/// The incoming webhooks of a room, for its owners.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/hooks", tag = "rooms", operation_id = "list_hooks",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 200, body = HookList)),
)]
async fn list(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Json<HookList>> {
    state.chat.allow(user.id, ActionKind::People)?;
    let (_, hooks) = state.hooks.list(&user, &slug).await?;
    Ok(Json(HookList { hooks: hooks.into_iter().map(Into::into).collect() }))
}

/// The name of a webhook.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "name": "Builds" })))]
struct HookName {
    /// What the bot that it posts as is called.
    #[schema(required = true)]
    name: String,
}

/// A new incoming webhook.
#[derive(Debug, Serialize, ToSchema)]
struct NewHookAnswer {
    /// The webhook.
    hook: NewHook,
}

/// An incoming webhook with its address.
#[derive(Debug, Serialize, ToSchema)]
struct NewHook {
    /// What everybody who manages it sees.
    #[serde(flatten)]
    hook: HookEntry,
    /// Where programs post to: a secret.
    url: String,
}

/// Makes an incoming webhook. Its address is in the answer, this once.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/hooks", tag = "rooms", operation_id = "create_hook",
    params(("slug" = String, Path, description = "The room")),
    request_body = HookName,
    responses((status = 201, body = NewHookAnswer)),
)]
async fn create(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    headers: HeaderMap,
    Fields(HookName { name }): Fields<HookName>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Hook)?;
    let (row, token) = state.hooks.create(&user, &slug, &name, &source).await?;
    let url = format!("{}/hooks/{token}", state.origins.own(&headers));
    Ok((StatusCode::CREATED, Json(NewHookAnswer { hook: NewHook { hook: row.into(), url } })).into_response())
}

/// Renames an incoming webhook: the bot that it posts as.
#[utoipa::path(
    patch, path = "/api/v1/rooms/{slug}/hooks/{id}", tag = "rooms", operation_id = "rename_hook",
    params(("slug" = String, Path, description = "The room"), ("id" = String, Path, description = "The webhook")),
    request_body = HookName,
    responses((status = 204, description = "The webhook’s bot is called that")),
)]
async fn rename(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: CurrentUser,
    Fields(HookName { name }): Fields<HookName>,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    state.hooks.rename(&user, &slug, &id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes an incoming webhook.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/hooks/{id}", tag = "rooms", operation_id = "revoke_hook",
    params(("slug" = String, Path, description = "The room"), ("id" = String, Path, description = "The webhook")),
    responses((status = 204, description = "Its address leads nowhere")),
)]
async fn revoke(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Invite)?;
    state.hooks.revoke(&user, &slug, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
