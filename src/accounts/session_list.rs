//! Where people are logged in: listing their sessions, ending some of them, and announcing new log-ins.
//!
//! Owns who may end which session. Sessions end in the database first, then at every connection through
//! an event. Nothing here creates a session.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::mailing::{About, device};
use super::session::{Announced, NewLogIn, SessionUser};
use super::{Accounts, to_its_end};
use crate::clock::Millis;
use crate::db::people::Profile;
use crate::db::session_list::ListedSession;
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::events::{Event, SessionEnd};
use crate::model::SessionKey;
use crate::permissions::{self, ServerAction};
use crate::security_log::{self, Action, Source};

/// How many sessions a page lists.
const PAGE: usize = 50;

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnSession {
    /// Its public id, which is no secret.
    pub id: String,
    /// Whether it is the session of the request.
    pub current: bool,
    /// The client's address at the log-in.
    pub address: Option<String>,
    /// What the browser called itself at the log-in.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Millis,
    /// When it was last used.
    pub last_seen_at: Millis,
}

/// A page of sessions, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionsPage {
    /// The sessions.
    pub sessions: Vec<OwnSession>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

impl Accounts {
    /// The person's valid sessions, newest first, after the one with the id `after`, if it is not empty.
    ///
    /// # Errors
    /// `not_found` if there is no session with that id any more.
    pub async fn own_sessions(&self, user: &SessionUser, current: &SessionKey, after: &str) -> Result<SessionsPage> {
        let after = if after.is_empty() { None } else { Some(self.find_own_session(user, after).await?) };
        let (now, idle_since) = self.sessions.valid_at();
        let limit = PAGE as i64 + 1;
        let mut rows = self.db.list_sessions(user.id, now, idle_since, after.as_ref(), limit).await?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let sessions: Vec<_> = rows.into_iter().map(|row| OwnSession::of(row, current)).collect();
        let next = sessions.last().filter(|_| has_more).map(|last| last.id.clone());
        Ok(SessionsPage { sessions, next })
    }

    /// When a session of this person began, and its key.
    async fn find_own_session(&self, user: &SessionUser, id: &str) -> Result<(Millis, String)> {
        self.db.find_session_of(user.id, id).await?.ok_or(Error::NotFound("session"))
    }

    /// Ends one of the person's sessions; returns whether it was the session of the request.
    ///
    /// # Errors
    /// `not_found`, also for a session of somebody else.
    pub async fn end_session(
        self: &Arc<Self>,
        user: &SessionUser,
        current: &SessionKey,
        id: &str,
        source: &Source,
    ) -> Result<bool> {
        let (accounts, user, id, source) = (self.clone(), user.clone(), id.to_owned(), source.clone());
        let key = to_its_end(async move {
            let (_, key) = accounts.find_own_session(&user, &id).await?;
            let event = accounts.event(Action::EndSession, &source).by(user.id, &user.username).about(&*user.username);
            let ended = accounts.db.end_sessions(user.id, Some(&key), None, &event).await?;
            accounts.sessions_ended(ended, &event).await;
            Ok(key)
        })
        .await?;
        Ok(key == current.as_str())
    }

    /// Ends all sessions of the person except that of the request.
    pub async fn end_other_sessions(self: &Arc<Self>, user: &SessionUser, current: &SessionKey, source: &Source) -> Result<()> {
        let (accounts, user, current, source) = (self.clone(), user.clone(), current.clone(), source.clone());
        to_its_end(async move {
            let event = accounts.event(Action::EndSessions, &source).by(user.id, &user.username).about(&*user.username);
            let ended = accounts.db.end_sessions(user.id, None, Some(current.as_str()), &event).await?;
            accounts.sessions_ended(ended, &event).await;
            // Whoever ends all others has seen what there was to see.
            accounts.forget_new_log_in(&current).await
        })
        .await
    }

    /// Ends all sessions of anybody, by an administrator.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn end_sessions_of(self: &Arc<Self>, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        let (accounts, by, username, source) = (self.clone(), by.clone(), username.to_owned(), source.clone());
        to_its_end(async move {
            permissions::may_administer(by.actor(), ServerAction::EndSessions)?;
            let profile = accounts.profile(&username).await?;
            let event = accounts.event(Action::EndSessions, &source).by(by.id, &by.username).about(&*profile.username);
            let ended = accounts.db.end_sessions(profile.id, None, None, &event).await?;
            // Also connections that are just being admitted.
            accounts.access_ended(profile.id, SessionEnd::Ended).await;
            accounts.sessions_ended(ended, &event).await;
            Ok(profile)
        })
        .await
    }

    /// Ends the connections of sessions that were deleted, and writes the event's line. Returns once they can do nothing more.
    async fn sessions_ended(&self, keys: Vec<String>, event: &security_log::Event) {
        if keys.is_empty() {
            return;
        }
        let ended = |key| Event::SessionEnded { session: SessionKey::from_digits(key), reason: SessionEnd::Ended };
        self.events.deliver_all(keys.into_iter().map(ended).collect()).await;
        self.reports.committed(event);
    }

    /// Announces a log-in in the person's other sessions and by mail, unless the device was known: `known` is the token of an earlier log-in.
    pub async fn announce_log_in(
        self: &Arc<Self>,
        user: &User,
        known: Option<&str>,
        session: &SessionKey,
        source: &Source,
    ) -> Result<()> {
        if known.is_some_and(|kept| self.devices.verify(kept, Some(user)).is_some()) {
            return Ok(());
        }
        let log_in = NewLogIn {
            what: Announced::LogIn,
            at: self.clock.now(),
            address: source.address.map(|address| address.to_string().into()),
            user_agent: source.user_agent.clone(),
        };
        let log_in = serde_json::to_string(&log_in).map_err(|error| Error::Internal(error.to_string()))?;
        let notice = self.notice(user.id, &About::NewLogIn { device: device(source) }).await?;
        Ok(self.db.announce_log_in(user.id, session.as_str(), log_in, notice).await?)
    }

    /// Removes the announcement of a log-in from a session whose person has seen it.
    pub async fn forget_new_log_in(&self, session: &SessionKey) -> Result<()> {
        Ok(self.db.forget_new_log_in(session.as_str()).await?)
    }
}

impl OwnSession {
    fn of(row: ListedSession, current: &SessionKey) -> Self {
        let ListedSession { key, address, user_agent, created_at, last_seen_at } = row;
        let key = SessionKey::from_digits(key);
        Self { id: key.public_id().to_owned(), current: key == *current, address, user_agent, created_at, last_seen_at }
    }
}
