//! The cookie with a browser's theme, for pages without a session: logging in, registering, errors.
//!
//! Owns its name and attributes. `js/core/theme.js` sets it too. It is not secret, and it survives a log-out.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::http::cookies::cookie;
use crate::http::origin::Origins;
use crate::model::Theme;

/// In seconds: a year.
const MAX_AGE: u32 = 365 * 24 * 60 * 60;
/// The script uses the same name.
const NAME: &str = "theme";

/// The theme in a browser's cookie; by default, the device's.
pub struct ThemeCookie(pub Theme);

impl<S: Send + Sync> FromRequestParts<S> for ThemeCookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(of(&parts.headers)))
    }
}

/// The theme in these headers; by default, the device's.
pub fn of(headers: &HeaderMap) -> Theme {
    cookie(headers, NAME).and_then(Theme::parse).unwrap_or_default()
}

/// Sets the cookie.
pub fn set(response: &mut Response, theme: Theme, origins: &Origins) {
    let secure = if origins.is_https() { "; Secure" } else { "" };
    let line = format!("{NAME}={}; Path=/; Max-Age={MAX_AGE}; SameSite=Lax{secure}", theme.as_str());
    let line = HeaderValue::from_str(&line).expect("fixed words are a header's value");
    response.headers_mut().append(SET_COOKIE, line);
}
