//! Passkeys: adding and removing them, logging in with one, and confirming with one. Scripts talk to the browser's API and send its answers
//! as fields of forms.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;
use tower_sessions::Session;

use super::two_factor::{self, PAGE, Password};
use crate::accounts::passkeys::Purpose;
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::form::{Form, MAX_ANONYMOUS_FORM};
use crate::web::layers::session::{self, ConfirmedUser, CurrentUser};
use crate::web::log_in::{LogInCookies, LoggingIn};
use crate::web::log_in_cookie::{self, LogInCookie};
use crate::web::passkey::{ChallengeCookie, asked};
use crate::web::respond::{form_again, own_path};
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::LoginPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/settings/two-factor/passkeys", post(add))
        .route("/settings/two-factor/passkeys/options", post(options_to_add))
        .route("/settings/two-factor/passkeys/{id}/remove", post(remove))
        .route("/login/passkey", post(log_in).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
        .route("/login/passkey/options", post(options_to_log_in).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
        .route("/confirm/passkey", post(confirm))
        .route("/confirm/passkey/options", post(options_to_confirm))
}

/// `POST /settings/two-factor/passkeys/options`.
pub async fn options_to_add(State(state): State<AppState>, user: ConfirmedUser) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    Ok(asked(&state, state.accounts.start_passkey(&user).await?))
}

/// The form with a new passkey.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewPasskey {
    name: String,
    credential: String,
}

/// `POST /settings/two-factor/passkeys`.
pub async fn add(
    State(state): State<AppState>,
    user: ConfirmedUser,
    source: Source,
    ChallengeCookie(cookie): ChallengeCookie,
    headers: HeaderMap,
    Form(form): Form<NewPasskey>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let format = Format::of(&headers);
    match state.accounts.add_passkey(&user, &form.name, &form.credential, &cookie, &source).await {
        Ok(codes) if format.is_json() => {
            Ok((StatusCode::CREATED, Json(json!({ "recovery_codes": codes.unwrap_or_default() }))).into_response())
        }
        Ok(Some(codes)) => two_factor::recovery_codes(&state, &user, codes, &headers).await,
        Ok(None) => Ok(Redirect::to(PAGE).into_response()),
        Err(error) => two_factor::again(&state, &user, error, &headers).await,
    }
}

/// `POST /settings/two-factor/passkeys/{id}/remove`.
pub async fn remove(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: CurrentUser,
    session: Session,
    source: Source,
    headers: HeaderMap,
    Form(form): Form<Password>,
) -> Result<Response> {
    match state.accounts.remove_passkey(&user, &session::key_of(&session)?, &id, form.password(), &source).await {
        Ok(()) => Ok(Redirect::to(PAGE).into_response()),
        Err(error) => two_factor::again(&state, &user, error, &headers).await,
    }
}

/// `POST /login/passkey/options`: for anybody, or for the person whose password was right.
pub async fn options_to_log_in(State(state): State<AppState>, LogInCookie(token): LogInCookie) -> Result<Response> {
    let pending = match token {
        Some(token) => state.accounts.find_pending(&token).await?,
        None => None,
    };
    let user = pending.map(|(user, _)| user.id);
    Ok(asked(&state, state.accounts.ask_for_passkey(Purpose::LogIn, user).await?))
}

/// The form with a used passkey.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UsedPasskey {
    credential: String,
    next: String,
}

/// `POST /login/passkey`: without a password, or after it.
pub async fn log_in(
    State(state): State<AppState>,
    session: Session,
    source: Source,
    LogInCookies { device, pending, challenge }: LogInCookies,
    ThemeCookie(theme): ThemeCookie,
    headers: HeaderMap,
    Form(form): Form<UsedPasskey>,
) -> Result<Response> {
    let next = own_path(&form.next).unwrap_or_default();
    match state.accounts.accept_passkey(Purpose::LogIn, &form.credential, &challenge, &source).await {
        Ok(user) => {
            if let Some(token) = pending {
                state.accounts.drop_pending(&token).await?;
            }
            let device = device.as_deref();
            let logging_in = LoggingIn { user: &user, session: &session, source: &source, device, next };
            let mut response = logging_in.finish(&state, Some("passkey")).await?;
            log_in_cookie::remove(&mut response, &state.origins);
            Ok(response)
        }
        Err(error) if Format::of(&headers).is_json() => Err(error),
        Err(error) => {
            let mut page = LoginPage::new(&state.settings.now(), theme, next, state.accounts.provider_name());
            page.problem = Some((&error).into());
            page.has_passkeys = true;
            Ok(form_again(&error, &page))
        }
    }
}

/// `POST /confirm/passkey/options`.
pub async fn options_to_confirm(State(state): State<AppState>, user: CurrentUser) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    Ok(asked(&state, state.accounts.ask_for_passkey(Purpose::Confirm(user.id), Some(user.id)).await?))
}

/// `POST /confirm/passkey`.
pub async fn confirm(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    ChallengeCookie(cookie): ChallengeCookie,
    headers: HeaderMap,
    Form(form): Form<UsedPasskey>,
) -> Result<Response> {
    let next = own_path(&form.next).unwrap_or("/");
    let key = session::key_of(&session)?;
    match state.accounts.confirm_session_by_passkey(&user, &key, &form.credential, &cookie, &source).await {
        Ok(()) if Format::of(&headers).is_json() => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(()) => Ok(Redirect::to(next).into_response()),
        Err(error @ Error::WrongPasskey) if !Format::of(&headers).is_json() => {
            let mut page = super::confirm::form(&state, &user, next, &headers).await?;
            page.problem = Some((&error).into());
            Ok(form_again(&error, &page))
        }
        Err(error) => Err(error),
    }
}
