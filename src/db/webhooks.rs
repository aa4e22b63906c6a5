//! Statements on webhooks: addresses elsewhere that are told what happens in rooms.
//!
//! Owns that a webhook and the receiver of its deliveries come and go together, and that its bot is made with it. It must not decide what a
//! webhook is told.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::bots::{NewBot, add_bot};
use super::outbox::resumed;
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{RoomId, UserId, Visibility};
use crate::security_log::Event;

/// The kind of their receivers.
pub const KIND: &str = "webhook";

/// A webhook.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct Webhook {
    /// Its id.
    pub id: i64,
    /// Where it is.
    pub url: String,
    /// The names of the events that it is told of, as JSON; none: all.
    pub events: String,
    /// The ids of the rooms, as JSON; none: all public ones.
    pub rooms: String,
    /// What deliveries are signed with.
    pub secret: String,
    /// What they were signed with before.
    pub old_secret: Option<String>,
    /// Until when they are signed with that, too.
    pub old_secret_until: Option<Millis>,
    /// Whether it is told anything.
    pub is_on: bool,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
    /// Since when it is paused.
    pub paused_at: Option<Millis>,
    /// Since when so much waits that nothing more is kept.
    pub full_at: Option<Millis>,
    /// Since when deliveries fail.
    pub failing_since: Option<Millis>,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// The name of its slash command.
    pub command: Option<String>,
    /// What is said of that command.
    pub hint: Option<String>,
    /// The bot that posts its replies; without one it has none.
    pub bot_id: Option<UserId>,
    /// The bot's name.
    pub bot_name: Option<String>,
    /// The bot's username.
    pub bot_username: Option<String>,
}

impl Webhook {
    /// Whether it may know what happens in a room now: never of conversations, of private rooms only by name.
    pub fn may_know(&self, room: RoomId, visibility: Visibility, is_direct: bool) -> bool {
        let rooms: Vec<i64> = serde_json::from_str(&self.rooms).unwrap_or_default();
        let is_chosen = if rooms.is_empty() { visibility == Visibility::Public } else { rooms.contains(&room.0) };
        is_chosen && !is_direct
    }
}

/// What an administrator decides about a webhook.
#[derive(Clone, Debug)]
pub struct WebhookChange {
    /// Where it is.
    pub url: String,
    /// The names of the events, as JSON.
    pub events: String,
    /// The ids of the rooms, as JSON.
    pub rooms: String,
    /// Whether it is told anything.
    pub is_on: bool,
    /// The name of its slash command.
    pub command: Option<String>,
    /// What is said of that command.
    pub hint: Option<String>,
    /// The bot that posts its replies.
    pub bot: ReplyBot,
}

/// The bot that posts a webhook's replies.
#[derive(Clone, Debug)]
pub enum ReplyBot {
    /// It has none, and does not reply.
    None,
    /// A bot that is there.
    Known(UserId),
    /// One that is made with the change.
    New(Box<NewBot>),
}

/// The outcome of adding or changing a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredWebhook {
    /// It was stored, with this bot.
    As(i64, Option<UserId>),
    /// The bot's username is taken.
    NameTaken,
    /// There are as many as there may be, or none with this id.
    Refused,
}

/// A room as deliveries need it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ToldRoom {
    /// Its id.
    pub id: RoomId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Who can find it.
    pub visibility: Visibility,
    /// Whether it is a conversation.
    pub is_direct: bool,
}

/// Selects webhooks with the state of their receivers.
macro_rules! webhooks {
    ($rest:literal) => {
        concat!(
            "select webhooks.id, url, events, rooms, secret, old_secret, old_secret_until, is_on, created_by, created_at, paused_at,
                    full_at, failing_since, last_error, command, hint, bot_id,
                    (select name from users where users.id = webhooks.bot_id) as bot_name,
                    (select username from users where users.id = webhooks.bot_id) as bot_username
             from webhooks left join receivers on receivers.kind = 'webhook' and receivers.id = webhooks.id ",
            $rest
        )
    };
}

impl From<&Webhook> for WebhookChange {
    /// As it is.
    fn from(webhook: &Webhook) -> Self {
        let Webhook { url, events, rooms, is_on, command, hint, bot_id, .. } = webhook.clone();
        Self { url, events, rooms, is_on, command, hint, bot: bot_id.map_or(ReplyBot::None, ReplyBot::Known) }
    }
}

/// The id of a webhook's bot, which is made in a transaction if it is new. If its name is taken, the transaction ends with nothing.
macro_rules! bot_id {
    ($tx:expr, $bot:expr) => {
        match $bot {
            ReplyBot::None => None,
            ReplyBot::Known(id) => Some(*id),
            ReplyBot::New(new) => match add_bot!($tx, new) {
                Some(id) => Some(id),
                None => return Ok(StoredWebhook::NameTaken),
            },
        }
    };
}

impl Db {
    /// All webhooks, of which there are few.
    pub async fn list_webhooks(&self) -> sqlx::Result<Vec<Webhook>> {
        read!(self, |pool| sqlx::query_as(webhooks!("order by webhooks.id")).fetch_all(pool).await)
    }

    /// A webhook.
    pub async fn find_webhook(&self, id: i64) -> sqlx::Result<Option<Webhook>> {
        read!(self, |pool| sqlx::query_as(webhooks!("where webhooks.id = $1")).bind(id).fetch_optional(pool).await)
    }

    /// The webhook with a slash command.
    pub async fn find_webhook_by_command(&self, command: &str) -> sqlx::Result<Option<Webhook>> {
        let statement = webhooks!("where webhooks.command = $1");
        read!(self, |pool| sqlx::query_as(statement).bind(command).fetch_optional(pool).await)
    }

    /// Adds to the outbox that a webhook's command was used in a room.
    pub async fn insert_command_use(&self, webhook: i64, room: RoomId, payload: &str, now: Millis) -> sqlx::Result<()> {
        let statement = "insert into outbox (kind, receiver, event, room_id, payload, created_at, due_at)
             values ('webhook', $1, 'command.used', $2, $3, $4, $4)";
        write!(self, |pool| sqlx::query(statement).bind(webhook).bind(room).bind(payload).bind(now).execute(pool).await.map(drop))
    }

    /// Adds a webhook, unless there are `most` already.
    pub async fn insert_webhook(
        &self,
        new: WebhookChange,
        secret: &str,
        by: &str,
        most: i64,
        event: &Event,
    ) -> sqlx::Result<StoredWebhook> {
        let (secret, by, at, rows) = (secret.to_owned(), by.to_owned(), event.at, rows([event]));
        transaction!(self, |tx| {
            let bot = bot_id!(tx, &new.bot);
            let id: Option<i64> = sqlx::query_scalar(
                "insert into webhooks (url, events, rooms, secret, is_on, created_by, created_at, command, hint, bot_id)
                 select $1, $2, $3, $4, $5, $6, $7, cast($9 as text), cast($10 as text), cast($11 as bigint)
                 where (select count(*) from webhooks) < $8 returning id",
            )
            .bind(&new.url)
            .bind(&new.events)
            .bind(&new.rooms)
            .bind(&secret)
            .bind(new.is_on)
            .bind(&by)
            .bind(at)
            .bind(most)
            .bind(&new.command)
            .bind(&new.hint)
            .bind(bot)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(id) = id else { return Ok(StoredWebhook::Refused) };
            sqlx::query("insert into receivers (kind, id) values ('webhook', $1)").bind(id).execute(&mut *tx).await?;
            record!(tx, rows);
            StoredWebhook::As(id, bot)
        })
    }

    /// Changes a webhook. One that is turned on is not paused any more.
    pub async fn update_webhook(&self, id: i64, change: WebhookChange, event: &Event) -> sqlx::Result<StoredWebhook> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let bot = bot_id!(tx, &change.bot);
            let changed = sqlx::query(
                "update webhooks set url = $2, events = $3, rooms = $4, is_on = $5, command = $6, hint = $7, bot_id = $8 where id = $1",
            )
                .bind(id)
                .bind(&change.url)
                .bind(&change.events)
                .bind(&change.rooms)
                .bind(change.is_on)
                .bind(&change.command)
                .bind(&change.hint)
                .bind(bot)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if changed == 0 {
                return Ok(StoredWebhook::Refused);
            }
            // The next attempt is made at once: the address may have been what was wrong.
            let resume = concat!("update receivers set due_at = 0, ", resumed!(), " where kind = 'webhook' and id = $1");
            sqlx::query(resume).bind(id).execute(&mut *tx).await?;
            record!(tx, rows);
            StoredWebhook::As(id, bot)
        })
    }

    /// Gives a webhook another secret; the present one stays good until `until`. `false` if there is no such webhook.
    pub async fn rotate_webhook(&self, id: i64, secret: &str, until: Millis, event: &Event) -> sqlx::Result<bool> {
        let (secret, rows) = (secret.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let statement = "update webhooks set old_secret = secret, old_secret_until = $3, secret = $2 where id = $1";
            let rotated = sqlx::query(statement).bind(id).bind(&secret).bind(until).execute(&mut *tx).await?.rows_affected();
            if rotated > 0 {
                record!(tx, rows);
            }
            rotated > 0
        })
    }

    /// Deletes a webhook, and what waits for it; `false` if there is none.
    pub async fn delete_webhook(&self, id: i64, event: &Event) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            if sqlx::query("delete from webhooks where id = $1").bind(id).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            for statement in [
                "delete from receivers where kind = 'webhook' and id = $1",
                "delete from outbox where kind = 'webhook' and receiver = $1",
            ] {
                sqlx::query(statement).bind(id).execute(&mut *tx).await?;
            }
            record!(tx, rows);
            true
        })
    }

    /// A room that was not deleted.
    pub async fn find_told_room(&self, id: RoomId) -> sqlx::Result<Option<ToldRoom>> {
        read!(self, |pool| {
            sqlx::query_as(
            "select id, slug, name, visibility, direct_key is not null as is_direct from rooms where id = $1 and removed_at is null",
        )
        .bind(id)
        .fetch_optional(pool)
        .await
        })
    }

    /// The slugs of rooms by their ids, those that were not deleted.
    pub async fn list_slugs(&self, ids: &[i64]) -> sqlx::Result<Vec<(i64, String)>> {
        let ids = serde_json::json!(ids).to_string();
        let statement = match self {
            Self::Sqlite(_) => {
                "select id, slug from rooms where removed_at is null and id in (select value from json_each($1)) order by slug"
            }
            Self::Postgres(_) => {
                "select id, slug from rooms where removed_at is null
                 and id in (select cast(value as bigint) from json_array_elements_text(cast($1 as json))) order by slug"
            }
        };
        read!(self, |pool| sqlx::query_as(statement).bind(ids).fetch_all(pool).await)
    }
}
