//! The audit log.

use axum::extract::State;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::administration::audit::{Entry, Page, filter};
use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(audit))
}

/// The filters of the audit log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuditFilter {
    actor: String,
    action: String,
    target: String,
    before: String,
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
struct AuditList {
    /// The entries, newest first.
    entries: Vec<Entry>,
    /// Whether there are older ones.
    more: bool,
    /// The `before` of the next page.
    next: Option<String>,
}

/// The audit log.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", tag = "administration", operation_id = "list_audit",
    params(
        ("actor" = Option<String>, Query, description = "The username of who did it"),
        ("action" = Option<String>, Query, description = "The name of an action, or its first part"),
        ("target" = Option<String>, Query, description = "What it was done to"),
        ("before" = Option<String>, Query, description = "The `next` of the page before, a date or a time"),
    ),
    responses((status = 200, body = AuditList)),
)]
async fn audit(State(state): State<AppState>, Query(query): Query<AuditFilter>, user: CurrentUser) -> Result<Json<AuditList>> {
    permissions::may_administer(user.actor(), ServerAction::ReadAudit)?;
    state.chat.allow(user.id, ActionKind::Search)?;
    let filter = filter(&query.actor, &query.action, &query.target, &query.before, user.times.zone())?;
    let Page { entries, next } = state.administration.audit(user.actor(), &filter).await?;
    Ok(Json(AuditList { entries, more: next.is_some(), next: next.map(|next| next.to_string()) }))
}
