//! Forgotten passwords: links by administrators and by mail, and the form for a new password.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::{Form, MAX_ANONYMOUS_FORM, SecretiveForm};
use crate::web::layers::session::ConfirmedUser;
use crate::web::respond::{dead_link, form_again, page, page_with};
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::{DeadResetPage, ForgotPage, ResetLinkPage, ResetPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/people/{username}/reset", post(create))
        .route("/reset", get(forgot_page).post(forgot).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
        .route("/reset/{token}", get(form).post(reset).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
}

/// `POST /admin/people/{username}/reset`, by an administrator: a link with which that person can choose a new password.
pub async fn create(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
    format: Format,
    headers: HeaderMap,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Invite)?;
    let link = state.accounts.new_reset_link(&user, &username, &source).await?;
    let url = format!("{}{}", state.origins.own(&headers), link.path());
    if format.is_json() {
        return Ok((StatusCode::CREATED, Json(json!({ "url": url, "expires_at": link.expires_at }))).into_response());
    }
    let layout = layout(&state, &user).await?;
    Ok(page_with(StatusCode::CREATED, &ResetLinkPage { layout, username: link.username, link: url }))
}

/// `GET /reset`: for those who forgot their password.
pub async fn forgot_page(State(state): State<AppState>, ThemeCookie(theme): ThemeCookie) -> Response {
    page(&ForgotPage { problem: None, is_sent: false, sends_mail: state.accounts.sends_mail(), theme })
}

/// The form of those who forgot their password.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Forgotten {
    account: String,
}

/// `POST /reset`: the answer is the same whether or not there is such an account.
pub async fn forgot(
    State(state): State<AppState>,
    ThemeCookie(theme): ThemeCookie,
    source: Source,
    format: Format,
    SecretiveForm(form): SecretiveForm<Forgotten>,
) -> Result<Response> {
    let sends_mail = state.accounts.sends_mail();
    match state.accounts.ask_for_reset_link(&form.account, &source).await {
        Ok(()) if format.is_json() => Ok(Json(json!({ "ok": true })).into_response()),
        Ok(()) => Ok(page(&ForgotPage { problem: None, is_sent: true, sends_mail, theme })),
        Err(error) if format.is_json() => Err(error),
        Err(error) => {
            let problem = Some((&error).into());
            Ok(form_again(&error, &ForgotPage { problem, is_sent: false, sends_mail, theme }))
        }
    }
}

/// `GET /reset/{token}`: the form for a new password.
pub async fn form(
    State(state): State<AppState>,
    Path(token): Path<String>,
    ThemeCookie(theme): ThemeCookie,
    source: Source,
    format: Format,
) -> Result<Response> {
    match state.accounts.check_reset_link(&token, &source).await {
        Ok(found) => Ok(page(&ResetPage::new(theme, &token, &found.username, None))),
        Err(error) => dead_link(error, format, &DeadResetPage { theme }),
    }
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewPassword {
    password: String,
}

/// `POST /reset/{token}`: the link is used up, and all sessions of the account end.
pub async fn reset(
    State(state): State<AppState>,
    Path(token): Path<String>,
    ThemeCookie(theme): ThemeCookie,
    source: Source,
    format: Format,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    match state.accounts.reset_password(&token, &form.password, &source).await {
        Ok(()) => Ok(Redirect::to("/login").into_response()),
        Err(error @ Error::Invalid { .. }) if !format.is_json() => {
            let found = state.accounts.check_reset_link(&token, &source).await?;
            Ok(form_again(&error, &ResetPage::new(theme, &token, &found.username, Some((&error).into()))))
        }
        Err(error) => dead_link(error, format, &DeadResetPage { theme }),
    }
}
