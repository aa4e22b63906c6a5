//! The audit log: its pages, and its export as JSON lines.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::json;

use crate::administration::audit::{Entry, MAX_EXPORT, Page, filter};
use crate::chat::rate_limits::ActionKind;
use crate::db::audit::Filter;
use crate::error::{Error, Result};
use crate::model::SessionKey;
use crate::permissions::{self, ServerAction};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{Query, query_string};
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::{AuditFields, AuditPage};

/// How long the database may take for each part of an export.
const PATIENCE: Duration = Duration::from_secs(15);

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin/audit", get(show))
}

/// The parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuditQuery {
    actor: String,
    action: String,
    target: String,
    before: String,
    format: String,
}

impl AuditQuery {
    /// The query string with these filters.
    fn with(&self, before: &str, format: &str) -> String {
        let filters = [("actor", &*self.actor), ("action", &*self.action), ("target", &*self.target), ("before", before)];
        let trimmed = filters.map(|(name, value)| (name, value.trim()));
        query_string(&[&trimmed[..], &[("format", format)]].concat())
    }
}

/// `GET /admin/audit` (`actor`, `action`, `target`, `before`; `format=jsonl`), by an administrator.
async fn show(
    State(state): State<AppState>,
    Query(query): Query<AuditQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::ReadAudit)?;
    state.chat.allow(user.id, ActionKind::Search)?;
    let filter = filter(&query.actor, &query.action, &query.target, &query.before, user.times.zone())?;
    match &*query.format {
        "" => {}
        "jsonl" => {
            user.is_confirmed(&state)?;
            return Ok(export(state, user.session.clone(), filter));
        }
        _ => return Err(Error::invalid("format", "The format is jsonl, or none.")),
    }
    let Page { entries, next } = state.administration.audit(user.actor(), &filter).await?;
    let next = next.map(|next| next.to_string());
    if format.is_json() {
        return Ok(Json(json!({ "entries": entries, "more": next.is_some(), "next": next })).into_response());
    }
    let next = next.map(|next| query.with(&next, ""));
    let export = query.with(&query.before, "jsonl");
    let AuditQuery { actor, action, target, before, .. } = query;
    let fields = AuditFields { actor, action, target, before };
    Ok(page(&AuditPage::new(layout(&state, &user).await?.at("/admin/audit"), entries, fields, next, export)))
}

/// The entries as lines, read while they are sent.
fn export(state: AppState, session: SessionKey, filter: Filter) -> Response {
    let headers =
        [(CONTENT_TYPE, "application/x-ndjson; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\"")];
    (headers, Body::from_stream(lines(state, session, filter))).into_response()
}

fn lines(state: AppState, session: SessionKey, filter: Filter) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold((state, session, filter, MAX_EXPORT), |(state, session, mut filter, mut left)| async move {
        let part = tokio::time::timeout(PATIENCE, next_part(&state, &session, &mut filter, &mut left)).await;
        let part = part.unwrap_or(Err(Error::Unavailable))?;
        Ok(part.map(|entries| (written(&entries), (state, session, filter, left))))
    })
}

/// The next part, if the session still belongs to an administrator.
async fn next_part(state: &AppState, session: &SessionKey, filter: &mut Filter, left: &mut usize) -> Result<Option<Vec<Entry>>> {
    let user = state.accounts.session_user(session).await?.ok_or(Error::Unauthenticated)?;
    state.administration.export(user.actor(), filter, left).await
}

fn written(entries: &[Entry]) -> Bytes {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry).expect("texts and numbers always have a JSON form");
        lines.push(b'\n');
    }
    lines.into()
}
