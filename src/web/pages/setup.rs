//! The set-up page: how whoever runs the server becomes its administrator.
//!
//! Owns the page and its form, which only leads on to the registration. They are there while there is no administrator.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use crate::error::Error;
use crate::security_log::Source;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::theme::Told;
use crate::web::views::SetupPage;

/// `GET /setup`.
pub async fn show(State(state): State<AppState>, Told(theme): Told, user: Option<CurrentUser>, asked: Asked) -> Answer {
    if state.accounts.has_admin().await.map_err(|error| asked.refuse(error))? {
        return Ok(Redirect::to(if user.is_some() { "/" } else { "/login" }).into_response());
    }
    Ok(page(&SetupPage::new(&state.config, theme, user.is_some())))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SetupForm {
    token: String,
}

/// `POST /setup` (`token`, or the link that it stands in): 303 to the registration of the administrator.
pub async fn check(
    State(state): State<AppState>,
    source: Source,
    Told(theme): Told,
    user: Option<CurrentUser>,
    asked: Asked,
    Form(form): Form<SetupForm>,
) -> Answer {
    if state.accounts.has_admin().await.map_err(|error| asked.refuse(error))? {
        return Ok(Redirect::to("/login").into_response());
    }
    match state.accounts.check_setup(&form.token, &source).await {
        Ok(token) => Ok(Redirect::to(&format!("/register?setup={token}")).into_response()),
        Err(error @ (Error::Invalid { .. } | Error::RateLimited { .. })) if !asked.is_json() => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let mut again = SetupPage::new(&state.config, theme, user.is_some());
            again.token = form.token;
            again.problem = Some((&error).into());
            let mut response = page_with(status, &again);
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(asked.refuse(error)),
    }
}
