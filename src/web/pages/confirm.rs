//! Proving again who one is, before sensitive actions of a session that began long ago (`ConfirmedUser`).

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use tower_sessions::Session;

use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::form::Form;
use crate::web::layers::session::{self, CurrentUser};
use crate::web::passkey;
use crate::web::query::Query;
use crate::web::respond::{form_again, own_path, page};
use crate::web::state::AppState;
use crate::web::views::ConfirmPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/confirm", get(show).post(confirm))
}

/// The fields of the form; the link has `next`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConfirmForm {
    password: String,
    code: String,
    next: String,
}

/// `GET /confirm`.
pub async fn show(
    State(state): State<AppState>,
    Query(link): Query<ConfirmForm>,
    user: CurrentUser,
    headers: HeaderMap,
) -> Result<Response> {
    let next = own_path(&link.next).unwrap_or("/");
    if user.is_confirmed(&state).is_ok() {
        return Ok(Redirect::to(next).into_response());
    }
    Ok(page(&form(&state, &user, next, &headers).await?))
}

/// `POST /confirm` (`password` or `code`).
pub async fn confirm(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    headers: HeaderMap,
    Form(fields): Form<ConfirmForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let next = own_path(&fields.next).unwrap_or("/");
    let key = session::key_of(&session)?;
    match state.accounts.confirm_session(&user, &key, &fields.password, &fields.code, &source).await {
        Ok(()) if Format::of(&headers).is_json() => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(()) => Ok(Redirect::to(next).into_response()),
        Err(error) if error.shows_form_again() && !Format::of(&headers).is_json() => {
            let mut page = form(&state, &user, next, &headers).await?;
            page.problem = Some((&error).into());
            Ok(form_again(&error, &page))
        }
        Err(error) => Err(error),
    }
}

/// The page; `next` is where it leads.
pub async fn form(state: &AppState, user: &CurrentUser, next: &str, headers: &HeaderMap) -> Result<ConfirmPage> {
    let factors = state.accounts.second_factors(user.id).await?;
    Ok(ConfirmPage {
        server_name: state.settings.now().server_name.clone(),
        theme: user.theme,
        username: user.username.to_string(),
        has_code: factors.has_totp || factors.recovery_codes > 0,
        has_passkey: !factors.passkeys.is_empty() && passkey::work_at(state, headers).is_ok(),
        next: next.to_owned(),
        problem: None,
    })
}
