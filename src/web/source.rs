//! The source of a request, for security events.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;
use tower_http::request_id::RequestId;
use tower_sessions::Session;

use crate::accounts::session;
use crate::http::client_ip;
use crate::model::SessionKey;
use crate::security_log::Source;
use crate::web::bearer::Bearer;
use crate::web::state::AppState;

/// How much of a browser's name for itself is kept, in bytes.
const MAX_USER_AGENT: usize = 256;

/// The client's IP address and name for itself, the session and the id of a request with these headers and extensions.
pub fn source(headers: &HeaderMap, extensions: &Extensions, trusted: &[IpNet]) -> Source {
    let id = extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let session = session_of(extensions).map(|key| key.public_id().into());
    Source {
        address: client_ip::client(headers, extensions, trusted),
        session,
        request_id: id.map(Into::into),
        user_agent: user_agent(headers).map(Into::into),
    }
}

/// The session that a request names, or its access token.
pub fn session_of(extensions: &Extensions) -> Option<SessionKey> {
    match extensions.get::<Bearer>() {
        Some(bearer) => Some(bearer.session.clone()),
        None => extensions.get::<Session>().and_then(Session::id).as_ref().map(session::key),
    }
}

fn user_agent(headers: &HeaderMap) -> Option<&str> {
    // `to_str` accepts visible ASCII only, so it can be cut anywhere.
    let name = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(&name[..name.len().min(MAX_USER_AGENT)])
}

impl FromRequestParts<AppState> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(source(&parts.headers, &parts.extensions, &state.config.trusted_proxies))
    }
}
