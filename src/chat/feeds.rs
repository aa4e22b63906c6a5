//! Feeds: a room's latest messages, or its pins, at a secret address that needs no log-in.
//!
//! Owns what a feed has, who may have one, and that an address is good only as long as its person may read the room. It must not know the
//! format of a feed.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Chat;
use crate::clock::Millis;
use crate::db::feeds::{Feed, FoundFeed};
use crate::db::rooms::RoomView;
use crate::encoding::{hex, random_hex};
use crate::error::{Error, Result};
use crate::model::{FeedKind, Kind, Logged, UserId, Window};
use crate::security_log::Event;

/// How many feeds a person may have.
const MOST: i64 = 50;
/// How many messages a feed has.
const LENGTH: usize = 50;
/// How many of a room's latest messages are looked at for them: some are notices, and some are deleted.
const LOOKED_AT: i64 = 100;
/// How exactly it is known when a feed was read last, in milliseconds: reading writes once in this time.
const HOUR: i64 = 60 * 60 * 1000;

const TOO_MANY: Error = Error::Forbidden("You have 50 feeds. Revoke some of them first.");

/// What a feed's reader may read now.
#[derive(Debug)]
pub struct Reading {
    /// The feed.
    pub feed: FoundFeed,
    /// Its room.
    pub view: RoomView,
    /// The messages, the latest first.
    pub messages: Vec<Arc<Logged>>,
    /// When anything of it changed last.
    pub updated_at: Millis,
}

impl Chat {
    /// Creates a feed of a room that its person can see; returns its id and the secret of its address. `event` is recorded with it.
    ///
    /// # Errors
    /// `forbidden` for who has too many.
    pub async fn create_feed(&self, user: UserId, view: &RoomView, kind: FeedKind, event: &Event) -> Result<(String, String)> {
        let token = random_hex();
        let token_hash = hash(&token);
        let id = token_hash[..16].to_owned();
        if self.db.insert_feed(&token_hash, user, (view.room.id, kind), MOST, event).await? {
            Ok((id, token))
        } else {
            Err(TOO_MANY)
        }
    }

    /// A person's feeds, with the rooms that they can still see: the name of another one is not theirs to know.
    pub async fn feeds(&self, user: UserId) -> Result<Vec<(Feed, Option<RoomView>)>> {
        let mut all = Vec::new();
        for feed in self.db.list_feeds(user).await? {
            let view = match self.view(user, &feed.slug).await {
                Ok(view) => Some(view),
                Err(Error::NotFound(_)) => None,
                Err(error) => return Err(error),
            };
            all.push((feed, view));
        }
        Ok(all)
    }

    /// Revokes one of a person's feeds.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn revoke_feed(&self, user: UserId, id: &str, event: &Event) -> Result<()> {
        if self.db.delete_feed(user, id, event).await? { Ok(()) } else { Err(Error::NotFound("feed")) }
    }

    /// Whose an address is, and of which room.
    ///
    /// # Errors
    /// `not_found`, also once its person cannot see the room any more, or has no open account.
    pub async fn find_feed(&self, token: &str) -> Result<(FoundFeed, RoomView)> {
        let token_hash = hash(token);
        let feed = self.db.find_feed(&token_hash).await?.ok_or(Error::NotFound("feed"))?;
        let view = self.view(feed.user_id, &feed.slug).await.map_err(|error| match error {
            Error::NotFound(_) => Error::NotFound("feed"),
            other => other,
        })?;
        let now = self.clock.now();
        if feed.used_at.is_none_or(|at| at.plus(HOUR) <= now)
            // Reading works on a full disk.
            && let Err(error) = self.db.use_feed(&token_hash, now).await
        {
            tracing::warn!(%error, "the last use of a feed was not stored");
        }
        Ok((feed, view))
    }

    /// What a feed has now. Whoever calls this has the right to read, from [`Self::find_feed`].
    pub async fn read_feed(&self, feed: FoundFeed, view: RoomView) -> Result<Reading> {
        let mut messages: Vec<_> = match feed.kind {
            FeedKind::Messages => {
                let mut page = self.page(&view, Window::Latest, LOOKED_AT).await?.messages;
                page.reverse();
                page
            }
            FeedKind::Pins => self.pins(&view, None).await?.messages,
        };
        messages.retain(|logged| logged.message.kind == Kind::Text && logged.message.deleted_at.is_none());
        messages.truncate(LENGTH);
        let updated = messages.iter().map(|logged| changed_at(logged, feed.kind)).max();
        let updated_at = updated.unwrap_or(view.room.created_at);
        Ok(Reading { feed, view, messages, updated_at })
    }
}

/// When a message came into a feed, or changed there.
pub fn changed_at(logged: &Logged, kind: FeedKind) -> Millis {
    let message = &logged.message;
    let pinned = message.pinned.as_ref().filter(|_| kind == FeedKind::Pins).map(|pin| pin.at);
    [Some(message.created_at), message.edited_at, pinned].into_iter().flatten().max().unwrap_or_default()
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
