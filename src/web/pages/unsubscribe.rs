//! The link that ends mails about what somebody missed.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::error::Result;
use crate::web::accept::Format;
use crate::web::form::MAX_ANONYMOUS_FORM;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::theme_cookie::ThemeCookie;
use crate::web::views::UnsubscribePage;

/// The routes. Whoever has the link need not be signed in.
pub fn router() -> Router<AppState> {
    Router::new().route("/unsubscribe/{token}", get(ask).post(unsubscribe).layer(DefaultBodyLimit::max(MAX_ANONYMOUS_FORM)))
}

/// `GET /unsubscribe/{token}`: asks, because programs follow the links in mails.
async fn ask(
    State(state): State<AppState>,
    Path(token): Path<String>,
    ThemeCookie(theme): ThemeCookie,
    format: Format,
) -> Result<Response> {
    let username = state.missed.find_by_token(&token).await?;
    if format.is_json() {
        return Ok(Json(json!({ "username": username })).into_response());
    }
    Ok(page(&UnsubscribePage { theme, token, username, is_done: false }))
}

/// `POST /unsubscribe/{token}`: no more mails, by the button or by a mail program (RFC 8058).
async fn unsubscribe(
    State(state): State<AppState>,
    Path(token): Path<String>,
    ThemeCookie(theme): ThemeCookie,
    format: Format,
) -> Result<Response> {
    state.missed.unsubscribe(&token).await?;
    if format.is_json() {
        return Ok(Json(json!({ "missed": "off" })).into_response());
    }
    Ok(page(&UnsubscribePage { theme, token, username: String::new(), is_done: true }))
}
