//! Single sign-on: logging in by the OpenID provider, linking one's account to it, and logging out there.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tower_sessions::Session;

use crate::accounts::single_sign_on::{CALLBACK, Outcome, Returned};
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::device_cookie::DeviceCookie;
use crate::web::form::Form;
use crate::web::layers::session::{self, CurrentUser};
use crate::web::log_in::LoggingIn;
use crate::web::oidc_cookie::{self, OidcCookie};
use crate::web::query::{ForeignQuery, Query};
use crate::web::respond::{form_again, own_path, page};
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::{ContinuePage, LinkPage, LoggedOutPage, LoginPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/login/oidc", get(begin))
        .route(CALLBACK, get(callback))
        .route("/login/oidc/end", get(logged_out))
        .route("/settings/oidc", get(show))
        .route("/settings/oidc/link", post(link))
        .route("/settings/oidc/unlink", post(unlink))
}

/// The parameters of a log-in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Begin {
    next: String,
}

/// `GET /login/oidc`: 303 to the provider.
pub async fn begin(
    State(state): State<AppState>,
    Query(query): Query<Begin>,
    ThemeCookie(theme): ThemeCookie,
    format: Format,
) -> Result<Response> {
    let next = own_path(&query.next).unwrap_or_default();
    match state.accounts.begin_oidc(next).await {
        Ok(begun) => {
            let mut response = Redirect::to(&begun.url).into_response();
            oidc_cookie::set(&mut response, &begun.cookie, &state.origins);
            Ok(response)
        }
        Err(error) if format.is_json() || matches!(error, Error::NotFound(_)) => Err(error),
        Err(error) => Ok(log_in_again(&state, &error, theme, next)),
    }
}

/// The log-in form with what went wrong.
fn log_in_again(state: &AppState, error: &Error, theme: crate::model::Theme, next: &str) -> Response {
    let mut page = LoginPage::new(&state.settings.now(), theme, next, state.accounts.provider_name());
    page.problem = Some(error.into());
    form_again(error, &page)
}

/// What the provider sends back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProviderAnswer {
    state: String,
    code: String,
    iss: Option<String>,
    error: Option<String>,
}

/// `GET /login/oidc/callback`: where the provider sends the browser.
#[allow(clippy::too_many_arguments, reason = "each is a part of the request")]
pub async fn callback(
    State(state): State<AppState>,
    ForeignQuery(query): ForeignQuery<ProviderAnswer>,
    OidcCookie(cookie): OidcCookie,
    DeviceCookie(device): DeviceCookie,
    ThemeCookie(theme): ThemeCookie,
    session: Session,
    user: Option<CurrentUser>,
    source: Source,
    format: Format,
) -> Result<Response> {
    let returned = Returned { state: query.state, code: query.code, issuer: query.iss, error: query.error };
    let key = session::key_of(&session).ok();
    let signed_in = user.as_ref().zip(key.as_ref()).map(|(user, key)| (&**user, key));
    let finished = match state.accounts.finish_oidc(&cookie, returned, signed_in, &source).await {
        Ok(Outcome::Linked) => Ok(Redirect::to("/settings/oidc?linked").into_response()),
        Ok(Outcome::LogIn(account, next)) => {
            let next = own_path(&next).unwrap_or_default();
            let logging_in = LoggingIn { user: &account, session: &session, source: &source, device: device.as_deref(), next };
            // The second factor is the provider's to ask for.
            match logging_in.finish(&state, Some("oidc")).await {
                Ok(response) => {
                    session::note_provider(&session).await?;
                    Ok(response)
                }
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    };
    let mut response = match finished {
        Ok(response) => response,
        Err(error) if format.is_json() || user.is_some() || matches!(error, Error::NotFound(_)) => error.into_response(),
        Err(error) => log_in_again(&state, &error, theme, ""),
    };
    oidc_cookie::remove(&mut response, &state.origins);
    Ok(response)
}

/// `GET /login/oidc/end`: after a log-out, for those who want to log out at the provider too.
pub async fn logged_out(State(state): State<AppState>, ThemeCookie(theme): ThemeCookie) -> Response {
    match (state.accounts.provider_name(), state.accounts.provider_log_out_url().await) {
        (Some(name), Some(url)) => page(&LoggedOutPage { theme, name: name.into(), url }),
        _ => Redirect::to("/login").into_response(),
    }
}

/// The parameters of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    linked: Option<String>,
    unlinked: Option<String>,
}

/// `GET /settings/oidc`.
pub async fn show(
    State(state): State<AppState>,
    Query(done): Query<Done>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let own = state.accounts.own_link(&user).await?;
    if format.is_json() {
        let json =
            json!({ "name": own.name, "linked": own.since.is_some(), "since": own.since, "has_password": own.has_password });
        return Ok(Json(json).into_response());
    }
    let mut shown = LinkPage::new(layout(&state, &user).await?, own);
    shown.is_saved = done.linked.is_some() || done.unlinked.is_some();
    Ok(page(&shown))
}

/// A form that asks for the password.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PasswordForm {
    password: String,
}

/// `POST /settings/oidc/link`: a page that leads to the provider. A redirect of a form to another site is forbidden by our own policy.
pub async fn link(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<PasswordForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let key = session::key_of(&session)?;
    match state.accounts.begin_link(&user, &key, &form.password, &source).await {
        Ok(begun) => {
            let mut response = if format.is_json() {
                Json(json!({ "url": begun.url })).into_response()
            } else {
                let name = state.accounts.provider_name().unwrap_or_default().to_owned();
                page(&ContinuePage { layout: layout(&state, &user).await?, name, url: begun.url })
            };
            oidc_cookie::set(&mut response, &begun.cookie, &state.origins);
            Ok(response)
        }
        Err(error) => again(&state, &user, error, format).await,
    }
}

/// `POST /settings/oidc/unlink`.
pub async fn unlink(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<PasswordForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let key = session::key_of(&session)?;
    match state.accounts.unlink(&user, &key, &form.password, &source).await {
        Ok(()) => Ok(Redirect::to("/settings/oidc?unlinked").into_response()),
        Err(error) => again(&state, &user, error, format).await,
    }
}

/// The page with what was wrong.
async fn again(state: &AppState, user: &CurrentUser, error: Error, format: Format) -> Result<Response> {
    if format.is_json() || !error.shows_form_again() {
        return Err(error);
    }
    let own = state.accounts.own_link(user).await?;
    let mut page = LinkPage::new(layout(state, user).await?, own);
    page.problem = Some((&error).into());
    Ok(form_again(&error, &page))
}
