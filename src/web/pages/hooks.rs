//! Incoming webhooks: what other programs post to them, and the page on which a room's owners manage them.
//!
//! Owns the fields of the forms, what Slack's clients send, and what they are answered. Posting needs no session: no cookie is read, and the
//! address is the secret.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::with_photo;
use crate::chat::rate_limits::ActionKind;
use crate::db::hooks::HookRow;
use crate::error::{Error, Result};
use crate::hooks::{MOST, Undelivered};
use crate::security_log::Source;
use crate::slack::message::Refusal;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::HooksPage;

/// The routes that need a session.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rooms/{slug}/hooks", get(list).post(create))
        .route("/rooms/{slug}/hooks/{id}", post(rename))
        .route("/rooms/{slug}/hooks/{id}/revoke", post(revoke))
}

/// The route that other programs post to.
pub fn receiver() -> Router<AppState> {
    Router::new().route("/hooks/{token}", post(receive))
}

/// `GET /rooms/{slug}/hooks`: a room's webhooks, the latest first.
pub async fn list(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::People)?;
    if format.is_json() {
        let (_, hooks) = state.hooks.list(&user, &slug).await?;
        let hooks: Vec<_> = hooks.iter().map(json_of).collect();
        return Ok(Json(json!({ "hooks": hooks })).into_response());
    }
    Ok(page(&shown(&state, &slug, &user).await?))
}

async fn shown(state: &AppState, slug: &str, user: &CurrentUser) -> Result<HooksPage> {
    let (room, hooks) = state.hooks.list(user, slug).await?;
    let has_storage = state.files.allowance(user.id).await.is_ok();
    Ok(HooksPage::new(layout(state, user).await?, room, hooks, MOST, has_storage))
}

fn json_of(hook: &HookRow) -> Value {
    let HookRow { id, username, name, photo, created_by, created_at, used_at, is_restored, .. } = hook;
    let json = json!({
        "id": id, "name": name, "username": username, "created_by": created_by, "created_at": created_at, "used_at": used_at,
        "restored": is_restored,
    });
    with_photo(json, photo.as_deref())
}

/// The form that makes or renames a webhook.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    name: String,
}

/// `POST /rooms/{slug}/hooks` (`name`): a new webhook. The page shows its address this once.
pub async fn create(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    headers: HeaderMap,
    format: Format,
    Form(form): Form<Named>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Hook)?;
    match state.hooks.create(&user, &slug, &form.name, &source).await {
        Ok((hook, token)) => {
            let url = format!("{}/hooks/{token}", state.origins.own(&headers));
            if format.is_json() {
                let mut hook = json_of(&hook);
                hook["url"] = url.into();
                return Ok((StatusCode::CREATED, Json(json!({ "hook": hook }))).into_response());
            }
            let mut shown = shown(&state, &slug, &user).await?;
            shown.created = Some((hook.name, url));
            Ok(page(&shown))
        }
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let mut again = shown(&state, &slug, &user).await?;
            again.name = form.name;
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

/// `POST /rooms/{slug}/hooks/{id}` (`name`).
pub async fn rename(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: CurrentUser,
    format: Format,
    Form(form): Form<Named>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    match state.hooks.rename(&user, &slug, &id, &form.name).await {
        Ok(()) => Ok(format.json_or_redirect(json!({ "hook": { "id": id } }), &page_of(&slug))),
        Err(error) => refused(&state, &user, &slug, format, error).await,
    }
}

/// The page after a form for one of the webhooks was refused; the error for those who ask for JSON.
pub(super) async fn refused(state: &AppState, user: &CurrentUser, slug: &str, format: Format, error: Error) -> Result<Response> {
    if format.is_json() || !error.shows_form_again() {
        return Err(error);
    }
    let mut again = shown(state, slug, user).await?;
    again.refused = Some(error.to_string());
    Ok(form_again(&error, &again))
}

/// `POST /rooms/{slug}/hooks/{id}/revoke`.
pub async fn revoke(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Invite)?;
    let room = state.hooks.revoke(&user, &slug, &id, &source).await?;
    Ok(Redirect::to(&page_of(&room.slug)).into_response())
}

/// The address of the page.
pub(super) fn page_of(slug: &str) -> String {
    format!("/rooms/{slug}/hooks")
}

/// `POST /hooks/{token}`: a message as Slack's incoming webhooks take it, as JSON or in the form field `payload`.
pub async fn receive(State(state): State<AppState>, Path(token): Path<String>, request: Request) -> Response {
    match take(&state, &token, request).await {
        Ok(()) => answer(StatusCode::OK, "ok"),
        Err(Undelivered::TooLarge) => answer(StatusCode::PAYLOAD_TOO_LARGE, Refusal::InvalidPayload.as_str()),
        Err(Undelivered::NoService) => answer(StatusCode::NOT_FOUND, "no_service"),
        Err(Undelivered::Refused(refusal)) => answer(StatusCode::BAD_REQUEST, refusal.as_str()),
        Err(Undelivered::Archived) => answer(StatusCode::GONE, "channel_is_archived"),
        Err(Undelivered::Prohibited) => answer(StatusCode::FORBIDDEN, "action_prohibited"),
        Err(Undelivered::RateLimited(wait)) => {
            let mut response = answer(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
            let seconds = wait.as_secs_f64().ceil().max(1.0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds as u64));
            response
        }
        Err(Undelivered::Unavailable) => {
            let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(1_u64));
            response
        }
    }
}

async fn take(state: &AppState, token: &str, request: Request) -> Result<(), Undelivered> {
    let hook = state.hooks.target(token).await?;
    let body = axum::body::to_bytes(request.into_body(), MAX_PAYLOAD).await.map_err(|_| Undelivered::TooLarge)?;
    let payload = payload(&body).ok_or(Undelivered::Refused(Refusal::InvalidPayload))?;
    state.hooks.deliver(hook, &payload).await
}

/// The largest message, in bytes: as much as a form.
const MAX_PAYLOAD: usize = crate::web::form::MAX_FORM;

fn answer(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// What was sent, whatever its type is said to be: clients of Slack's often say none, or a wrong one.
fn payload(body: &Bytes) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}').trim();
    if text.starts_with(['{', '[', '"']) {
        return serde_json::from_str(text).ok();
    }
    let mut fields = form_urlencoded::parse(text.as_bytes());
    let (name, value) = fields.find(|(name, _)| name == "payload" || name == "text")?;
    if name == "text" { Some(json!({ "text": value })) } else { serde_json::from_str(&value).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_however_it_is_sent() {
        let message = Some(json!({ "text": "hi" }));
        for body in [
            "{\"text\":\"hi\"}",
            " \n{\"text\":\"hi\"}\n",
            "\u{feff}{\"text\":\"hi\"}",
            "payload=%7B%22text%22%3A%22hi%22%7D",
            "channel=general&payload={\"text\":+\"hi\"}",
            "text=hi",
        ] {
            assert_eq!(payload(&Bytes::from_static(body.as_bytes())), message, "{body}");
        }
        for body in ["", "hi", "{\"text\"", "payload=hi", "payload=", "a=b"] {
            assert_eq!(payload(&Bytes::from_static(body.as_bytes())), None, "{body}");
        }
        assert_eq!(payload(&Bytes::from_static(b"{\"text\":\"\xff\"}")), None);
    }
}
