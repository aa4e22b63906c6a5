//! Legal holds, for administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chat::rate_limits::ActionKind;
use crate::db::holds::Hold;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::retention::holds::{Page, WantedHold};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::{ConfirmedUser, CurrentUser};
use crate::web::query::{Before, Query};
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::admin::{HeldPage, HoldFields, HoldsPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/holds", get(list).post(add))
        .route("/admin/holds/{id}", get(show))
        .route("/admin/holds/{id}/release", post(release))
}

/// `GET /admin/holds` (`before`), by an administrator.
async fn list(State(state): State<AppState>, Query(query): Query<Before>, user: CurrentUser, format: Format) -> Result<Response> {
    let found = state.retention.holds(user.actor(), query.id()?).await?;
    if format.is_json() {
        let Page { items, next } = found;
        let holds: Vec<_> = items.iter().map(json_of).collect();
        let next = next.map(|next| next.to_string());
        return Ok(Json(json!({ "holds": holds, "more": next.is_some(), "next": next })).into_response());
    }
    let layout = layout(&state, &user).await?.at("/admin/holds");
    Ok(page(&HoldsPage::new(layout, found, query.before.is_empty())))
}

fn json_of(hold: &Hold) -> Value {
    let scope = match (&hold.room_id, &hold.user_id) {
        (Some(_), _) => "room",
        (None, Some(_)) => "person",
        (None, None) => "everything",
    };
    json!({
        "id": hold.id.to_string(), "scope": scope, "target": hold.slug.as_ref().or(hold.username.as_ref()), "reason": hold.reason,
        "created_by": hold.created_by, "created_at": hold.created_at,
    })
}

/// The form that adds a hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    scope: String,
    target: String,
    reason: String,
}

/// `POST /admin/holds` (`scope` = `room`, `person` or `everything`; `target`; `reason`), by an administrator.
async fn add(
    State(state): State<AppState>,
    user: ConfirmedUser,
    source: Source,
    format: Format,
    Form(form): Form<Fields>,
) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::ManageHolds)?;
    state.chat.allow(user.id, ActionKind::Describe)?;
    let new = WantedHold { scope: form.scope.trim(), target: &form.target, reason: &form.reason, nonce: None };
    match state.retention.add_hold(user.actor(), &user.username, new, &source).await {
        Ok(_) => Ok(Redirect::to("/admin/holds").into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let layout = layout(&state, &user).await?.at("/admin/holds");
            let mut again = HoldsPage::new(layout, state.retention.holds(user.actor(), None).await?, true);
            again.typed = HoldFields { scope: form.scope, target: form.target, reason: form.reason };
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

/// `POST /admin/holds/{id}/release`, by an administrator.
async fn release(State(state): State<AppState>, Path(id): Path<String>, user: ConfirmedUser, source: Source) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::ManageHolds)?;
    state.chat.allow(user.id, ActionKind::Describe)?;
    state.retention.release_hold(user.actor(), &user.username, &id, &source).await?;
    Ok(Redirect::to("/admin/holds").into_response())
}

/// `GET /admin/holds/{id}` (`before`): what was kept of deleted messages, by an administrator.
async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<Before>,
    user: ConfirmedUser,
    source: Source,
    format: Format,
) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::ManageHolds)?;
    state.chat.allow(user.id, ActionKind::Search)?;
    let (hold, found) = state.retention.held(user.actor(), &user.username, &id, query.id()?, &source).await?;
    if format.is_json() {
        let Page { items, next } = found;
        let next = next.map(|next| next.to_string());
        return Ok(Json(json!({ "hold": json_of(&hold), "held": items, "more": next.is_some(), "next": next })).into_response());
    }
    let layout = layout(&state, &user).await?.at("/admin/holds");
    Ok(page(&HeldPage::new(layout, hold, found, query.before.is_empty())))
}
