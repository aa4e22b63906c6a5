//! Blocking people: their messages are collapsed, their mentions do not notify, and the two have no direct messages.
//!
//! Owns these use-cases. Pages and scripts collapse messages; the ledger's rules refuse direct messages.

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::db::blocks::BlockedPerson;
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::UserId;
use crate::model::pagination::{PageRequest, PeopleListPage};
use crate::model::username::Username;

/// How many people one person can block.
const MAX_BLOCKED: i64 = 1_000;

impl Chat {
    /// Blocks a person.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, or `forbidden` for oneself and beyond 1,000 blocks.
    pub async fn block(&self, user: UserId, username: &str) -> Result<User> {
        let person = self.person_to_block(user, username).await?;
        if person.id == user {
            return Err(Error::Forbidden("You can’t block yourself."));
        }
        if !self.db.block(user, person.id, self.clock.now(), MAX_BLOCKED).await? {
            return Err(Error::Forbidden("You’ve blocked 1,000 people, the most one person can block."));
        }
        self.publish_block(user, &person, true).await;
        Ok(person)
    }

    /// Ends a block.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`.
    pub async fn unblock(&self, user: UserId, username: &str) -> Result<User> {
        let person = self.person_to_block(user, username).await?;
        self.db.unblock(user, person.id).await?;
        self.publish_block(user, &person, false).await;
        Ok(person)
    }

    /// A page of the people whom a user has blocked, by name.
    pub async fn blocked(&self, user: UserId, request: &PageRequest) -> Result<PeopleListPage<BlockedPerson>> {
        let people = self.db.list_blocked(user, request, PageRequest::LIMIT).await?;
        Ok(PeopleListPage::new(people, |person| &person.username))
    }

    /// Refuses a new conversation of two, if one of them has blocked the other.
    pub(super) async fn check_blocks(&self, people: &[UserId]) -> Result<()> {
        let [one, other] = people else { return Ok(()) };
        if self.db.has_blocked(*one, *other).await? {
            return Err(Error::Forbidden("You blocked them. Unblock them to send messages."));
        }
        if self.db.has_blocked(*other, *one).await? {
            return Err(Error::Forbidden("You can’t send them messages."));
        }
        Ok(())
    }

    async fn person_to_block(&self, user: UserId, username: &str) -> Result<User> {
        self.allow(user, ActionKind::NotificationLevel)?;
        let username = Username::parse(username).map_err(|_| Error::NotFound("person"))?;
        let person = self.db.find_user_by_name(username.as_str()).await?.ok_or(Error::NotFound("person"))?;
        if self.db.is_stranger_to_guest(user, person.id).await? {
            return Err(Error::NotFound("person"));
        }
        Ok(person)
    }

    async fn publish_block(&self, user: UserId, person: &User, is_blocked: bool) {
        self.events.publish(vec![Event::BlockSet { user, username: person.username.clone(), is_blocked }]).await;
    }
}
