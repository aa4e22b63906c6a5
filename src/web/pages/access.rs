//! Taking access away: one's password changed, somebody banned.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::frame::frame;
use crate::chat::rate_limits::ActionKind;
use crate::db::people::Profile;
use crate::error::Error;
use crate::security_log::Source;
use crate::web::device;
use crate::web::form::Form;
use crate::web::layers::session;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::views::PasswordPage;

/// The form for a new password.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PasswordForm {
    current: String,
    password: String,
}

/// `GET /settings/password`.
pub async fn password_page(State(state): State<AppState>, user: CurrentUser, asked: Asked) -> Answer {
    let frame = frame(&state, &user).await.map_err(|error| asked.refuse(error))?;
    Ok(page_with(StatusCode::OK, &PasswordPage { frame, problem: None }))
}

/// `POST /settings/password`: every session of theirs ends; this browser gets a new one.
pub async fn change_password(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    asked: Asked,
    Form(form): Form<PasswordForm>,
) -> Answer {
    let key = session.id().as_ref().map(crate::accounts::session::key);
    let key = key.ok_or_else(|| asked.refuse(Error::Unauthenticated))?;
    let changed = state.accounts.change_password(&user, &key, &form.current, &form.password, &source);
    match changed.await {
        Ok(changed) => {
            session::begin(&session, user.id, &state.accounts).await.map_err(|error| asked.refuse(error))?;
            let mut response = Redirect::to("/settings?saved").into_response();
            device::keep(&mut response, &state.accounts.remember(&changed, None), &state.origins);
            Ok(response)
        }
        Err(error) if asked.is_json() => Err(asked.refuse(error)),
        Err(error) => {
            let frame = frame(&state, &user).await.map_err(|error| asked.refuse(error))?;
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let mut response = page_with(status, &PasswordPage { frame, problem: Some((&error).into()) });
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
    }
}

/// `POST /people/{username}/ban`, by an administrator.
pub async fn ban(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    source: Source,
    asked: Asked,
) -> Answer {
    state.chat.allow(user.id, ActionKind::Remove).map_err(|error| asked.refuse(error))?;
    let banned = state.accounts.ban(&user, &username, &source);
    Ok(to_card(&banned.await.map_err(|error| asked.refuse(error))?))
}

/// `POST /people/{username}/unban`, by an administrator.
pub async fn lift_ban(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    source: Source,
    asked: Asked,
) -> Answer {
    state.chat.allow(user.id, ActionKind::Remove).map_err(|error| asked.refuse(error))?;
    let profile = state.accounts.lift_ban(&user, &username, &source).await.map_err(|error| asked.refuse(error))?;
    Ok(to_card(&profile))
}

fn to_card(profile: &Profile) -> Response {
    Redirect::to(&format!("/people/{}", profile.username)).into_response()
}
