//! What load balancers and supervisors ask: does it live, does its database, and should it get requests?

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::cluster::node::Reason;
use crate::cluster::nodes::VERSION;
use crate::http::client_ip;
use crate::web::state::AppState;

/// The routes. `GET /livez`: 200 `ok` while the process answers, whatever the database does.
pub fn router() -> Router<AppState> {
    Router::new().route("/livez", get(|| async { "ok" })).route("/healthz", get(check)).route("/readyz", get(ready))
}

/// `GET /healthz`: 200 `ok` when the database answers, else 503.
pub async fn check(State(state): State<AppState>) -> Response {
    if state.db.is_healthy().await {
        (StatusCode::OK, "ok").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response()
    }
}

/// `GET /readyz`: 200 when this node should get requests, else 503; why
/// not, how Redis is, which node it is, and the address of whoever asks. One small statement for each call.
pub async fn ready(State(state): State<AppState>, request: Request) -> Response {
    // So that an operator sees whether proxies pass it on.
    let address = client_ip::client(request.headers(), request.extensions(), &state.config.trusted_proxies);
    let mut reasons = state.node.reasons();
    if !state.db.is_healthy().await {
        reasons.push(Reason::Database);
    }
    let is_ready = reasons.is_empty();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let reasons: Vec<_> = reasons.into_iter().map(Reason::code).collect();
    let body = json!({ "ready": is_ready, "reasons": reasons, "redis": state.node.redis(), "node": state.node.name, "version": VERSION, "address": address });
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
