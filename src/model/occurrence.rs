//! What happens in rooms, by the names under which others are told of it.

use serde_json::{Value, json};

use super::{Kind, Message};

/// Something that happened in a room, or a test of whoever is told. Its name is a column of the database and a part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Occurrence {
    /// A message was posted.
    MessagePosted,
    /// A message got another text.
    MessageEdited,
    /// A message was deleted.
    MessageDeleted,
    /// A message was pinned.
    MessagePinned,
    /// A message was unpinned.
    MessageUnpinned,
    /// Somebody reacted to a message.
    ReactionAdded,
    /// Somebody took a reaction back.
    ReactionRemoved,
    /// Somebody became a member.
    MemberJoined,
    /// Somebody is no member any more.
    MemberLeft,
    /// A member has another role.
    MemberRole,
    /// A room was created.
    RoomCreated,
    /// A room has another name.
    RoomRenamed,
    /// A room has another topic.
    RoomTopic,
    /// A room became public or private.
    RoomVisibility,
    /// A room was archived.
    RoomArchived,
    /// An archived room was restored.
    RoomRestored,
    /// A room was deleted.
    RoomDeleted,
    /// Somebody used the slash command of a webhook.
    CommandUsed,
    /// An administrator tries whether a receiver hears anything.
    Test,
}

impl Occurrence {
    /// Those that can be chosen, in the order in which they are listed.
    pub const ALL: [Self; 18] = [
        Self::MessagePosted,
        Self::MessageEdited,
        Self::MessageDeleted,
        Self::MessagePinned,
        Self::MessageUnpinned,
        Self::ReactionAdded,
        Self::ReactionRemoved,
        Self::MemberJoined,
        Self::MemberLeft,
        Self::MemberRole,
        Self::RoomCreated,
        Self::RoomRenamed,
        Self::RoomTopic,
        Self::RoomVisibility,
        Self::RoomArchived,
        Self::RoomRestored,
        Self::RoomDeleted,
        Self::CommandUsed,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessagePosted => "message.posted",
            Self::MessageEdited => "message.edited",
            Self::MessageDeleted => "message.deleted",
            Self::MessagePinned => "message.pinned",
            Self::MessageUnpinned => "message.unpinned",
            Self::ReactionAdded => "reaction.added",
            Self::ReactionRemoved => "reaction.removed",
            Self::MemberJoined => "member.joined",
            Self::MemberLeft => "member.left",
            Self::MemberRole => "member.role",
            Self::RoomCreated => "room.created",
            Self::RoomRenamed => "room.renamed",
            Self::RoomTopic => "room.topic",
            Self::RoomVisibility => "room.visibility",
            Self::RoomArchived => "room.archived",
            Self::RoomRestored => "room.restored",
            Self::RoomDeleted => "room.deleted",
            Self::CommandUsed => "command.used",
            Self::Test => "test",
        }
    }

    /// One of [`Self::ALL`] by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// What a change of a message is, with what the message does not say: of a reaction, which one and whose it is. `None` if nobody did
    /// anything: link previews were added, or a file expired.
    pub fn of(before: Option<&Message>, after: &Message) -> Option<(Self, Option<Value>)> {
        let Some(before) = before else { return Some((Self::of_new(after), None)) };
        if before.deleted_at != after.deleted_at {
            return Some((Self::MessageDeleted, None));
        }
        if before.body != after.body {
            return Some((Self::MessageEdited, None));
        }
        match (&before.pinned, &after.pinned) {
            (None, Some(_)) => return Some((Self::MessagePinned, None)),
            (Some(_), None) => return Some((Self::MessageUnpinned, None)),
            _ => {}
        }
        if let Some(reaction) = reaction_besides(after, before) {
            return Some((Self::ReactionAdded, Some(reaction)));
        }
        reaction_besides(before, after).map(|reaction| (Self::ReactionRemoved, Some(reaction)))
    }

    fn of_new(message: &Message) -> Self {
        match message.kind {
            Kind::Text => Self::MessagePosted,
            Kind::Joined => Self::MemberJoined,
            Kind::Left => Self::MemberLeft,
            Kind::Role => Self::MemberRole,
            Kind::Renamed => Self::RoomRenamed,
            Kind::Topic => Self::RoomTopic,
            Kind::Visibility => Self::RoomVisibility,
            Kind::Archived if message.body == "archived" => Self::RoomArchived,
            Kind::Archived => Self::RoomRestored,
        }
    }
}

/// The first reaction of `one` that `other` does not have, with the id of whose it is: usernames can change before somebody is told.
fn reaction_besides(one: &Message, other: &Message) -> Option<Value> {
    one.reactions.iter().find_map(|reaction| {
        let same = other.reactions.iter().find(|same| same.emoji == reaction.emoji);
        let is_new = |user: &&std::sync::Arc<str>| same.is_none_or(|same| !same.users.contains(*user));
        let place = reaction.users.iter().position(|user| is_new(&user))?;
        let (_, user) = reaction.chosen.get(place)?;
        Some(json!({ "emoji": reaction.emoji, "user": user }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Millis;
    use crate::model::{Author, Pin, Reaction, UserId};

    fn message(kind: Kind, body: &str) -> Message {
        let author =
            Author { id: UserId(1), username: "ada".into(), name: "Ada".into(), is_alike: false, photo: None, is_bot: false };
        Message::new("tea".into(), 1, 1, kind, author, body.to_owned(), Millis(1))
    }

    #[test]
    fn a_name_is_read_back() {
        for one in Occurrence::ALL {
            assert_eq!(Occurrence::parse(one.as_str()), Some(one));
        }
        assert_eq!(Occurrence::parse("test"), None);
    }

    #[test]
    fn a_change_is_what_differs() {
        let posted = message(Kind::Text, "hello");
        let name = |before: Option<&Message>, after: &Message| Occurrence::of(before, after).map(|(one, _)| one.as_str());
        assert_eq!(name(None, &posted), Some("message.posted"));
        assert_eq!(name(None, &message(Kind::Archived, "restored")), Some("room.restored"));
        assert_eq!(name(Some(&posted), &message(Kind::Text, "bye")), Some("message.edited"));
        assert_eq!(name(Some(&posted), &posted), None);
        let pinned = Message { pinned: Some(Pin { by: "ada".into(), at: Millis(2) }), ..posted.clone() };
        assert_eq!(name(Some(&posted), &pinned), Some("message.pinned"));
        assert_eq!(name(Some(&pinned), &posted), Some("message.unpinned"));
        let chosen = vec![(Millis(1), UserId(7))];
        let reaction = Reaction { emoji: "🍵".into(), users: vec!["eve".into()], chosen };
        let liked = Message { reactions: vec![reaction], ..posted.clone() };
        let told = Some(json!({ "emoji": "🍵", "user": 7 }));
        assert_eq!(Occurrence::of(Some(&posted), &liked), Some((Occurrence::ReactionAdded, told.clone())));
        assert_eq!(Occurrence::of(Some(&liked), &posted), Some((Occurrence::ReactionRemoved, told)));
        let deleted = Message { deleted_at: Some(Millis(3)), body: String::new(), ..liked.clone() };
        assert_eq!(name(Some(&liked), &deleted), Some("message.deleted"));
    }
}
