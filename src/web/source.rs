//! Where a request came from, for the security log.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;
use tower_http::request_id::RequestId;

use crate::http::client_ip;
use crate::security_log::Source;
use crate::web::state::AppState;

/// The source of the request that these are of.
#[must_use]
pub fn source(headers: &HeaderMap, extensions: &Extensions, trusted: &[IpNet]) -> Source {
    let id = extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    Source { address: client_ip::client(headers, extensions, trusted), request_id: id.map(Into::into) }
}

impl FromRequestParts<AppState> for Source {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(source(&parts.headers, &parts.extensions, &state.config.trusted_proxies))
    }
}
