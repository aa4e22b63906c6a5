//! The cookie of a log-in that is under way at the OpenID provider.
//!
//! Owns its name and attributes. Its value belongs to `accounts::single_sign_on`. It is `Lax`, because the browser brings it along when the
//! provider sends it back.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;

use crate::http::cookies::cookie;
use crate::http::origin::Origins;
use crate::web::state::AppState;

/// In seconds, as long as a log-in may take.
const MAX_AGE: u32 = 10 * 60;

/// The value of a browser's cookie, unverified.
pub struct OidcCookie(pub String);

impl FromRequestParts<AppState> for OidcCookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(cookie(&parts.headers, state.origins.oidc_cookie_name()).unwrap_or_default().to_owned()))
    }
}

/// Sets the cookie.
pub fn set(response: &mut Response, value: &str, origins: &Origins) {
    append(response, value, MAX_AGE, origins);
}

/// Removes the cookie.
pub fn remove(response: &mut Response, origins: &Origins) {
    append(response, "", 0, origins);
}

fn append(response: &mut Response, value: &str, max_age: u32, origins: &Origins) {
    let secure = if origins.is_https() { "; Secure" } else { "" };
    let line = format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", origins.oidc_cookie_name());
    let line = HeaderValue::from_str(&line).expect("digits and fixed words are a header's value");
    response.headers_mut().append(SET_COOKIE, line);
}
