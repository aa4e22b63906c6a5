//! Proving again who one is, before sensitive actions of a session that began long ago (`ConfirmedUser`).

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
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
pub async fn show(State(state): State<AppState>, Query(link): Query<ConfirmForm>, user: CurrentUser) -> Result<Response> {
    let next = own_path(&link.next).unwrap_or("/");
    if user.is_confirmed(&state).is_ok() {
        return Ok(Redirect::to(next).into_response());
    }
    Ok(page(&again(&state, &user, next).await?))
}

/// `POST /confirm` (`password` or `code`).
pub async fn confirm(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<ConfirmForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let next = own_path(&form.next).unwrap_or("/");
    let key = session::key_of(&session)?;
    match state.accounts.confirm_session(&user, &key, &form.password, &form.code, &source).await {
        Ok(()) if format.is_json() => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(()) => Ok(Redirect::to(next).into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let mut page = again(&state, &user, next).await?;
            page.problem = Some((&error).into());
            Ok(form_again(&error, &page))
        }
        Err(error) => Err(error),
    }
}

async fn again(state: &AppState, user: &CurrentUser, next: &str) -> Result<ConfirmPage> {
    let has_code = state.accounts.has_second_factor(user.id).await?;
    let server_name = state.settings.now().server_name.clone();
    Ok(ConfirmPage {
        server_name,
        theme: user.theme,
        username: user.username.to_string(),
        has_code,
        next: next.to_owned(),
        problem: None,
    })
}
