//! `GET /metrics`: the numbers of this node, for Prometheus.
//!
//! Owns who may read them. Where the setting is off there is no such page, for anybody.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::config::Metrics;
use crate::error::{Error, Result};
use crate::http::client_ip;
use crate::monitoring;
use crate::web::accept::Format;
use crate::web::layers::errors;
use crate::web::state::AppState;

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/metrics", get(show))
}

/// `GET /metrics`: OpenMetrics text; 401 without the token of `METRICS`, 403 from an address that it does not name, 404 if it is `off`.
async fn show(State(state): State<AppState>, request: Request) -> Result<Response> {
    let (config, headers) = (&state.config, request.headers());
    let address = client_ip::client(headers, request.extensions(), &config.trusted_proxies);
    match &config.metrics {
        Metrics::Off => return Ok(errors::plain(Error::NotFound("page"), Format::of(headers))),
        Metrics::From(nets) if !address.is_some_and(|address| nets.iter().any(|net| net.contains(&address))) => {
            return Ok((StatusCode::FORBIDDEN, NEVER_STORED, "METRICS does not name this address").into_response());
        }
        Metrics::Token(token) if !has_token(token, headers) => {
            let head = [(WWW_AUTHENTICATE, "Bearer")];
            let why = "a bearer token is needed: see METRICS";
            return Ok((StatusCode::UNAUTHORIZED, NEVER_STORED, head, why).into_response());
        }
        Metrics::Open | Metrics::From(_) | Metrics::Token(_) => {}
    }
    let text = state.monitoring.text().await.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, monitoring::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text).into_response())
}

const NEVER_STORED: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

fn has_token(token: &str, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    // The time that a comparison of digests takes says nothing about the token.
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer") && Sha256::digest(given.trim()) == Sha256::digest(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(authorization: Option<&'static str>) -> bool {
        let headers = authorization.map(|value| (AUTHORIZATION, value.parse().unwrap()));
        has_token("0123456789abcdef", &headers.into_iter().collect())
    }

    #[test]
    fn only_the_right_token_opens() {
        for right in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef"] {
            assert!(may(Some(right)), "{right}");
        }
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcdef0",
            "Bearer ",
            "Bearer",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!may(Some(wrong)), "{wrong}");
        }
        assert!(!may(None));
    }
}
