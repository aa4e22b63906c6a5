//! What waits to be delivered elsewhere, for administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::db::deliveries::{Listed, Receiver};
use crate::error::Result;
use crate::outbox::administration::{Chosen, name_of};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::decision::OnDeliveries;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{After, Query};
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::{DeliveriesPage, ReceiverPage};
use crate::webhooks::administration::origin;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/deliveries", get(list))
        .route("/admin/deliveries/{receiver}", get(show))
        .route("/admin/deliveries/{receiver}/redeliver", post(redeliver))
        .route("/admin/deliveries/{receiver}/delete", post(delete))
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
        "delivered_at": receiver.delivered_at, "paused_at": receiver.paused_at, "full_at": receiver.full_at, "off": receiver.is_off,
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

/// `POST /admin/deliveries/{receiver}/redeliver`, and `…/{id}/redeliver` for one of them, by an administrator.
async fn redeliver(State(state): State<AppState>, OnDeliveries { user, chosen, source }: OnDeliveries) -> Result<Response> {
    state.outbox.redeliver(user.actor(), &user.username, &chosen, &source).await?;
    Ok(back(&chosen))
}

/// `POST /admin/deliveries/{receiver}/delete`, and `…/{id}/delete` for one of them, by an administrator.
async fn delete(State(state): State<AppState>, OnDeliveries { user, chosen, source }: OnDeliveries) -> Result<Response> {
    state.outbox.delete(user.actor(), &user.username, &chosen, &source).await?;
    Ok(back(&chosen))
}

/// From one delivery to the page of its receiver, from all of them to that of all receivers. The receiver was a part of the address, so only
/// what its name can have is taken from it.
fn back(chosen: &Chosen) -> Response {
    let name: String = chosen.receiver.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let path = if chosen.id.is_some() { format!("/admin/deliveries/{name}") } else { "/admin/deliveries".to_owned() };
    Redirect::to(&path).into_response()
}
