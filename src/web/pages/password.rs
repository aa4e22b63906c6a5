//! Changing one's own password.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use tower_sessions::Session;

use crate::error::Result;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::device_cookie;
use crate::web::form::Form;
use crate::web::layers::session;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::PasswordPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/settings/password", get(password_page).post(change_password))
}

/// The form for a new password.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PasswordForm {
    current: String,
    password: String,
}

/// `GET /settings/password`.
pub async fn password_page(State(state): State<AppState>, user: CurrentUser) -> Result<Response> {
    let layout = layout(&state, &user).await?;
    let has_password = state.accounts.has_password(&user).await?;
    Ok(page(&PasswordPage { layout, has_password, problem: None }))
}

/// `POST /settings/password`: every session of the person ends; this browser gets a new one.
pub async fn change_password(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<PasswordForm>,
) -> Result<Response> {
    let key = session::key_of(&session)?;
    let changed = state.accounts.change_password(&user, &key, &form.current, &form.password, &source);
    match changed.await {
        Ok(changed) => {
            session::begin(&session, user.id, &state.accounts, &source, None).await?;
            let mut response = Redirect::to("/settings?saved").into_response();
            device_cookie::set(&mut response, &state.accounts.remember(&changed, None), &state.origins);
            Ok(response)
        }
        Err(error) if format.is_json() => Err(error),
        Err(error) => {
            let layout = layout(&state, &user).await?;
            let has_password = state.accounts.has_password(&user).await?;
            Ok(form_again(&error, &PasswordPage { layout, has_password, problem: Some((&error).into()) }))
        }
    }
}
