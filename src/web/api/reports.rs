//! Reports of messages: making one, the queues of a room and of the server, and closing one.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, ReportAction};
use super::messages::parse_seq;
use crate::chat::reports::Reports;
use crate::clock::Millis;
use crate::db::reports::{Outcome, Report};
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::pages::reports::{close_as, is_open};
use crate::web::query::Query;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(report))
        .routes(routes!(of_room))
        .routes(routes!(close_of_room))
        .routes(routes!(all))
        .routes(routes!(close))
}

/// Why a message is reported.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "reason": "Spam" })))]
struct NewReport {
    /// In up to 500 characters; may be empty.
    reason: String,
}

/// Reports a message to those who moderate its room, and to administrators.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/messages/{seq}/report", tag = "messages", operation_id = "report_message",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    request_body = NewReport,
    responses((status = 204, description = "The message is reported")),
)]
async fn report(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
    Fields(NewReport { reason }): Fields<NewReport>,
) -> Result<StatusCode> {
    state.chat.report((user.id, &user.username), &slug, parse_seq(&seq)?, &reason, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A report.
#[derive(Debug, Serialize, ToSchema)]
struct ReportEntry {
    /// Its id.
    id: String,
    /// The slug of the message's room.
    room: String,
    /// The message.
    seq: i64,
    /// The username of its author.
    author: String,
    /// The username of who reported it.
    reporter: String,
    /// Why.
    reason: String,
    /// The text of the message at that moment.
    body: String,
    /// When it was reported.
    created_at: Millis,
    /// When it was closed.
    closed_at: Option<Millis>,
    /// By whom.
    closed_by: Option<String>,
    /// `dismissed`, `deleted` or `banned`.
    outcome: Option<&'static str>,
}

impl From<Report> for ReportEntry {
    fn from(report: Report) -> Self {
        Self {
            id: report.id.to_string(),
            room: report.slug,
            seq: report.seq,
            author: report.author,
            reporter: report.reporter,
            reason: report.reason,
            body: report.body,
            created_at: report.created_at,
            closed_at: report.closed_at,
            closed_by: report.closed_by,
            outcome: report.outcome.map(Outcome::as_str),
        }
    }
}

/// A page of reports.
#[derive(Debug, Serialize, ToSchema)]
struct ReportList {
    /// The reports, newest first.
    reports: Vec<ReportEntry>,
    /// Whether there are more.
    more: bool,
    /// The `before` of the next page.
    next: Option<String>,
}

impl From<Reports> for ReportList {
    fn from(Reports { reports, next }: Reports) -> Self {
        let reports = reports.into_iter().map(Into::into).collect();
        Self { reports, more: next.is_some(), next: next.map(|next| next.to_string()) }
    }
}

/// The parameters of a queue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Queue {
    filter: String,
    before: String,
}

/// The reports of a room, for those who moderate it.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/reports", tag = "members", operation_id = "list_room_reports",
    params(
        ("slug" = String, Path, description = "The room"),
        ("filter" = Option<String>, Query, description = "`open`, the default, or `closed`"),
        ("before" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = ReportList)),
)]
async fn of_room(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(queue): Query<Queue>,
    user: CurrentUser,
) -> Result<Json<ReportList>> {
    let view = state.chat.view(user.id, &slug).await?;
    let is_open = is_open(&queue.filter)?;
    Ok(Json(state.chat.room_reports(user.actor(), &view, is_open, &queue.before).await?.into()))
}

/// What to do about a report.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "action": "dismiss" })))]
struct Closing {
    /// `dismiss`, `delete` or, for administrators, `ban`.
    #[schema(value_type = ReportAction, required = true)]
    action: String,
}

/// Closes a report of a room that you moderate.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/reports/{id}/close", tag = "members", operation_id = "close_room_report",
    params(("slug" = String, Path, description = "The room"), ("id" = String, Path, description = "The report")),
    request_body = Closing,
    responses((status = 204, description = "The report is closed")),
)]
async fn close_of_room(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
    Fields(Closing { action }): Fields<Closing>,
) -> Result<StatusCode> {
    let view = state.chat.view(user.id, &slug).await?;
    close_as(&state, &user, Some(&view), &id, &action, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The reports of all rooms.
#[utoipa::path(
    get, path = "/api/v1/admin/reports", tag = "administration", operation_id = "list_reports",
    params(
        ("filter" = Option<String>, Query, description = "`open`, the default, or `closed`"),
        ("before" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = ReportList)),
)]
async fn all(State(state): State<AppState>, Query(queue): Query<Queue>, user: CurrentUser) -> Result<Json<ReportList>> {
    // First, so that nobody else learns what is wrong with the request.
    permissions::may_administer(user.actor(), ServerAction::SeeReports)?;
    Ok(Json(state.chat.all_reports(user.actor(), is_open(&queue.filter)?, &queue.before).await?.into()))
}

/// Closes any report.
#[utoipa::path(
    post, path = "/api/v1/admin/reports/{id}/close", tag = "administration", operation_id = "close_report",
    params(("id" = String, Path, description = "The report")),
    request_body = Closing,
    responses((status = 204, description = "The report is closed")),
)]
async fn close(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: CurrentUser,
    source: Source,
    Fields(Closing { action }): Fields<Closing>,
) -> Result<StatusCode> {
    close_as(&state, &user, None, &id, &action, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
