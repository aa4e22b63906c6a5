//! Writes the changes of a batch, inside its transaction.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;

use super::script::Script;
use super::statements::{
    AUDIT, BAN, CLEAR, CLOSE_HOOK_BOTS, DELETE_HOOKS, DELETE_MEMBERS, DELETE_ROOM, DELETE_SLUGS, DROP_FILES, DROP_HOOK_PHOTOS,
    DROP_ICONS, DROP_LINKS, DROP_SLUG, ENTER, FORGET_REPORTS, HOLD_FILES, HOLD_REVISIONS, HOLD_TEXTS, INSERT, KEEP_SLUG, LEAVE,
    MENTION_NAMES, MENTION_ONLINE, MENTION_ROOM, MISS, NOTIFY, POSTED, REACT, READ, REVISE, ROOMS, SET_ICONS, SETTINGS,
    TAKE_FILES, TAKE_ICONS, TASKS, TELL, THREAD, TRIM_REVISIONS, UNBAN, UNMENTION, UNREACT, UNREVISE, UPDATE, WITHDRAW,
};
use super::{HeldText, MentionTargets, Revision, RoomState, Snapshot, Step, Writes, as_json, run_on_postgres};
use crate::db::audit::{self, NewRow};
use crate::db::messages::LINKS_OFF;
use crate::model::{Kind, Membership, Message, RoomId};

impl Step<'_> {
    /// Writes what changed in `known`, as a program with this version of the index of search.
    pub(super) async fn write(&mut self, known: &Snapshot, writes: &Writes, search_version: i64) -> sqlx::Result<()> {
        let mut new = Vec::new();
        let mut changed = Vec::new();
        for (key, is_new) in &writes.messages {
            let message = &*known.messages[key];
            if *is_new {
                new.push((key.0, message));
            }
            // Also a new message that was edited, deleted or pinned in the same batch.
            if !*is_new || has_changed(message) {
                changed.push(update_row(key.0, message));
            }
        }
        let rooms = writes.rooms.iter().map(|id| {
            let RoomState { head, talk_seq, .. } = &known.rooms[id];
            (id, head.seq, head.rev, talk_seq)
        });
        let rooms: Vec<_> = rooms.collect();
        self.unindex(writes).await?;
        match self {
            Step::Sqlite(db) => {
                let mut script = Script::default();
                if !new.is_empty() {
                    script.then_rows(&INSERT.sqlite, new, add_message)?;
                }
                if !writes.threads.is_empty() {
                    let threads: Vec<_> = writes.threads.iter().map(|((room, seq), known)| (room, seq, known)).collect();
                    script.give(as_json(&threads))?.then(THREAD);
                }
                if !rooms.is_empty() {
                    script.give(as_json(&rooms))?.then(ROOMS.sqlite);
                }
                script.run(db).await?;
            }
            Step::Postgres(db) => {
                let new: Vec<_> = new
                    .into_iter()
                    .map(|(room, message)| insert_row(room, message, writes.threads.get(&(room, message.seq)).copied()))
                    .collect();
                run_on_postgres(db, INSERT.postgres, &new).await?;
                run_on_postgres(db, ROOMS.postgres, &rooms).await?;
            }
        }
        self.run(&UPDATE, &changed).await?;
        self.index(known, writes, search_version).await?;
        let mut entered = Vec::new();
        let mut left = Vec::new();
        for ((room, person), membership) in &writes.members {
            match membership {
                Some(Membership { joined_at, read_seq, role }) => entered.push((room, person, joined_at.0, read_seq, role)),
                None => left.push((room, person)),
            }
        }
        self.run(&ENTER, &entered).await?;
        self.run(&LEAVE, &left).await?;
        let reads: Vec<_> = writes.reads.iter().map(|((room, person), seq)| (room, person, seq)).collect();
        self.run(&READ, &reads).await?;
        let posted: Vec<_> = writes.posted.iter().map(|((room, person), at)| (room, person, at.0)).collect();
        self.run(&POSTED, &posted).await?;
        let forgotten: Vec<_> = writes.forgotten.iter().collect();
        self.run(&CLEAR, &forgotten).await?;
        let mut on = Vec::new();
        let mut off = Vec::new();
        for ((room, seq, person, emoji), at) in &writes.reactions {
            match at {
                Some(at) => on.push((room, seq, person, emoji, at.0)),
                None => off.push((room, seq, person, emoji)),
            }
        }
        self.run(&REACT, &on).await?;
        self.run(&UNREACT, &off).await?;
        let revised = writes.revisions.iter();
        let revised = revised.map(|((room, seq, rev), Revision { body, written_at })| (room, seq, rev, body, written_at.0));
        self.run(&REVISE, &revised.collect::<Vec<_>>()).await?;
        let edited: BTreeSet<_> = writes.revisions.keys().map(|(room, seq, _)| (*room, *seq)).collect();
        let edited: BTreeSet<_> = edited.difference(&writes.untrimmed).collect();
        self.run(&TRIM_REVISIONS, &edited.into_iter().collect::<Vec<_>>()).await?;
        self.hold(writes).await?;
        self.write_files(writes).await?;
        self.run(&UNREVISE, &forgotten).await?;
        self.run(&UNMENTION, &forgotten).await?;
        self.run(&FORGET_REPORTS, &writes.unreported.iter().collect::<Vec<_>>()).await?;
        self.address(&writes.addressed).await?;
        let audit = audit::rows(&writes.audit);
        let audit = audit.iter().map(|NewRow { at, action, actor_id, actor, session, address, target, detail }| {
            (at.0, action, actor_id, actor, session, address, target, detail)
        });
        self.run(&AUDIT, &audit.collect::<Vec<_>>()).await?;
        self.note_imported(writes).await?;
        // In the order in which it happened: the ids follow it, and no other transaction changes these rooms until the commit.
        let tellings = writes.tellings.iter().map(|telling| {
            let (seq, rev) = telling.message.unzip();
            (telling.webhook, telling.event.as_str(), telling.room, seq, rev, &telling.payload, telling.at.0)
        });
        self.run(&TELL, &tellings.collect::<Vec<_>>()).await?;
        if known.has_push || known.has_mails {
            self.notify(known, writes).await?;
        }
        self.write_settings(known, writes).await
    }

    /// Adds what browsers are notified of, and people may be mailed about, to the outbox. Call it after mentions are written.
    async fn notify(&mut self, known: &Snapshot, writes: &Writes) -> sqlx::Result<()> {
        let new = writes.messages.iter().filter(|(_, is_new)| **is_new).map(|(key, _)| (key.0, &known.messages[key]));
        let new = new.filter(|(_, message)| message.kind == Kind::Text && message.deleted_at.is_none());
        let new: Vec<_> = new.collect();
        if known.has_mails {
            let is_direct = |room: RoomId| known.rooms[&room].room.is_direct;
            let missed = new.iter().filter(|(room, message)| is_direct(*room) || !message.mentions.is_empty());
            let missed = missed.map(|(room, message)| {
                (room, message.seq, message.rev, message.author.id, i64::from(is_direct(*room)), message.created_at.0)
            });
            self.run(&MISS, &missed.collect::<Vec<_>>()).await?;
        }
        if !known.has_push {
            return Ok(());
        }
        let new = new.iter().map(|(room, message)| (room, message.seq, message.rev, message.author.id, message.created_at.0));
        self.run(&NOTIFY, &new.collect::<Vec<_>>()).await?;
        let read: Vec<_> = writes.reads.iter().map(|((room, person), seq)| (room, person, seq, writes.at.0)).collect();
        self.run(&WITHDRAW, &read).await
    }

    /// Keeps what a hold covers of deleted messages. Call it before revisions and files are deleted.
    async fn hold(&mut self, writes: &Writes) -> sqlx::Result<()> {
        let texts = writes.held.iter().map(|((room, seq), text)| {
            let HeldText { author, kind, body, attachments, created_at, written_at, rev, held_at } = text;
            (room, seq, rev, author, kind, body, attachments, created_at.0, written_at.0, held_at.0)
        });
        let texts: Vec<_> = texts.collect();
        let messages: Vec<_> = writes.held.iter().map(|((room, seq), text)| (room, seq, text.held_at.0)).collect();
        self.run(&HOLD_REVISIONS, &messages).await?;
        self.run(&HOLD_TEXTS, &texts).await?;
        self.run(&HOLD_FILES, &messages).await
    }

    /// Gives files to messages, deletes those of deleted ones, and adds jobs.
    async fn write_files(&mut self, writes: &Writes) -> sqlx::Result<()> {
        let taken: Vec<_> = writes.taken.iter().map(|(id, (room, seq, place))| (id, room, seq, place)).collect();
        self.run(&TAKE_FILES, &taken).await?;
        let unlinked: Vec<_> = writes.unlinked.iter().collect();
        self.run(&DROP_LINKS, &unlinked).await?;
        let forgotten = writes.forgotten.iter().filter(|message| !writes.held.contains_key(message));
        self.run(&DROP_FILES, &forgotten.chain(&writes.stripped).collect::<Vec<_>>()).await?;
        let tasks: Vec<_> = writes.tasks.iter().map(|(task, at)| (task.kind(), task.payload(), at.0)).collect();
        self.run(&TASKS, &tasks).await
    }

    /// Writes what is decided about rooms as a whole.
    async fn write_settings(&mut self, known: &Snapshot, writes: &Writes) -> sqlx::Result<()> {
        let settings = writes.settings.iter().map(|id| {
            let RoomState { room, archived_at, .. } = &known.rooms[id];
            let archived_at = archived_at.map(|at| at.0);
            (
                id,
                &room.slug,
                &room.name,
                &room.topic,
                room.visibility,
                archived_at,
                room.policy.posting,
                room.policy.mass_mentions,
                room.slow_mode,
                room.link_previews,
                Option::<i64>::from(room.keep_messages),
                Option::<i64>::from(room.keep_files),
            )
        });
        self.run(&SETTINGS, &settings.collect::<Vec<_>>()).await?;
        let icons: Vec<_> = writes.icons.keys().map(|room| (room,)).collect();
        self.run(&DROP_ICONS, &icons).await?;
        let icons: Vec<_> = writes.icons.iter().collect();
        self.run(&SET_ICONS, &icons).await?;
        self.run(&TAKE_ICONS, &icons).await?;
        let kept: Vec<_> = writes.slugs.iter().map(|((room, slug), at)| (room, slug, at.0)).collect();
        self.run(&KEEP_SLUG, &kept).await?;
        let current: Vec<_> = writes.slugs.keys().map(|(room, _)| (room, &known.rooms[room].room.slug)).collect();
        self.run(&DROP_SLUG, &current).await?;
        let mut banned = Vec::new();
        let mut lifted = Vec::new();
        for ((room, person), ban) in &writes.bans {
            match ban {
                Some((by, at)) => banned.push((room, person, by, at.0)),
                None => lifted.push((room, person)),
            }
        }
        self.run(&BAN, &banned).await?;
        self.run(&UNBAN, &lifted).await?;
        let deleted: Vec<_> = writes.deleted.iter().map(|(room, at)| (room, at.0)).collect();
        self.run(&DELETE_ROOM, &deleted).await?;
        let rooms: Vec<_> = writes.deleted.keys().map(|room| (room,)).collect();
        self.run(&DROP_HOOK_PHOTOS, &rooms).await?;
        self.run(&CLOSE_HOOK_BOTS, &deleted).await?;
        self.run(&DROP_ICONS, &rooms).await?;
        self.run(&DELETE_HOOKS, &rooms).await?;
        self.run(&DELETE_MEMBERS, &rooms).await?;
        self.run(&DELETE_SLUGS, &rooms).await
    }

    /// Replaces the mentions of messages.
    async fn address(&mut self, addressed: &BTreeMap<(RoomId, i64), MentionTargets>) -> sqlx::Result<()> {
        let (mut all, mut names, mut rooms, mut online) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ((room, seq), to) in addressed {
            names.extend(to.names.iter().map(|name| (room, seq, to.author, name)));
            online.extend(to.online.iter().map(|person| (room, seq, to.author, person)));
            if to.is_for_all {
                rooms.push((room, seq, to.author));
            }
            all.push((room, seq));
        }
        self.run(&UNMENTION, &all).await?;
        self.run(&MENTION_NAMES, &names).await?;
        self.run(&MENTION_ROOM, &rooms).await?;
        self.run(&MENTION_ONLINE, &online).await
    }
}

/// A row for [`INSERT`] on Postgres; a reply comes with a message of its thread.
fn insert_row(room: RoomId, message: &Message, known: Option<i64>) -> impl Serialize + '_ {
    let Message { seq, rev, kind, author, body, html, nonce, created_at, reply_to, .. } = message;
    (room, seq, rev, kind, author.id, body, html, nonce, created_at.0, reply_to, mentions(message), known)
}

/// A row for [`INSERT`] on SQLite, where [`THREAD`] follows.
fn add_message(row: &mut SqliteArguments, (room, message): (RoomId, &Message)) -> Result<(), BoxDynError> {
    let Message { seq, rev, kind, author, body, html, nonce, created_at, reply_to, .. } = message;
    row.add(room)?;
    row.add(seq)?;
    row.add(rev)?;
    row.add(kind)?;
    row.add(author.id)?;
    row.add(body.as_str())?;
    row.add(html.as_str())?;
    row.add(nonce.as_deref())?;
    row.add(created_at)?;
    row.add(reply_to)?;
    row.add(mentions(message))
}

/// A row for [`UPDATE`].
fn update_row(room: RoomId, message: &Message) -> impl Serialize + '_ {
    let Message { seq, rev, body, html, edited_at, deleted_at, pinned, .. } = message;
    let attachments = (!message.attachments.is_empty()).then(|| as_json(&message.attachments));
    let (edited_at, deleted_at) = (edited_at.map(|at| at.0), deleted_at.map(|at| at.0));
    let (pinned_at, pinned_by) = (pinned.as_ref().map(|pin| pin.at.0), pinned.as_ref().map(|pin| &*pin.by));
    (room, seq, rev, body, html, edited_at, deleted_at, mentions(message), pinned_at, pinned_by, attachments, links(message))
}

/// Whether it has fields that only [`UPDATE`] writes.
fn has_changed(message: &Message) -> bool {
    message.edited_at.is_some()
        || message.deleted_at.is_some()
        || message.pinned.is_some()
        || !message.attachments.is_empty()
        || message.links_off
        || !message.links.is_empty()
}

/// The value of the `links` column.
fn links(message: &Message) -> Option<String> {
    if message.links_off {
        return Some(LINKS_OFF.to_owned());
    }
    (!message.links.is_empty()).then(|| as_json(&message.links))
}

/// The value of the `mentions` column.
fn mentions(message: &Message) -> Option<String> {
    (!message.mentions.is_empty()).then(|| as_json(&message.mentions))
}
