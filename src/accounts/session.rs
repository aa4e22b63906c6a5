//! Sessions: who is signed in, for how long.
//!
//! Owns a session's life: made at log-in, good while it is used and not too old, ended once. The database holds a hash of the id
//! that the cookie carries, so a copy of it lets nobody in. A session that has ended is never brought back: saving is an update.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::accounts::last_seen::{self, QUEUE, Seen};
use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::db::sessions::{NewSession, SessionRow};
use crate::model::sidebar::Arrangement;
use crate::model::{NotificationLevel, SessionKey, Theme, UserId};
use crate::permissions::Actor;

/// How exactly it is noted when a session was last used, in milliseconds.
const TOUCH: i64 = 60_000;
/// How long a request waits for that.
const TOUCH_TIMEOUT: Duration = Duration::from_secs(1);
/// Where a session's record holds whose it is.
const USER: &str = "user";

/// The key of the session that has this id.
pub fn key(id: &Id) -> SessionKey {
    // By hand: each request and each connect does this, and formatting every byte costs more than hashing them.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(id.0.to_le_bytes());
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    SessionKey::from_digits(digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect())
}

/// Whose a session is, read from the database with it: never older than the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUser {
    /// Their number.
    pub id: UserId,
    /// Their unique name.
    pub username: Arc<str>,
    /// The name to show.
    pub name: Arc<str>,
    /// Whether they look after the server.
    pub is_admin: bool,
    /// The slug of the room that they visited last.
    pub last_room: Option<Arc<str>>,
    /// Their time zone's IANA name, if they told it.
    #[serde(default)]
    pub time_zone: Option<Arc<str>>,
    /// Light or dark.
    #[serde(default)]
    pub theme: Theme,
    /// Their default notification level.
    #[serde(default = "mentions")]
    pub notify: NotificationLevel,
    /// How they have arranged their sidebar.
    #[serde(default)]
    pub sidebar: Arc<Arrangement>,
}

fn mentions() -> NotificationLevel {
    NotificationLevel::Mentions
}

impl SessionUser {
    /// All that a session stores of its person: the rest is read anew each time.
    pub fn only(id: UserId) -> Self {
        Self {
            id,
            username: "".into(),
            name: "".into(),
            is_admin: false,
            last_room: None,
            time_zone: None,
            theme: Theme::Auto,
            notify: NotificationLevel::Mentions,
            sidebar: Arc::default(),
        }
    }

    /// Who they are to `permissions`.
    pub fn actor(&self) -> Actor {
        Actor { id: self.id, is_admin: self.is_admin }
    }

    fn of(row: &SessionRow) -> Option<Self> {
        Some(Self {
            id: row.user_id?,
            username: row.username.as_deref()?.into(),
            name: row.name.as_deref()?.into(),
            is_admin: row.is_admin?,
            last_room: row.last_room.as_deref().map(Into::into),
            time_zone: row.time_zone.as_deref().map(Into::into),
            theme: row.theme?,
            notify: row.notify?,
            sidebar: row.sidebar.as_deref().map(|text| Arc::new(Arrangement::parse(text))).unwrap_or_default(),
        })
    }
}

/// The sessions of a database.
#[derive(Clone)]
pub struct Store {
    db: Arc<Db>,
    clock: Clock,
    idle: i64,
    lifetime: i64,
    /// Notes on their way to [`run`].
    queue: mpsc::Sender<Seen>,
    /// When the sessions under open sockets were last noted as in use.
    noted_at: Arc<AtomicI64>,
}

impl Debug for Store {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Sessions that end when unused for `idle`, and after `lifetime` in any case. Starts the task that looks after them.
    pub fn new(db: Arc<Db>, clock: Clock, idle: Duration, lifetime: Duration) -> Self {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let (queue, receiver) = mpsc::channel(QUEUE);
        let noted_at = Arc::new(AtomicI64::new(clock.now().0));
        tokio::spawn(last_seen::run(db.clone(), clock.clone(), ms(idle), receiver));
        Self { db, clock, idle: ms(idle), lifetime: ms(lifetime), queue, noted_at }
    }

    /// Whose a session is, if it is good.
    ///
    /// # Errors
    /// The database's.
    pub async fn user(&self, key: &SessionKey) -> sqlx::Result<Option<SessionUser>> {
        Ok(self.find(key).await?.as_ref().and_then(SessionUser::of))
    }

    async fn find(&self, key: &SessionKey) -> sqlx::Result<Option<SessionRow>> {
        let now = self.clock.now();
        let row = self.db.find_session(key.as_str(), now, now.plus(-self.idle)).await?;
        if let Some(row) = &row
            && now.0 - row.last_seen_at.0 > TOUCH
        {
            // Written by a task of its own, which nobody can cancel; a database that cannot write just now does not keep its
            // readers waiting.
            let (written, done) = oneshot::channel();
            let seen = Seen { key: Some(key.clone()), person: row.user_id, at: now, _written: Some(written) };
            if self.queue.try_send(seen).is_ok() {
                tokio::time::timeout(TOUCH_TIMEOUT, done).await.ok();
            }
        }
        Ok(row)
    }

    /// Notes that somebody was here just now; nobody waits for it. When too many notes wait, this one is not made: it is only to the
    /// minute anyway.
    pub fn seen(&self, user: UserId) {
        let seen = Seen { key: None, person: Some(user), at: self.clock.now(), _written: None };
        self.queue.try_send(seen).ok();
    }

    /// Which of these sessions, which have open sockets, have ended. The others are in use, also when their people only listen, and
    /// now and then that is noted: seldom, because it writes a row for each.
    ///
    /// # Errors
    /// The database's.
    pub async fn ended_among(&self, mut keys: HashSet<SessionKey>) -> sqlx::Result<HashSet<SessionKey>> {
        if keys.is_empty() {
            return Ok(keys);
        }
        let now = self.clock.now();
        let asked: Vec<_> = keys.iter().map(|key| key.as_str().to_owned()).collect();
        let live = self.db.list_live_sessions(&asked, now, now.plus(-self.idle)).await?;
        let noted_at = self.noted_at.load(Ordering::Relaxed);
        if (now.0 - noted_at).abs() >= (self.idle / 16).max(TOUCH) {
            self.noted_at.store(now.0, Ordering::Relaxed);
            self.db.touch_sessions(&live, now).await?;
        }
        for key in live {
            keys.remove(&key.into());
        }
        Ok(keys)
    }
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}

/// A record's person and the rest of it.
fn split(record: &Record) -> Result<(Option<UserId>, String)> {
    let user = record.data.get(USER).and_then(|user| user.get("id")).and_then(Value::as_i64).map(UserId);
    let rest: HashMap<_, _> = record.data.iter().filter(|(name, _)| *name != USER).collect();
    Ok((user, serde_json::to_string(&rest).map_err(|error| Error::Encode(error.to_string()))?))
}

#[async_trait]
impl tower_sessions::SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.clock.now();
        let (user, data) = split(record)?;
        let key = key(&record.id).as_str().to_owned();
        let new = NewSession { key, user, data, created_at: now, expires_at: now.plus(self.lifetime) };
        // 128 random bits do not meet twice; if they did, this fails rather than share a session.
        self.db.insert_session(&new).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (user, data) = split(record)?;
        // Nothing when it has ended meanwhile: a request that was under way must not undo a log-out.
        self.db.update_session(key(&record.id).as_str(), user, &data).await.map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(row) = self.find(&key(id)).await.map_err(backend)? else { return Ok(None) };
        let mut data: HashMap<String, Value> =
            serde_json::from_str(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
        if let Some(user) = SessionUser::of(&row) {
            let user = serde_json::to_value(user).map_err(|error| Error::Encode(error.to_string()))?;
            data.insert(USER.into(), user);
        }
        Ok(Some(Record { id: *id, data, expiry_date: moment(row.expires_at) }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.db.delete_session(key(id).as_str()).await.map_err(backend)?;
        Ok(())
    }
}

fn moment(at: Millis) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
