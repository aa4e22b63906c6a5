//! The job queue, for administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Millis;
use crate::db::jobs::Job;
use crate::error::Result;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::JobsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/jobs", get(list))
        .route("/admin/jobs/retry", post(retry_dead))
        .route("/admin/jobs/{id}/retry", post(retry))
        .route("/admin/jobs/{id}/delete", post(delete))
}

/// The parameters of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    /// `all`, the default, `waiting`, `running` or `dead`.
    filter: String,
    before: String,
}

/// `GET /admin/jobs` (`filter`, `before`), by an administrator.
async fn list(State(state): State<AppState>, Query(which): Query<Which>, user: CurrentUser, format: Format) -> Result<Response> {
    let found = state.jobs.list(user.actor(), &which.filter, &which.before).await?;
    if format.is_json() {
        let jobs: Vec<_> = found.jobs.iter().map(|job| json_of(job, found.now)).collect();
        let counts = found.counts;
        return Ok(Json(json!({
            "jobs": jobs, "counts": { "waiting": counts.waiting, "running": counts.running, "dead": counts.dead },
            "more": found.next.is_some(), "next": found.next.map(|next| next.to_string()),
        }))
        .into_response());
    }
    let layout = layout(&state, &user).await?.at("/admin/jobs");
    Ok(page(&JobsPage::new(layout, found, which.filter, which.before.is_empty())))
}

fn json_of(job: &Job, now: Millis) -> Value {
    json!({
        "id": job.id.to_string(), "kind": job.kind, "state": job.state(now).as_str(), "created_at": job.created_at,
        "due_at": job.due_at, "attempts": job.attempts, "error": job.last_error, "dead_at": job.dead_at,
    })
}

/// `POST /admin/jobs/{id}/retry`, by an administrator.
async fn retry(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<Response> {
    state.jobs.retry(user.actor(), &user.username, &id, &source).await?;
    Ok(Redirect::to("/admin/jobs").into_response())
}

/// `POST /admin/jobs/{id}/delete`, by an administrator.
async fn delete(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<Response> {
    state.jobs.delete(user.actor(), &user.username, &id, &source).await?;
    Ok(Redirect::to("/admin/jobs").into_response())
}

/// `POST /admin/jobs/retry`, by an administrator.
async fn retry_dead(State(state): State<AppState>, user: CurrentUser, source: Source) -> Result<Response> {
    state.jobs.retry_dead(user.actor(), &user.username, &source).await?;
    Ok(Redirect::to("/admin/jobs").into_response())
}
