//! The cookie of a log-in whose second factor is due.
//!
//! Owns its name and attributes. Its value is the token of `accounts::pending`: no credential by itself, and bound to this browser.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;

use crate::accounts::pending::LIFETIME;
use crate::http::cookies::cookie;
use crate::http::origin::Origins;
use crate::web::state::AppState;

/// The value of a browser's cookie, unverified.
pub struct LogInCookie(pub Option<String>);

impl FromRequestParts<AppState> for LogInCookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let value = cookie(&parts.headers, state.origins.log_in_cookie_name());
        Ok(Self(value.filter(|value| !value.is_empty()).map(ToOwned::to_owned)))
    }
}

/// Sets the cookie.
pub fn set(response: &mut Response, token: &str, origins: &Origins) {
    append(response, token, LIFETIME / 1000, origins);
}

/// Removes the cookie.
pub fn remove(response: &mut Response, origins: &Origins) {
    append(response, "", 0, origins);
}

fn append(response: &mut Response, value: &str, max_age: i64, origins: &Origins) {
    let secure = if origins.is_https() { "; Secure" } else { "" };
    let line = format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", origins.log_in_cookie_name());
    let line = HeaderValue::from_str(&line).expect("digits and fixed words are a header's value");
    response.headers_mut().append(SET_COOKIE, line);
}
