//! Reporting messages, and the queues of reports: of a room, for those who moderate it, and of the whole server, for administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chat::reports::Reports;
use crate::db::reports::{Outcome, Report};
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::ReportsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/reports", get(all))
        .route("/admin/reports/{id}/close", post(close))
        .route("/rooms/{slug}/reports", get(of_room))
        .route("/rooms/{slug}/reports/{id}/close", post(close_of_room))
}

/// The parameters of a queue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Queue {
    /// `open`, the default, or `closed`.
    filter: String,
    before: String,
}

/// Whether a queue's `filter` asks for open reports; `invalid` if it is neither.
pub fn is_open(filter: &str) -> Result<bool> {
    match filter {
        "" | "open" => Ok(true),
        "closed" => Ok(false),
        _ => Err(Error::invalid("filter", "Filter by open or closed.")),
    }
}

/// `GET /admin/reports` (`filter`, `before`), by an administrator.
async fn all(State(state): State<AppState>, Query(queue): Query<Queue>, user: CurrentUser, format: Format) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::SeeReports)?;
    let is_open = is_open(&queue.filter)?;
    let reports = state.chat.all_reports(user.actor(), is_open, &queue.before).await?;
    show(&state, &user, format, None, reports, is_open, queue.before.is_empty()).await
}

/// `GET /rooms/{slug}/reports` (`filter`, `before`), by those who moderate the room.
async fn of_room(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(queue): Query<Queue>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    permissions::may(user.actor(), permissions::Action::Moderate, &view.facts())?;
    let is_open = is_open(&queue.filter)?;
    let reports = state.chat.room_reports(user.actor(), &view, is_open, &queue.before).await?;
    show(&state, &user, format, Some(view), reports, is_open, queue.before.is_empty()).await
}

async fn show(
    state: &AppState,
    user: &CurrentUser,
    format: Format,
    room: Option<RoomView>,
    Reports { reports, next }: Reports,
    is_open: bool,
    is_first: bool,
) -> Result<Response> {
    if format.is_json() {
        let reports: Vec<_> = reports.iter().map(json_of).collect();
        let next = next.map(|next| next.to_string());
        return Ok(Json(json!({ "reports": reports, "more": next.is_some(), "next": next })).into_response());
    }
    let layout = layout(state, user).await?;
    let layout = if room.is_none() { layout.at("/admin/reports") } else { layout };
    Ok(page(&ReportsPage::new(layout, room, reports, next, is_open, is_first)))
}

fn json_of(report: &Report) -> Value {
    json!({
        "id": report.id.to_string(), "room": { "slug": report.slug, "name": report.room_name }, "seq": report.seq,
        "author": { "username": report.author, "name": report.author_name }, "reporter": report.reporter, "reason": report.reason,
        "body": report.body, "created_at": report.created_at, "closed_at": report.closed_at, "closed_by": report.closed_by,
        "outcome": report.outcome.map(Outcome::as_str),
    })
}

/// What to do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Close {
    /// `dismiss`, `delete` or, for administrators, `ban`.
    action: String,
}

fn outcome(action: &str) -> Result<Outcome> {
    match action {
        "dismiss" => Ok(Outcome::Dismissed),
        "delete" => Ok(Outcome::Deleted),
        "ban" => Ok(Outcome::Banned),
        _ => Err(Error::invalid("action", "Choose dismiss, delete or ban.")),
    }
}

/// `POST /admin/reports/{id}/close` (`action`), by an administrator.
async fn close(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: CurrentUser,
    source: Source,
    Form(form): Form<Close>,
) -> Result<Response> {
    close_as(&state, &user, None, &id, &form.action, &source).await?;
    Ok(Redirect::to("/admin/reports").into_response())
}

/// `POST /rooms/{slug}/reports/{id}/close` (`action`), by those who moderate the room.
async fn close_of_room(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
    Form(form): Form<Close>,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    close_as(&state, &user, Some(&view), &id, &form.action, &source).await?;
    Ok(Redirect::to(&format!("/rooms/{slug}/reports")).into_response())
}

/// Closes a report, of `room` or of any, and does what the action says.
///
/// # Errors
/// `forbidden`, `not_found`, or `invalid` for `action`.
pub async fn close_as(
    state: &AppState,
    user: &CurrentUser,
    room: Option<&RoomView>,
    id: &str,
    action: &str,
    source: &Source,
) -> Result<()> {
    // What is not a number is no report.
    let report = state.chat.report_to_close(user.actor(), room, id.parse().unwrap_or(0)).await?;
    let outcome = outcome(action)?;
    if report.closed_at.is_some() {
        return Ok(());
    }
    if outcome == Outcome::Banned {
        state.accounts.ban(user, &report.author, source).await?;
    }
    state.chat.close_report((user.id, &user.username), &report, outcome, source).await
}
