//! The cookies of a request.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use tower_sessions::session::Id;

use super::origin::Origins;
use crate::accounts::session;
use crate::model::SessionKey;

/// The key of the session that a request's cookie names. The session need not exist.
pub fn session_key(headers: &HeaderMap, origins: &Origins) -> Option<SessionKey> {
    let id = cookie(headers, origins.cookie_name())?;
    Some(session::key(&id.parse::<Id>().ok()?))
}

/// The value of the first cookie with a name.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(named, _)| *named == name).map(|(_, value)| value)
}
