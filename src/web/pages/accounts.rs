//! Registering, logging in, logging out, and inviting.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::Registration;
use crate::chat::rate_limits::ActionKind;
use crate::config;
use crate::error::Error;
use crate::model::UserId;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::device;
use crate::web::device::Kept;
use crate::web::form::Form;
use crate::web::layers::session;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, own_path, page, page_with};
use crate::web::state::AppState;
use crate::web::theme::Told;
use crate::web::views::{DeadInvitePage, InvitePage, LoginPage, RegisterPage};

/// How long a refusal takes for which nothing was hashed: whoever asks without a pause waits for each answer, and hardly anybody else
/// notices.
const REFUSAL: Duration = Duration::from_millis(200);

/// What the links to these pages may carry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Links {
    next: String,
    invite: String,
    setup: String,
}

/// `GET /register`.
pub async fn register_page(
    State(state): State<AppState>,
    Query(links): Query<Links>,
    Told(theme): Told,
    user: Option<CurrentUser>,
    source: Source,
    asked: Asked,
) -> Answer {
    if user.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let is_invited = links.setup.is_empty() && !links.invite.is_empty();
    if is_invited && state.config.registration == config::Registration::Invite {
        // Whoever comes too late is told before they have filled in a form.
        let invite = state.accounts.check_invite(&links.invite, &source).await.map_err(|error| asked.refuse(error))?;
        if let Some(over) = DeadInvitePage::new(theme, invite) {
            return Ok(page_with(StatusCode::NOT_FOUND, &over));
        }
    }
    let may = !links.setup.is_empty() || state.config.registration != config::Registration::Closed;
    if !may {
        return Err(asked.refuse(Error::Forbidden("Sign-ups are closed. Ask an admin for an account.")));
    }
    Ok(page(&RegisterPage::new(&state.config, theme, &links.invite, &links.setup)))
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
}

/// `POST /register`.
pub async fn register(
    State(state): State<AppState>,
    session: Session,
    source: Source,
    Told(theme): Told,
    asked: Asked,
    Form(form): Form<RegisterForm>,
) -> Answer {
    let registration = Registration {
        username: &form.username,
        name: &form.name,
        password: &form.password,
        invite: &form.invite,
        setup: &form.setup,
    };
    let registered = state.accounts.register(registration, &source).await;
    if registered.is_err() {
        tokio::time::sleep(REFUSAL).await;
    }
    match registered {
        Ok(user) => {
            welcome(&state, user.id).await;
            session::begin(&session, user.id, &state.accounts).await.map_err(|error| asked.refuse(error))?;
            let mut response = Redirect::to("/").into_response();
            device::keep(&mut response, &state.accounts.remember(&user, None), &state.origins);
            Ok(response)
        }
        Err(error @ (Error::Invalid { .. } | Error::TooLong { .. } | Error::RateLimited { .. })) if !asked.is_json() => {
            let retry_after = error.retry_after();
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let mut form_again = RegisterPage::new(&state.config, theme, &form.invite, &form.setup);
            form_again.username = form.username;
            form_again.name = form.name;
            form_again.problem = Some((&error).into());
            let mut response = page_with(status, &form_again);
            crate::web::respond::retry_after(&mut response, retry_after);
            Ok(response)
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

/// Leads somebody whose account is new into the default rooms. Whatever goes wrong is made up for when they come back to `/`: it keeps
/// nobody out.
async fn welcome(state: &AppState, user: UserId) {
    if let Err(error) = state.chat.welcome(user).await {
        tracing::warn!(%error, "could not lead a new account into the default rooms; it is tried again");
    }
}

/// `GET /login`.
pub async fn login_page(
    State(state): State<AppState>,
    Query(links): Query<Links>,
    Told(theme): Told,
    user: Option<CurrentUser>,
) -> Answer {
    if user.is_some() {
        return Ok(Redirect::to(own_path(&links.next).unwrap_or("/")).into_response());
    }
    Ok(page(&LoginPage::new(&state.config, theme, own_path(&links.next).unwrap_or_default())))
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
    Kept(kept): Kept,
    Told(theme): Told,
    asked: Asked,
    Form(form): Form<LoginForm>,
) -> Answer {
    let next = own_path(&form.next).unwrap_or_default();
    let authenticated = state.accounts.authenticate(&form.username, &form.password, kept.as_deref(), &source).await;
    if let Err(Error::RateLimited { .. } | Error::Busy { .. }) = &authenticated {
        tokio::time::sleep(REFUSAL).await;
    }
    match authenticated {
        Ok(user) => {
            session::begin(&session, user.id, &state.accounts).await.map_err(|error| asked.refuse(error))?;
            if let Err(error) = state.accounts.confirm(&user, &source).await {
                session::end(&session, &state.accounts).await.map_err(|error| asked.refuse(error))?;
                return Err(asked.refuse(error));
            }
            welcome(&state, user.id).await;
            let mut response = Redirect::to(if next.is_empty() { "/" } else { next }).into_response();
            device::keep(&mut response, &state.accounts.remember(&user, kept.as_deref()), &state.origins);
            Ok(response)
        }
        Err(error) if asked.is_json() => Err(asked.refuse(error)),
        Err(error) => {
            let retry_after = error.retry_after();
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut form_again = LoginPage::new(&state.config, theme, next);
            form_again.username = form.username;
            form_again.problem = Some((&error).into());
            let mut response = page_with(status, &form_again);
            crate::web::respond::retry_after(&mut response, retry_after);
            Ok(response)
        }
    }
}

/// `POST /logout`: the session ends in the database first, then its sockets, then the cookie.
pub async fn logout(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    session: Session,
    source: Source,
    asked: Asked,
) -> Answer {
    session::end(&session, &state.accounts).await.map_err(|error| asked.refuse(error))?;
    if let Some(user) = user {
        state.accounts.logged_out(&user, &source);
    }
    Ok(Redirect::to("/login").into_response())
}

/// `POST /invites`: an administrator's link for one person.
pub async fn invite(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    headers: HeaderMap,
    asked: Asked,
) -> Answer {
    permissions::may_administer(user.actor(), ServerAction::Invite).map_err(|error| asked.refuse(error))?;
    state.chat.allow(user.id, ActionKind::Invite).map_err(|error| asked.refuse(error))?;
    let token = state.accounts.invite(&user, &source).await.map_err(|error| asked.refuse(error))?;
    let frame = super::frame::frame(&state, &user).await.map_err(|error| asked.refuse(error))?;
    let link = format!("{}/register?invite={token}", state.origins.own(&headers));
    Ok(page(&InvitePage { frame, link }))
}
