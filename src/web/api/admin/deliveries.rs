//! What waits to be delivered elsewhere.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::Millis;
use crate::db::deliveries::{Listed, Receiver};
use crate::error::Result;
use crate::outbox::administration::name_of;
use crate::web::decision::OnDeliveries;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{After, Query};
use crate::web::state::AppState;
use crate::webhooks::administration::origin;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show, delete_all))
        .routes(routes!(redeliver_all))
        .routes(routes!(redeliver))
        .routes(routes!(delete))
}

/// Somebody or something that deliveries are for.
#[derive(Debug, Serialize, ToSchema)]
struct ReceiverEntry {
    /// Its id, such as `webhook-3`.
    receiver: String,
    /// Who that is: the origin of a webhook’s address, or a username.
    name: Option<String>,
    /// How much waits.
    waiting: i64,
    /// How much was given up.
    dead: i64,
    /// How many attempts have failed since the last that did not.
    attempts: i64,
    /// When the next attempt is due.
    due_at: Millis,
    /// Since when they fail.
    failing_since: Option<Millis>,
    /// Why the last one failed.
    error: Option<String>,
    /// When something was delivered last.
    delivered_at: Option<Millis>,
    /// Since when nothing is tried.
    paused_at: Option<Millis>,
    /// Since when so much waits that what happens is not kept for it, until half of that was delivered.
    full_at: Option<Millis>,
    /// Whether it is a webhook that is off: what waits for it stays.
    off: bool,
}

impl From<Receiver> for ReceiverEntry {
    fn from(receiver: Receiver) -> Self {
        // The rest of an address is often a secret.
        let name = if receiver.kind == "webhook" { receiver.name.as_deref().map(origin) } else { receiver.name };
        Self {
            receiver: name_of(&receiver.kind, receiver.id),
            name,
            waiting: receiver.waiting,
            dead: receiver.dead,
            attempts: receiver.attempts,
            due_at: receiver.due_at,
            failing_since: receiver.failing_since,
            error: receiver.last_error,
            delivered_at: receiver.delivered_at,
            paused_at: receiver.paused_at,
            full_at: receiver.full_at,
            off: receiver.is_off,
        }
    }
}

/// How much there is to deliver.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryCounts {
    /// What will be delivered.
    waiting: i64,
    /// What was given up.
    dead: i64,
    /// Receivers whose last attempt failed.
    failing: i64,
    /// Receivers that nothing is kept for: they are paused, or too much waits.
    paused: i64,
}

/// A page of receivers.
#[derive(Debug, Serialize, ToSchema)]
struct ReceiverList {
    /// The receivers that something waits for or was given up for.
    receivers: Vec<ReceiverEntry>,
    /// How much there is in all.
    counts: DeliveryCounts,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// For whom something waits to be delivered, or was given up.
#[utoipa::path(
    get, path = "/api/v1/admin/deliveries", tag = "administration", operation_id = "list_receivers",
    params(("after" = Option<String>, Query, description = "The `next` of the page before")),
    responses((status = 200, body = ReceiverList)),
)]
async fn list(State(state): State<AppState>, Query(place): Query<After>, user: CurrentUser) -> Result<Json<ReceiverList>> {
    let found = state.outbox.receivers(user.actor(), place.after.trim()).await?;
    let counts = state.outbox.counts().await?;
    let counts = DeliveryCounts { waiting: counts.waiting, dead: counts.dead, failing: counts.failing, paused: counts.paused };
    let receivers = found.items.into_iter().map(Into::into).collect();
    Ok(Json(ReceiverList { receivers, counts, more: found.next.is_some(), next: found.next }))
}

/// Something that waits or was given up.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryEntry {
    /// Its id.
    id: String,
    /// What happened, such as `message.posted`.
    event: String,
    /// The slug of the room, if that is public.
    room: Option<String>,
    /// When it happened.
    created_at: Millis,
    /// From when on it is to be delivered.
    due_at: Millis,
    /// How often that failed.
    attempts: i64,
    /// Why it failed last.
    error: Option<String>,
    /// When it was given up.
    dead_at: Option<Millis>,
}

impl From<Listed> for DeliveryEntry {
    fn from(listed: Listed) -> Self {
        let Listed { id, event, room, created_at, due_at, attempts, last_error, dead_at } = listed;
        Self { id: id.to_string(), event, room, created_at, due_at, attempts, error: last_error, dead_at }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryList {
    /// The deliveries, in their order.
    deliveries: Vec<DeliveryEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// What waits for a receiver, or was given up.
#[utoipa::path(
    get, path = "/api/v1/admin/deliveries/{receiver}", tag = "administration", operation_id = "list_deliveries",
    params(
        ("receiver" = String, Path, description = "The receiver, such as `webhook-3`"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = DeliveryList)),
)]
async fn show(
    State(state): State<AppState>,
    Path(receiver): Path<String>,
    Query(place): Query<After>,
    user: CurrentUser,
) -> Result<Json<DeliveryList>> {
    let found = state.outbox.deliveries(user.actor(), &receiver, place.after.trim()).await?;
    let deliveries = found.items.into_iter().map(Into::into).collect();
    Ok(Json(DeliveryList { deliveries, more: found.next.is_some(), next: found.next }))
}

/// Has everything of a receiver delivered now, even what was given up, and ends a pause. Refused for a webhook that is off.
#[utoipa::path(
    post, path = "/api/v1/admin/deliveries/{receiver}/redeliver", tag = "administration", operation_id = "redeliver_all",
    params(("receiver" = String, Path, description = "The receiver, such as `webhook-3`")),
    responses((status = 204, description = "All deliveries of the receiver are due now")),
)]
async fn redeliver_all(State(state): State<AppState>, OnDeliveries { user, chosen, source }: OnDeliveries) -> Result<StatusCode> {
    state.outbox.redeliver(user.actor(), &user.username, &chosen, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes everything of a receiver, and ends a pause.
#[utoipa::path(
    delete, path = "/api/v1/admin/deliveries/{receiver}", tag = "administration", operation_id = "delete_deliveries",
    params(("receiver" = String, Path, description = "The receiver, such as `webhook-3`")),
    responses((status = 204, description = "All deliveries of the receiver are deleted")),
)]
async fn delete_all(State(state): State<AppState>, OnDeliveries { user, chosen, source }: OnDeliveries) -> Result<StatusCode> {
    state.outbox.delete(user.actor(), &user.username, &chosen, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has something of a receiver delivered now, even if it was given up. Refused for a webhook that is off.
#[utoipa::path(
    post, path = "/api/v1/admin/deliveries/{receiver}/{id}/redeliver", tag = "administration", operation_id = "redeliver",
    params(
        ("receiver" = String, Path, description = "The receiver, such as `webhook-3`"),
        ("id" = String, Path, description = "The delivery"),
    ),
    responses((status = 204, description = "The delivery is due now")),
)]
async fn redeliver(State(state): State<AppState>, OnDeliveries { user, chosen, source }: OnDeliveries) -> Result<StatusCode> {
    state.outbox.redeliver(user.actor(), &user.username, &chosen, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes something of a receiver: it will never be delivered.
#[utoipa::path(
    delete, path = "/api/v1/admin/deliveries/{receiver}/{id}", tag = "administration", operation_id = "delete_delivery",
    params(
        ("receiver" = String, Path, description = "The receiver, such as `webhook-3`"),
        ("id" = String, Path, description = "The delivery"),
    ),
    responses((status = 204, description = "The delivery is deleted")),
)]
async fn delete(State(state): State<AppState>, OnDeliveries { user, chosen, source }: OnDeliveries) -> Result<StatusCode> {
    state.outbox.delete(user.actor(), &user.username, &chosen, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
