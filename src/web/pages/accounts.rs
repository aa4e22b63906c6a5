//! Registering, logging in, logging out.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::Registration;
use crate::config;
use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::device_cookie::{self, DeviceCookie};
use crate::web::form::{Form, MAX_ANONYMOUS_FORM, SecretiveForm};
use crate::web::layers::session::{self, CurrentUser};
use crate::web::log_in::{LoggingIn, SECOND, welcome};
use crate::web::log_in_cookie::LogInCookie;
use crate::web::passkey;
use crate::web::query::Query;
use crate::web::respond::{form_again, own_path, page, page_with};
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::{DeadInvitePage, LoginPage, RegisterPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/register", get(register_page).post(register).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
        .route("/login", get(login_page).post(login).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
        .route("/logout", post(logout))
}

/// The delay of a refusal for which no password was hashed: it slows down guessing, and hardly anybody else notices it.
const REFUSAL_DELAY: Duration = Duration::from_millis(200);

/// The parameters of links to these pages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Links {
    next: String,
    invite: String,
    setup: String,
    /// Present when somebody gives up a log-in whose second factor is due.
    other: Option<String>,
}

/// `GET /register`.
pub async fn register_page(
    State(state): State<AppState>,
    Query(links): Query<Links>,
    ThemeCookie(theme): ThemeCookie,
    user: Option<CurrentUser>,
    source: Source,
) -> Result<Response> {
    if user.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let is_invited = links.setup.is_empty() && !links.invite.is_empty();
    if is_invited && state.settings.now().registration == config::Registration::Invite {
        // An invite that does not work is reported before the form is filled in.
        let invite = state.accounts.check_invite(&links.invite, &source).await?;
        if let Some(over) = DeadInvitePage::new(theme, invite) {
            return Ok(page_with(StatusCode::NOT_FOUND, &over));
        }
    }
    let may = !links.setup.is_empty() || state.settings.now().registration != config::Registration::Closed;
    if !may {
        return Err(Error::Forbidden("Sign-ups are closed. Ask an admin for an account."));
    }
    let provider = if links.setup.is_empty() { state.accounts.provider_name() } else { None };
    Ok(page(&RegisterPage::new(&state.settings, theme, &links.invite, &links.setup, provider)))
}

/// The registration form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RegisterForm {
    username: String,
    password: String,
    name: String,
    invite: String,
    setup: String,
    registration: String,
}

/// `POST /register`.
pub async fn register(
    State(state): State<AppState>,
    session: Session,
    source: Source,
    ThemeCookie(theme): ThemeCookie,
    format: Format,
    Form(form): Form<RegisterForm>,
) -> Result<Response> {
    let registration = Registration {
        username: &form.username,
        name: &form.name,
        password: &form.password,
        invite: &form.invite,
        setup: &form.setup,
        registration: &form.registration,
    };
    let registered = state.accounts.register(registration, &source).await;
    if registered.is_err() {
        tokio::time::sleep(REFUSAL_DELAY).await;
    }
    match registered {
        Ok(user) => {
            welcome(&state, user.id).await;
            session::begin(&session, user.id, &state.accounts, &source, None).await?;
            let mut response = Redirect::to("/").into_response();
            device_cookie::set(&mut response, &state.accounts.remember(&user, None), &state.origins);
            Ok(response)
        }
        Err(error @ (Error::Invalid { .. } | Error::TooLong { .. } | Error::RateLimited { .. })) if !format.is_json() => {
            let mut page = RegisterPage::new(&state.settings, theme, &form.invite, &form.setup, None);
            if let (Some(chosen), Ok(typed)) = (&mut page.registration, form.registration.parse()) {
                *chosen = typed;
            }
            page.username = form.username;
            page.name = form.name;
            page.problem = Some((&error).into());
            Ok(form_again(&error, &page))
        }
        Err(error) => Err(error),
    }
}

/// `GET /login`.
pub async fn login_page(
    State(state): State<AppState>,
    Query(links): Query<Links>,
    ThemeCookie(theme): ThemeCookie,
    LogInCookie(pending): LogInCookie,
    headers: HeaderMap,
    user: Option<CurrentUser>,
) -> Result<Response> {
    if user.is_some() {
        return Ok(Redirect::to(own_path(&links.next).unwrap_or("/")).into_response());
    }
    if let Some(token) = pending
        && state.accounts.find_pending(&token).await?.is_some()
    {
        if links.other.is_none() {
            return Ok(Redirect::to(SECOND).into_response());
        }
        state.accounts.drop_pending(&token).await?;
    }
    let next = own_path(&links.next).unwrap_or_default();
    let mut form = LoginPage::new(&state.settings.now(), theme, next, state.accounts.provider_name());
    form.has_passkeys = passkey::work_at(&state, &headers).is_ok();
    Ok(page(&form))
}

/// The log-in form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    username: String,
    password: String,
    next: String,
}

/// `POST /login`.
pub async fn login(
    State(state): State<AppState>,
    session: Session,
    source: Source,
    DeviceCookie(device): DeviceCookie,
    ThemeCookie(theme): ThemeCookie,
    headers: HeaderMap,
    SecretiveForm(form): SecretiveForm<LoginForm>,
) -> Result<Response> {
    let next = own_path(&form.next).unwrap_or_default();
    let authenticated = state.accounts.authenticate(&form.username, &form.password, device.as_deref(), &source).await;
    if let Err(Error::RateLimited { .. } | Error::Busy { .. }) = &authenticated {
        tokio::time::sleep(REFUSAL_DELAY).await;
    }
    match authenticated {
        Ok(user) => {
            let logging_in = LoggingIn { user: &user, session: &session, source: &source, device: device.as_deref(), next };
            logging_in.proceed(&state).await
        }
        Err(error) if Format::of(&headers).is_json() => Err(error),
        Err(error) => {
            let mut page = LoginPage::new(&state.settings.now(), theme, next, state.accounts.provider_name());
            page.username = form.username.replace('\0', "");
            page.has_passkeys = passkey::work_at(&state, &headers).is_ok();
            page.problem = Some((&error).into());
            Ok(form_again(&error, &page))
        }
    }
}

/// `POST /logout`: the session ends in the database first, then its sockets, then the cookie.
pub async fn logout(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    session: Session,
    source: Source,
) -> Result<Response> {
    let is_by_provider = state.accounts.provider_name().is_some() && session::is_by_provider(&session).await?;
    match user {
        Some(user) => session::log_out(&session, &state.accounts, &user, &source).await?,
        None => session::end(&session, &state.accounts).await?,
    }
    Ok(Redirect::to(if is_by_provider { "/login/oidc/end" } else { "/login" }).into_response())
}
