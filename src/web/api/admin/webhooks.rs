//! Outgoing webhooks. A secret is in the answer to what made it, and nowhere else.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::Millis;
use crate::error::Result;
use crate::outbox::administration::name_of;
use crate::permissions::ServerAction;
use crate::web::api::body::{Fields, flag, texts};
use crate::web::decision::{OnWebhooks, may_decide};
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;
use crate::webhooks::administration::{Shown, Wanted};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list, add))
        .routes(routes!(show, edit, delete))
        .routes(routes!(switch))
        .routes(routes!(rotate))
        .routes(routes!(test))
}

/// A webhook, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookEntry {
    /// Its id.
    id: String,
    /// Where it is.
    url: String,
    /// The names of its events; none: all.
    events: Vec<String>,
    /// The slugs of its rooms.
    rooms: Vec<String>,
    /// Whether it is told of all public rooms.
    all_public_rooms: bool,
    /// Whether it is told anything.
    on: bool,
    /// Since when it is paused.
    paused_at: Option<Millis>,
    /// Since when so much waits that what happens is not kept for it, until half of that was delivered.
    full_at: Option<Millis>,
    /// Since when deliveries fail.
    failing_since: Option<Millis>,
    /// Why the last one failed.
    error: Option<String>,
    /// Until when the secret before the present one is good.
    old_secret_until: Option<Millis>,
    /// The username of who added it.
    created_by: String,
    /// When.
    created_at: Millis,
    /// The name of its slash command.
    command: Option<String>,
    /// What is said of the command.
    hint: String,
    /// What it is called when it replies.
    name: Option<String>,
}

impl From<Shown> for WebhookEntry {
    fn from(shown: Shown) -> Self {
        Self {
            id: shown.id.to_string(),
            url: shown.url,
            events: shown.events,
            rooms: shown.rooms,
            all_public_rooms: shown.has_all_rooms,
            on: shown.is_on,
            paused_at: shown.paused_at,
            full_at: shown.full_at,
            failing_since: shown.failing_since,
            error: shown.last_error,
            old_secret_until: shown.old_secret_until,
            created_by: shown.created_by,
            created_at: shown.created_at,
            command: shown.command,
            hint: shown.hint,
            name: shown.name,
        }
    }
}

/// The webhooks.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookList {
    /// All of them.
    webhooks: Vec<WebhookEntry>,
}

/// All webhooks.
#[utoipa::path(
    get, path = "/api/v1/admin/webhooks", tag = "administration", operation_id = "list_webhooks",
    responses((status = 200, body = WebhookList)),
)]
async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Json<WebhookList>> {
    let webhooks = state.webhooks.list(user.actor()).await?.into_iter().map(Into::into).collect();
    Ok(Json(WebhookList { webhooks }))
}

/// What a webhook is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "url": "https://example.com/hook", "events": ["message.posted"], "rooms": ["general"] })))]
struct WantedWebhook {
    /// Where it is.
    #[schema(required = true)]
    url: String,
    /// The names of the events; none: all.
    #[serde(deserialize_with = "texts")]
    events: Vec<String>,
    /// The slugs of the rooms; none: all public ones.
    #[serde(deserialize_with = "texts")]
    rooms: Vec<String>,
    /// The name of a slash command; none: it has no command.
    command: String,
    /// What is said of the command.
    hint: String,
    /// What it is called when it replies; none: it does not reply.
    name: String,
}

impl From<WantedWebhook> for Wanted {
    fn from(wanted: WantedWebhook) -> Self {
        let WantedWebhook { url, events, rooms, command, hint, name } = wanted;
        let rooms = rooms.into_iter().map(|slug| slug.trim().trim_start_matches('#').to_owned()).collect();
        Self { url, events, rooms, command, hint, name }
    }
}

/// A webhook’s new secret, which nobody is told again.
#[derive(Debug, Serialize, ToSchema)]
struct SecretAnswer {
    /// The webhook.
    webhook: WebhookSecret,
}

/// A webhook with its secret.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookSecret {
    /// Its id.
    id: String,
    /// What deliveries are signed with.
    secret: String,
}

fn created((id, secret): (i64, String)) -> Response {
    (StatusCode::CREATED, Json(SecretAnswer { webhook: WebhookSecret { id: id.to_string(), secret } })).into_response()
}

/// Adds a webhook. Its secret is in the answer, this once.
#[utoipa::path(
    post, path = "/api/v1/admin/webhooks", tag = "administration", operation_id = "add_webhook",
    request_body = WantedWebhook,
    responses((status = 201, body = SecretAnswer)),
)]
async fn add(
    State(state): State<AppState>,
    OnWebhooks { user, source }: OnWebhooks,
    Fields(wanted): Fields<WantedWebhook>,
) -> Result<Response> {
    Ok(created(state.webhooks.add(user.actor(), &user.username, &wanted.into(), &source).await?))
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookAnswer {
    /// The webhook.
    webhook: WebhookEntry,
}

/// A webhook.
#[utoipa::path(
    get, path = "/api/v1/admin/webhooks/{id}", tag = "administration", operation_id = "get_webhook",
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 200, body = WebhookAnswer)),
)]
async fn show(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser) -> Result<Json<WebhookAnswer>> {
    Ok(Json(WebhookAnswer { webhook: state.webhooks.find(user.actor(), &id).await?.into() }))
}

/// Makes a webhook what is sent, as a whole, and ends a pause.
#[utoipa::path(
    put, path = "/api/v1/admin/webhooks/{id}", tag = "administration", operation_id = "change_webhook",
    params(("id" = String, Path, description = "The webhook")),
    request_body = WantedWebhook,
    responses((status = 200, body = WebhookAnswer)),
)]
async fn edit(
    State(state): State<AppState>,
    Path(id): Path<String>,
    OnWebhooks { user, source }: OnWebhooks,
    Fields(wanted): Fields<WantedWebhook>,
) -> Result<Json<WebhookAnswer>> {
    state.webhooks.edit(user.actor(), &user.username, &id, &wanted.into(), &source).await?;
    Ok(Json(WebhookAnswer { webhook: state.webhooks.find(user.actor(), &id).await?.into() }))
}

/// Deletes a webhook, with what waits for it.
#[utoipa::path(
    delete, path = "/api/v1/admin/webhooks/{id}", tag = "administration", operation_id = "delete_webhook",
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 204, description = "The webhook is deleted")),
)]
async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
    OnWebhooks { user, source }: OnWebhooks,
) -> Result<StatusCode> {
    state.webhooks.delete(user.actor(), &user.username, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a webhook is told anything.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "on": true })))]
struct WebhookSwitch {
    /// Whether it is; yes if it is not sent.
    #[serde(deserialize_with = "flag")]
    on: Option<bool>,
}

/// Turns a webhook on, which ends a pause, or off. What waits for one that is off stays until it is on again; what happens meanwhile is not kept.
#[utoipa::path(
    put, path = "/api/v1/admin/webhooks/{id}/on", tag = "administration", operation_id = "switch_webhook",
    params(("id" = String, Path, description = "The webhook")),
    request_body = WebhookSwitch,
    responses((status = 204, description = "The webhook is on or off, as was asked")),
)]
async fn switch(
    State(state): State<AppState>,
    Path(id): Path<String>,
    OnWebhooks { user, source }: OnWebhooks,
    Fields(WebhookSwitch { on }): Fields<WebhookSwitch>,
) -> Result<StatusCode> {
    state.webhooks.switch(user.actor(), &user.username, &id, on.unwrap_or(true), &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes another secret, which is in the answer, this once. For a day deliveries are signed with both.
#[utoipa::path(
    post, path = "/api/v1/admin/webhooks/{id}/rotate", tag = "administration", operation_id = "rotate_webhook_secret",
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 201, body = SecretAnswer)),
)]
async fn rotate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    OnWebhooks { user, source }: OnWebhooks,
) -> Result<Response> {
    Ok(created(state.webhooks.rotate(user.actor(), &user.username, &id, &source).await?))
}

/// Where a test is to be seen.
#[derive(Debug, Serialize, ToSchema)]
struct TestAnswer {
    /// The receiver among the deliveries.
    receiver: String,
}

/// Sends a webhook something that says no more than that it is a test.
#[utoipa::path(
    post, path = "/api/v1/admin/webhooks/{id}/test", tag = "administration", operation_id = "test_webhook",
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 202, description = "It will be delivered", body = TestAnswer)),
)]
async fn test(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser) -> Result<Response> {
    may_decide(&state, &user, ServerAction::ManageWebhooks)?;
    let receiver = state.webhooks.test(user.actor(), &id).await?;
    let receiver = name_of(receiver.kind, receiver.id);
    Ok((StatusCode::ACCEPTED, Json(TestAnswer { receiver })).into_response())
}
