//! `GET /metrics`: the numbers of this node, for Prometheus.
//!
//! Owns who may read them. Where the setting is off there is no such page, for anybody.

use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::config::Metrics;
use crate::error::{Error, Result};
use crate::monitoring;
use crate::web::accept::Format;
use crate::web::layers::errors;
use crate::web::state::AppState;

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/metrics", get(show))
}

/// `GET /metrics`: OpenMetrics text; 401 without the token of `METRICS`, 404 if that is `off`.
async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response> {
    if state.config.metrics == Metrics::Off {
        return Ok(errors::plain(Error::NotFound("page"), Format::of(&headers)));
    }
    if !may_read(&state.config.metrics, &headers) {
        let head = [(WWW_AUTHENTICATE, "Bearer"), (CACHE_CONTROL, "no-store")];
        return Ok((StatusCode::UNAUTHORIZED, head, "a bearer token is needed: see METRICS").into_response());
    }
    let text = state.monitoring.text().await.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, monitoring::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text).into_response())
}

fn may_read(setting: &Metrics, headers: &HeaderMap) -> bool {
    match setting {
        Metrics::Off => false,
        Metrics::Open => true,
        Metrics::Token(token) => {
            let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
            // The time that a comparison of digests takes says nothing about the token.
            given.is_some_and(|(scheme, given)| {
                scheme.eq_ignore_ascii_case("bearer") && Sha256::digest(given.trim()) == Sha256::digest(token)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(setting: &Metrics, authorization: Option<&'static str>) -> bool {
        let headers = authorization.map(|value| (AUTHORIZATION, value.parse().unwrap()));
        may_read(setting, &headers.into_iter().collect())
    }

    #[test]
    fn only_the_right_token_opens() {
        let setting = Metrics::Token("0123456789abcdef".into());
        for right in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef"] {
            assert!(may(&setting, Some(right)), "{right}");
        }
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcdef0",
            "Bearer ",
            "Bearer",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!may(&setting, Some(wrong)), "{wrong}");
        }
        assert!(!may(&setting, None));
        assert!(may(&Metrics::Open, None) && !may(&Metrics::Off, None));
    }
}
