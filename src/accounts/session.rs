//! Sessions.
//!
//! Owns their life cycle: created at log-in, valid while in use and not too old, ended once. The database stores a hash of the id
//! in the cookie, so that a copy of it is of no use to an attacker. A save never revives an ended session, because it is an
//! update.

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
use crate::config::SecondFactorFor;
use crate::db::Db;
use crate::db::sessions::{NewSession, SessionCheck, SessionRow};
use crate::encoding::hex;
use crate::model::sidebar::Arrangement;
use crate::model::{NotificationLevel, Scope, Scopes, SessionKey, Theme, UserId};
use crate::permissions::{Actor, Caller};
use crate::security_log::{Event, Source};

/// Precision of `last_seen_at`, in milliseconds.
const TOUCH: i64 = 60_000;
/// How long a request waits for it to be written.
const TOUCH_TIMEOUT: Duration = Duration::from_secs(1);
/// The key of the user in a session's record.
const USER: &str = "user";
/// The key of the client in a new session's record.
pub const CLIENT: &str = "client";

/// The client that begins a session, in the record of the new session. It is stored beside the session's data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The client's address.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
}

impl From<&Source> for Client {
    fn from(source: &Source) -> Self {
        Self {
            address: source.address.map(|address| address.to_string()),
            user_agent: source.user_agent.as_deref().map(Into::into),
        }
    }
}

tokio::task_local! {
    /// The log-in whose session is created: tower-sessions passes nothing on to the store but a record.
    static LOG_IN: Event;
}

/// Runs `save`, in which a session is created; stores the event of its log-in with it.
pub async fn with_log_in<T>(event: Event, save: impl Future<Output = T>) -> T {
    LOG_IN.scope(event, save).await
}

/// The key of a session id.
pub fn key(id: &Id) -> SessionKey {
    SessionKey::from_digits(hex(&Sha256::digest(id.0.to_le_bytes())))
}

/// What a session announces to its person until they have seen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Announced {
    /// A log-in from an unknown device.
    #[default]
    LogIn,
    /// Somebody else removed their second factor.
    SecondFactorRemoved,
}

/// A log-in from an unknown device, or another change of their account, as the person's sessions show it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewLogIn {
    /// What happened.
    #[serde(default)]
    pub what: Announced,
    /// When it was.
    pub at: Millis,
    /// The client's address.
    pub address: Option<Arc<str>>,
    /// What the browser calls itself.
    pub user_agent: Option<Arc<str>>,
}

impl NewLogIn {
    /// Reads what `session_list` stored; `None` for what another version stored.
    fn parse(stored: &str) -> Option<Self> {
        serde_json::from_str(stored).ok()
    }
}

/// The user of a session, loaded together with it for each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUser {
    /// The user's id.
    pub id: UserId,
    /// The unique name.
    pub username: Arc<str>,
    /// The name to show.
    pub name: Arc<str>,
    /// The file of their photo.
    #[serde(default)]
    pub photo: Option<Arc<str>>,
    /// Whether they are an administrator; with a token, whether they are and it permits that.
    pub is_admin: bool,
    /// Whether they are a guest.
    #[serde(default)]
    pub is_guest: bool,
    /// Whether it is a bot.
    #[serde(default)]
    pub is_bot: bool,
    /// The slug of the room that they visited last.
    pub last_room: Option<Arc<str>>,
    /// IANA name of their time zone, if known.
    #[serde(default)]
    pub time_zone: Option<Arc<str>>,
    /// The color theme.
    #[serde(default)]
    pub theme: Theme,
    /// The default notification level.
    #[serde(default = "mentions")]
    pub notify: NotificationLevel,
    /// The sidebar arrangement.
    #[serde(default)]
    pub sidebar: Arc<Arrangement>,
    /// The latest log-in from an unknown device that they have not seen in this session.
    #[serde(default)]
    pub new_log_in: Option<Arc<NewLogIn>>,
    /// When they last proved in this session who they are.
    #[serde(skip)]
    pub confirmed_at: Millis,
    /// When the session ends at the latest.
    #[serde(skip)]
    pub expires_at: Millis,
    /// Whether they must set up a second factor before anything else.
    #[serde(skip)]
    pub lacks_second_factor: bool,
    /// The usernames of those whom they have blocked, sorted.
    #[serde(default)]
    pub blocked: Arc<[Arc<str>]>,
    /// What the session permits, if it is an access token.
    #[serde(skip)]
    pub token: Option<Scopes>,
}

/// Whether a session permits to administer: everyone but an access token's without that scope.
fn administers(token: Option<Scopes>) -> bool {
    token.is_none_or(|scopes| scopes.allow(Scope::Admin))
}

/// The usernames in a list that is separated by commas.
fn sorted(names: &str) -> Arc<[Arc<str>]> {
    let mut names: Vec<Arc<str>> = names.split(',').map(Into::into).collect();
    names.sort_unstable();
    names.into()
}

fn mentions() -> NotificationLevel {
    NotificationLevel::Mentions
}

impl SessionUser {
    /// A user with only an id, which is all that a session stores.
    pub fn only(id: UserId) -> Self {
        Self {
            id,
            username: "".into(),
            name: "".into(),
            photo: None,
            is_admin: false,
            is_guest: false,
            is_bot: false,
            last_room: None,
            time_zone: None,
            theme: Theme::Auto,
            notify: NotificationLevel::Mentions,
            sidebar: Arc::default(),
            new_log_in: None,
            confirmed_at: Millis(0),
            expires_at: Millis(0),
            lacks_second_factor: false,
            blocked: Arc::default(),
            token: None,
        }
    }

    /// Whether they have blocked somebody.
    pub fn has_blocked(&self, username: &str) -> bool {
        self.blocked.binary_search_by(|blocked| (**blocked).cmp(username)).is_ok()
    }

    /// The user as an actor for `permissions`.
    pub fn actor(&self) -> Actor {
        Actor { id: self.id, is_admin: self.is_admin, is_guest: self.is_guest }
    }

    /// The user as whoever asks for a change, which is decided with what the database says then.
    pub fn caller(&self) -> Caller {
        Caller { id: self.id, may_administer: administers(self.token) }
    }

    fn of(row: &SessionRow, required: SecondFactorFor) -> Option<Self> {
        let token = row.token_scopes.as_deref().map(Scopes::of_text);
        Some(Self {
            id: row.user_id?,
            username: row.username.as_deref()?.into(),
            name: row.name.as_deref()?.into(),
            photo: row.photo.as_deref().map(Into::into),
            is_admin: row.is_admin? && administers(token),
            is_guest: row.is_guest?,
            is_bot: row.is_bot?,
            last_room: row.last_room.as_deref().map(Into::into),
            time_zone: row.time_zone.as_deref().map(Into::into),
            theme: row.theme?,
            notify: row.notify?,
            sidebar: row.sidebar.as_deref().map(|text| Arc::new(Arrangement::parse(text))).unwrap_or_default(),
            new_log_in: row.new_log_in.as_deref().and_then(NewLogIn::parse).map(Arc::new),
            confirmed_at: row.confirmed_at,
            expires_at: row.expires_at,
            // Nobody logs in to a bot.
            lacks_second_factor: !row.has_second_factor && !row.is_bot? && required.includes(row.is_admin?),
            blocked: row.blocked.as_deref().map(sorted).unwrap_or_default(),
            token,
        })
    }
}

/// The session store.
#[derive(Clone)]
pub struct Store {
    db: Arc<Db>,
    clock: Clock,
    idle: i64,
    lifetime: i64,
    /// Who must have a second factor.
    required: SecondFactorFor,
    /// The queue of [`last_seen::run`].
    queue: mpsc::Sender<Seen>,
    /// When the sessions of open sockets were last recorded as in use.
    noted_at: Arc<AtomicI64>,
}

impl Debug for Store {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A store whose sessions end after `idle` without use, and after `lifetime` in any case. Starts the task of `last_seen`.
    pub fn new(db: Arc<Db>, clock: Clock, idle: Duration, lifetime: Duration, required: SecondFactorFor) -> Self {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let (queue, receiver) = mpsc::channel(QUEUE);
        let noted_at = Arc::new(AtomicI64::new(clock.now().0));
        tokio::spawn(last_seen::run(db.clone(), clock.clone(), ms(idle), receiver));
        Self { db, clock, idle: ms(idle), lifetime: ms(lifetime), required, queue, noted_at }
    }

    /// Who must have a second factor.
    pub fn required(&self) -> SecondFactorFor {
        self.required
    }

    /// The user of a valid session.
    pub async fn user(&self, key: &SessionKey) -> sqlx::Result<Option<SessionUser>> {
        Ok(self.find(key).await?.as_ref().and_then(|row| SessionUser::of(row, self.required)))
    }

    async fn find(&self, key: &SessionKey) -> sqlx::Result<Option<SessionRow>> {
        let now = self.clock.now();
        let row = self.db.find_session(key.as_str(), now, now.plus(-self.idle)).await?;
        if let Some(row) = &row
            && now.0 - last_use(row).0 > TOUCH
        {
            // Written by another task, which cannot be cancelled; a database that cannot write does not block readers.
            let (written, done) = oneshot::channel();
            let is_token = row.token_scopes.is_some();
            let seen = Seen { key: Some(key.clone()), is_token, person: row.user_id, at: now, _written: Some(written) };
            if self.queue.try_send(seen).is_ok() {
                tokio::time::timeout(TOUCH_TIMEOUT, done).await.ok();
            }
        }
        Ok(row)
    }

    /// The time now, and since when a session must have been used to be valid.
    pub fn valid_at(&self) -> (Millis, Millis) {
        let now = self.clock.now();
        (now, now.plus(-self.idle))
    }

    /// What makes a session valid now.
    pub fn check<'a>(&self, key: &'a SessionKey) -> SessionCheck<'a> {
        let (now, idle_since) = self.valid_at();
        SessionCheck { key: key.as_str(), now, idle_since, required: self.required }
    }

    /// As [`Self::check`], but for a session whose use need not be written, because it was just now.
    pub fn check_in_use<'a>(&self, key: &'a SessionKey) -> SessionCheck<'a> {
        let check = self.check(key);
        SessionCheck { idle_since: check.idle_since.max(check.now.plus(-TOUCH)), ..check }
    }

    /// Records that a user is active, without waiting. If the queue is full, the record is dropped.
    pub fn seen(&self, user: UserId) {
        let seen = Seen { key: None, is_token: false, person: Some(user), at: self.clock.now(), _written: None };
        self.queue.try_send(seen).ok();
    }

    /// The sessions of open sockets that have ended, or whose users must set up a second factor first. The others are in use even if their users only listen; this is recorded
    /// rarely, because it writes a row for each.
    pub async fn ended_among(&self, mut keys: HashSet<SessionKey>) -> sqlx::Result<HashSet<SessionKey>> {
        if keys.is_empty() {
            return Ok(keys);
        }
        let now = self.clock.now();
        let asked: Vec<_> = keys.iter().map(|key| key.as_str().to_owned()).collect();
        let live = self.db.list_live_sessions(&asked, now, now.plus(-self.idle), self.required).await?;
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

/// When a session was last used.
fn last_use(row: &SessionRow) -> Millis {
    if row.token_scopes.is_some() { row.token_used_at.unwrap_or_default() } else { row.last_seen_at }
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}

/// Splits a record into the user, the client and the remaining data.
fn split(record: &Record) -> Result<(Option<UserId>, Client, String)> {
    let user = record.data.get(USER).and_then(|user| user.get("id")).and_then(Value::as_i64).map(UserId);
    let client = record.data.get(CLIENT).and_then(|client| serde_json::from_value(client.clone()).ok()).unwrap_or_default();
    let rest: HashMap<_, _> = record.data.iter().filter(|(name, _)| *name != USER && *name != CLIENT).collect();
    Ok((user, client, serde_json::to_string(&rest).map_err(|error| Error::Encode(error.to_string()))?))
}

#[async_trait]
impl tower_sessions::SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.clock.now();
        let (user, Client { address, user_agent }, data) = split(record)?;
        let key = key(&record.id);
        let event = LOG_IN.try_with(|event| event.clone().in_session(&key)).ok();
        let (key, expires_at) = (key.as_str().to_owned(), now.plus(self.lifetime));
        let new = NewSession { key, user, data, created_at: now, expires_at, address, user_agent, event };
        // If two ids of 128 random bits were equal, this would fail rather than share a session.
        self.db.insert_session(new).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (user, _, data) = split(record)?;
        // No effect on an ended session: a concurrent request must not undo a log-out.
        self.db.update_session(key(&record.id).as_str(), user, &data).await.map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(row) = self.find(&key(id)).await.map_err(backend)? else { return Ok(None) };
        let mut data: HashMap<String, Value> =
            serde_json::from_str(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
        if let Some(user) = SessionUser::of(&row, self.required) {
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
