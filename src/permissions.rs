//! Permissions: who may do what. The one place that decides it, for the ledger's rules, pages, events and the API alike.
//!
//! Owns the decision and the sentence that explains a refusal. It must not read anything: whoever asks brings the facts. Which rooms
//! somebody can see at all is decided by the database while it reads them (`db::rooms::find_room`), by the same rule as [`can_see`].

use crate::config::Who;
use crate::error::{Error, Result};
use crate::model::{UserId, Visibility};

/// The refusal of those who are not members.
pub const NOT_A_MEMBER: Error = Error::Forbidden("Join the room first.");

/// Who wants to do something.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    /// Who.
    pub id: UserId,
    /// Whether they administer the server.
    pub is_admin: bool,
}

/// What a decision about a room depends on.
#[derive(Clone, Copy, Debug)]
pub struct RoomFacts {
    /// Who may find it.
    pub visibility: Visibility,
    /// Whether it is a conversation, whose people are fixed.
    pub is_direct: bool,
    /// Who created it; none for rooms that Parlor made.
    pub created_by: Option<UserId>,
    /// Whether the actor is a member.
    pub is_member: bool,
}

/// What somebody wants to do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Post, react, pin, move the read marker, or keep a draft.
    Participate,
    /// Edit a message of this author.
    Edit(UserId),
    /// Delete a message of this author.
    Delete(UserId),
    /// Read the edit history of a message of this author.
    SeeRevisions(UserId),
    /// Become a member, or end one's own membership.
    JoinOrLeave,
    /// Make somebody else a member.
    AddMember,
    /// End somebody else's membership.
    RemoveMember,
    /// Change the topic.
    ChangeTopic,
    /// Change the name or the visibility.
    Configure,
}

/// What somebody wants to do on the whole server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAction {
    /// Create an invite link, where this setting says who may.
    Invite(Who),
    /// Create a room, where this setting says who may.
    CreateRoom(Who),
    /// Change settings at run time.
    ChangeSettings,
    /// Ban this person.
    Ban(UserId),
    /// Lift a ban.
    Unban,
    /// End all of somebody's sessions.
    EndSessions,
    /// Create a link with which somebody can choose a new password.
    ResetPassword,
    /// Remove somebody's second factor.
    RemoveSecondFactor,
    /// See the nodes, and how they are.
    SeeNodes,
    /// See the overview, everybody, and all rooms.
    SeeAdministration,
    /// Read the audit log.
    ReadAudit,
}

/// Whether the actor may do this in a room that they can see.
///
/// # Errors
/// `forbidden`, with a sentence that says who may.
pub fn may(actor: Actor, action: Action, room: &RoomFacts) -> Result<()> {
    let must_be_member = || if room.is_member { Ok(()) } else { Err(NOT_A_MEMBER) };
    let must_have_open_membership =
        || allow(!room.is_direct, "You can’t add or remove people in a direct message. Start a new one, or create a room.");
    match action {
        Action::Participate | Action::ChangeTopic => must_be_member(),
        Action::Edit(author) => {
            must_be_member()?;
            allow(author == actor.id, "You can only edit your own messages.")
        }
        Action::Delete(author) => {
            must_be_member()?;
            let may = author == actor.id || is_owner(actor, room);
            allow(may, "Only the author, the room owner or an admin can delete this message.")
        }
        Action::SeeRevisions(author) => {
            allow(author == actor.id || actor.is_admin, "Only the author and admins can see the edit history.")
        }
        Action::JoinOrLeave => must_have_open_membership(),
        Action::AddMember => {
            must_be_member()?;
            must_have_open_membership()
        }
        Action::RemoveMember => {
            must_be_member()?;
            must_have_open_membership()?;
            allow(is_owner(actor, room), "Only the room owner or an admin can remove people.")
        }
        Action::Configure => {
            must_be_member()?;
            must_have_open_membership()?;
            allow(is_owner(actor, room), "Only the room owner or an admin can change the name or visibility.")
        }
    }
}

/// Whether the actor may do this on the server.
///
/// # Errors
/// `forbidden`, with a sentence that says who may.
pub fn may_administer(actor: Actor, action: ServerAction) -> Result<()> {
    match action {
        ServerAction::Invite(who) => allow(actor.is_admin || who == Who::Everyone, "Only admins can create invite links."),
        ServerAction::CreateRoom(who) => allow(actor.is_admin || who == Who::Everyone, "Only admins can create rooms."),
        ServerAction::ChangeSettings => allow(actor.is_admin, "Only admins can change the server’s settings."),
        ServerAction::Ban(person) => {
            allow(actor.is_admin, "Only admins can ban or unban people.")?;
            allow(person != actor.id, "You can’t ban yourself.")
        }
        ServerAction::Unban => allow(actor.is_admin, "Only admins can ban or unban people."),
        ServerAction::ResetPassword => allow(actor.is_admin, "Only admins can reset passwords."),
        ServerAction::RemoveSecondFactor => allow(actor.is_admin, "Only admins can remove a second factor."),
        ServerAction::EndSessions => allow(actor.is_admin, "Only admins can log other people out."),
        ServerAction::SeeNodes => allow(actor.is_admin, "Only admins can see the nodes."),
        ServerAction::SeeAdministration => allow(actor.is_admin, "Only admins can see the administration."),
        ServerAction::ReadAudit => allow(actor.is_admin, "Only admins can read the audit log."),
    }
}

/// Whether somebody can see a room: it is public, or they are a member.
#[must_use]
pub fn can_see(room: &RoomFacts) -> bool {
    room.visibility == Visibility::Public || room.is_member
}

/// Whether the actor owns a room: they created it, or they are an administrator.
#[must_use]
pub fn is_owner(actor: Actor, room: &RoomFacts) -> bool {
    room.created_by == Some(actor.id) || actor.is_admin
}

fn allow(is_allowed: bool, otherwise: &'static str) -> Result<()> {
    if is_allowed { Ok(()) } else { Err(Error::Forbidden(otherwise)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const ALL: [Action; 10] = [
        Action::Participate,
        Action::Edit(ADA),
        Action::Edit(BOB),
        Action::Delete(ADA),
        Action::Delete(BOB),
        Action::SeeRevisions(BOB),
        Action::JoinOrLeave,
        Action::AddMember,
        Action::RemoveMember,
        Action::Configure,
    ];

    /// What Ada may do, in the order of [`ALL`].
    fn allowed(is_admin: bool, is_creator: bool, is_member: bool, is_direct: bool) -> String {
        let room = RoomFacts {
            visibility: Visibility::Private,
            is_direct,
            created_by: Some(if is_creator { ADA } else { BOB }),
            is_member,
        };
        let actor = Actor { id: ADA, is_admin };
        ALL.iter().map(|action| if may(actor, *action, &room).is_ok() { 'x' } else { '.' }).collect()
    }

    #[test]
    fn everybody_may_do_what_is_theirs() {
        //                 admin, creator, member, direct
        assert_eq!(allowed(false, false, false, false), "......x...", "a stranger");
        assert_eq!(allowed(false, false, true, false), "xx.x..xx..", "a member");
        assert_eq!(allowed(false, true, true, false), "xx.xx.xxxx", "the owner");
        assert_eq!(allowed(true, false, true, false), "xx.xxxxxxx", "an admin");
        assert_eq!(allowed(true, false, false, false), ".....xx...", "an admin who is not a member");
        assert_eq!(allowed(false, true, true, true), "xx.xx.....", "in a conversation");
    }

    #[test]
    fn a_server_is_administered_by_admins() {
        let admin = Actor { id: ADA, is_admin: true };
        let person = Actor { id: ADA, is_admin: false };
        for action in [
            ServerAction::Invite(Who::Admins),
            ServerAction::CreateRoom(Who::Admins),
            ServerAction::ChangeSettings,
            ServerAction::Ban(BOB),
            ServerAction::Unban,
            ServerAction::EndSessions,
            ServerAction::ResetPassword,
            ServerAction::RemoveSecondFactor,
            ServerAction::SeeNodes,
            ServerAction::SeeAdministration,
            ServerAction::ReadAudit,
        ] {
            assert!(may_administer(admin, action).is_ok());
            assert_eq!(may_administer(person, action).unwrap_err().code(), "forbidden");
        }
        assert!(may_administer(admin, ServerAction::Ban(ADA)).is_err());
        for everyone in [ServerAction::Invite(Who::Everyone), ServerAction::CreateRoom(Who::Everyone)] {
            assert!(may_administer(person, everyone).is_ok());
        }
    }
}
