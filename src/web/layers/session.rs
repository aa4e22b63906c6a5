//! Who is asking: the session behind a request.
//!
//! Owns the session's cookie and the extractors that handlers ask for a person. A session's life in the database belongs to
//! `accounts::session`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use super::reads::TurnSlot;
use crate::accounts::session::{self, SessionUser, Store};
use crate::accounts::{Accounts, to_its_end};
use crate::chat::rate_limits::ActionKind;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::events::SessionEnd;
use crate::http::origin::Origins;
use crate::model::SessionKey;
use crate::model::UserId;
use crate::web::respond::Refused;
use crate::web::state::AppState;
use crate::web::times::Times;

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

/// Begins a session for a person who has just shown who they are, under a new id: one that was planted before is worth nothing. The
/// session that the browser had before ends, and its sockets with it.
///
/// # Errors
/// When the session cannot be stored.
pub async fn begin(session: &Session, user: UserId, accounts: &Arc<Accounts>) -> Result<()> {
    let (session, accounts) = (session.clone(), accounts.clone());
    to_its_end(async move {
        let before = existing(&session).await?;
        session.clear().await;
        session.cycle_id().await.map_err(internal)?;
        // Here, and not after what can still fail: it has ended in the database.
        if let Some(before) = before {
            accounts.session_ended(before, SessionEnd::LoggedInAgain).await;
        }
        session.insert(USER, SessionUser::only(user)).await.map_err(internal)?;
        session.save().await.map_err(internal)
    })
    .await
}

/// Ends a session because its person logs out: in the database first, then at its connections.
///
/// # Errors
/// When the database does not answer: then the session has not ended.
pub async fn end(session: &Session, accounts: &Arc<Accounts>) -> Result<()> {
    let (session, accounts) = (session.clone(), accounts.clone());
    to_its_end(async move {
        let key = existing(&session).await?;
        session.flush().await.map_err(internal)?;
        if let Some(key) = key {
            accounts.session_ended(key, SessionEnd::LoggedOut).await;
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
                    state.chat.allow(user.id, ActionKind::Read).map_err(|error| Refused::new(error, parts))?;
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
