//! Requests with an access token: who sends them, and what the token's scopes permit.
//!
//! Owns the one table of what needs which scope over HTTP (`realtime::inbound` has that of events), and the answers to tokens that do
//! not suffice. A request with a token is nobody else's: its cookies are ignored, and it needs no `Origin`, because no page can make a browser
//! send one. What the person may do is decided by the use-cases all the same.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT, COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::errors;
use crate::chat::rate_limits;
use crate::error::Error;
use crate::http::bearer;
use crate::model::Scope;
use crate::web::accept::{Format, wants_events};
use crate::web::bearer::Bearer;
use crate::web::source::source;
use crate::web::state::AppState;

/// Where the API is: it answers in JSON only.
pub const API: &str = "/api/v1";

/// Finds the account of a request's token, and refuses what the token does not permit.
pub async fn authenticate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let secret = bearer::secret(request.headers()).map(ToOwned::to_owned);
    let is_api = is_api(request.uri().path());
    prefer_json(request.headers_mut(), is_api, secret.is_some());
    let format = Format::of(request.headers());
    let Some(secret) = secret else {
        let mut response = next.run(request).await;
        if format.is_json() && response.status() == StatusCode::UNAUTHORIZED {
            challenge(&mut response, "Bearer");
        }
        return response;
    };
    let source = source(request.headers(), request.extensions(), &state.config.trusted_proxies);
    let (session, user) = match state.accounts.token_user(&secret, &source).await {
        Ok(found) => found,
        Err(error) => {
            let mut response = errors::plain(error, format);
            if response.status() == StatusCode::UNAUTHORIZED {
                challenge(&mut response, INVALID);
            }
            return response;
        }
    };
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or_else(|| request.uri().path(), MatchedPath::as_str);
    match needed(request.method(), path) {
        Need::Scope(scope) if user.token.is_some_and(|scopes| scopes.allow(scope)) => {}
        Need::Scope(scope) => {
            let mut response = errors::plain(LACKING, format);
            challenge(&mut response, &format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scope.as_str()));
            return response;
        }
        Need::LogIn => return errors::plain(NEVER, format),
    }
    request.headers_mut().remove(COOKIE);
    request.extensions_mut().insert(Bearer { session, user: Arc::new(user) });
    let mut response = rate_limits::spend_as(true, next.run(request)).await;
    // It ended while the request was answered, which may have waited.
    if response.status() == StatusCode::UNAUTHORIZED {
        challenge(&mut response, INVALID);
    }
    response
}

const INVALID: &str = "Bearer error=\"invalid_token\"";

const LACKING: Error = Error::Forbidden("This access token’s scopes don’t allow that.");
const NEVER: Error = Error::Forbidden("Access tokens can’t do that. Log in to do it.");

fn challenge(response: &mut Response, words: &str) {
    let value = HeaderValue::from_str(words).expect("fixed words are a header's value");
    response.headers_mut().insert(WWW_AUTHENTICATE, value);
}

fn is_api(path: &str) -> bool {
    path.strip_prefix(API).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The API answers in JSON whatever is asked for, and so does a page to a program that does not say what it wants.
fn prefer_json(headers: &mut HeaderMap, is_api: bool, is_bearer: bool) {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default().trim();
    let preferred = match (is_api, is_bearer) {
        (true, _) if wants_events(headers) => "text/event-stream, application/json",
        (true, _) => "application/json",
        (false, true) if matches!(accepted, "" | "*/*") => "application/json",
        (false, _) => return,
    };
    headers.insert(ACCEPT, HeaderValue::from_static(preferred));
}

/// What a request needs of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// This scope.
    Scope(Scope),
    /// A session that somebody logged in with.
    LogIn,
}

/// What a request for a route needs. A route that is not named here is read or written in rooms; what belongs to an account and its
/// credentials is below `/settings` or named.
fn needed(method: &Method, route: &str) -> Need {
    let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let route = if is_api(route) { &route[API.len()..] } else { route };
    let mut segments = route.split('/').skip(1);
    let first = segments.next().unwrap_or_default();
    let rest: Vec<_> = segments.collect();
    match (first, &*rest) {
        // Who can reset a password or remove a second factor can become anybody, for good.
        ("admin", [.., "reset"] | [.., "two-factor", _]) => Need::LogIn,
        ("admin", _) | ("people", [_, "ban" | "unban"]) => Need::Scope(Scope::Admin),
        ("login" | "logout" | "register" | "reset" | "confirm" | "setup" | "email", _) => Need::LogIn,
        // Where one's archive is, and `db::files` keeps the archive itself.
        ("settings", ["data"]) => Need::LogIn,
        // A new second factor's secret is shown there.
        ("settings", ["password" | "two-factor", ..]) => Need::LogIn,
        ("settings" | "me" | "sessions" | "bots" | "feeds", _) if is_read => Need::Scope(Scope::Read),
        // The profile, and reminders, which are written in rooms.
        ("settings" | "me", [] | ["photo" | "reminders", ..]) => Need::Scope(Scope::Write),
        ("settings" | "me" | "sessions" | "bots" | "feeds", _) => Need::LogIn,
        _ => Need::Scope(if is_read { Scope::Read } else { Scope::Write }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_needs_a_scope_or_a_log_in() {
        let need = |route: &str| {
            let (method, path) = route.split_once(' ').unwrap();
            match needed(&method.parse().unwrap(), path) {
                Need::Scope(scope) => scope.as_str(),
                Need::LogIn => "log in",
            }
        };
        for (routes, expected) in [
            (
                &[
                    "GET /rooms",
                    "HEAD /uploads/{id}",
                    "OPTIONS /uploads",
                    "GET /files/{id}/{name}",
                    "GET /settings/tokens",
                    "GET /settings/sessions",
                    "GET /api/v1/rooms/{slug}/changes",
                    "GET /api/v1/me",
                    "GET /api/v1/bots",
                    "GET /api/v1/feeds",
                    "GET /api/v1/sidebar",
                    "GET /api/v1/rooms/{slug}/commands",
                    "GET /api/v1/emoji",
                    "GET /api/v1/me/notifications",
                ][..],
                "read",
            ),
            (
                &[
                    "POST /rooms/{slug}/messages",
                    "PATCH /uploads/{id}",
                    "POST /settings",
                    "POST /settings/photo",
                    "POST /settings/photo/remove",
                    "POST /people/{username}/block",
                    "DELETE /api/v1/rooms/{slug}/messages/{seq}",
                    "PUT /api/v1/rooms/{slug}/messages/{seq}/reactions/{emoji}",
                    "PATCH /api/v1/me",
                    "PUT /api/v1/me/photo",
                    "DELETE /api/v1/me/reminders/{id}",
                    "PUT /api/v1/sidebar/{section}",
                    "POST /api/v1/invites",
                    "POST /api/v1/rooms/{slug}/hooks",
                    "POST /api/v1/rooms/{slug}/commands",
                    "PUT /api/v1/rooms/{slug}/hooks/{id}/photo",
                ],
                "write",
            ),
            (
                &[
                    "GET /admin",
                    "GET /admin/audit",
                    "POST /admin/people/{username}/role",
                    "POST /people/{username}/ban",
                    "GET /api/v1/admin/people",
                    "PUT /api/v1/admin/people/{username}/ban",
                    "DELETE /api/v1/admin/people/{username}",
                    "DELETE /api/v1/admin/invites/{id}",
                    "POST /api/v1/admin/webhooks",
                ],
                "admin",
            ),
            (
                &[
                    "POST /settings/tokens",
                    "POST /settings/tokens/{id}/revoke",
                    "POST /settings/password",
                    "GET /settings/password",
                    "GET /settings/two-factor",
                    "POST /settings/email",
                    "POST /settings/two-factor/totp",
                    "POST /settings/two-factor/passkeys",
                    "POST /settings/account/delete",
                    "POST /settings/account/deactivate",
                    "POST /settings/sessions/end-others",
                    "GET /settings/data",
                    "HEAD /settings/data",
                    "POST /settings/data",
                    "POST /confirm",
                    "POST /logout",
                    "POST /admin/people/{username}/reset",
                    "POST /admin/people/{username}/two-factor/remove",
                    "DELETE /api/v1/sessions/{id}",
                    "DELETE /api/v1/feeds/{id}",
                    "POST /api/v1/bots",
                    "DELETE /api/v1/bots/{username}",
                    "PUT /api/v1/bots/{username}/photo",
                    "DELETE /api/v1/bots/{username}/rooms/{room}",
                    "PATCH /api/v1/me/notifications",
                ],
                "log in",
            ),
        ] {
            for route in routes {
                assert_eq!(need(route), expected, "{route}");
            }
        }
    }
}
