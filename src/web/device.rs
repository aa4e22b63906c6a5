//! The cookie of a device that logged in before.
//!
//! Owns its name and attributes. What is in it, and what it is good for, belongs to `accounts::device`. It stays when somebody logs
//! out: it lets nobody in.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;

use crate::http::cookies::cookie;
use crate::http::origin::Origins;
use crate::web::state::AppState;

/// For how long a browser keeps it, in seconds: a year.
const LASTS: u32 = 365 * 24 * 60 * 60;

/// What a browser kept, if anything; whether it is good is not looked at.
pub struct Kept(pub Option<String>);

impl FromRequestParts<AppState> for Kept {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Self(cookie(&parts.headers, state.origins.device_cookie_name()).map(ToOwned::to_owned)))
    }
}

/// Makes a browser keep it.
pub fn keep(response: &mut Response, value: &str, origins: &Origins) {
    let secure = if origins.is_https() { "; Secure" } else { "" };
    let line = format!("{}={value}; Path=/; Max-Age={LASTS}; HttpOnly; SameSite=Lax{secure}", origins.device_cookie_name());
    let line = HeaderValue::from_str(&line).expect("digits and fixed words are a header's value");
    response.headers_mut().append(SET_COOKIE, line);
}
