//! Outgoing webhooks, for administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::outbox::administration::name_of;
use crate::permissions::ServerAction;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::decision::{OnWebhooks, may_decide};
use crate::web::form::Fields;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{form_again, page, page_with};
use crate::web::state::AppState;
use crate::web::views::admin::{WebhookPage, WebhooksPage};
use crate::webhooks::administration::{Shown, Wanted};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/webhooks", get(list).post(add))
        .route("/admin/webhooks/{id}", get(show).post(edit))
        .route("/admin/webhooks/{id}/on", post(turn_on))
        .route("/admin/webhooks/{id}/off", post(turn_off))
        .route("/admin/webhooks/{id}/rotate", post(rotate))
        .route("/admin/webhooks/{id}/test", post(test))
        .route("/admin/webhooks/{id}/delete", post(delete))
}

/// The fields of a form. `events` and `rooms` may come more than once, and each may be several.
fn wanted(fields: Vec<(String, String)>) -> Wanted {
    let mut wanted = Wanted::default();
    for (name, value) in fields {
        let several = value.split([',', ' ', '\n', '\r']).map(|one| one.trim_start_matches('#')).filter(|one| !one.is_empty());
        match &*name {
            "url" => wanted.url = value,
            "command" => wanted.command = value,
            "hint" => wanted.hint = value,
            "name" => wanted.name = value,
            "events" => wanted.events.extend(several.map(ToOwned::to_owned)),
            "rooms" => wanted.rooms.extend(several.map(ToOwned::to_owned)),
            _ => {}
        }
    }
    wanted
}

fn json_of(webhook: &Shown) -> Value {
    json!({
        "id": webhook.id.to_string(), "url": webhook.url, "events": webhook.events, "rooms": webhook.rooms,
        "all_public_rooms": webhook.has_all_rooms, "on": webhook.is_on, "paused_at": webhook.paused_at,
        "full_at": webhook.full_at, "failing_since": webhook.failing_since, "error": webhook.last_error,
        "old_secret_until": webhook.old_secret_until,
        "created_by": webhook.created_by, "created_at": webhook.created_at, "command": webhook.command, "hint": webhook.hint,
        "name": webhook.name,
    })
}

/// `GET /admin/webhooks`, by an administrator.
async fn list(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    let webhooks = state.webhooks.list(user.actor()).await?;
    if format.is_json() {
        let webhooks: Vec<_> = webhooks.iter().map(json_of).collect();
        return Ok(Json(json!({ "webhooks": webhooks, "more": false, "next": null })).into_response());
    }
    Ok(page(&WebhooksPage::new(layout(&state, &user).await?.at("/admin/webhooks"), webhooks)))
}

/// `POST /admin/webhooks` (`url`, `events`, `rooms`, `command`, `hint`, `name`), by an administrator. The secret is shown this once.
async fn add(
    State(state): State<AppState>,
    OnWebhooks { user, source }: OnWebhooks,
    format: Format,
    Fields(fields): Fields,
) -> Result<Response> {
    let wanted = wanted(fields);
    match state.webhooks.add(user.actor(), &user.username, &wanted, &source).await {
        Ok((id, secret)) => created(&state, &user, format, id, secret).await,
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let layout = layout(&state, &user).await?.at("/admin/webhooks");
            let mut again = WebhooksPage::new(layout, state.webhooks.list(user.actor()).await?);
            again.typed = wanted;
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

/// The answer with a new secret.
async fn created(state: &AppState, user: &CurrentUser, format: Format, id: i64, secret: String) -> Result<Response> {
    if format.is_json() {
        let webhook = json!({ "webhook": { "id": id.to_string(), "secret": secret } });
        return Ok((StatusCode::CREATED, Json(webhook)).into_response());
    }
    let webhook = state.webhooks.find(user.actor(), &id.to_string()).await?;
    let mut shown = WebhookPage::new(layout(state, user).await?.at("/admin/webhooks"), webhook);
    shown.secret = Some(secret);
    Ok(page_with(StatusCode::CREATED, &shown))
}

/// `GET /admin/webhooks/{id}`, by an administrator.
async fn show(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, format: Format) -> Result<Response> {
    let webhook = state.webhooks.find(user.actor(), &id).await?;
    if format.is_json() {
        return Ok(Json(json!({ "webhook": json_of(&webhook) })).into_response());
    }
    Ok(page(&WebhookPage::new(layout(&state, &user).await?.at("/admin/webhooks"), webhook)))
}

/// `POST /admin/webhooks/{id}` (`url`, `events`, `rooms`, `command`, `hint`, `name`), by an administrator.
async fn edit(
    State(state): State<AppState>,
    Path(id): Path<String>,
    OnWebhooks { user, source }: OnWebhooks,
    format: Format,
    Fields(fields): Fields,
) -> Result<Response> {
    let wanted = wanted(fields);
    match state.webhooks.edit(user.actor(), &user.username, &id, &wanted, &source).await {
        Ok(()) => Ok(Redirect::to("/admin/webhooks").into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let webhook = state.webhooks.find(user.actor(), &id).await?;
            let mut again = WebhookPage::new(layout(&state, &user).await?.at("/admin/webhooks"), webhook);
            again.typed = wanted;
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

/// `POST /admin/webhooks/{id}/on`, by an administrator.
async fn turn_on(State(state): State<AppState>, Path(id): Path<String>, by: OnWebhooks) -> Result<Response> {
    switch(&state, &id, &by, true).await
}

/// `POST /admin/webhooks/{id}/off`, by an administrator.
async fn turn_off(State(state): State<AppState>, Path(id): Path<String>, by: OnWebhooks) -> Result<Response> {
    switch(&state, &id, &by, false).await
}

async fn switch(state: &AppState, id: &str, OnWebhooks { user, source }: &OnWebhooks, on: bool) -> Result<Response> {
    state.webhooks.switch(user.actor(), &user.username, id, on, source).await?;
    Ok(Redirect::to("/admin/webhooks").into_response())
}

/// `POST /admin/webhooks/{id}/rotate`, by an administrator. The new secret is shown this once.
async fn rotate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    OnWebhooks { user, source }: OnWebhooks,
    format: Format,
) -> Result<Response> {
    let (id, secret) = state.webhooks.rotate(user.actor(), &user.username, &id, &source).await?;
    created(&state, &user, format, id, secret).await
}

/// `POST /admin/webhooks/{id}/test`, by an administrator.
async fn test(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser) -> Result<Response> {
    may_decide(&state, &user, ServerAction::ManageWebhooks)?;
    let receiver = state.webhooks.test(user.actor(), &id).await?;
    Ok(Redirect::to(&format!("/admin/deliveries/{}", name_of(receiver.kind, receiver.id))).into_response())
}

/// `POST /admin/webhooks/{id}/delete`, by an administrator.
async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
    OnWebhooks { user, source }: OnWebhooks,
) -> Result<Response> {
    match state.webhooks.delete(user.actor(), &user.username, &id, &source).await {
        // Somebody else was faster.
        Ok(()) | Err(Error::NotFound(_)) => Ok(Redirect::to("/admin/webhooks").into_response()),
        Err(error) => Err(error),
    }
}
