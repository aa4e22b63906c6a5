//! Sessions: who is signed in, for how long.
//!
//! Owns a session's life: made at log-in, good while it is used and not too old, ended once. The database holds a hash of the id
//! that the cookie carries, so a copy of it lets nobody in. A session that has ended is never brought back: saving is an update.

use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::chat::types::UserId;
use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::db::sessions::{NewSession, SessionRow};

/// How exactly it is noted when a session was last used, in milliseconds.
const TOUCH: i64 = 60_000;
/// How long a request waits for that.
const TOUCHING: Duration = Duration::from_secs(1);
/// Where a session's record holds whose it is.
const USER: &str = "user";

/// What the database knows a session by: the hash of its id, as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Debug for SessionKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({}…)", &self.0[..8])
    }
}

impl From<String> for SessionKey {
    fn from(digits: String) -> Self {
        Self(digits.into())
    }
}

/// The key of the session that has this id.
#[must_use]
pub fn key(id: &Id) -> SessionKey {
    let digest = Sha256::digest(id.0.to_le_bytes());
    SessionKey(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
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
}

impl SessionUser {
    /// All that a session stores of its person: the rest is read anew each time.
    #[must_use]
    pub fn only(id: UserId) -> Self {
        Self { id, username: "".into(), name: "".into(), is_admin: false, last_room: None }
    }

    fn of(row: &SessionRow) -> Option<Self> {
        Some(Self {
            id: row.user_id?,
            username: row.username.as_deref()?.into(),
            name: row.name.as_deref()?.into(),
            is_admin: row.is_admin?,
            last_room: row.last_room.as_deref().map(Into::into),
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
}

impl Debug for Store {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Sessions that end when unused for `idle`, and after `lifetime` in any case.
    #[must_use]
    pub fn new(db: Arc<Db>, clock: Clock, idle: Duration, lifetime: Duration) -> Self {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self { db, clock, idle: ms(idle), lifetime: ms(lifetime) }
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
            // A task of its own, which nobody can cancel; a database that cannot write just now does not keep its readers waiting.
            let (db, keys) = (self.db.clone(), [key.as_str().to_owned()]);
            let touched = tokio::spawn(async move {
                if let Err(error) = db.touch_sessions(&keys, now).await {
                    tracing::warn!(%error, "could not note that a session is in use");
                }
            });
            tokio::time::timeout(TOUCHING, touched).await.ok();
        }
        Ok(row)
    }

    /// Which of these sessions have ended. The others are in use, and that is noted.
    ///
    /// # Errors
    /// The database's.
    pub async fn ended_among(&self, keys: impl Iterator<Item = &SessionKey>) -> sqlx::Result<Vec<SessionKey>> {
        let now = self.clock.now();
        let keys: Vec<_> = keys.map(|key| key.as_str().to_owned()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let live = self.db.list_live_sessions(&keys, now, now.plus(-self.idle)).await?;
        self.db.touch_sessions(&live, now.plus(-TOUCH)).await?;
        let live: std::collections::HashSet<_> = live.into_iter().collect();
        Ok(keys.into_iter().filter(|key| !live.contains(key)).map(Into::into).collect())
    }

    /// Forgets the sessions that have ended by themselves.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_ended(&self) -> sqlx::Result<u64> {
        let now = self.clock.now();
        self.db.delete_expired_sessions(now, now.plus(-self.idle)).await
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
