//! Notifications from Postgres: what other nodes committed and this one must know at once.
//!
//! Owns the listener, what each notification means, and the proof that it hears: an echo of its own every two seconds renews the lease.
//! After a lost connection it has access checked before the lease is renewed. It must not decide anything.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sqlx::postgres::PgListener;
use tokio::time::timeout;

use super::Cluster;
use super::skew::Pauses;
use crate::clock::Clock;
use crate::db::Postgres;
use crate::events::{Event, Failure, Removal, SessionEnd};
use crate::model::{RoomId, SessionKey, UserId};

/// How often this node notifies itself.
const ECHO: Duration = Duration::from_secs(2);
/// After how many echoes Postgres is asked how it is replicated.
const REFRESH: i64 = 5;
/// Without any notification for so long, the connection is replaced: it may be dead without an error.
const SILENCE: Duration = Duration::from_secs(6);
/// How long until a failed connection is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// A notification, as migrations 17, 21, 24, 26, 31, 32 and 59 or `Postgres::notify` writes it.
#[derive(Debug, Deserialize)]
struct Notice {
    /// The node that committed it.
    by: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum What {
    /// `why` comes from programs that know more reasons; `reason` is one that every program knows.
    SessionEnded {
        session: String,
        reason: SessionEnd,
        why: Option<SessionEnd>,
    },
    PersonAdded {
        user: UserId,
    },
    PersonChanged {
        user: UserId,
    },
    PersonDeleted {
        user: UserId,
        username: Arc<str>,
    },
    RoomChanged {
        room: RoomId,
        was: Option<Arc<str>>,
    },
    RoomDeleted {
        room: RoomId,
        slug: Arc<str>,
    },
    RoleChanged {
        user: UserId,
    },
    MemberAdded {
        room: RoomId,
        rev: i64,
        user: UserId,
    },
    MemberRemoved {
        room: RoomId,
        slug: Arc<str>,
        rev: i64,
        user: UserId,
    },
    SettingsChanged,
    /// The sessions stay in the database, where the owner of a bot has no access (migration 59).
    AccessEnded {
        user: UserId,
        reason: SessionEnd,
    },
    /// Also heard from this node itself, whose statement may not know what it means (migration 24).
    AccessReduced {
        user: UserId,
    },
    AttemptsFailed {
        failures: Vec<Failure>,
    },
    Echo {
        number: i64,
    },
}

/// Listens until the process ends. `listener` has heard everything since before this node read the names of people and rooms.
pub async fn run(cluster: Arc<Cluster>, listener: PgListener) {
    let echoes = Echoes::default();
    tokio::spawn(send_echoes(cluster.clone(), echoes.clone()));
    let mut next = Some(listener);
    loop {
        let listener = match next.take() {
            Some(listener) => Ok(listener),
            None => cluster.postgres().listen().await,
        };
        match listener {
            Ok(mut listener) => match hear(&cluster, &mut listener, &echoes).await {
                Ok(()) => tracing::warn!("no notifications from Postgres; listening anew"),
                Err(error) => tracing::warn!(%error, "the connection for notifications was lost; listening anew"),
            },
            Err(error) => tracing::warn!(%error, "cannot listen for notifications"),
        }
        tokio::time::sleep(RETRY).await;
        next = cluster.postgres().listen().await.ok();
        if next.is_some() {
            // What was missed meanwhile is read; what comes from now on is heard.
            cluster.catch_up().await;
        }
    }
}

/// When each echo was sent.
#[derive(Clone, Debug, Default)]
struct Echoes(Arc<parking_lot::Mutex<(i64, Option<Duration>)>>);

async fn send_echoes(cluster: Arc<Cluster>, echoes: Echoes) {
    let mut ticks = tokio::time::interval(ECHO);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut pauses = Pauses::default();
    loop {
        ticks.tick().await;
        let number = {
            let mut sent = echoes.0.lock();
            *sent = (sent.0 + 1, Some(cluster.lease().now()));
            sent.0
        };
        // Whether commits wait for a standby can change at any time.
        if number % REFRESH == 1
            && let Ok(Err(error)) = timeout(SILENCE, cluster.postgres().refresh_history()).await
        {
            tracing::debug!(%error, "could not ask how Postgres is replicated");
        }
        let (before, sent) = (Clock::system(), cluster.lease().now());
        match timeout(SILENCE, cluster.postgres().echo(number)).await {
            Ok(Ok(theirs)) => {
                cluster.node.skew().note(before, theirs, Clock::system());
                if pauses.note(sent, theirs, cluster.lease().now()) {
                    tracing::warn!("this machine was paused; serving again once everything that was missed is handled");
                    cluster.lease().end();
                    ticks.reset_immediately();
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "an echo could not be sent"),
            Err(_) => tracing::debug!("an echo could not be sent in time"),
        }
    }
}

/// Handles notifications until the connection is lost or silent.
async fn hear(cluster: &Arc<Cluster>, listener: &mut PgListener, echoes: &Echoes) -> sqlx::Result<()> {
    listener.eager_reconnect(false);
    loop {
        let Ok(next) = timeout(SILENCE, listener.try_recv()).await else { return Ok(()) };
        let Some(notification) = next? else { return Ok(()) };
        let notice: Notice = match serde_json::from_str(notification.payload()) {
            Ok(notice) => notice,
            // A newer node's.
            Err(error) => {
                tracing::debug!(%error, "an unknown notification");
                continue;
            }
        };
        if let What::Echo { number } = notice.what {
            let sent = *echoes.0.lock();
            if notice.by == **cluster.postgres().node()
                && let (true, Some(at)) = (sent.0 == number, sent.1)
            {
                cluster.lease().renew(at);
            }
        } else if notice.by != **cluster.postgres().node() || matches!(notice.what, What::AccessReduced { .. }) {
            // A failed look leaves names as they are; access ends without one.
            match events(cluster.postgres(), notice.what).await {
                Ok(events) => cluster.heard(events).await,
                Err(error) => tracing::warn!(%error, "a notification could not be followed up"),
            }
        }
    }
}

/// What a notification means here.
async fn events(postgres: &Postgres, notice: What) -> sqlx::Result<Vec<Event>> {
    Ok(match notice {
        What::SessionEnded { session, reason, why } => {
            vec![Event::SessionEnded { session: SessionKey::from_digits(session), reason: why.unwrap_or(reason) }]
        }
        What::PersonAdded { user } => {
            let person = postgres.find_person(user).await?;
            person.map(|(person, _)| Event::UserRegistered { person }).into_iter().collect()
        }
        What::PersonChanged { user } => {
            let person = postgres.find_person(user).await?;
            person.map(|(person, status)| Event::ProfileChanged { person, status, is_renamed: true }).into_iter().collect()
        }
        What::PersonDeleted { user, username } => {
            let person = postgres.find_person(user).await?;
            let deleted = |(person, _)| Event::AccountDeleted { person, former_username: username };
            person.map(deleted).into_iter().collect()
        }
        What::RoomChanged { room, was } => {
            let now = postgres.find_room_by_id(room).await?;
            now.map(|now| Event::RoomChanged { room, is_direct: now.is_direct, now, was }).into_iter().collect()
        }
        What::RoomDeleted { room, slug } => vec![Event::RoomDeleted { room, slug }],
        What::RoleChanged { user } => vec![Event::RoleChanged { user }],
        What::MemberAdded { room, rev, user } => vec![Event::MemberAdded { room, user, rev }],
        What::MemberRemoved { room, slug, rev, user } => {
            let reason = match postgres.was_removed(room, user).await {
                Ok(Some(true)) => Removal::Removed,
                Ok(_) => Removal::Left,
                Err(error) => {
                    tracing::debug!(%error, "how a membership ended is unknown");
                    Removal::Left
                }
            };
            vec![Event::MemberRemoved { room, slug, user, rev, reason }]
        }
        What::SettingsChanged => vec![Event::SettingsChanged],
        What::AccessEnded { user, reason } => vec![Event::AccessEnded { user, reason }],
        What::AccessReduced { user } => vec![Event::AccessReduced { user }],
        What::AttemptsFailed { failures } => vec![Event::AttemptsFailed { failures }],
        What::Echo { .. } => Vec::new(),
    })
}
