//! Permissions: who may do what. The one place that decides it, for the ledger's rules, pages, events and the API alike.
//!
//! Owns the decision and the sentence that explains a refusal. It must not read anything: whoever asks brings the facts. Which rooms
//! somebody can see at all is decided by the database while it reads them (`db::rooms::find_room`), by the same rule as [`can_see`].

use crate::config::Who;
use crate::error::{Error, Result};
use crate::model::{RoomPolicy, RoomRole, UserId, Visibility};

/// The refusal of those who are not members.
pub const NOT_A_MEMBER: Error = Error::Forbidden("Join the room first.");

/// The refusal of changes in an archived room.
const ARCHIVED: &str = "This room is archived. Its owners can restore it.";

/// Who wants to do something.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    /// Who.
    pub id: UserId,
    /// Whether they administer the server.
    pub is_admin: bool,
    /// Whether they are a guest.
    pub is_guest: bool,
}

/// Who asks for something, and whether they may do it as an administrator, if they are one: an access token without the scope `admin` has the
/// rights of a member, whoever its owner is. Only the session knows that, and only the database knows what its person is when it is decided: the
/// two meet in [`Self::administers`]. It is not made of an id alone, so that nobody's rights are assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub id: UserId,
    /// Whether an administrator's power counts, if they have it.
    pub may_administer: bool,
}

impl Caller {
    /// Somebody with the rights of a member, whatever else they are: for what needs no more, and for what the server does in their name.
    #[must_use]
    pub const fn as_member(id: UserId) -> Self {
        Self { id, may_administer: false }
    }

    /// Whether they act as an administrator, being one or not.
    #[must_use]
    pub const fn administers(self, is_admin: bool) -> bool {
        is_admin && self.may_administer
    }
}

impl From<Actor> for Caller {
    /// The same person with the same rights.
    fn from(actor: Actor) -> Self {
        Self { id: actor.id, may_administer: actor.is_admin }
    }
}

/// What a decision about a room depends on.
#[derive(Clone, Copy, Debug)]
pub struct RoomFacts {
    /// Who may find it.
    pub visibility: Visibility,
    /// Whether it is a conversation, whose people are fixed.
    pub is_direct: bool,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Who may post in it and mention everybody.
    pub policy: RoomPolicy,
    /// The actor's role; none for non-members.
    pub role: Option<RoomRole>,
    /// Whether the actor cannot see it although it is public: as a guest, or banned from it.
    pub is_excluded: bool,
}

/// What somebody wants to do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Move the read marker, or keep a draft.
    Read,
    /// React, or pin a message.
    Participate,
    /// Post a message.
    Post,
    /// Mention `@room` or `@here`.
    MentionEverybody,
    /// Edit a message of this author.
    Edit(UserId),
    /// Delete a message of this author.
    Delete(UserId),
    /// Delete a notice.
    DeleteNotice,
    /// Read the edit history of a message of this author.
    SeeRevisions(UserId),
    /// Become a member.
    Join,
    /// End one's own membership.
    Leave,
    /// Make somebody else a member.
    AddMember,
    /// End the membership of somebody with this role.
    RemoveMember(RoomRole),
    /// Ban somebody with this role; non-members count as members.
    Ban(RoomRole),
    /// List bans and lift them.
    Unban,
    /// Change the topic.
    ChangeTopic,
    /// Handle reports.
    Moderate,
    /// Change the name, the address, the visibility, or who may post.
    Configure,
    /// Change the icon.
    SetIcon,
    /// Change somebody's role.
    SetRole,
    /// Decide how long messages and files are kept.
    SetRetention,
    /// Make and revoke incoming webhooks.
    ManageHooks,
    /// Archive or restore the room.
    Archive,
    /// Delete the room.
    DeleteRoom,
    /// Become the owner without being made one.
    TakeOwnership,
}

/// What somebody wants to do on the whole server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAction {
    /// Create an invite link, where this setting says who may.
    Invite(Who),
    /// Create a room, where this setting says who may.
    CreateRoom(Who),
    /// Make a bot.
    MakeBot,
    /// Change settings at run time.
    ChangeSettings,
    /// Ban this person.
    Ban(UserId),
    /// Lift a ban.
    Unban,
    /// Deactivate the account of this person.
    Deactivate(UserId),
    /// Open a deactivated account again.
    Reactivate,
    /// Delete the account of this person.
    DeleteAccount(UserId),
    /// Delete messages of somebody, many at once.
    DeleteMessages,
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
    /// Read reports, and act on them.
    SeeReports,
    /// See the job queue.
    SeeJobs,
    /// Retry and delete jobs.
    ManageJobs,
    /// Read the audit log.
    ReadAudit,
    /// See, add and release legal holds, and read what they have kept.
    ManageHolds,
    /// See, add, change and delete webhooks.
    ManageWebhooks,
    /// See what is to be delivered, and have it delivered again or deleted.
    ManageDeliveries,
    /// Change this person's role.
    ChangeRole,
    /// See who is there, besides the people of one's own rooms, and public rooms.
    SeeDirectory,
}

/// Whether the actor may do this in a room. Whether they can see it at all is [`can_see`]; administrators may also manage the members of
/// rooms that they cannot see, archive and delete them.
///
/// # Errors
/// `forbidden`, with a sentence that says who may.
pub fn may(actor: Actor, action: Action, room: &RoomFacts) -> Result<()> {
    let standing = standing(actor, room);
    let member = || standing.map(drop).ok_or(NOT_A_MEMBER);
    let open = || allow(!room.is_archived, ARCHIVED);
    let at_least = |role: RoomRole, sentence| allow(standing >= Some(role), sentence);
    let has_open_membership = || {
        let sentence = "You can’t add or remove people in a direct message. Start a new one, or create a room.";
        allow(!room.is_direct, sentence)
    };
    let manages = |role: RoomRole, sentence| {
        has_open_membership()?;
        allow(standing >= Some(role) || actor.is_admin, sentence)
    };
    // Moderators have no power over each other and over owners.
    let outranks = |role: RoomRole| {
        let is_above = actor.is_admin || standing == Some(RoomRole::Owner) || Some(role) < standing;
        allow(is_above, "Only owners and admins can remove or ban owners and moderators.")
    };
    match action {
        Action::Read => member(),
        Action::Participate => {
            member()?;
            open()
        }
        Action::Post => {
            member()?;
            open()?;
            at_least(room.policy.posting, "Only owners and moderators can post in this room.")
        }
        Action::MentionEverybody => {
            at_least(room.policy.mass_mentions, "Only owners and moderators can use @room and @here in this room.")
        }
        Action::Edit(author) => {
            member()?;
            open()?;
            allow(author == actor.id, "You can only edit your own messages.")
        }
        Action::Delete(author) => {
            member()?;
            open()?;
            let may = author == actor.id || (standing >= Some(RoomRole::Moderator) && !room.is_direct) || actor.is_admin;
            allow(may, "Only the author, a moderator or an owner can delete this message.")
        }
        Action::DeleteNotice => {
            member()?;
            open()?;
            has_open_membership()?;
            at_least(RoomRole::Owner, "Only owners can delete notices.")
        }
        Action::SeeRevisions(author) => {
            let may = author == actor.id || actor.is_admin;
            allow(may, "Only the author and admins can see the edit history.")
        }
        Action::Join => {
            open()?;
            has_open_membership()
        }
        Action::Leave => has_open_membership(),
        Action::AddMember => {
            member()?;
            open()?;
            has_open_membership()?;
            allow(!actor.is_guest, "Guests can’t add people.")
        }
        Action::RemoveMember(role) => {
            manages(RoomRole::Moderator, "Only moderators, owners and admins can remove people.")?;
            outranks(role)
        }
        Action::Ban(role) => {
            manages(RoomRole::Moderator, "Only moderators, owners and admins can ban people from a room.")?;
            outranks(role)
        }
        Action::Unban => manages(RoomRole::Moderator, "Only moderators, owners and admins can lift bans."),
        Action::ChangeTopic => {
            member()?;
            open()?;
            allow(!actor.is_guest, "Guests can’t change the topic.")
        }
        Action::Moderate => at_least(RoomRole::Moderator, "Only moderators and owners can do this."),
        Action::Configure => {
            member()?;
            open()?;
            has_open_membership()?;
            at_least(RoomRole::Owner, "Only owners and admins can change the room’s settings.")
        }
        Action::SetIcon => {
            member()?;
            open()?;
            allow(!room.is_direct, "Direct messages have no icon.")?;
            at_least(RoomRole::Moderator, "Only moderators and owners can change the room’s icon.")
        }
        Action::SetRole => manages(RoomRole::Owner, "Only owners and admins can change roles."),
        Action::SetRetention => manages(RoomRole::Owner, "Only owners and admins can decide how long a room keeps its messages."),
        Action::ManageHooks => manages(RoomRole::Owner, "Only owners and admins can manage webhooks."),
        Action::Archive => manages(RoomRole::Owner, "Only owners and admins can archive or restore a room."),
        Action::DeleteRoom => manages(RoomRole::Owner, "Only owners and admins can delete a room."),
        Action::TakeOwnership => {
            has_open_membership()?;
            allow(actor.is_admin, "Only admins can take ownership of a room.")
        }
    }
}

/// The role that counts: administrators have an owner's power in their rooms, and guests none.
fn standing(actor: Actor, room: &RoomFacts) -> Option<RoomRole> {
    room.role.map(|role| match (actor.is_admin, actor.is_guest) {
        (true, _) => RoomRole::Owner,
        (false, true) => RoomRole::Member,
        (false, false) => role,
    })
}

/// Whether the actor may do this on the server.
///
/// # Errors
/// `forbidden`, with a sentence that says who may.
pub fn may_administer(actor: Actor, action: ServerAction) -> Result<()> {
    match action {
        ServerAction::Invite(who) => {
            allow(!actor.is_guest, "Guests can’t create invite links.")?;
            allow(actor.is_admin || who == Who::Everyone, "Only admins can create invite links.")
        }
        ServerAction::CreateRoom(who) => {
            allow(!actor.is_guest, "Guests can’t create rooms.")?;
            allow(actor.is_admin || who == Who::Everyone, "Only admins can create rooms.")
        }
        ServerAction::MakeBot => allow(!actor.is_guest, "Guests can’t make bots."),
        ServerAction::ChangeSettings => allow(actor.is_admin, "Only admins can change the server’s settings."),
        ServerAction::Ban(person) => {
            allow(actor.is_admin, "Only admins can ban or unban people.")?;
            allow(person != actor.id, "You can’t ban yourself.")
        }
        ServerAction::Unban => allow(actor.is_admin, "Only admins can ban or unban people."),
        ServerAction::Deactivate(person) => {
            allow(actor.is_admin, "Only admins can deactivate accounts.")?;
            allow(person != actor.id, "To deactivate your own account, go to your settings.")
        }
        ServerAction::Reactivate => allow(actor.is_admin, "Only admins can reactivate accounts."),
        ServerAction::DeleteAccount(person) => {
            allow(actor.is_admin, "Only admins can delete accounts.")?;
            allow(person != actor.id, "To delete your own account, go to your settings.")
        }
        ServerAction::DeleteMessages => allow(actor.is_admin, "Only admins can delete all messages of a person."),
        ServerAction::ResetPassword => allow(actor.is_admin, "Only admins can reset passwords."),
        ServerAction::RemoveSecondFactor => allow(actor.is_admin, "Only admins can remove a second factor."),
        ServerAction::EndSessions => allow(actor.is_admin, "Only admins can log other people out."),
        ServerAction::SeeNodes => allow(actor.is_admin, "Only admins can see the nodes."),
        ServerAction::SeeAdministration => allow(actor.is_admin, "Only admins can see the administration."),
        ServerAction::SeeReports => allow(actor.is_admin, "Only admins can see all reports."),
        ServerAction::SeeJobs => allow(actor.is_admin, "Only admins can see jobs."),
        ServerAction::ManageJobs => allow(actor.is_admin, "Only admins can retry or delete jobs."),
        ServerAction::ReadAudit => allow(actor.is_admin, "Only admins can read the audit log."),
        ServerAction::ManageHolds => allow(actor.is_admin, "Only admins can see legal holds."),
        ServerAction::ManageWebhooks => allow(actor.is_admin, "Only admins can see webhooks."),
        ServerAction::ManageDeliveries => allow(actor.is_admin, "Only admins can see deliveries."),
        ServerAction::ChangeRole => allow(actor.is_admin, "Only admins can change roles."),
        ServerAction::SeeDirectory => allow(!actor.is_guest, "Guests see only the people and rooms that they were added to."),
    }
}

/// Whether somebody can see a room: it is public, or they are a member.
#[must_use]
pub fn can_see(room: &RoomFacts) -> bool {
    room.role.is_some() || (room.visibility == Visibility::Public && !room.is_excluded)
}

/// Whether the actor has an owner's power in a room.
#[must_use]
pub fn is_owner(actor: Actor, room: &RoomFacts) -> bool {
    standing(actor, room) == Some(RoomRole::Owner)
}

/// Whether the actor keeps order in a room.
#[must_use]
pub fn is_moderator(actor: Actor, room: &RoomFacts) -> bool {
    standing(actor, room) >= Some(RoomRole::Moderator)
}

fn allow(is_allowed: bool, otherwise: &'static str) -> Result<()> {
    if is_allowed { Ok(()) } else { Err(Error::Forbidden(otherwise)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServerRole;

    const ADA: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const MODERATORS_ONLY: RoomPolicy = RoomPolicy { posting: RoomRole::Moderator, mass_mentions: RoomRole::Moderator };

    /// The columns of the table: a heading, the role on the server, and the role in the room.
    const COLUMNS: [(&str, ServerRole, Option<RoomRole>); 7] = [
        ("Not a member", ServerRole::Member, None),
        ("Guest", ServerRole::Guest, Some(RoomRole::Member)),
        ("Member", ServerRole::Member, Some(RoomRole::Member)),
        ("Moderator", ServerRole::Member, Some(RoomRole::Moderator)),
        ("Owner", ServerRole::Member, Some(RoomRole::Owner)),
        ("Admin, not a member", ServerRole::Admin, None),
        ("Admin, member", ServerRole::Admin, Some(RoomRole::Member)),
    ];

    /// The rows of the table of rooms.
    const ROWS: [(&str, Action, RoomPolicy); 29] = [
        ("Move the read marker, keep a draft", Action::Read, RoomPolicy::OPEN),
        ("React, pin", Action::Participate, RoomPolicy::OPEN),
        ("Post", Action::Post, RoomPolicy::OPEN),
        ("Post where only moderators post", Action::Post, MODERATORS_ONLY),
        ("Mention `@room`", Action::MentionEverybody, RoomPolicy::OPEN),
        ("Mention `@room` where only moderators may", Action::MentionEverybody, MODERATORS_ONLY),
        ("Edit one’s own message", Action::Edit(ADA), RoomPolicy::OPEN),
        ("Edit another one’s message", Action::Edit(BOB), RoomPolicy::OPEN),
        ("Delete one’s own message", Action::Delete(ADA), RoomPolicy::OPEN),
        ("Delete another one’s message", Action::Delete(BOB), RoomPolicy::OPEN),
        ("Delete a notice", Action::DeleteNotice, RoomPolicy::OPEN),
        ("See the edit history of another one’s message", Action::SeeRevisions(BOB), RoomPolicy::OPEN),
        ("Join a room that they see", Action::Join, RoomPolicy::OPEN),
        ("Leave", Action::Leave, RoomPolicy::OPEN),
        ("Add a member", Action::AddMember, RoomPolicy::OPEN),
        ("Remove a member", Action::RemoveMember(RoomRole::Member), RoomPolicy::OPEN),
        ("Remove a moderator or owner", Action::RemoveMember(RoomRole::Moderator), RoomPolicy::OPEN),
        ("Ban a member", Action::Ban(RoomRole::Member), RoomPolicy::OPEN),
        ("Lift a ban", Action::Unban, RoomPolicy::OPEN),
        ("Change the topic", Action::ChangeTopic, RoomPolicy::OPEN),
        ("Change the icon", Action::SetIcon, RoomPolicy::OPEN),
        ("Handle reports", Action::Moderate, RoomPolicy::OPEN),
        ("Change the name, the address, the visibility, who may post", Action::Configure, RoomPolicy::OPEN),
        ("Change roles", Action::SetRole, RoomPolicy::OPEN),
        ("Decide how long messages and files are kept", Action::SetRetention, RoomPolicy::OPEN),
        ("Manage webhooks", Action::ManageHooks, RoomPolicy::OPEN),
        ("Archive, restore", Action::Archive, RoomPolicy::OPEN),
        ("Delete the room", Action::DeleteRoom, RoomPolicy::OPEN),
        ("Take ownership", Action::TakeOwnership, RoomPolicy::OPEN),
    ];

    const SERVER_ROWS: [(&str, ServerAction); 25] = [
        ("See public rooms and everybody", ServerAction::SeeDirectory),
        ("Create rooms where everyone may", ServerAction::CreateRoom(Who::Everyone)),
        ("Create rooms where admins may", ServerAction::CreateRoom(Who::Admins)),
        ("Create invite links where everyone may", ServerAction::Invite(Who::Everyone)),
        ("Create invite links where admins may", ServerAction::Invite(Who::Admins)),
        ("Make bots", ServerAction::MakeBot),
        ("Change settings", ServerAction::ChangeSettings),
        ("Ban people", ServerAction::Ban(BOB)),
        ("Lift bans", ServerAction::Unban),
        ("Deactivate accounts", ServerAction::Deactivate(BOB)),
        ("Reactivate accounts", ServerAction::Reactivate),
        ("Delete accounts", ServerAction::DeleteAccount(BOB)),
        ("Delete all messages of a person", ServerAction::DeleteMessages),
        ("See all reports", ServerAction::SeeReports),
        ("See jobs", ServerAction::SeeJobs),
        ("Retry and delete jobs", ServerAction::ManageJobs),
        ("Change roles on the server", ServerAction::ChangeRole),
        ("End other people’s sessions", ServerAction::EndSessions),
        ("Reset passwords", ServerAction::ResetPassword),
        ("Remove a second factor", ServerAction::RemoveSecondFactor),
        ("See `/admin`", ServerAction::SeeAdministration),
        ("Read the audit log", ServerAction::ReadAudit),
        ("Manage legal holds", ServerAction::ManageHolds),
        ("Manage webhooks", ServerAction::ManageWebhooks),
        ("Manage deliveries", ServerAction::ManageDeliveries),
    ];

    fn actor(role: ServerRole) -> Actor {
        Actor { id: ADA, is_admin: role == ServerRole::Admin, is_guest: role == ServerRole::Guest }
    }

    fn facts(role: Option<RoomRole>) -> RoomFacts {
        RoomFacts {
            visibility: Visibility::Public,
            is_direct: false,
            is_archived: false,
            policy: RoomPolicy::OPEN,
            role,
            is_excluded: false,
        }
    }

    fn row(heading: &str, cells: impl IntoIterator<Item = bool>) -> String {
        let cells: Vec<_> = cells.into_iter().map(|yes| if yes { "yes" } else { "" }).collect();
        format!("| {heading} | {} |", cells.join(" | "))
    }

    /// The table in the documentation is this module's.
    #[test]
    fn the_documented_table_is_true() {
        let documented = include_str!("../docs/permissions.md");
        let mut lines = Vec::new();
        for (heading, action, policy) in ROWS {
            let cells = COLUMNS.map(|(_, server, role)| may(actor(server), action, &RoomFacts { policy, ..facts(role) }).is_ok());
            lines.push(row(heading, cells));
        }
        for (heading, action) in SERVER_ROWS {
            let roles = [ServerRole::Guest, ServerRole::Member, ServerRole::Admin];
            lines.push(row(heading, roles.map(|role| may_administer(actor(role), action).is_ok())));
        }
        lines.retain(|line| !documented.lines().any(|documented| documented == line));
        assert!(lines.is_empty(), "docs/permissions.md lacks these lines:\n{}", lines.join("\n"));
    }

    #[test]
    fn an_archived_room_is_read_only() {
        let archived = RoomFacts { is_archived: true, ..facts(Some(RoomRole::Owner)) };
        let allowed: Vec<_> = ROWS
            .into_iter()
            .filter(|(_, action, _)| may(actor(ServerRole::Member), *action, &archived).is_ok())
            .map(|(heading, ..)| heading)
            .collect();
        assert_eq!(
            allowed,
            [
                "Move the read marker, keep a draft",
                "Mention `@room`",
                "Mention `@room` where only moderators may",
                "Leave",
                "Remove a member",
                "Remove a moderator or owner",
                "Ban a member",
                "Lift a ban",
                "Handle reports",
                "Change roles",
                "Decide how long messages and files are kept",
                "Manage webhooks",
                "Archive, restore",
                "Delete the room",
            ]
        );
    }

    #[test]
    fn the_people_of_a_conversation_are_fixed() {
        let direct = RoomFacts { is_direct: true, visibility: Visibility::Private, ..facts(Some(RoomRole::Member)) };
        for (server, expected) in [(ServerRole::Member, 9), (ServerRole::Admin, 12)] {
            let allowed = ROWS.into_iter().filter(|(_, action, _)| may(actor(server), *action, &direct).is_ok()).count();
            assert_eq!(allowed, expected, "{server:?}");
        }
    }

    #[test]
    fn guests_and_banned_people_see_no_public_room() {
        assert!(can_see(&facts(None)));
        assert!(!can_see(&RoomFacts { is_excluded: true, ..facts(None) }));
        assert!(can_see(&RoomFacts { is_excluded: true, ..facts(Some(RoomRole::Member)) }));
        assert!(!can_see(&RoomFacts { visibility: Visibility::Private, ..facts(None) }));
    }

    #[test]
    fn nobody_bans_themselves() {
        for own in [ServerAction::Ban(ADA), ServerAction::Deactivate(ADA), ServerAction::DeleteAccount(ADA)] {
            assert!(may_administer(actor(ServerRole::Admin), own).is_err());
        }
    }
}
