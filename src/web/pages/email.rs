//! One's own email address, and the links that verify one.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tower_sessions::Session;

use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::{Form, MAX_ANONYMOUS_FORM};
use crate::web::layers::session::{self, CurrentUser};
use crate::web::query::Query;
use crate::web::respond::{dead_link, form_again, page};
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::{DeadEmailPage, EmailPage, VerifyEmailPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/settings/email", get(show).post(set))
        .route("/settings/email/remove", post(remove))
        .route("/email/{token}", get(verify_page).post(verify).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
}

/// The parameters of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    /// Present after a link was sent.
    sent: Option<String>,
    /// Present after the address was removed.
    removed: Option<String>,
}

/// `GET /settings/email`.
pub async fn show(
    State(state): State<AppState>,
    Query(done): Query<Done>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let emails = state.accounts.own_emails(&user).await?;
    let sends_mail = state.accounts.sends_mail();
    if format.is_json() {
        let json = json!({ "email": emails.verified, "pending": emails.pending, "available": sends_mail });
        return Ok(Json(json).into_response());
    }
    let mut page_ = EmailPage::new(layout(&state, &user).await?, emails, sends_mail, state.accounts.has_password(&user).await?);
    page_.is_sent = done.sent.is_some();
    page_.is_removed = done.removed.is_some();
    Ok(page(&page_))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EmailForm {
    email: String,
    password: String,
}

/// `POST /settings/email`: sends a link that verifies the address.
pub async fn set(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<EmailForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let key = session::key_of(&session)?;
    match state.accounts.set_email(&user, &key, &form.email, &form.password, &source).await {
        Ok(()) => Ok(Redirect::to("/settings/email?sent").into_response()),
        Err(error) => again(&state, &user, error, form.email, format).await,
    }
}

/// `POST /settings/email/remove`.
pub async fn remove(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<EmailForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let key = session::key_of(&session)?;
    match state.accounts.remove_email(&user, &key, &form.password, &source).await {
        Ok(()) => Ok(Redirect::to("/settings/email?removed").into_response()),
        Err(error) => again(&state, &user, error, form.email, format).await,
    }
}

/// The form with what was wrong.
async fn again(state: &AppState, user: &CurrentUser, error: Error, typed: String, format: Format) -> Result<Response> {
    if format.is_json() || !error.shows_form_again() {
        return Err(error);
    }
    let emails = state.accounts.own_emails(user).await?;
    let mut page =
        EmailPage::new(layout(state, user).await?, emails, state.accounts.sends_mail(), state.accounts.has_password(user).await?);
    page.typed = typed;
    page.problem = Some((&error).into());
    Ok(form_again(&error, &page))
}

/// `GET /email/{token}`: asks before the address is verified, because programs that look for viruses open links too.
pub async fn verify_page(
    State(state): State<AppState>,
    Path(token): Path<String>,
    ThemeCookie(theme): ThemeCookie,
    source: Source,
    format: Format,
) -> Result<Response> {
    match state.accounts.check_email_link(&token, &source).await {
        Ok(link) if format.is_json() => Ok(Json(json!({ "username": link.username, "email": link.address })).into_response()),
        Ok(link) => Ok(page(&VerifyEmailPage { theme, token, username: link.username, address: link.address })),
        Err(error) => dead_link(error, format, &DeadEmailPage { theme }),
    }
}

/// `POST /email/{token}`: the address is verified, and the link is used up.
pub async fn verify(
    State(state): State<AppState>,
    Path(token): Path<String>,
    ThemeCookie(theme): ThemeCookie,
    source: Source,
    format: Format,
) -> Result<Response> {
    match state.accounts.verify_email(&token, &source).await {
        Ok(()) => Ok(Redirect::to("/settings/email").into_response()),
        Err(error) => dead_link(error, format, &DeadEmailPage { theme }),
    }
}
