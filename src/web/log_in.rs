//! What follows a proof of who somebody is: the second factor, or the session.
//!
//! Owns the order of these steps, for every way to log in. It must not check a password or a code.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::device_cookie::{self, DeviceCookie};
use super::layers::session;
use super::log_in_cookie::{self, LogInCookie};
use super::passkey::ChallengeCookie;
use super::state::AppState;
use crate::db::users::User;
use crate::error::Result;
use crate::model::UserId;
use crate::security_log::Source;

/// The page that asks for the second factor.
pub const SECOND: &str = "/login/second";

/// The cookies of a browser that logs in, unverified.
pub struct LogInCookies {
    /// The token of an earlier log-in.
    pub device: Option<String>,
    /// The token of a log-in whose second factor is due.
    pub pending: Option<String>,
    /// A challenge for a passkey; empty without one.
    pub challenge: String,
}

impl FromRequestParts<AppState> for LogInCookies {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let DeviceCookie(device) = DeviceCookie::from_request_parts(parts, state).await?;
        let LogInCookie(pending) = LogInCookie::from_request_parts(parts, state).await?;
        let ChallengeCookie(challenge) = ChallengeCookie::from_request_parts(parts, state).await?;
        Ok(Self { device, pending, challenge })
    }
}

/// A browser whose person has given their password, or another first factor.
#[derive(Clone, Copy)]
pub struct LoggingIn<'a> {
    /// The person.
    pub user: &'a User,
    /// The request's session, which ends.
    pub session: &'a Session,
    /// The client.
    pub source: &'a Source,
    /// The token of an earlier log-in.
    pub device: Option<&'a str>,
    /// The path of the next page; `/` if it is empty.
    pub next: &'a str,
}

impl LoggingIn<'_> {
    /// After the first factor: asks for the second one if the person has one, or begins the session.
    pub async fn proceed(self, state: &AppState) -> Result<Response> {
        if !state.accounts.has_second_factor(self.user.id).await? {
            return self.finish(state, None).await;
        }
        let token = state.accounts.begin_pending(self.user, self.next).await?;
        let mut response = Redirect::to(SECOND).into_response();
        log_in_cookie::set(&mut response, &token, &state.origins);
        Ok(response)
    }

    /// After the last factor: begins the session. `proof` is the second factor, for the audit log.
    pub async fn finish(self, state: &AppState, proof: Option<&str>) -> Result<Response> {
        let Self { user, session, source, device, next } = self;
        let event = state.accounts.log_in_event(user, source);
        let event = if let Some(proof) = proof { event.note(proof) } else { event };
        session::begin(session, user.id, &state.accounts, source, Some(event)).await?;
        if let Err(error) = state.accounts.confirm(user, source).await {
            session::end(session, &state.accounts).await?;
            return Err(error);
        }
        // Nobody gets the cookie of a session whose person is not told of it.
        if let Err(error) = state.accounts.announce_log_in(user, device, &session::key_of(session)?, source).await {
            session::end(session, &state.accounts).await?;
            return Err(error);
        }
        welcome(state, user.id).await;
        let mut response = Redirect::to(if next.is_empty() { "/" } else { next }).into_response();
        device_cookie::set(&mut response, &state.accounts.remember(user, device), &state.origins);
        Ok(response)
    }
}

/// Adds a new account to the default rooms. After an error `/` tries again, so the person can enter all the same.
pub async fn welcome(state: &AppState, user: UserId) {
    if let Err(error) = state.chat.welcome(user).await {
        tracing::warn!(%error, "could not add a new account to the default rooms; `/` tries again");
    }
}
