//! What is stored about a person besides their messages, for their own export.
//!
//! Owns one statement for each list, and what of it may be told: nothing that others wrote, no secrets, and of what others did about the person
//! only what and when.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde::{Serialize, Serializer};
use sqlx::FromRow;

use super::{Reader, with};
use crate::clock::Millis;
use crate::model::{Task, UserId};

/// A row that is written as it is.
macro_rules! row {
    ($(#[$doc:meta])* $row:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
        pub struct $row {
            $($(#[$field_doc])* pub $field: $kind,)*
        }
    };
}

row!(
    /// The account itself.
    AccountRow {
        /// The username.
        username: String,
        /// The display name.
        name: String,
        /// The verified address.
        email: Option<String>,
        /// When it was verified.
        email_verified_at: Option<Millis>,
        /// The status.
        status: String,
        /// The time zone.
        time_zone: Option<String>,
        /// `auto`, `light` or `dark`.
        theme: String,
        /// The notification level: `all`, `mentions` or `muted`.
        notify: String,
        /// How the sidebar is arranged, as JSON; empty: as usual.
        sidebar: String,
        /// Whether they administer the server.
        is_admin: bool,
        /// Whether they are a guest.
        is_guest: bool,
        /// When they registered.
        created_at: Millis,
        /// When they were last seen.
        seen_at: Option<Millis>,
        /// When the account was banned or deactivated.
        closed_at: Option<Millis>,
        /// Since when an authenticator app is set up.
        authenticator_since: Option<Millis>,
    }
);
row!(
    /// Where they are logged in.
    SessionRow {
        /// Since when.
        created_at: Millis,
        /// When it was last used.
        last_seen_at: Millis,
        /// When it ends by itself.
        expires_at: Millis,
        /// The client's address.
        address: Option<String>,
        /// What the browser says of itself.
        user_agent: Option<String>,
    }
);
row!(
    /// A room in which they are.
    Membership {
        /// The room's slug.
        room: String,
        /// Its name; empty for conversations.
        name: String,
        /// `public` or `private`.
        visibility: String,
        /// Who else is in a conversation: usernames; none for other rooms.
        companions: Option<String>,
        /// `member`, `moderator` or `owner`.
        role: String,
        /// Since when.
        joined_at: Millis,
        /// Up to where they have read: a message's place.
        read_up_to: i64,
        /// The notification level there; none: as usual.
        notify: Option<String>,
        /// Up to where the conversation is hidden.
        hidden_up_to: Option<i64>,
    }
);
row!(
    /// A ban from a room.
    RoomBan {
        /// The room's slug.
        room: String,
        /// Its name.
        name: String,
        /// When.
        banned_at: Millis,
    }
);
row!(
    /// A draft.
    DraftRow {
        /// The room's slug.
        room: String,
        /// The text.
        body: String,
        /// The message that it replies to.
        reply_to: Option<i64>,
        /// The message that is being edited.
        edits: Option<i64>,
        /// Its new text.
        edit_body: Option<String>,
        /// When it was written.
        written_at: Millis,
    }
);
row!(
    /// A reaction that they gave.
    Reacted {
        /// The room's slug.
        room: String,
        /// The message's place.
        message: i64,
        /// The emoji.
        emoji: String,
        /// When.
        at: Millis,
    }
);
row!(
    /// A message that they pinned.
    Pinned {
        /// The room's slug.
        room: String,
        /// The message's place.
        message: i64,
        /// When.
        at: Millis,
    }
);
row!(
    /// A message that they replied to.
    RepliedTo {
        /// The room's slug.
        room: String,
        /// The place of their reply.
        message: i64,
        /// The place of the message that it replies to.
        replies_to: i64,
        /// Whose it is: a username.
        author: String,
        /// Its beginning; empty if it was deleted.
        line: String,
    }
);
row!(
    /// A file that they sent.
    Upload {
        /// Its name.
        name: String,
        /// Its media type.
        media_type: String,
        /// Its size.
        bytes: i64,
        /// `attachment`, `photo` or `icon`.
        purpose: String,
        /// What a picture shows.
        alt: String,
        /// The SHA-256 of its content, in hexadecimal; none until it is complete.
        hash: Option<String>,
        /// When it was sent.
        created_at: Millis,
        /// The slug of the room of the message that has it.
        room: Option<String>,
        /// That message's place.
        message: Option<i64>,
    }
);
row!(
    /// A person whom they blocked.
    Block {
        /// Their username.
        person: String,
        /// When.
        at: Millis,
    }
);
row!(
    /// A report that they made.
    Report {
        /// The room's slug.
        room: String,
        /// The message's place.
        message: i64,
        /// Why.
        reason: String,
        /// When.
        created_at: Millis,
        /// When it was closed.
        closed_at: Option<Millis>,
        /// What became of it.
        outcome: Option<String>,
    }
);
row!(
    /// An invite that they made.
    Invitation {
        /// When.
        created_at: Millis,
        /// Until when it can be used.
        expires_at: Millis,
        /// How many people can use it.
        uses: i64,
        /// How many have.
        used: i64,
        /// What it is for.
        note: String,
    }
);
row!(
    /// An account at the OpenID provider.
    Identity {
        /// The provider.
        issuer: String,
        /// Who they are there.
        subject: String,
        /// Since when it is linked.
        created_at: Millis,
    }
);
row!(
    /// A passkey.
    PasskeyRow {
        /// What they call it.
        name: String,
        /// Since when.
        created_at: Millis,
        /// When it was last used.
        last_used_at: Option<Millis>,
    }
);
row!(
    /// A reminder that waits.
    ReminderRow {
        /// Of what.
        #[serde(rename = "text", serialize_with = "reminded_of")]
        payload: String,
        /// The slug of the room that is reminded; none: they are.
        room: Option<String>,
        /// When they asked for it.
        created_at: Millis,
        /// When it is said.
        due_at: Millis,
    }
);
row!(
    /// When and about what they want to be notified.
    NotificationRow {
        /// Only while they are not connected.
        away_only: bool,
        /// The first minute of the day of their quiet hours.
        quiet_from: Option<i64>,
        /// The minute at which these end.
        quiet_until: Option<i64>,
        /// Until when nothing is shown.
        silent_until: Option<Millis>,
        /// The words that they are notified of, as JSON.
        keywords: String,
    }
);
row!(
    /// When they are mailed about what they missed.
    MailRow {
        /// `off`, `soon`, `daily` or `weekly`.
        missed: String,
        /// When the last such mail was sent.
        mailed_at: Option<Millis>,
    }
);
row!(
    /// A browser that is notified.
    DeviceRow {
        /// The push service. The rest of the address lets others write there.
        #[serde(rename = "service", serialize_with = "service_of")]
        endpoint: String,
        /// What the browser says of itself.
        user_agent: Option<String>,
        /// Since when.
        created_at: Millis,
    }
);
row!(
    /// An access token, of theirs or of one of their bots.
    TokenRow {
        /// What they call it.
        name: String,
        /// What it permits.
        scopes: String,
        /// The bot that it belongs to.
        bot: Option<String>,
        /// When it was made.
        created_at: Millis,
        /// When it expires.
        expires_at: Millis,
        /// When it was last used.
        used_at: Option<Millis>,
    }
);
row!(
    /// One of their bots.
    BotRow {
        /// The username.
        username: String,
        /// The name to show.
        name: String,
        /// The SHA-256 of its icon, in hexadecimal.
        icon: Option<String>,
        /// When it was made.
        created_at: Millis,
        /// When it was closed.
        closed_at: Option<Millis>,
    }
);
row!(
    /// A feed.
    FeedRow {
        /// The room's slug.
        room: String,
        /// `messages` or `pins`.
        kind: String,
        /// When it was made.
        created_at: Millis,
        /// When it was last read, to the hour.
        used_at: Option<Millis>,
    }
);
row!(
    /// An incoming webhook that they made.
    HookRow {
        /// The room's slug.
        room: String,
        /// The username of the bot that it posts as.
        bot: String,
        /// The bot's name.
        name: String,
        /// When it was made.
        created_at: Millis,
        /// About when it was last used.
        used_at: Option<Millis>,
    }
);
row!(
    /// An address that they have not confirmed yet.
    PendingEmail {
        /// The address.
        address: String,
        /// When they gave it.
        created_at: Millis,
        /// Until when they can confirm it.
        expires_at: Millis,
    }
);
row!(
    /// Who they were where they were imported from.
    Origin {
        /// The source.
        source: String,
        /// Their key there.
        key: String,
    }
);
row!(
    /// An entry of the audit log.
    Act {
        /// When.
        at: Millis,
        /// What.
        action: String,
        /// Whether they did it themselves.
        by_themselves: bool,
        /// What they did it to, if they did it.
        target: Option<String>,
        /// From where, if they did it.
        address: Option<String>,
    }
);

/// The text of the job that a reminder is.
fn reminded_of<S: Serializer>(payload: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match Task::from_columns("remind", payload) {
        Some(Task::Remind { text, .. }) => serializer.serialize_str(&text),
        _ => serializer.serialize_none(),
    }
}

/// The scheme and host of an address.
fn service_of<S: Serializer>(endpoint: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let end = endpoint.match_indices('/').nth(2).map_or(endpoint.len(), |(at, _)| at);
    serializer.serialize_str(&endpoint[..end])
}

/// A list, in an order that does not change.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident: $row:ty, $statement:literal) => {
        impl Reader {
            $(#[$doc])*
            pub fn $name(&mut self, person: UserId) -> BoxStream<'_, sqlx::Result<$row>> {
                with!(&mut self.connection, |db| sqlx::query_as($statement).bind(person).fetch(db).boxed())
            }
        }
    };
}

list!(
    /// The account: one row.
    account: AccountRow,
    "select username, name, address as email, verified_at as email_verified_at, status, time_zone, theme, notify, sidebar, is_admin,
            is_guest, users.created_at, seen_at, banned_at as closed_at,
            (select confirmed_at from totp where totp.user_id = users.id) as authenticator_since
     from users left join emails on emails.user_id = users.id where users.id = $1"
);
list!(
    /// Where they are logged in.
    sessions: SessionRow,
    "select created_at, last_seen_at, expires_at, address, user_agent from sessions where user_id = $1
     and not exists (select 1 from tokens where session_key = key) order by created_at, key"
);
list!(
    /// The rooms in which they are.
    memberships: Membership,
    "select slug as room, case when direct_key is null then name else '' end as name, visibility, role, joined_at, read_seq as read_up_to,
            level as notify, cast(hidden_seq as bigint) as hidden_up_to,
            case when direct_key is not null then
                (select string_agg(users.username, ', ') from memberships as others join users on users.id = others.user_id
                 where others.room_id = memberships.room_id and others.user_id <> $1) end as companions
     from memberships join rooms on rooms.id = room_id where user_id = $1 and removed_at is null order by room_id"
);
list!(
    /// The rooms from which they are banned.
    room_bans: RoomBan,
    "select slug as room, name, room_bans.banned_at from room_bans join rooms on rooms.id = room_id
     where user_id = $1 and removed_at is null order by room_id"
);
list!(
    /// Their drafts.
    drafts: DraftRow,
    "select slug as room, body, reply_to, edit_seq as edits, edit_body, written_at from drafts
     join rooms on rooms.id = room_id where user_id = $1 and removed_at is null order by room_id"
);
list!(
    /// The reactions that they gave.
    reactions: Reacted,
    "select slug as room, reactions.seq as message, emoji, reactions.created_at as at from reactions
     join rooms on rooms.id = room_id where user_id = $1 and removed_at is null order by room_id, reactions.seq, emoji"
);
list!(
    /// The messages that they pinned.
    pins: Pinned,
    "select slug as room, messages.seq as message, pinned_at as at from messages join rooms on rooms.id = room_id
     where pinned_at is not null and pinned_by = (select username from users where id = $1) and removed_at is null
     order by room_id, messages.seq"
);
list!(
    /// The messages that they replied to.
    replied_to: RepliedTo,
    "select slug as room, one.seq as message, one.reply_to as replies_to, username as author, substr(answered.body, 1, 200) as line
     from messages as one join rooms on rooms.id = one.room_id
     join messages as answered on answered.room_id = one.room_id and answered.seq = one.reply_to
     join users on users.id = answered.author_id
     where one.author_id = $1 and removed_at is null order by one.room_id, one.seq"
);
list!(
    /// The files that they sent, pictures of link previews and archives of their data aside.
    uploads: Upload,
    "select files.name, type as media_type, files.bytes, purpose, alt, hash, files.created_at, slug as room, files.seq as message
     from files left join rooms on rooms.id = room_id where owner_id = $1 and purpose not in ('link', 'export') order by files.created_at, files.id"
);
list!(
    /// Whom they blocked.
    blocks: Block,
    "select username as person, blocks.created_at as at from blocks join users on users.id = blocked_id
     where user_id = $1 order by blocks.created_at, blocked_id"
);
list!(
    /// The reports that they made.
    reports: Report,
    "select slug as room, reports.seq as message, reason, reports.created_at, closed_at, outcome from reports
     join rooms on rooms.id = room_id where reporter_id = $1 order by reports.id"
);
list!(
    /// The invites that they made.
    invites: Invitation,
    "select created_at, expires_at, uses, used, note from invites where created_by = $1 order by created_at, token_hash"
);
list!(
    /// Their accounts at the OpenID provider.
    identities: Identity,
    "select issuer, subject, created_at from identities where user_id = $1 order by issuer"
);
list!(
    /// Their passkeys.
    passkeys: PasskeyRow,
    "select name, created_at, last_used_at from passkeys where user_id = $1 order by created_at, id"
);
list!(
    /// The reminders that wait for them.
    reminders: ReminderRow,
    "select payload, slug as room, jobs.created_at, due_at from jobs
     left join rooms on payload like '%,\"room\":' || cast(rooms.id as text) || ',\"text\":%'
     where kind = 'remind' and payload like '%,\"user\":' || cast($1 as text) || '}' order by due_at, jobs.id"
);
list!(
    /// When and about what they want to be notified.
    notifications: NotificationRow,
    "select away_only, quiet_from, quiet_until, silent_until, keywords from notification_settings where user_id = $1"
);
list!(
    /// When they are mailed about what they missed.
    mails: MailRow,
    "select missed, mailed_at from mail_settings where user_id = $1"
);
list!(
    /// The browsers that are notified.
    devices: DeviceRow,
    "select endpoint, user_agent, created_at from push_subscriptions where user_id = $1 order by created_at, id"
);
list!(
    /// Their access tokens, and those of their bots.
    tokens: TokenRow,
    "select tokens.name, scopes, case when is_bot then username end as bot, sessions.created_at, expires_at, used_at
     from tokens join sessions on key = session_key join users on users.id = user_id
     where users.id = $1 or bot_owner_id = $1 order by sessions.created_at, key"
);
list!(
    /// Their bots.
    bots: BotRow,
    "select username, users.name, hash as icon, users.created_at, banned_at as closed_at
     from users left join files on files.id = users.photo where bot_owner_id = $1 order by users.id"
);
list!(
    /// Their feeds.
    feeds: FeedRow,
    "select slug as room, kind, feeds.created_at, used_at from feeds join rooms on rooms.id = room_id
     where user_id = $1 and removed_at is null order by feeds.created_at, token_hash"
);
list!(
    /// The incoming webhooks that they made.
    hooks: HookRow,
    "select slug as room, username as bot, users.name, hooks.created_at, used_at
     from hooks join rooms on rooms.id = room_id join users on users.id = bot_id
     where hooks.created_by = $1 and removed_at is null order by hooks.created_at, hooks.id"
);
list!(
    /// Addresses that they have not confirmed yet.
    pending_emails: PendingEmail,
    "select address, created_at, expires_at from email_links where user_id = $1 order by created_at, token_hash"
);
list!(
    /// Who they were where they were imported from.
    origins: Origin,
    "select source, key from imported where kind = 'person' and local = $1 order by source, key"
);
list!(
    /// What the audit log says of them: what they did, and what was done about them, without who did it.
    audit: Act,
    "select at, action, coalesce(actor_id = $1, false) as by_themselves,
            case when actor_id = $1 then target end as target, case when actor_id = $1 then address end as address
     from audit where actor_id = $1 or target = (select username from users where id = $1) order by audit.id"
);
