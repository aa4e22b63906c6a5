//! The session of a request, and the person who is signed in.
//!
//! Owns the session cookie and the extractor `CurrentUser`. The session in the database belongs to `accounts::session`. Only what writes
//! a session, log-in and log-out, uses tower-sessions' record of it; who is signed in is read by the session's key.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use super::reads::PermitSlot;
use crate::accounts::session::{self, CLIENT, Client, SessionUser, Store};
use crate::accounts::{Accounts, to_its_end};
use crate::chat::rate_limits::ActionKind;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::events::SessionEnd;
use crate::http::origin::Origins;
use crate::model::{Scope, SessionKey, UserId};
use crate::security_log::{Event, Source};
use crate::web::bearer::Bearer;
use crate::web::state::AppState;
use crate::web::times::Times;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// The key of the person in a session.
const USER: &str = "user";
/// The key of the mark of a session that the OpenID provider began.
const BY_PROVIDER: &str = "oidc";

/// Finds each request's session, and sets its cookie.
pub fn layer(store: Store, config: &Config, origins: &Origins) -> SessionManagerLayer<Store> {
    // The cookie outlives the session: the store decides when that ends.
    let lifetime = i64::try_from(config.session_lifetime.as_secs()).unwrap_or(i64::MAX);
    SessionManagerLayer::new(store)
        .with_name(origins.cookie_name().to_owned())
        .with_secure(origins.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(Duration::seconds(lifetime)))
}

/// Begins a session for a person who has just authenticated, under a new id, against session fixation. The browser's previous session
/// ends, and its sockets with it. The event of a log-in is recorded together with the session.
pub async fn begin(
    session: &Session,
    user: UserId,
    accounts: &Arc<Accounts>,
    source: &Source,
    log_in: Option<Event>,
) -> Result<()> {
    let (session, accounts, client) = (session.clone(), accounts.clone(), Client::from(source));
    to_its_end(async move {
        if let Some(before) = existing(&session, &accounts).await? {
            accounts.session_replaced(before).await?;
        }
        session.clear().await;
        session.cycle_id().await.map_err(internal)?;
        session.insert(USER, SessionUser::only(user)).await.map_err(internal)?;
        session.insert(CLIENT, client).await.map_err(internal)?;
        let Some(event) = log_in else { return session.save().await.map_err(internal) };
        session::with_log_in(event.clone(), session.save()).await.map_err(internal)?;
        let key = session.id().as_ref().map(session::key);
        accounts.reports().committed(&key.map_or(event.clone(), |key| event.in_session(&key)));
        Ok(())
    })
    .await
}

/// Notes that the OpenID provider began this session: its person may want to log out there too.
pub async fn note_provider(session: &Session) -> Result<()> {
    session.insert(BY_PROVIDER, true).await.map_err(internal)?;
    session.save().await.map_err(internal)
}

/// Whether the OpenID provider began this session.
pub async fn is_by_provider(session: &Session) -> Result<bool> {
    Ok(session.get(BY_PROVIDER).await.map_err(internal)?.unwrap_or_default())
}

/// Ends a session because its person logs out: in the database first, then its connections. After an error it has not ended.
pub async fn log_out(session: &Session, accounts: &Arc<Accounts>, user: &SessionUser, source: &Source) -> Result<()> {
    let (session, accounts, user, source) = (session.clone(), accounts.clone(), user.clone(), source.clone());
    to_its_end(async move {
        if let Some(key) = session.id().as_ref().map(session::key) {
            accounts.log_out(key, &user, &source).await?;
        }
        session.flush().await.map_err(internal)
    })
    .await
}

/// Ends a session that should not have begun, or that nobody is signed in with.
pub async fn end(session: &Session, accounts: &Arc<Accounts>) -> Result<()> {
    let (session, accounts) = (session.clone(), accounts.clone());
    to_its_end(async move {
        let key = existing(&session, &accounts).await?;
        session.flush().await.map_err(internal)?;
        if let Some(key) = key {
            accounts.session_ended(key, SessionEnd::LoggedOut).await;
        }
        Ok(())
    })
    .await
}

/// The key of the request's session.
///
/// # Errors
/// `unauthenticated` without a session.
pub fn key_of(session: &Session) -> Result<SessionKey> {
    session.id().as_ref().map(session::key).ok_or(Error::Unauthenticated)
}

/// The key of the session that the cookie names, if it exists: anybody can make up a cookie.
async fn existing(session: &Session, accounts: &Accounts) -> Result<Option<SessionKey>> {
    let Some(key) = session.id().as_ref().map(session::key) else { return Ok(None) };
    Ok(accounts.any_session_user(&key).await?.map(|_| key))
}

/// Makes the removal of the session cookie effective. A `__Host-` cookie is only replaced by one that is `Secure` as well, which the
/// library's removal is not. The session cookie comes first: simple clients read only one.
pub async fn fix_removal(State(origins): State<Arc<Origins>>, mut response: Response) -> Response {
    let removal = format!("{}=;", origins.cookie_name());
    let mut set: Vec<_> = response.headers().get_all(SET_COOKIE).iter().cloned().collect();
    response.headers_mut().remove(SET_COOKIE);
    let session = format!("{}=", origins.cookie_name());
    set.sort_by_key(|cookie| !cookie.as_bytes().starts_with(session.as_bytes()));
    for mut cookie in set {
        if cookie.to_str().is_ok_and(|text| text.starts_with(&removal)) {
            let secure = if origins.is_https() { "; Secure" } else { "" };
            let fixed = format!("{removal} Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}");
            cookie = HeaderValue::from_str(&fixed).expect("fixed words are a header's value");
            // Not "storage", which would unregister the service worker (docs/decisions/0014).
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

/// The person who is signed in. A handler with this argument is for signed-in people only. Those who must set up a second factor get no
/// further than to the pages for that; a handler with `Option<CurrentUser>` must show them nothing.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// The person.
    pub me: Arc<SessionUser>,
    /// The session, which may be an access token.
    pub session: SessionKey,
    /// How this browser shows them times.
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
        if let Some(Bearer { session, user }) = parts.extensions.get::<Bearer>() {
            let times = Times::new(user.time_zone.as_deref(), &parts.headers, state.clock.now());
            return Ok(Some(Self { me: user.clone(), session: session.clone(), times }));
        }
        let Some(session) = parts.extensions.get::<Session>() else {
            return Err(Error::Internal("a route without the session layer".into()));
        };
        Self::of(session, &parts.headers, state).await
    }

    /// Whether they have proved lately who they are. With an access token nobody can; who made one with the scope `admin` did then.
    ///
    /// # Errors
    /// `confirmation_required`; for a token that lacks the scope, `forbidden`.
    pub fn is_confirmed(&self, state: &AppState) -> Result<()> {
        match self.token {
            Some(scopes) if scopes.allow(Scope::Admin) => Ok(()),
            Some(_) => Err(Error::Forbidden("This access token’s scopes don’t allow that. It needs `admin`, too.")),
            None if self.confirmed_at > state.clock.now().plus(-CONFIRMED) => Ok(()),
            None => Err(Error::ConfirmationRequired),
        }
    }

    /// The person whose session it is, if it is anybody's.
    pub async fn of(session: &Session, headers: &HeaderMap, state: &AppState) -> Result<Option<Self>> {
        let Some(id) = session.id() else { return Ok(None) };
        let key = session::key(&id);
        let Some(user) = state.accounts.any_session_user(&key).await? else {
            // It finds no record, and the layer then removes the cookie.
            session.get_value(USER).await.map_err(internal)?;
            return Ok(None);
        };
        let times = Times::new(user.time_zone.as_deref(), headers, state.clock.now());
        Ok(Some(Self { me: Arc::new(user), session: key, times }))
    }
}

impl FromRequestParts<AppState> for CurrentUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let Transferring(user) = Transferring::from_request_parts(parts, state).await?;
        // Every GET reads something for the person, as a page or as JSON.
        if parts.method == Method::GET || parts.method == Method::HEAD {
            state.chat.allow(user.id, ActionKind::Read)?;
        }
        // Any response may be large, so it costs one of the person's read permits.
        if let Some(slot) = parts.extensions.get::<PermitSlot>().cloned() {
            slot.take(user.id).await?;
        }
        Ok(user)
    }
}

/// The person who is signed in, for requests whose bodies or responses take as long as they take: they cost no read permit, and count as no
/// read. `files` limits them.
#[derive(Clone, Debug)]
pub struct Transferring(pub CurrentUser);

impl std::ops::Deref for Transferring {
    type Target = CurrentUser;

    fn deref(&self) -> &CurrentUser {
        &self.0
    }
}

impl FromRequestParts<AppState> for Transferring {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let user = CurrentUser::find(parts, state).await?.ok_or(Error::Unauthenticated)?;
        if user.lacks_second_factor && !belongs_to_set_up(parts.uri.path()) {
            return Err(Error::SecondFactorRequired);
        }
        Ok(Self(user))
    }
}

impl OptionalFromRequestParts<AppState> for CurrentUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>> {
        Self::find(parts, state).await
    }
}

/// Whether a path is one for those who must set up a second factor first: the set-up, and the proof that it asks for.
fn belongs_to_set_up(path: &str) -> bool {
    const SET_UP: &str = "/settings/two-factor";
    let below = path.strip_prefix(SET_UP);
    path == "/confirm" || below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// How long after a proof of identity sensitive actions do not ask for another, in milliseconds.
const CONFIRMED: i64 = 10 * 60 * 1000;

/// The person who is signed in and has proved lately who they are, at the log-in or at `/confirm`: for sensitive actions.
#[derive(Clone, Debug)]
pub struct ConfirmedUser(pub CurrentUser);

impl std::ops::Deref for ConfirmedUser {
    type Target = CurrentUser;

    fn deref(&self) -> &CurrentUser {
        &self.0
    }
}

impl FromRequestParts<AppState> for ConfirmedUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let user = <CurrentUser as FromRequestParts<AppState>>::from_request_parts(parts, state).await?;
        user.is_confirmed(state)?;
        Ok(Self(user))
    }
}
