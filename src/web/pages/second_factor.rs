//! The second step of a log-in: the code of an authenticator app, or a recovery code.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use tower_sessions::Session;

use crate::db::users::User;
use crate::error::{Error, Result};
use crate::model::Theme;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::form::{MAX_ANONYMOUS_FORM, SecretiveForm};
use crate::web::log_in::{LogInCookies, LoggingIn, SECOND};
use crate::web::log_in_cookie::{self, LogInCookie};
use crate::web::passkey;
use crate::web::respond::{form_again, own_path, page};
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::SecondFactorPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route(SECOND, get(show).post(complete).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
}

/// `GET /login/second`; without a log-in that waits for it, the log-in page.
pub async fn show(
    State(state): State<AppState>,
    LogInCookie(token): LogInCookie,
    ThemeCookie(theme): ThemeCookie,
    headers: HeaderMap,
) -> Result<Response> {
    let pending = match token {
        Some(token) => state.accounts.find_pending(&token).await?,
        None => None,
    };
    let Some((user, next)) = pending else { return Ok(Redirect::to("/login").into_response()) };
    Ok(page(&form(&state, &user, next, theme, &headers).await?))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SecondForm {
    code: String,
}

/// `POST /login/second`.
pub async fn complete(
    State(state): State<AppState>,
    session: Session,
    source: Source,
    LogInCookies { device, pending, .. }: LogInCookies,
    ThemeCookie(theme): ThemeCookie,
    headers: HeaderMap,
    SecretiveForm(fields): SecretiveForm<SecondForm>,
) -> Result<Response> {
    // The answer to `Unauthenticated` leads a browser to the log-in page.
    let token = pending.ok_or(Error::Unauthenticated)?;
    match state.accounts.complete_pending(&token, &fields.code, device.as_deref(), &source).await {
        Ok((user, proof, next)) => {
            let next = own_path(&next).unwrap_or_default();
            let logging_in = LoggingIn { user: &user, session: &session, source: &source, device: device.as_deref(), next };
            let mut response = logging_in.finish(&state, Some(proof.as_str())).await?;
            log_in_cookie::remove(&mut response, &state.origins);
            Ok(response)
        }
        Err(error @ (Error::WrongCode | Error::RateLimited { .. })) if !Format::of(&headers).is_json() => {
            let Some((user, next)) = state.accounts.find_pending(&token).await? else { return Err(Error::Unauthenticated) };
            let mut page = form(&state, &user, next, theme, &headers).await?;
            page.problem = Some((&error).into());
            Ok(form_again(&error, &page))
        }
        Err(error) => Err(error),
    }
}

async fn form(state: &AppState, user: &User, next: String, theme: Theme, headers: &HeaderMap) -> Result<SecondFactorPage> {
    let factors = state.accounts.second_factors(user.id).await?;
    Ok(SecondFactorPage {
        server_name: state.settings.now().server_name.clone(),
        theme,
        username: user.username.to_string(),
        has_code: factors.has_totp || factors.recovery_codes > 0,
        has_passkey: !factors.passkeys.is_empty() && passkey::work_at(state, headers).is_ok(),
        next,
        problem: None,
    })
}
