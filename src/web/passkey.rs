//! Challenges for passkeys: the cookie that binds the answer to this browser, and whether browsers can answer at all.
//!
//! Owns the cookie's attributes. Its value is signed by `accounts::passkeys`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Json, Response};

use crate::accounts::passkeys::{Challenge, LIFETIME};
use crate::http::cookies::cookie;
use crate::http::origin::Origins;
use crate::web::state::AppState;

/// The value of a browser's cookie, unverified; empty without one.
pub struct ChallengeCookie(pub String);

impl FromRequestParts<AppState> for ChallengeCookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(cookie(&parts.headers, state.origins.challenge_cookie_name()).unwrap_or_default().to_owned()))
    }
}

/// Whether passkeys work at the address at which a browser reaches the site; if not, why.
pub fn work_at(state: &AppState, headers: &HeaderMap) -> Result<(), &'static str> {
    let origin = state.origins.own(headers);
    let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
    let host = authority.parse::<Authority>();
    state.accounts.passkeys().work_at(host.as_ref().map_or("", |host| host.host()))
}

/// The options for the browser, with the cookie that its answer must come with.
pub fn asked(state: &AppState, Challenge { options, cookie }: Challenge) -> Response {
    let mut response = Json(options).into_response();
    set(&mut response, &cookie, &state.origins);
    response
}

/// Sets the cookie.
fn set(response: &mut Response, value: &str, origins: &Origins) {
    let secure = if origins.is_https() { "; Secure" } else { "" };
    let (name, max_age) = (origins.challenge_cookie_name(), LIFETIME / 1000);
    let line = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}");
    let line = HeaderValue::from_str(&line).expect("letters, digits and fixed signs are a header's value");
    response.headers_mut().append(SET_COOKIE, line);
}
