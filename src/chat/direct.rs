//! Direct messages: conversations between a fixed set of people.
//!
//! Owns finding and creating them, and their names, which depend on the reader. They are private rooms; the ledger's rules keep
//! their members fixed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::db::direct::Direct;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::pagination::RoomListPage;
use crate::model::{ListedRoom, RoomId, UserId};

/// Maximum number of other people in a conversation.
pub const MAX_OTHERS: usize = 8;
/// Maximum number of conversations per user.
const MOST: i64 = 2_000;
/// Conversations per page.
const CONVERSATIONS: usize = 50;

/// A conversation that a user has opened.
#[derive(Clone, Debug)]
pub struct OpenedConversation {
    /// The room's slug.
    pub slug: Arc<str>,
    /// The room's id.
    pub room: RoomId,
    /// Everybody in it.
    pub people: Vec<UserId>,
    /// Whether it was just created.
    pub is_new: bool,
}

/// Splits usernames at commas and whitespace, without a leading `@`.
pub fn usernames<T: AsRef<str>>(lines: &[T]) -> Vec<&str> {
    let names = lines.iter().flat_map(|line| line.as_ref().split(|c: char| c == ',' || c.is_whitespace()));
    names.map(|name| name.trim_start_matches('@')).filter(|name| !name.is_empty()).collect()
}

impl Chat {
    /// Finds or creates the conversation with these users. With only oneself it is a place for notes.
    ///
    /// # Errors
    /// `invalid` for `users` if one is unknown, or there are none or too many; `forbidden` if one is banned, or one of two has blocked the other; `rate_limited`.
    pub async fn direct(&self, maker: UserId, usernames: &[&str]) -> Result<OpenedConversation> {
        self.allow(maker, ActionKind::People)?;
        let mut people = vec![maker];
        let mut has_banned = false;
        if usernames.is_empty() {
            return Err(Error::invalid("users", "Choose at least one person."));
        }
        // Before any lookup: a list of thousands costs nothing.
        if usernames.len() > 2 * MAX_OTHERS {
            return Err(too_many());
        }
        for username in usernames {
            let found = self.db.find_profile(&username.to_lowercase()).await?;
            let person = found.ok_or_else(|| Error::invalid("users", format!("No one has the username @{username}.")))?;
            if self.db.is_stranger_to_guest(maker, person.id).await? {
                return Err(Error::invalid("users", format!("No one has the username @{username}.")));
            }
            has_banned |= person.banned_at.is_some();
            if !people.contains(&person.id) {
                people.push(person.id);
            }
        }
        if people.len() > MAX_OTHERS + 1 {
            return Err(too_many());
        }
        if let Some(found) = self.db.find_direct(&people).await? {
            return Ok(self.opened(found, people));
        }
        if has_banned {
            return Err(Error::Forbidden("One of these people no longer has an account."));
        }
        self.check_blocks(&people).await?;
        self.allow(maker, ActionKind::Create)?;
        for person in &people {
            if self.rate_limits.is_on() && self.db.count_rooms_of(*person, true, MOST).await? >= MOST {
                let many = format!("One of these people is already in {MOST} conversations, the most one person can have.");
                return Err(Error::invalid("users", many));
            }
        }
        let made = self.db.insert_direct(&people, self.clock.now()).await?;
        if made.is_new {
            let added = |user: &UserId| Event::MemberAdded { room: made.id, user: *user, rev: 0 };
            self.events.publish(people.iter().map(added).collect()).await;
        }
        Ok(self.opened(made, people))
    }

    fn opened(&self, Direct { id, slug, is_new }: Direct, people: Vec<UserId>) -> OpenedConversation {
        OpenedConversation { slug, room: id, people, is_new }
    }

    /// Everybody with whom a user has a conversation.
    pub async fn participants(&self, person: UserId) -> Result<BTreeSet<UserId>> {
        let rooms = self.db.list_participants(person).await?;
        Ok(rooms
            .into_values()
            .flat_map(|participants| participants.people)
            .map(|other| other.id)
            .filter(|other| *other != person)
            .collect())
    }

    /// A page of a user's conversations, by last activity.
    ///
    /// # Errors
    /// `invalid` for an `after` that is not the `next` of an earlier page.
    pub async fn conversations(&self, reader: UserId, after: &str) -> Result<RoomListPage> {
        let behind = match after.split_once('~') {
            _ if after.is_empty() => Some((i64::MAX, "")),
            Some((since, slug)) => since.parse().ok().map(|since| (since, slug)),
            None => None,
        };
        let behind = behind.ok_or_else(|| Error::invalid("after", "`after` must be the `next` of an earlier answer."))?;
        let mut rooms = self.db.list_conversations(reader, behind, CONVERSATIONS as i64 + 1).await?;
        self.name_rooms(&mut rooms, reader).await?;
        let since = |listed: &ListedRoom| listed.talked_at.unwrap_or(listed.room.created_at).0;
        rooms.sort_by(|one, other| (since(other), &other.room.slug).cmp(&(since(one), &one.room.slug)));
        let has_more = rooms.len() > CONVERSATIONS;
        rooms.truncate(CONVERSATIONS);
        let next = rooms.last().filter(|_| has_more).map(|last| format!("{}~{}", since(last), last.room.slug));
        Ok(RoomListPage { rooms, next })
    }

    /// Names a conversation as its reader sees it.
    pub(super) async fn name_view(&self, view: &mut RoomView, reader: UserId) -> Result<()> {
        if view.room.is_direct {
            let mut people = self.db.list_people_of(view.room.id).await?;
            if people.len() > 1 {
                people.retain(|person| person.id != reader);
            }
            view.room.name_for(reader, people);
        }
        Ok(())
    }

    /// Names a user's conversations as they see them, and moves them after the rooms, by last activity.
    pub(super) async fn name_rooms(&self, rooms: &mut [ListedRoom], reader: UserId) -> Result<()> {
        let direct: Vec<_> = rooms.iter().filter(|listed| listed.room.is_direct).map(|listed| listed.room.id).collect();
        if direct.is_empty() {
            return Ok(());
        }
        let mut participants = self.db.list_participants_in(reader, &direct).await?;
        for listed in rooms.iter_mut().filter(|listed| listed.room.is_direct) {
            let participants = participants.remove(&listed.room.id).unwrap_or_default();
            listed.talked_at = participants.talked_at;
            listed.room.name_for(reader, participants.people);
        }
        rooms.sort_by_key(|listed| {
            let since = listed.talked_at.unwrap_or(listed.room.created_at);
            listed.room.is_direct.then_some(std::cmp::Reverse(since))
        });
        Ok(())
    }
}

fn too_many() -> Error {
    Error::invalid("users", format!("Group messages can have up to {MAX_OTHERS} other people. Create a room instead."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_separated_by_commas_or_spaces() {
        assert_eq!(usernames(&[" @ada, grace\teve,,\n@b.c ", "mary"]), ["ada", "grace", "eve", "b.c", "mary"]);
        assert_eq!(usernames(&[" , @ ", ""]), <[&str; 0]>::default());
    }
}
