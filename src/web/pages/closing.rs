//! Deactivating and deleting accounts, and deleting all messages of a person: by administrators, and of one's own account.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tower_sessions::Session;

use crate::chat::cleanup::Span;
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::decision::OnPerson;
use crate::web::form::Form;
use crate::web::layers::session::{self, CurrentUser};
use crate::web::pages::people::to_card;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::AccountPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/people/{username}/deactivate", post(deactivate))
        .route("/admin/people/{username}/reactivate", post(reactivate))
        .route("/admin/people/{username}/delete", post(delete))
        .route("/admin/people/{username}/delete-messages", post(delete_messages))
        .route("/settings/account", get(account))
        .route("/settings/account/deactivate", post(deactivate_own))
        .route("/settings/account/delete", post(delete_own))
}

/// `POST /admin/people/{username}/deactivate`, by an administrator.
async fn deactivate(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<Response> {
    Ok(to_card(&state.accounts.deactivate(&user, &username, &source).await?))
}

/// `POST /admin/people/{username}/reactivate`, by an administrator.
async fn reactivate(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<Response> {
    Ok(to_card(&state.accounts.reactivate(&user, &username, &source).await?))
}

/// The form of a deletion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeleteForm {
    /// `keep` or `delete`.
    messages: String,
    /// The username.
    confirm: String,
    /// The password, for one's own account.
    password: String,
}

/// `POST /admin/people/{username}/delete` (`messages`, `confirm`), by an administrator.
async fn delete(
    State(state): State<AppState>,
    OnPerson { user, username, source }: OnPerson,
    Form(form): Form<DeleteForm>,
) -> Result<Response> {
    state.accounts.delete(&user, &username, &form.messages, &form.confirm, &source).await?;
    Ok(Redirect::to("/admin/people").into_response())
}

/// Which messages to delete.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpanForm {
    since: String,
}

/// `POST /admin/people/{username}/delete-messages` (`since` = `1d`, `day`, `all`), by an administrator.
async fn delete_messages(
    State(state): State<AppState>,
    OnPerson { user, username, source }: OnPerson,
    Form(form): Form<SpanForm>,
) -> Result<Response> {
    // First, so that nobody else learns what is wrong with the form.
    state.chat.cleanups(user.actor()).await?;
    let span = Span::parse(&form.since)?;
    state.chat.delete_messages_of(user.actor(), &user.username, &username, span, &source).await?;
    Ok(Redirect::to("/admin/people").into_response())
}

/// `GET /settings/account`: the forms that close one's own account.
async fn account(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    let is_last_admin = state.accounts.is_last_admin(&user).await?;
    if format.is_json() {
        let account = json!({ "username": &*user.username, "is_last_admin": is_last_admin });
        return Ok(Json(json!({ "account": account })).into_response());
    }
    let layout = layout(&state, &user).await?;
    Ok(page(&AccountPage { layout, is_last_admin, is_deletion: false, deletes_messages: false, problem: None }))
}

/// `POST /settings/account/deactivate` (`password`).
async fn deactivate_own(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<DeleteForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let key = session::key_of(&session)?;
    let done = state.accounts.deactivate_own(&user, &key, &form.password, &source).await;
    closed(&state, &user, &session, format, done, None).await
}

/// `POST /settings/account/delete` (`messages`, `confirm`, `password`).
async fn delete_own(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    format: Format,
    Form(form): Form<DeleteForm>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let key = session::key_of(&session)?;
    let done = state.accounts.delete_own(&user, &key, &form.messages, &form.confirm, &form.password, &source).await;
    closed(&state, &user, &session, format, done, Some(&form)).await
}

/// The answer to a form that closes one's account: the log-in page, or the form again.
async fn closed(
    state: &AppState,
    user: &CurrentUser,
    session: &Session,
    format: Format,
    done: Result<()>,
    deletion: Option<&DeleteForm>,
) -> Result<Response> {
    match done {
        Ok(()) => {
            // The record is gone; this also removes the cookie.
            session::end(session, &state.accounts).await?;
            Ok(Redirect::to("/login").into_response())
        }
        Err(error) if (error.shows_form_again() || matches!(error, Error::Forbidden(_))) && !format.is_json() => {
            let is_last_admin = state.accounts.is_last_admin(user).await?;
            let again = AccountPage {
                layout: layout(state, user).await?,
                is_last_admin,
                is_deletion: deletion.is_some(),
                deletes_messages: deletion.is_some_and(|form| form.messages == "delete"),
                problem: Some((&error).into()),
            };
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}
