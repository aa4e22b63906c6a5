//! Invitations: creating and checking them.
//!
//! Owns their lifetime, and what a visitor learns about one. `registration` uses them up.

use std::sync::Arc;

use super::throttle::{Attempt, network};
use super::{Accounts, SessionUser, hash};
use crate::encoding::random_hex;
use crate::error::Result;
use crate::model::UserId;
use crate::security_log::{Action, Event, Source};

/// Lifetime of an invitation: a week, in milliseconds.
const LASTS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The state of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invite {
    /// It is valid.
    Good,
    /// It was used.
    Used {
        /// Who created it; `None` for the command line.
        from: Option<Arc<str>>,
    },
    /// It has expired.
    Expired {
        /// Who created it; `None` for the command line.
        from: Option<Arc<str>>,
    },
    /// There is no invitation with this token.
    Unknown,
}

impl Accounts {
    /// Creates an invitation for one person; returns its token.
    pub async fn invite(&self, by: &SessionUser, source: &Source) -> Result<String> {
        self.make_invite(Some(by.id), self.event(Action::CreateInvite, source).by(by.id, &by.username)).await
    }

    /// Creates an invitation at the command line; returns its token.
    pub async fn invite_by_hand(&self) -> Result<String> {
        self.make_invite(None, self.event(Action::CreateInvite, &Source::default()).by_hand()).await
    }

    async fn make_invite(&self, created_by: Option<UserId>, event: Event) -> Result<String> {
        let token = random_hex();
        let now = self.clock.now();
        self.db.insert_invite(&hash(&token), created_by, now, now.plus(LASTS), std::slice::from_ref(&event)).await?;
        self.reports.committed(&event);
        Ok(token)
    }

    /// The state of the invitation with this token. An unknown token counts as a guess from its address.
    ///
    /// # Errors
    /// `rate_limited` after too many guesses.
    pub async fn check_invite(&self, token: &str, source: &Source) -> Result<Invite> {
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).note("invite"))?;
        let Some(found) = self.db.find_invite(&hash(token.trim())).await? else {
            self.failed(&attempt);
            return Ok(Invite::Unknown);
        };
        let from = found.maker.map(Into::into);
        if found.used_at.is_some() {
            return Ok(Invite::Used { from });
        }
        Ok(if found.expires_at <= self.clock.now() { Invite::Expired { from } } else { Invite::Good })
    }
}
