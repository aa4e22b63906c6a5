//! Counts requests and their time, by route.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::monitoring::Monitoring;

/// Counts a request once its answer begins.
pub async fn count(State(monitoring): State<Arc<Monitoring>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    monitoring.requests().count(&method, route.as_ref().map(MatchedPath::as_str), response.status(), began.elapsed());
    response
}
