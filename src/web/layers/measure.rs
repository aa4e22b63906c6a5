//! Counts requests and their time, by route.
//!
//! Not the time for which a request waits because it asked to ([`Waited`]): that says nothing of how fast the server is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::monitoring::Monitoring;

/// For how long a request waited for something to happen. A handler puts it into the extensions of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Waited(pub Duration);

/// Counts a request once its answer begins.
pub async fn count(State(monitoring): State<Arc<Monitoring>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let waited = response.extensions().get().map_or(Duration::ZERO, |Waited(time)| *time);
    let took = began.elapsed().saturating_sub(waited);
    monitoring.requests().count(&method, route.as_ref().map(MatchedPath::as_str), response.status(), took);
    response
}
