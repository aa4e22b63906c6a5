//! The ledger's statements. Each takes all rows of a batch as one JSON array of arrays; on SQLite, statements that run for every
//! new message take parameters instead.

use super::script::Rows;

/// A statement over `given`, a JSON array of rows, in the dialect of each database.
pub struct Batched {
    /// For SQLite.
    pub sqlite: &'static str,
    /// For Postgres.
    pub postgres: &'static str,
}

/// A statement that runs for every new message.
pub struct Frequent {
    /// For SQLite: rows of parameters.
    pub sqlite: Rows,
    /// For Postgres: a JSON array of rows.
    pub postgres: &'static str,
}

/// Builds a [`Batched`]: the columns of `given` with their types, then a statement that both databases share. Rows are arrays in
/// the order of the columns, which saves encoding their names.
// On SQLite `jsonb_each`: with `json_each`, each `->>` would serialize and parse its row again.
macro_rules! given {
    ($($column:literal $kind:literal),+ ; $statement:literal) => {
        given!(@ $statement ; [] [0 1 2 3 4 5 6 7 8 9 10 11] $($column $kind)+)
    };
    (@ $statement:literal ; [$($known:tt)*] [$place:literal $($places:literal)*] $column:literal $kind:literal $($rest:literal)*) => {
        given!(@ $statement ; [$($known)* ($place $column $kind)] [$($places)*] $($rest)*)
    };
    (@ $statement:literal ; [($first:literal $named:literal $typed:literal) $(($place:literal $column:literal $kind:literal))*] [$($places:literal)*]) => {
        Batched {
            sqlite: concat!(
                "with given as (select value->>", $first, " as ", $named, $(", value->>", $place, " as ", $column,)* " from jsonb_each(?)) ",
                $statement
            ),
            postgres: concat!(
                "with given as (select (value->>", $first, ")::", $typed, " as ", $named,
                $(", (value->>", $place, ")::", $kind, " as ", $column,)* " from jsonb_array_elements($1::jsonb) as given(value)) ",
                $statement
            ),
        }
    };
}

/// Builds [`KNOWN`] up to its nonces, with each database's functions for unpacking and building JSON arrays.
macro_rules! known {
    ($rooms:literal, $open:literal, $close:literal) => {
        concat!(
            "select (select ",
            $open,
            "rooms.id, slug, rooms.name, topic, visibility, rooms.created_at, direct_key, created_by, archived_at, posting, mass_mentions,
             icon, seq, rev, talk_seq, users.id, username, users.name, cast(alike as integer), cast(is_bot as integer), photo, cast(is_admin as integer),
             cast(is_guest as integer),
             ",
            $crate::db::bots::closed_at!(),
            ", joined_at, read_seq, role,
             case when joined_at is null and exists (select 1 from room_bans where room_bans.user_id = users.id and room_bans.room_id = rooms.id)
                  then 1 else 0 end,
             case when direct_key like '%,%' and direct_key not like '%,%,%' then (
                 select count(*) from blocks join memberships as others on others.room_id = rooms.id
                 where (blocks.user_id = users.id and blocked_id = others.user_id)
                    or (blocked_id = users.id and blocks.user_id = others.user_id)) end,
             slow_mode,
             case when slow_mode > 0 then (
                 select posted_at from slow_posts where slow_posts.room_id = rooms.id and slow_posts.user_id = users.id) end,
             cast(link_previews as integer), keep_messages, keep_files",
            $close,
            " from (select cast(value->>0 as bigint) as room, cast(value->>1 as bigint) as person from ",
            $rooms,
            ") as given
              join rooms on rooms.id = given.room join users on users.id = given.person
              left join memberships on memberships.room_id = rooms.id and memberships.user_id = users.id),
             (select ",
            $open,
            "messages.author_id, messages.nonce, messages.room_id, messages.seq",
            $close,
            " from "
        )
    };
}

/// The end of [`KNOWN`]: the webhooks that are on, and neither paused nor full, whether any browser wants notifications, and whether anybody is
/// mailed about what they missed. Without any it costs next to nothing.
macro_rules! webhooks {
    ($open:literal, $close:literal) => {
        concat!(
            ", (select ",
            $open,
            "webhooks.id, webhooks.events, webhooks.rooms",
            $close,
            " from webhooks join receivers on receivers.kind = 'webhook' and receivers.id = webhooks.id
              where webhooks.is_on and receivers.paused_at is null and receivers.full_at is null),
             exists (select 1 from push_subscriptions), exists (select 1 from mail_settings where missed <> 'off')"
        )
    };
}

/// Rooms with users (always as JSON), the messages of known nonces, and the webhooks that are on. All come as JSON text in a single row:
/// each row of SQLite's, and the end of the rows, is handed between threads.
pub static KNOWN: Frequent = Frequent {
    sqlite: Rows::new(
        concat!(known!("jsonb_each(?)", "json_group_array(json_array(", "))"), "(values "),
        2,
        concat!(
            ") as given cross join messages on messages.author_id = given.column1 and messages.nonce = given.column2)",
            webhooks!("json_group_array(json_array(", "))")
        ),
    ),
    postgres: concat!(
        known!("jsonb_array_elements($1::jsonb) as rows(value)", "coalesce(json_agg(json_build_array(", ")), '[]')::text"),
        "(select cast(value->>0 as bigint) as person, value->>1 as nonce from jsonb_array_elements($2::jsonb) as rows(value)) as given
          join messages on messages.author_id = given.person and messages.nonce = given.nonce)",
        webhooks!("coalesce(json_agg(json_build_array(", ")), '[]')::text")
    ),
};

pub const MESSAGES: Batched = given!("room" "bigint", "seq" "bigint";
    "select messages.room_id, slug, messages.seq, messages.rev, kind, author_id, username, users.name as author_name, alike, is_bot, photo, body, html,
            messages.created_at, nonce, edited_at, deleted_at, reply_to, mentions, pinned_at, pinned_by, attachments, links
     from given join messages on messages.room_id = given.room and messages.seq = given.seq
     join rooms on rooms.id = messages.room_id join users on users.id = messages.author_id");

pub const REACTIONS: Batched = given!("room" "bigint", "seq" "bigint";
    "select reactions.room_id, reactions.seq, emoji, username, reactions.created_at, reactions.user_id
     from given join reactions on reactions.room_id = given.room and reactions.seq = given.seq
     join users on users.id = reactions.user_id
     order by reactions.created_at, reactions.user_id, emoji");

/// Uploads that messages may take.
pub const FILES: Batched = given!("id" "text";
    "select files.id, owner_id, name, type as media_type, bytes, hash is not null as is_stored, alt, width, height, blur, excerpt,
            preview = 'ready' or preview = 'due' and width is not null as has_preview,
            preview = 'due' and width is null as is_preview_open, expires_at, room_id
     from given join files on files.id = given.id where purpose in ('attachment', 'link')");
/// Locks them in a fixed order: two nodes must not give an upload to two messages.
pub const LOCK_FILES: &str =
    "select id from files where id in (select value->>0 from jsonb_array_elements($1::jsonb) as given(value))
     order by id for update";
/// Gives files to messages.
pub const TAKE_FILES: Batched = given!("id" "text", "room" "bigint", "seq" "bigint", "place" "bigint";
    "update files set room_id = given.room, seq = given.seq, place = given.place, expires_at = null
     from given where files.id = given.id");
/// Deletes the files of deleted messages. A trigger has their bytes deleted.
pub const DROP_FILES: Batched = given!("room" "bigint", "seq" "bigint";
    "delete from files where (room_id, seq) in (select room, seq from given)");
/// Keeps the files of messages that were deleted while a hold covered them, for administrators.
pub const HOLD_FILES: Batched = given!("room" "bigint", "seq" "bigint", "held_at" "bigint";
    "update files set held_at = given.held_at from given where files.room_id = given.room and files.seq = given.seq");
/// Keeps the texts of such messages.
pub const HOLD_TEXTS: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "author" "bigint", "kind" "text", "body" "text",
    "attachments" "text", "created_at" "bigint", "written_at" "bigint", "held_at" "bigint";
    "insert into held (room_id, seq, rev, author_id, kind, body, attachments, created_at, written_at, held_at)
     select room, seq, rev, author, kind, body, attachments, created_at, written_at, held_at from given");
/// Keeps their earlier texts, before the revisions are deleted.
pub const HOLD_REVISIONS: Batched = given!("room" "bigint", "seq" "bigint", "held_at" "bigint";
    "insert into held (room_id, seq, rev, author_id, kind, body, created_at, written_at, held_at)
     select revisions.room_id, revisions.seq, revisions.rev, messages.author_id, messages.kind, revisions.body, messages.created_at,
            revisions.written_at, given.held_at
     from given join revisions on revisions.room_id = given.room and revisions.seq = given.seq
     join messages on messages.room_id = given.room and messages.seq = given.seq order by revisions.room_id, revisions.seq, revisions.rev");
/// Takes the texts of expired messages out of reports.
pub const FORGET_REPORTS: Batched = given!("room" "bigint", "seq" "bigint";
    "update reports set body = '' from given where reports.room_id = given.room and reports.seq = given.seq");
/// Locks the count of holds until the commit: a new hold waits for deletions that have begun, and they see all that were there before.
pub const LOCK_HOLDS: &str = "select value from meta where key = 'holds' for share";
/// All holds.
pub const HOLDS: &str = "select room_id, user_id from holds";
/// Deletes the files of the oldest messages of a deleted room.
pub const PURGE_FILES: Batched = given!("room" "bigint", "last" "bigint";
    "delete from files where exists (select 1 from given where given.room = files.room_id and files.seq <= given.last)");
/// Deletes the pictures of link previews, after those of this batch were taken.
pub const DROP_LINKS: Batched = given!("room" "bigint", "seq" "bigint";
    "delete from files where purpose = 'link' and (room_id, seq) in (select room, seq from given)");
/// Deletes the files of the icons that rooms have, before others follow. The key of `rooms` sets the column to null.
pub const DROP_ICONS: Batched = given!("room" "bigint";
    "delete from files where purpose = 'icon' and id in (select icon from given join rooms on rooms.id = given.room)");
/// Gives rooms their icons; none if the file is gone.
pub const SET_ICONS: Batched = given!("room" "bigint", "icon" "text";
    "update rooms set icon = (select files.id from files where files.id = given.icon and files.purpose = 'icon')
     from given where rooms.id = given.room");
/// Keeps the files of icons.
pub const TAKE_ICONS: Batched = given!("room" "bigint", "icon" "text";
    "update files set expires_at = null from given where files.id = given.icon and files.purpose = 'icon'");
/// Adds jobs.
pub const TASKS: Batched = given!("kind" "text", "payload" "text", "created_at" "bigint";
    "insert into jobs (kind, payload, created_at, due_at) select kind, payload, created_at, created_at from given");

/// Adds what webhooks are told to the outbox.
pub const TELL: Batched = given!("receiver" "bigint", "event" "text", "room" "bigint", "seq" "bigint", "rev" "bigint", "payload" "text",
    "at" "bigint";
    "insert into outbox (kind, receiver, event, room_id, seq, rev, payload, created_at, due_at)
     select 'webhook', receiver, event, room, seq, rev, payload, at, at from given");

/// Adds new messages to the outbox for the browsers of those whom they may concern. Whether they do is decided when they are delivered (`push`).
pub const NOTIFY: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "author" "bigint", "at" "bigint";
    "insert into outbox (kind, receiver, event, room_id, seq, rev, created_at, due_at)
     select 'push', push_subscriptions.id, 'message.posted', given.room, given.seq, given.rev, given.at, given.at
     from given join rooms on rooms.id = given.room
     join memberships on memberships.room_id = given.room and memberships.user_id <> given.author
     join push_subscriptions on push_subscriptions.user_id = memberships.user_id
     join receivers on receivers.kind = 'push' and receivers.id = push_subscriptions.id and receivers.paused_at is null
          and receivers.full_at is null
     join users on users.id = memberships.user_id
     left join notification_settings on notification_settings.user_id = memberships.user_id
     where coalesce(memberships.level, case when rooms.direct_key is not null then 'all' else users.notify end) = 'all'
        or (coalesce(memberships.level, users.notify) = 'mentions'
            and (coalesce(notification_settings.keywords, '[]') <> '[]'
                 or exists (select 1 from mentions where mentions.user_id = memberships.user_id and mentions.room_id = given.room
                            and mentions.seq = given.seq)))
     order by given.room, given.seq");

/// Adds new messages to the outbox for those who are mailed about what they missed: due in ten minutes, in milliseconds. Whether and when
/// they are is decided then (`missed`). Of whoever has 500 that they have not read, no more are kept.
pub const MISS: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "author" "bigint", "is_direct" "bigint", "at" "bigint";
    "insert into outbox (kind, receiver, event, room_id, seq, rev, created_at, due_at)
     select 'mail', told.person, 'message.posted', told.room, told.seq, told.rev, told.at, told.at + 600000
     from (select given.room, given.seq, given.rev, given.at, mentions.user_id as person
           from given join messages on messages.room_id = given.room and messages.seq = given.seq
           join mentions on mentions.message_id = messages.id and mentions.user_id <> given.author
           where given.is_direct = 0
           union all
           select given.room, given.seq, given.rev, given.at, memberships.user_id
           from given join memberships on memberships.room_id = given.room and memberships.user_id <> given.author
           where given.is_direct = 1) as told
     join mail_settings on mail_settings.user_id = told.person and mail_settings.missed <> 'off'
     join emails on emails.user_id = told.person
     join receivers on receivers.kind = 'mail' and receivers.id = told.person and receivers.paused_at is null
     where (select count(*) from (
                select 1 from outbox as waiting left join memberships on memberships.room_id = waiting.room_id
                    and memberships.user_id = waiting.receiver
                where waiting.kind = 'mail' and waiting.receiver = told.person and waiting.dead_at is null
                    and coalesce(memberships.read_seq, 0) < waiting.seq limit 500) as most) < 500
     order by told.room, told.seq, told.person");

/// Adds to the outbox that notifications are to be withdrawn, for the browsers that show any of a room that their person has read.
pub const WITHDRAW: Batched = given!("room" "bigint", "person" "bigint", "seq" "bigint", "at" "bigint";
    "insert into outbox (kind, receiver, event, room_id, seq, created_at, due_at)
     select 'push', push_subscriptions.id, 'room.read', given.room, given.seq, given.at, given.at
     from given join push_subscriptions on push_subscriptions.user_id = given.person
     join receivers on receivers.kind = 'push' and receivers.id = push_subscriptions.id and receivers.paused_at is null
     join push_shown on push_shown.subscription_id = push_subscriptions.id and push_shown.room_id = given.room
          and push_shown.seq <= given.seq
     where not exists (select 1 from outbox where outbox.kind = 'push' and outbox.receiver = push_subscriptions.id
                       and outbox.event = 'room.read' and outbox.room_id = given.room and outbox.dead_at is null)");

/// Inserts new messages. On Postgres also sets their threads: `known` is a message of the thread, possibly a new one that starts
/// it.
pub static INSERT: Frequent = Frequent {
    sqlite: Rows::new(
        "insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, created_at, reply_to, mentions)
         select * from (values ",
        11,
        ") where column1 is not null",
    ),
    postgres: given!("room" "bigint", "seq" "bigint", "rev" "bigint", "kind" "text", "author" "bigint", "body" "text",
        "html" "text", "nonce" "text", "created_at" "bigint", "reply_to" "bigint", "mentions" "text", "known" "bigint";
        "insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, created_at, reply_to, mentions, thread)
         select room, seq, rev, kind, author, body, html, nonce, created_at, reply_to, mentions,
                case when known is not null then coalesce(
                    (select coalesce(there.thread, there.seq) from messages as there
                     where there.room_id = given.room and there.seq = given.known),
                    known) end
         from given")
    .postgres,
};

/// Sets the threads of replies on SQLite. As part of [`INSERT`], SQLite would buffer every new message, because the statement
/// would read the table that it writes. A row has the reply's key and a message of its thread.
pub const THREAD: &str = "with given as (select value->>0 as room, value->>1 as seq, value->>2 as known from jsonb_each(?))
     update messages set thread = (select coalesce(known.thread, known.seq) from messages as known
                                   where known.room_id = given.room and known.seq = given.known)
     from given where messages.room_id = given.room and messages.seq = given.seq";

pub const UPDATE: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "body" "text", "html" "text",
    "edited_at" "bigint", "deleted_at" "bigint", "mentions" "text", "pinned_at" "bigint", "pinned_by" "text",
    "attachments" "text", "links" "text";
    "update messages set rev = given.rev, body = given.body, html = given.html, edited_at = given.edited_at,
            deleted_at = given.deleted_at, mentions = given.mentions, pinned_at = given.pinned_at, pinned_by = given.pinned_by,
            attachments = given.attachments, links = given.links
     from given where messages.room_id = given.room and messages.seq = given.seq");

pub const ROOMS: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "talk_seq" "bigint";
    "update rooms set seq = given.seq, rev = given.rev, talk_seq = given.talk_seq from given where rooms.id = given.room");

/// What an owner decides about a room.
pub const SETTINGS: Batched = given!("room" "bigint", "slug" "text", "name" "text", "topic" "text", "visibility" "text",
    "archived_at" "bigint", "posting" "text", "mass_mentions" "text", "slow_mode" "bigint", "link_previews" "boolean",
    "keep_messages" "bigint", "keep_files" "bigint";
    "update rooms set slug = given.slug, name = given.name, topic = given.topic, visibility = given.visibility,
            archived_at = given.archived_at, posting = given.posting, mass_mentions = given.mass_mentions, slow_mode = given.slow_mode,
            link_previews = given.link_previews, keep_messages = given.keep_messages, keep_files = given.keep_files
     from given where rooms.id = given.room");

/// Keeps the earlier slugs of rooms. One that a room has again is not an earlier one.
pub const KEEP_SLUG: Batched = given!("room" "bigint", "slug" "text", "changed_at" "bigint";
    "insert into room_slugs (slug, room_id, changed_at) select slug, room, changed_at from given where true
     on conflict (slug) do update set changed_at = excluded.changed_at");
pub const DROP_SLUG: Batched = given!("room" "bigint", "slug" "text";
    "delete from room_slugs where (room_id, slug) in (select room, slug from given)");

/// Those of these slugs that another room has or had.
pub const TAKEN_SLUGS: Batched = given!("room" "bigint", "slug" "text";
    "select given.slug from given where exists (select 1 from rooms where rooms.slug = given.slug and rooms.id <> given.room)
         or exists (select 1 from room_slugs where room_slugs.slug = given.slug and room_slugs.room_id <> given.room)");

/// Who can become the owner of a room when its last one leaves, the likeliest first: owners, moderators, members of long standing.
pub const SUCCESSORS: Batched = given!("room" "bigint", "most" "bigint";
    "select room_id, user_id from (
        select room_id, user_id, most, row_number() over (
            partition by room_id order by case role when 'owner' then 0 when 'moderator' then 1 else 2 end, joined_at, user_id) as place
        from given join memberships on memberships.room_id = given.room join users on users.id = memberships.user_id
        where not is_guest and users.banned_at is null) as ranked
     where place <= most order by room_id, place");

pub const BAN: Batched = given!("room" "bigint", "person" "bigint", "banned_by" "bigint", "banned_at" "bigint";
    "insert into room_bans (room_id, user_id, banned_by, banned_at) select room, person, banned_by, banned_at from given where true
     on conflict do nothing");
pub const UNBAN: Batched = given!("room" "bigint", "person" "bigint";
    "delete from room_bans where (room_id, user_id) in (select room, person from given)");

/// What makes a room invisible for everybody. `Db::purge_rooms` deletes the rest.
pub const DELETE_ROOM: Batched = given!("room" "bigint", "removed_at" "bigint";
    "update rooms set removed_at = given.removed_at, slug = 'deleted-' || rooms.id, name = '', topic = '', visibility = 'private',
            created_by = null, archived_at = given.removed_at
     from given where rooms.id = given.room");
pub const DELETE_MEMBERS: Batched = given!("room" "bigint"; "delete from memberships where room_id in (select room from given)");
pub const DELETE_SLUGS: Batched = given!("room" "bigint"; "delete from room_slugs where room_id in (select room from given)");
/// Deletes the photos of the bots of the incoming webhooks of deleted rooms, before these are closed. The key of `users` sets the column to
/// null, and a trigger has the bytes deleted.
pub const DROP_HOOK_PHOTOS: Batched = given!("room" "bigint";
    "delete from files where id in (select photo from given join hooks on hooks.room_id = given.room
     join users on users.id = hooks.bot_id where users.banned_at is null)");
/// Closes the bots of the incoming webhooks of deleted rooms.
pub const CLOSE_HOOK_BOTS: Batched = given!("room" "bigint", "removed_at" "bigint";
    "update users set banned_at = given.removed_at, closed = 'deactivated'
     from given join hooks on hooks.room_id = given.room where users.id = hooks.bot_id and users.banned_at is null");
pub const DELETE_HOOKS: Batched = given!("room" "bigint"; "delete from hooks where room_id in (select room from given)");

pub const ENTER: Batched = given!("room" "bigint", "person" "bigint", "joined_at" "bigint", "read_seq" "bigint", "role" "text";
    "insert into memberships (room_id, user_id, joined_at, read_seq, role)
     select room, person, joined_at, read_seq, role from given where true
     on conflict (room_id, user_id) do update set joined_at = excluded.joined_at, read_seq = excluded.read_seq, role = excluded.role");

pub const LEAVE: Batched = given!("room" "bigint", "person" "bigint";
    "delete from memberships where (room_id, user_id) in (select room, person from given)");

pub const READ: Batched = given!("room" "bigint", "person" "bigint", "seq" "bigint";
    "update memberships set read_seq = given.seq from given
     where memberships.room_id = given.room and memberships.user_id = given.person");

pub const POSTED: Batched = given!("room" "bigint", "person" "bigint", "posted_at" "bigint";
    "insert into slow_posts (room_id, user_id, posted_at) select room, person, posted_at from given where true
     on conflict (room_id, user_id) do update set posted_at = excluded.posted_at");

pub const CLEAR: Batched = given!("room" "bigint", "seq" "bigint";
    "delete from reactions where (room_id, seq) in (select room, seq from given)");

pub const REACT: Batched = given!("room" "bigint", "seq" "bigint", "person" "bigint", "emoji" "text", "created_at" "bigint";
    "insert into reactions (room_id, seq, user_id, emoji, created_at)
     select room, seq, person, emoji, created_at from given where true on conflict do nothing");

pub const UNREACT: Batched = given!("room" "bigint", "seq" "bigint", "person" "bigint", "emoji" "text";
    "delete from reactions where (room_id, seq, user_id, emoji) in (select room, seq, person, emoji from given)");

/// The names of the rooms that each of these people can see.
pub const NAMES: Batched = given!("person" "bigint";
    "select person, rooms.id, rooms.name from given join rooms on direct_key is null and (visibility = 'public'
         or exists (select 1 from memberships where room_id = rooms.id and user_id = person))");

/// Locks the rooms of a batch in a fixed order, so that nodes sharing a Postgres cannot deadlock.
pub const LOCK: &str =
    "select id from rooms where id in (select (value->>0)::bigint from jsonb_array_elements($1::jsonb) as given(value))
     order by id for update";

pub const REVISE: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "body" "text", "written_at" "bigint";
    "insert into revisions (room_id, seq, rev, body, written_at) select room, seq, rev, body, written_at from given");

/// Keeps the first and the last hundred revisions of a message. With fewer, `low` or `high` is null and nothing is deleted.
pub const TRIM_REVISIONS: Batched = given!("room" "bigint", "seq" "bigint";
    ", ends as materialized (
        select room, seq,
               (select rev from revisions as old where old.room_id = given.room and old.seq = given.seq order by rev limit 1 offset 99) as low,
               (select rev from revisions as old where old.room_id = given.room and old.seq = given.seq order by rev desc limit 1 offset 99) as high
        from given)
     delete from revisions where (room_id, seq, rev) in
     (select ends.room, ends.seq, between_them.rev
      from ends join revisions as between_them on between_them.room_id = ends.room and between_them.seq = ends.seq
                                              and between_them.rev > low and between_them.rev < high)");

pub const AUDIT: Batched = given!("at" "bigint", "action" "text", "actor_id" "bigint", "actor" "text", "session" "text",
    "address" "text", "target" "text", "detail" "text";
    "insert into audit (at, action, actor_id, actor, session, address, target, detail)
     select at, action, actor_id, actor, session, address, target, detail from given");

/// Notes where messages have come from.
pub const IMPORTED: Batched = given!("source" "text", "room" "text", "key" "text", "local" "bigint", "seq" "bigint";
    "insert into imported (source, kind, room, key, local, seq) select source, 'message', room, key, local, seq from given");
/// Members who had read everything have read what was imported, too.
pub const KEEP_READ: Batched = given!("room" "bigint", "before" "bigint", "after" "bigint";
    "update memberships set read_seq = given.after from given
     where memberships.room_id = given.room and memberships.read_seq >= given.before");
/// Notes that ids up to the last one do not follow the clock.
pub const UNORDERED: &str =
    "insert into meta (key, value) select 'unordered_until', cast(max(id) as text) from messages where true
     on conflict (key) do update set value = excluded.value";

pub const UNREVISE: Batched = given!("room" "bigint", "seq" "bigint";
    "delete from revisions where (room_id, seq) in (select room, seq from given)");

pub const UNMENTION: Batched = given!("room" "bigint", "seq" "bigint";
    "delete from mentions where message_id in
     (select messages.id from given join messages on messages.room_id = given.room and messages.seq = given.seq)");

/// Mentions by name: members of the room, or anybody in a public room.
pub const MENTION_NAMES: Batched = given!("room" "bigint", "seq" "bigint", "author" "bigint", "name" "text";
    "insert into mentions (user_id, message_id, room_id, seq)
     select users.id, messages.id, given.room, given.seq
     from given join messages on messages.room_id = given.room and messages.seq = given.seq
     join rooms on rooms.id = given.room join users on users.username = given.name
     left join memberships on memberships.room_id = given.room and memberships.user_id = users.id
     where users.id <> given.author and (memberships.user_id is not null or (visibility = 'public' and not users.is_guest
               and not exists (select 1 from room_bans where room_bans.user_id = users.id and room_bans.room_id = given.room)))
       and not exists (select 1 from blocks where blocks.user_id = users.id and blocked_id = given.author)
     on conflict do nothing");

pub const MENTION_ROOM: Batched = given!("room" "bigint", "seq" "bigint", "author" "bigint";
    "insert into mentions (user_id, message_id, room_id, seq)
     select memberships.user_id, messages.id, given.room, given.seq
     from given join messages on messages.room_id = given.room and messages.seq = given.seq
     join memberships on memberships.room_id = given.room
     where memberships.user_id <> given.author
       and not exists (select 1 from blocks where blocks.user_id = memberships.user_id and blocked_id = given.author)
     on conflict do nothing");

pub const MENTION_ONLINE: Batched = given!("room" "bigint", "seq" "bigint", "author" "bigint", "person" "bigint";
    "insert into mentions (user_id, message_id, room_id, seq)
     select memberships.user_id, messages.id, given.room, given.seq
     from given join messages on messages.room_id = given.room and messages.seq = given.seq
     join memberships on memberships.room_id = given.room and memberships.user_id = given.person
     where memberships.user_id <> given.author
       and not exists (select 1 from blocks where blocks.user_id = memberships.user_id and blocked_id = given.author)
     on conflict do nothing");

/// The indexed content of messages that are about to change.
pub const INDEXED: Batched = given!("room" "bigint", "seq" "bigint";
    "select messages.id, messages.room_id, author_id, body, html, mentions, attachments
     from given join messages on messages.room_id = given.room and messages.seq = given.seq
     where kind = 'text' and deleted_at is null
       and messages.id > (select coalesce(max(cast(value as bigint)), 0) from meta where key = 'search_before')
       and messages.id <= (select coalesce(max(cast(value as bigint)), 9223372036854775807) from meta where key = 'search_after')
     order by messages.id");

/// Removes documents from the index. FTS5 stores no copy of them, so it needs their content.
pub const UNINDEX: Batched = Batched {
    sqlite: given!("id" "bigint", "words" "text";
        "insert into words (words, rowid, body) select 'delete', id, given.words from given")
    .sqlite,
    postgres: given!("id" "bigint", "words" "text";
        "delete from words where message_id in (select id from given)")
    .postgres,
};

/// Adds documents to the index: room, seq, words, and the version of the index that they are for. Messages that are not indexed yet are
/// left to `db::search`, and so are all while the index has another version.
pub const INDEX: Batched = Batched {
    sqlite: given!("room" "bigint", "seq" "bigint", "words" "text";
        "insert into words (rowid, body)
         select messages.id, given.words
         from given cross join messages on messages.room_id = given.room and messages.seq = given.seq
         where messages.id > (select coalesce(max(cast(value as bigint)), 0) from meta where key = 'search_before')
           and messages.id <= (select cast(value as bigint) from meta where key = 'search_after')
         order by messages.id")
    .sqlite,
    postgres: given!("room" "bigint", "seq" "bigint", "words" "text", "version" "text";
        ", due as (
            select messages.id, given.words,
                   exists (select 1 from meta where key = 'search_version' and value <> given.version) as is_of_another
            from given join messages on messages.room_id = given.room and messages.seq = given.seq
            where messages.id > (select coalesce(max(cast(value as bigint)), 0) from meta where key = 'search_before')),
         later as (insert into unindexed (message_id) select id from due where is_of_another on conflict do nothing)
         insert into words (message_id, words) select id, cast(words as tsvector) from due where not is_of_another")
    .postgres,
};
