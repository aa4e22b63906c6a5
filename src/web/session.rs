//! Who is asking: the session behind a request.
//!
//! Owns the session's cookie and the extractors that handlers ask for a person. A session's life in the database belongs to
//! `accounts::session`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::session::Id;
use tower_sessions::{Expiry, Session, SessionManagerLayer};
use tracing::Instrument;

use super::origin::Origins;
use super::reads::TurnSlot;
use super::respond::Refused;
use super::times::Times;
use crate::accounts::session::{self, SessionKey, SessionUser, Store};
use crate::chat::rates::Act;
use crate::chat::types::UserId;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::realtime::Realtime;
use crate::state::AppState;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Under which key a session holds whose it is.
const USER: &str = "user";

/// Finds each request's session, and keeps its cookie.
pub fn layer(store: Store, config: &Config, origins: &Origins) -> SessionManagerLayer<Store> {
    // The cookie lives as long as the session can; when the session really ends is the store's to say.
    let lifetime = i64::try_from(config.session_lifetime.as_secs()).unwrap_or(i64::MAX);
    SessionManagerLayer::new(store)
        .with_name(origins.cookie_name().to_owned())
        .with_secure(origins.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(Duration::seconds(lifetime)))
}

/// The key of the session that a request's cookie names, whether or not there is such a session.
#[must_use]
pub fn session_key(headers: &HeaderMap, origins: &Origins) -> Option<SessionKey> {
    let id = cookie(headers, origins.cookie_name())?;
    Some(session::key(&id.parse::<Id>().ok()?))
}

/// The value of the first cookie with this name.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(named, _)| *named == name).map(|(_, value)| value)
}

/// Begins a session for a person who has just shown who they are, under a new id: one that was planted before is worth nothing. The
/// session that the browser had before ends, and its sockets with it.
///
/// # Errors
/// When the session cannot be stored.
pub async fn begin(session: &Session, user: UserId, realtime: &Arc<Realtime>) -> Result<()> {
    let (session, realtime) = (session.clone(), realtime.clone());
    to_its_end(async move {
        let before = existing(&session).await?;
        session.clear().await;
        session.cycle_id().await.map_err(internal)?;
        // Here, and not after what can still fail: it has ended in the database.
        if let Some(before) = before {
            realtime.end_session(&before, "logged_in_again");
        }
        session.insert(USER, SessionUser::only(user)).await.map_err(internal)?;
        session.save().await.map_err(internal)
    })
    .await
}

/// Ends a session: in the database first, then its sockets.
///
/// # Errors
/// When the database does not answer: then the session has not ended.
pub async fn end(session: &Session, realtime: &Arc<Realtime>, reason: &'static str) -> Result<()> {
    let (session, realtime) = (session.clone(), realtime.clone());
    to_its_end(async move {
        let key = existing(&session).await?;
        session.flush().await.map_err(internal)?;
        if let Some(key) = key {
            realtime.end_session(&key, reason);
        }
        Ok(())
    })
    .await
}

/// The key of a session, if there is one by the id that the cookie names: anybody can make up a cookie.
async fn existing(session: &Session) -> Result<Option<SessionKey>> {
    if session.id().is_none() {
        return Ok(None);
    }
    let user = session.get_value(USER).await.map_err(internal)?;
    Ok(user.and(session.id().as_ref().map(session::key)))
}

/// Does something to its end, also when whoever asked for it has hung up: an access that has ended in the database must end at the
/// sockets.
///
/// # Errors
/// What it ends with; `internal` if it panicked.
pub async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let work = tokio::spawn(work.in_current_span()).await;
    work.unwrap_or_else(|fault| Err(Error::Internal(fault.to_string())))
}

/// Makes browsers really forget a cookie that is removed. A `__Host-` cookie is only replaced by one that is `Secure` as well, which
/// the library's removal is not. The session's cookie comes first: simple clients take only that.
pub async fn mend_removal(State(origins): State<Arc<Origins>>, mut response: Response) -> Response {
    let removal = format!("{}=;", origins.cookie_name());
    let mut set: Vec<_> = response.headers().get_all(SET_COOKIE).iter().cloned().collect();
    response.headers_mut().remove(SET_COOKIE);
    let session = format!("{}=", origins.cookie_name());
    set.sort_by_key(|cookie| !cookie.as_bytes().starts_with(session.as_bytes()));
    for mut cookie in set {
        if cookie.to_str().is_ok_and(|text| text.starts_with(&removal)) {
            let secure = if origins.is_https() { "; Secure" } else { "" };
            let mended = format!("{removal} Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}");
            cookie = HeaderValue::from_str(&mended).expect("fixed words are a header's value");
            // Not "storage": the service worker would go as well (docs/decisions/0014).
            response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
        }
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn internal(error: tower_sessions::session::Error) -> Error {
    tracing::error!(%error, "the session store failed");
    Error::Unavailable
}

/// The person who is signed in. A page that asks for one sends strangers to log in first.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// Who.
    pub me: Arc<SessionUser>,
    /// How they have times written, at this browser.
    pub times: Times,
}

impl std::ops::Deref for CurrentUser {
    type Target = SessionUser;

    fn deref(&self) -> &SessionUser {
        &self.me
    }
}

impl CurrentUser {
    async fn find(parts: &Parts, state: &AppState) -> Result<Option<Self>> {
        let Some(session) = parts.extensions.get::<Session>() else {
            return Err(Error::Internal("a route without the session layer".into()));
        };
        Self::of(session, &parts.headers, state).await
    }

    /// Whose session it is, if anybody's.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn of(session: &Session, headers: &HeaderMap, state: &AppState) -> Result<Option<Self>> {
        if session.id().is_none() {
            return Ok(None);
        }
        let user = session.get::<SessionUser>(USER).await.map_err(internal)?;
        Ok(user.map(|user| {
            let times = Times::new(user.time_zone.as_deref(), headers, state.clock.now());
            Self { me: Arc::new(user), times }
        }))
    }
}

impl FromRequestParts<AppState> for CurrentUser {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> std::result::Result<Self, Refused> {
        match Self::find(parts, state).await {
            Ok(Some(user)) => {
                // Whatever somebody asks for, with or without a page around it, is read for them.
                if parts.method == Method::GET || parts.method == Method::HEAD {
                    state.chat.allow(user.id, Act::Read).map_err(|error| Refused::new(error, parts))?;
                }
                // Whatever a signed-in person asks for may be large, and costs one of their turns.
                if let Some(slot) = parts.extensions.get::<TurnSlot>().cloned() {
                    slot.take(user.id).await.map_err(|error| Refused::new(error, parts))?;
                }
                Ok(user)
            }
            Ok(None) => Err(Refused::new(Error::Unauthenticated, parts)),
            Err(error) => Err(Refused::new(error, parts)),
        }
    }
}

impl OptionalFromRequestParts<AppState> for CurrentUser {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> std::result::Result<Option<Self>, Refused> {
        Self::find(parts, state).await.map_err(|error| Refused::new(error, parts))
    }
}
