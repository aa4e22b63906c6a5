//! Invitations: making them, and what has become of one.
//!
//! Owns how long they are good, and what is told of one to whoever holds its link. Using one up is `registration`'s.

use std::sync::Arc;

use super::throttle::{Attempt, network};
use super::{Accounts, SessionUser, hash, token};
use crate::error::Result;
use crate::model::UserId;
use crate::security_log::{Action, Source};

/// How long an invitation is good, in milliseconds: a week.
const LASTS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What has become of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invite {
    /// It lets somebody in.
    Good,
    /// Somebody has registered with it.
    Used {
        /// Who made it; nobody, for one of the command line.
        from: Option<Arc<str>>,
    },
    /// It is out of date.
    Expired {
        /// Who made it; nobody, for one of the command line.
        from: Option<Arc<str>>,
    },
    /// There is none with this token.
    Unknown,
}

impl Accounts {
    /// Makes an administrator's invitation for one person; gives its token.
    ///
    /// # Errors
    /// The database's.
    pub async fn invite(&self, by: &SessionUser, source: &Source) -> Result<String> {
        let token = self.make_invite(Some(by.id)).await?;
        self.security.note(self.event(Action::InviteMade, source).by(&by.username));
        Ok(token)
    }

    /// Makes an invitation as the person at the command line says.
    ///
    /// # Errors
    /// The database's.
    pub async fn invite_by_hand(&self) -> Result<String> {
        let token = self.make_invite(None).await?;
        self.security.note(self.event(Action::InviteMade, &Source::default()).by_hand());
        Ok(token)
    }

    async fn make_invite(&self, created_by: Option<UserId>) -> Result<String> {
        let token = token();
        let now = self.clock.now();
        self.db.insert_invite(&hash(&token), created_by, now, now.plus(LASTS)).await?;
        Ok(token)
    }

    /// What has become of the invitation with this token. Nothing is told of one that there never was, and each such guess counts
    /// against its address.
    ///
    /// # Errors
    /// `rate_limited` after too many guesses; the database's.
    pub async fn check_invite(&self, token: &str, source: &Source) -> Result<Invite> {
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).detail("invite"))?;
        let Some(found) = self.db.find_invite(&hash(token.trim())).await? else {
            self.throttle.fail(attempt, self.clock.now());
            return Ok(Invite::Unknown);
        };
        let from = found.maker.map(Into::into);
        if found.used_at.is_some() {
            return Ok(Invite::Used { from });
        }
        Ok(if found.expires_at <= self.clock.now() { Invite::Expired { from } } else { Invite::Good })
    }
}
