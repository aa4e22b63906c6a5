//! The job queue.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::Millis;
use crate::db::jobs::Job;
use crate::error::Result;
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(retry_dead)).routes(routes!(retry)).routes(routes!(delete))
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
struct JobEntry {
    /// Its id.
    id: String,
    /// What kind it is.
    kind: String,
    /// Where it stands: `waiting`, `running` or `dead`.
    state: &'static str,
    /// When it was added.
    created_at: Millis,
    /// When it is tried next.
    due_at: Millis,
    /// How often it was tried.
    attempts: i64,
    /// Why it failed last.
    error: Option<String>,
    /// When it was given up.
    dead_at: Option<Millis>,
}

impl JobEntry {
    fn new(job: Job, now: Millis) -> Self {
        let state = job.state(now).as_str();
        let Job { id, kind, created_at, due_at, attempts, last_error, dead_at, .. } = job;
        Self { id: id.to_string(), kind, state, created_at, due_at, attempts, error: last_error, dead_at }
    }
}

/// How many jobs there are.
#[derive(Debug, Serialize, ToSchema)]
struct JobCounts {
    /// Those that will be done.
    waiting: i64,
    /// Those that somebody does.
    running: i64,
    /// Those that were given up.
    dead: i64,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
struct JobList {
    /// The jobs, newest first.
    jobs: Vec<JobEntry>,
    /// How many there are in all.
    counts: JobCounts,
    /// Whether there are older ones.
    more: bool,
    /// The `before` of the next page.
    next: Option<String>,
}

/// Which jobs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    filter: String,
    before: String,
}

/// The jobs that wait, run or were given up.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs", tag = "administration", operation_id = "list_jobs",
    params(
        ("filter" = Option<String>, Query, description = "`all` (the default), `waiting`, `running` or `dead`"),
        ("before" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = JobList)),
)]
async fn list(State(state): State<AppState>, Query(which): Query<Which>, user: CurrentUser) -> Result<Json<JobList>> {
    let found = state.jobs.list(user.actor(), &which.filter, &which.before).await?;
    let counts = JobCounts { waiting: found.counts.waiting, running: found.counts.running, dead: found.counts.dead };
    let next = found.next.map(|next| next.to_string());
    let jobs = found.jobs.into_iter().map(|job| JobEntry::new(job, found.now)).collect();
    Ok(Json(JobList { jobs, counts, more: next.is_some(), next }))
}

/// Has all jobs tried again that were given up.
#[utoipa::path(
    post, path = "/api/v1/admin/jobs/retry", tag = "administration", operation_id = "retry_dead_jobs",
    responses((status = 204, description = "They are due")),
)]
async fn retry_dead(State(state): State<AppState>, user: CurrentUser, source: Source) -> Result<StatusCode> {
    state.jobs.retry_dead(user.actor(), &user.username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a job tried now, even one that was given up.
#[utoipa::path(
    post, path = "/api/v1/admin/jobs/{id}/retry", tag = "administration", operation_id = "retry_job",
    params(("id" = String, Path, description = "The job")),
    responses((status = 204, description = "The job is due now")),
)]
async fn retry(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<StatusCode> {
    state.jobs.retry(user.actor(), &user.username, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a job: it will never be done.
#[utoipa::path(
    delete, path = "/api/v1/admin/jobs/{id}", tag = "administration", operation_id = "delete_job",
    params(("id" = String, Path, description = "The job")),
    responses((status = 204, description = "The job is deleted")),
)]
async fn delete(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<StatusCode> {
    state.jobs.delete(user.actor(), &user.username, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
