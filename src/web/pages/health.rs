//! The health check.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/healthz", get(check))
}

/// `GET /healthz`: 200 `ok` when the database answers, else 503.
pub async fn check(State(state): State<AppState>) -> Response {
    if state.db.is_healthy().await {
        (StatusCode::OK, "ok").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response()
    }
}
