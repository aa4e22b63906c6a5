//! Statements on push subscriptions, what was shown there, and when people want to be notified.
//!
//! Owns that a subscription ends with its session, and that one address belongs to one person at a time. Rows of the outbox are added by the
//! ledger (`db::ledger`) and deleted with their subscription by triggers.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{NotificationLevel, RoomId, UserId};

/// The kind of these receivers.
pub const KIND: &str = "push";

/// A browser that wants notifications.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// Whose it is.
    pub user: UserId,
    /// The session that it ends with.
    pub session: String,
    /// Where its push service takes notifications.
    pub endpoint: String,
    /// Its public key, in base64url.
    pub p256dh: String,
    /// The secret that it shares, in base64url.
    pub auth: String,
    /// When it was added.
    pub now: Millis,
    /// It is only renewed: it was there at this moment, and its person may have ended it since.
    pub since: Option<Millis>,
}

/// A subscription in a list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Subscription {
    /// Its id.
    pub id: i64,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// When it was added.
    pub created_at: Millis,
    /// The session that it ends with.
    pub session_key: String,
}

/// Where a notification goes.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Destination {
    /// Whose it is.
    pub user_id: UserId,
    /// Where its push service takes notifications.
    pub endpoint: String,
    /// Its public key, in base64url.
    pub p256dh: String,
    /// The secret that it shares, in base64url.
    pub auth: String,
    /// IANA name of the person's time zone.
    pub time_zone: Option<String>,
}

/// What decides whether somebody is notified of a message.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Standing {
    /// The slug of the room.
    pub slug: String,
    /// Whether it is a conversation.
    pub is_direct: bool,
    /// The level that they chose for it.
    pub level: Option<NotificationLevel>,
    /// Their level for rooms where they chose none.
    pub notify: NotificationLevel,
    /// How far they have read.
    pub read_seq: i64,
    /// Whether the message mentions them.
    pub is_mentioned: bool,
    /// Whether they have blocked its author.
    pub is_blocked: bool,
}

/// When and about what somebody wants to be notified.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct StoredSettings {
    /// Only while they are not connected.
    pub away_only: bool,
    /// The first minute of the day of their quiet hours.
    pub quiet_from: Option<i64>,
    /// The minute at which these end.
    pub quiet_until: Option<i64>,
    /// Until when nothing is shown.
    pub silent_until: Option<Millis>,
    /// JSON: words.
    pub keywords: String,
}

/// Ends the pause of a browser, if it is paused or full.
const RESUME: &str =
    "update receivers set due_at = 0, attempts = 0, failing_since = null, last_error = null, paused_at = null, full_at = null
     where kind = 'push' and id = $1 and (paused_at is not null or full_at is not null)";
/// Deletes what waits for it or was given up: whoever uses it again reads that in its rooms.
const DROP_WAITING: &str = "delete from outbox where kind = 'push' and receiver = $1";

impl Db {
    /// The key with which this server names itself to push services, as PKCS #8 in base64; `new` becomes it, unless there is one.
    pub async fn push_key(&self, new: &str) -> sqlx::Result<String> {
        write!(self, |pool| {
            sqlx::query("insert into meta (key, value) values ('push_key', $1) on conflict (key) do nothing")
                .bind(new)
                .execute(pool)
                .await?;
            sqlx::query_scalar("select value from meta where key = 'push_key'").fetch_one(pool).await
        })
    }

    /// The same, if there is one.
    pub async fn find_push_key(&self) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar("select value from meta where key = 'push_key'").fetch_optional(pool).await)
    }

    /// Adds a subscription, or renews the one with this address, which ends a pause; returns its id. Beyond `most` of a person, their oldest
    /// ends. `None` if the session has ended, or if it was ended within this session and is only renewed.
    pub async fn subscribe(&self, new: NewSubscription, most: i64) -> sqlx::Result<Option<i64>> {
        transaction!(self, |tx| {
            // Another person may have used this browser.
            sqlx::query("delete from push_subscriptions where endpoint = $1 and user_id <> $2")
                .bind(&new.endpoint)
                .bind(new.user)
                .execute(&mut *tx)
                .await?;
            let id: Option<i64> = sqlx::query_scalar(
                "insert into push_subscriptions (user_id, session_key, endpoint, p256dh, auth, user_agent, created_at)
                 select $1, key, $3, $4, $5, user_agent, $6 from sessions where key = $2 and user_id = $1
                    and (cast($7 as bigint) is null or sessions.created_at > $7
                         or exists (select 1 from push_subscriptions where endpoint = $3 and user_id = $1))
                 on conflict (endpoint) do update set session_key = excluded.session_key, p256dh = excluded.p256dh,
                    auth = excluded.auth, user_agent = excluded.user_agent
                 returning id",
            )
            .bind(new.user)
            .bind(&new.session)
            .bind(&new.endpoint)
            .bind(&new.p256dh)
            .bind(&new.auth)
            .bind(new.now)
            .bind(new.since)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(id) = id else { return Ok(None) };
            sqlx::query("insert into receivers (kind, id) values ('push', $1) on conflict (kind, id) do nothing")
                .bind(id)
                .execute(&mut *tx)
                .await?;
            if sqlx::query(RESUME).bind(id).execute(&mut *tx).await?.rows_affected() > 0 {
                sqlx::query(DROP_WAITING).bind(id).execute(&mut *tx).await?;
            }
            sqlx::query(
                "delete from push_subscriptions where user_id = $1 and id <> $2 and id not in (
                    select id from push_subscriptions where user_id = $1 and id <> $2 order by created_at desc, id desc limit $3)",
            )
            .bind(new.user)
            .bind(id)
            .bind(most - 1)
            .execute(&mut *tx)
            .await?;
            Some(id)
        })
    }

    /// Ends the pause of a subscription, if it is paused: what waited for it is deleted.
    pub async fn resume_subscription(&self, id: i64) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            if sqlx::query(RESUME).bind(id).execute(&mut *tx).await?.rows_affected() > 0 {
                sqlx::query(DROP_WAITING).bind(id).execute(&mut *tx).await?;
            }
        })
    }

    /// A person's subscriptions, the latest first. Their number is bounded when they are added.
    pub async fn list_subscriptions(&self, user: UserId) -> sqlx::Result<Vec<Subscription>> {
        let statement = "select id, user_agent, created_at, session_key from push_subscriptions where user_id = $1
             order by created_at desc, id desc";
        read!(self, |pool| sqlx::query_as(statement).bind(user).fetch_all(pool).await)
    }

    /// Ends one of a person's subscriptions; `false` if they have none with this id.
    pub async fn delete_subscription(&self, user: UserId, id: i64) -> sqlx::Result<bool> {
        let statement = "delete from push_subscriptions where user_id = $1 and id = $2";
        Ok(write!(self, |pool| sqlx::query(statement).bind(user).bind(id).execute(pool).await?.rows_affected()) > 0)
    }

    /// Ends the subscription that a person has at this address; `false` if there is none.
    pub async fn delete_subscription_at(&self, user: UserId, endpoint: &str) -> sqlx::Result<bool> {
        let statement = "delete from push_subscriptions where user_id = $1 and endpoint = $2";
        Ok(write!(self, |pool| sqlx::query(statement).bind(user).bind(endpoint).execute(pool).await?.rows_affected()) > 0)
    }

    /// Ends a subscription that its push service does not know any more.
    pub async fn drop_subscription(&self, id: i64) -> sqlx::Result<()> {
        let statement = "delete from push_subscriptions where id = $1";
        write!(self, |pool| sqlx::query(statement).bind(id).execute(pool).await.map(drop))
    }

    /// Where the notifications of a subscription go, if its session is good and its person has an open account.
    pub async fn find_destination(&self, id: i64, now: Millis, idle_since: Millis) -> sqlx::Result<Option<Destination>> {
        let statement = "select push_subscriptions.user_id, endpoint, p256dh, auth, time_zone
             from push_subscriptions join users on users.id = push_subscriptions.user_id and users.banned_at is null
             join sessions on sessions.key = push_subscriptions.session_key and sessions.expires_at > $2
             and sessions.last_seen_at > $3
             where push_subscriptions.id = $1";
        read!(self, |pool| sqlx::query_as(statement).bind(id).bind(now).bind(idle_since).fetch_optional(pool).await)
    }

    /// How somebody stands to a message, if they are a member of its room.
    pub async fn find_standing(&self, user: UserId, room: RoomId, seq: i64) -> sqlx::Result<Option<Standing>> {
        let statement = "select rooms.slug, rooms.direct_key is not null as is_direct, memberships.level, users.notify, read_seq,
                exists (select 1 from mentions where mentions.user_id = users.id and mentions.room_id = rooms.id
                        and mentions.seq = $3) as is_mentioned,
                exists (select 1 from messages join blocks on blocks.blocked_id = messages.author_id and blocks.user_id = users.id
                        where messages.room_id = rooms.id and messages.seq = $3) as is_blocked
             from memberships join users on users.id = memberships.user_id join rooms on rooms.id = memberships.room_id
             where memberships.user_id = $1 and memberships.room_id = $2 and rooms.removed_at is null";
        read!(self, |pool| sqlx::query_as(statement).bind(user).bind(room).bind(seq).fetch_optional(pool).await)
    }

    /// Notes what a browser was notified of.
    pub async fn note_shown(&self, id: i64, room: RoomId, seq: i64) -> sqlx::Result<()> {
        // Both may have ended just now.
        let statement = "insert into push_shown (subscription_id, room_id, seq)
             select push_subscriptions.id, rooms.id, $3 from push_subscriptions, rooms where push_subscriptions.id = $1 and rooms.id = $2
             on conflict (subscription_id, room_id) do update set seq = excluded.seq";
        write!(self, |pool| sqlx::query(statement).bind(id).bind(room).bind(seq).execute(pool).await.map(drop))
    }

    /// The latest message of a room that a browser was notified of.
    pub async fn find_shown(&self, id: i64, room: RoomId) -> sqlx::Result<Option<i64>> {
        let statement = "select seq from push_shown where subscription_id = $1 and room_id = $2";
        read!(self, |pool| sqlx::query_scalar(statement).bind(id).bind(room).fetch_optional(pool).await)
    }

    /// Forgets it, unless the browser was notified of a later one meanwhile.
    pub async fn forget_shown(&self, id: i64, room: RoomId, seq: i64) -> sqlx::Result<()> {
        let statement = "delete from push_shown where subscription_id = $1 and room_id = $2 and seq <= $3";
        write!(self, |pool| sqlx::query(statement).bind(id).bind(room).bind(seq).execute(pool).await.map(drop))
    }

    /// When and about what somebody wants to be notified.
    pub async fn notification_settings(&self, user: UserId) -> sqlx::Result<Option<StoredSettings>> {
        let statement =
            "select away_only, quiet_from, quiet_until, silent_until, keywords from notification_settings where user_id = $1";
        read!(self, |pool| sqlx::query_as(statement).bind(user).fetch_optional(pool).await)
    }

    /// Changes it.
    pub async fn set_notification_settings(&self, user: UserId, settings: StoredSettings) -> sqlx::Result<()> {
        let statement = "insert into notification_settings (user_id, away_only, quiet_from, quiet_until, silent_until, keywords)
             values ($1, $2, $3, $4, $5, $6) on conflict (user_id) do update set away_only = excluded.away_only,
                quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, silent_until = excluded.silent_until,
                keywords = excluded.keywords";
        write!(self, |pool| sqlx::query(statement)
            .bind(user)
            .bind(settings.away_only)
            .bind(settings.quiet_from)
            .bind(settings.quiet_until)
            .bind(settings.silent_until)
            .bind(&settings.keywords)
            .execute(pool)
            .await
            .map(drop))
    }
}
