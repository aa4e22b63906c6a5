//! What waits to be delivered elsewhere, for administrators.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::chat::rate_limits::ActionKind;
use crate::db::deliveries::{Listed, Receiver};
use crate::error::Result;
use crate::outbox::administration::name_of;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::After;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::{DeliveriesPage, ReceiverPage};
use crate::webhooks::administration::origin;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/deliveries", get(list))
        .route("/admin/deliveries/{receiver}", get(show))
        .route("/admin/deliveries/{receiver}/redeliver", post(redeliver_all))
        .route("/admin/deliveries/{receiver}/delete", post(delete_all))
        .route("/admin/deliveries/{receiver}/{id}/redeliver", post(redeliver))
        .route("/admin/deliveries/{receiver}/{id}/delete", post(delete))
}

/// `GET /admin/deliveries` (`after`), by an administrator.
async fn list(State(state): State<AppState>, Query(query): Query<After>, user: CurrentUser, format: Format) -> Result<Response> {
    let mut found = state.outbox.receivers(user.actor(), query.after.trim()).await?;
    for receiver in found.items.iter_mut().filter(|receiver| receiver.kind == "webhook") {
        // The rest of an address is often a secret.
        receiver.name = receiver.name.as_deref().map(origin);
    }
    let counts = state.outbox.counts().await?;
    if format.is_json() {
        let receivers: Vec<_> = found.items.iter().map(receiver_json).collect();
        let counts = json!({
            "waiting": counts.waiting, "dead": counts.dead, "failing": counts.failing, "paused": counts.paused,
        });
        return Ok(Json(json!({
            "receivers": receivers, "counts": counts, "more": found.next.is_some(), "next": found.next,
        }))
        .into_response());
    }
    let layout = layout(&state, &user).await?.at("/admin/deliveries");
    Ok(page(&DeliveriesPage::new(layout, found, query.after.is_empty())))
}

fn receiver_json(receiver: &Receiver) -> Value {
    json!({
        "receiver": name_of(&receiver.kind, receiver.id), "name": receiver.name, "waiting": receiver.waiting, "dead": receiver.dead,
        "attempts": receiver.attempts, "due_at": receiver.due_at, "failing_since": receiver.failing_since, "error": receiver.last_error,
        "delivered_at": receiver.delivered_at, "paused_at": receiver.paused_at,
    })
}

/// `GET /admin/deliveries/{receiver}` (`after`), by an administrator.
async fn show(
    State(state): State<AppState>,
    Path(receiver): Path<String>,
    Query(query): Query<After>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let found = state.outbox.deliveries(user.actor(), &receiver, query.after.trim()).await?;
    if format.is_json() {
        let deliveries: Vec<_> = found.items.iter().map(delivery_json).collect();
        let body = json!({ "deliveries": deliveries, "more": found.next.is_some(), "next": found.next });
        return Ok(Json(body).into_response());
    }
    let layout = layout(&state, &user).await?.at("/admin/deliveries");
    Ok(page(&ReceiverPage::new(layout, receiver, found, query.after.is_empty())))
}

fn delivery_json(delivery: &Listed) -> Value {
    json!({
        "id": delivery.id.to_string(), "event": delivery.event, "room": delivery.room, "created_at": delivery.created_at,
        "due_at": delivery.due_at, "attempts": delivery.attempts, "error": delivery.last_error, "dead_at": delivery.dead_at,
    })
}

fn check(state: &AppState, user: &CurrentUser) -> Result<()> {
    permissions::may_administer(user.actor(), ServerAction::ManageDeliveries)?;
    state.chat.allow(user.id, ActionKind::Describe)
}

/// `POST /admin/deliveries/{receiver}/redeliver`, by an administrator.
async fn redeliver_all(
    State(state): State<AppState>,
    Path(receiver): Path<String>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    check(&state, &user)?;
    state.outbox.redeliver_all(user.actor(), &user.username, &receiver, &source).await?;
    Ok(Redirect::to("/admin/deliveries").into_response())
}

/// `POST /admin/deliveries/{receiver}/delete`, by an administrator.
async fn delete_all(
    State(state): State<AppState>,
    Path(receiver): Path<String>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    check(&state, &user)?;
    state.outbox.delete_all(user.actor(), &user.username, &receiver, &source).await?;
    Ok(Redirect::to("/admin/deliveries").into_response())
}

/// `POST /admin/deliveries/{receiver}/{id}/redeliver`, by an administrator.
async fn redeliver(
    State(state): State<AppState>,
    Path((receiver, id)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    check(&state, &user)?;
    state.outbox.redeliver(user.actor(), &user.username, (&receiver, &id), &source).await?;
    Ok(back(&receiver))
}

/// `POST /admin/deliveries/{receiver}/{id}/delete`, by an administrator.
async fn delete(
    State(state): State<AppState>,
    Path((receiver, id)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    check(&state, &user)?;
    state.outbox.delete(user.actor(), &user.username, (&receiver, &id), &source).await?;
    Ok(back(&receiver))
}

/// To the page of a receiver. It was a part of the address, so only what a receiver's name can have is taken from it.
fn back(receiver: &str) -> Response {
    let name: String = receiver.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    Redirect::to(&format!("/admin/deliveries/{name}")).into_response()
}
