//! The cookie that tells a browser's theme, for the pages of nobody: logging in, registering, and refusals.
//!
//! Owns its name and attributes. `js/theme.js` keeps it as well. It holds a word that is no secret, and stays when somebody logs out.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;

use crate::http::cookies::cookie;
use crate::http::origin::Origins;
use crate::model::Theme;

/// For how long a browser keeps it, in seconds: a year.
const LASTS: u32 = 365 * 24 * 60 * 60;
/// What it is called; the script knows it too.
const NAME: &str = "theme";

/// The theme that a browser told.
pub struct Told(pub Theme);

impl<S: Send + Sync> FromRequestParts<S> for Told {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(of(&parts.headers)))
    }
}

/// The theme that these headers tell; as the device has it, where they tell none.
#[must_use]
pub fn of(headers: &HeaderMap) -> Theme {
    cookie(headers, NAME).and_then(Theme::parse).unwrap_or_default()
}

/// Makes a browser keep it.
pub fn keep(response: &mut Response, theme: Theme, origins: &Origins) {
    let secure = if origins.is_https() { "; Secure" } else { "" };
    let line = format!("{NAME}={}; Path=/; Max-Age={LASTS}; SameSite=Lax{secure}", theme.as_str());
    let line = HeaderValue::from_str(&line).expect("fixed words are a header's value");
    response.headers_mut().append(SET_COOKIE, line);
}
