//! The set-up page, on which the operator becomes the first administrator.
//!
//! Owns the page and its form, which redirects to the registration. Both exist until there is an administrator.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::form::{Form, MAX_ANONYMOUS_FORM};
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::SetupPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/setup", get(show).post(check).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
}

/// `GET /setup`.
pub async fn show(State(state): State<AppState>, ThemeCookie(theme): ThemeCookie, user: Option<CurrentUser>) -> Result<Response> {
    if state.accounts.has_admin().await? {
        return Ok(Redirect::to(if user.is_some() { "/" } else { "/login" }).into_response());
    }
    Ok(page(&SetupPage::new(&state.settings.now(), theme, user.is_some())))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SetupForm {
    token: String,
}

/// `POST /setup` (`token`, or the link with it): redirects to the administrator's registration.
pub async fn check(
    State(state): State<AppState>,
    source: Source,
    ThemeCookie(theme): ThemeCookie,
    user: Option<CurrentUser>,
    format: Format,
    Form(form): Form<SetupForm>,
) -> Result<Response> {
    if state.accounts.has_admin().await? {
        return Ok(Redirect::to("/login").into_response());
    }
    match state.accounts.check_setup(&form.token, &source).await {
        Ok(token) => Ok(Redirect::to(&format!("/register?setup={token}")).into_response()),
        Err(error @ (Error::Invalid { .. } | Error::RateLimited { .. })) if !format.is_json() => {
            let mut again = SetupPage::new(&state.settings.now(), theme, user.is_some());
            again.token = form.token;
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}
