//! The cookie of a device that logged in before.
//!
//! Owns its name and attributes. Its value and what it is good for belong to `accounts::device`. It survives a log-out: it is no
//! credential.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;

use crate::http::cookies::cookie;
use crate::http::origin::Origins;
use crate::web::state::AppState;

/// In seconds: a year.
const MAX_AGE: u32 = 365 * 24 * 60 * 60;

/// The value of a browser's cookie, unverified.
pub struct DeviceCookie(pub Option<String>);

impl FromRequestParts<AppState> for DeviceCookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(cookie(&parts.headers, state.origins.device_cookie_name()).map(ToOwned::to_owned)))
    }
}

/// Sets the cookie.
pub fn set(response: &mut Response, value: &str, origins: &Origins) {
    let secure = if origins.is_https() { "; Secure" } else { "" };
    let line = format!("{}={value}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}", origins.device_cookie_name());
    let line = HeaderValue::from_str(&line).expect("digits and fixed words are a header's value");
    response.headers_mut().append(SET_COOKIE, line);
}
