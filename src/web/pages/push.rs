//! Notifications where one is not looking: the settings, the browsers that get them, and whether mails do.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_sessions::Session;

use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::missed::When;
use crate::push::{PushSubscription, SettingsChange};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::{Form, whole_number};
use crate::web::layers::session::{CurrentUser, key_of};
use crate::web::nul;
use crate::web::query::Query;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::{MailPanel, NotificationFields, NotificationsPage};

/// The page.
const PAGE: &str = "/settings/notifications";

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(PAGE, get(show).post(save))
        .route("/settings/push", post(subscribe))
        .route("/settings/push/test", post(test))
        .route("/settings/push/remove", post(remove_own))
        .route("/settings/push/{id}/remove", post(remove))
}

/// The route that is the same for everybody.
pub fn public_router() -> Router<AppState> {
    Router::new().route("/push/key", get(key))
}

/// What was done before the page is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Done {
    saved: Option<String>,
    sent: Option<String>,
}

/// `GET /push/key`: the key that browsers ask for when they subscribe.
async fn key(State(state): State<AppState>, format: Format) -> Response {
    let key = state.notifications.public_key();
    if format.is_json() { Json(json!({ "key": key })).into_response() } else { key.into_response() }
}

/// `GET /settings/notifications`.
async fn show(
    State(state): State<AppState>,
    Query(done): Query<Done>,
    user: CurrentUser,
    session: Session,
    format: Format,
) -> Result<Response> {
    if format.is_json() {
        let (settings, browsers) =
            (state.notifications.settings(user.id).await?, state.notifications.subscriptions(user.id).await?);
        let browsers: Vec<_> = browsers
            .iter()
            .map(|one| json!({ "id": one.id.to_string(), "user_agent": one.user_agent, "created_at": one.created_at }))
            .collect();
        let mail = mail(&state, &user).await?;
        let is_quiet = settings.is_quiet(state.clock.now(), user.time_zone.as_deref());
        let all = json!({ "notifications": settings, "quiet": is_quiet, "mail": mail, "subscriptions": browsers });
        return Ok(Json(all).into_response());
    }
    let mut shown = shown(&state, &user, &session).await?;
    shown.said = match (done.saved, done.sent) {
        (Some(_), _) => Some("Changes saved"),
        (_, Some(_)) => Some("A notification is on its way"),
        _ => None,
    };
    Ok(page(&shown))
}

/// The choice of mails as JSON.
async fn mail(state: &AppState, user: &CurrentUser) -> Result<Value> {
    let is_available = state.accounts.sends_mail() && state.accounts.own_emails(user).await?.verified.is_some();
    Ok(json!({ "missed": state.missed.choice(user.id).await?.as_str(), "available": is_available }))
}

async fn shown(state: &AppState, user: &CurrentUser, session: &Session) -> Result<NotificationsPage> {
    let settings = state.notifications.settings(user.id).await?;
    let browsers = state.notifications.subscriptions(user.id).await?;
    let mail = if state.accounts.sends_mail() {
        let has_address = state.accounts.own_emails(user).await?.verified.is_some();
        Some(MailPanel { chosen: state.missed.choice(user.id).await?, has_address })
    } else {
        None
    };
    let key = key_of(session)?;
    Ok(NotificationsPage::new(layout(state, user).await?, &settings, browsers, mail, &key, state.clock.now()))
}

/// The form. Absent fields do not change, but for the box that is not ticked, whose form has `form`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    form: Option<String>,
    away_only: Option<String>,
    quiet_from: Option<String>,
    quiet_until: Option<String>,
    silence: Option<String>,
    keywords: Option<String>,
    missed: Option<String>,
}

/// `POST /settings/notifications`.
async fn save(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    format: Format,
    Form(form): Form<Wanted>,
) -> Result<Response> {
    match change(&state, &user, &form).await {
        Ok(settings) if format.is_json() => {
            Ok(Json(json!({ "notifications": settings, "mail": mail(&state, &user).await? })).into_response())
        }
        Ok(_) => Ok(Redirect::to(&format!("{PAGE}?saved")).into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let mut again = shown(&state, &user, &session).await?;
            again.typed(NotificationFields {
                is_away_only: form.away_only.is_some(),
                quiet_from: form.quiet_from.unwrap_or_default(),
                quiet_until: form.quiet_until.unwrap_or_default(),
                keywords: form.keywords.unwrap_or_default(),
            });
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

async fn change(state: &AppState, user: &CurrentUser, form: &Wanted) -> Result<crate::push::NotificationSettings> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let is_on = |value: &str| match value {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" | "" => Ok(false),
        _ => Err(Error::invalid("away_only", "Choose on or off.")),
    };
    let away_only = match (&form.away_only, &form.form) {
        (Some(value), _) => Some(is_on(value)?),
        (None, Some(_)) => Some(false),
        (None, None) => None,
    };
    let quiet = match (&form.quiet_from, &form.quiet_until) {
        (None, None) => None,
        (from, until) => Some((from.clone().unwrap_or_default(), until.clone().unwrap_or_default())),
    };
    let silence = form.silence.as_deref().map(|minutes| whole_number("silence", minutes.trim())).transpose()?;
    let missed = form
        .missed
        .as_deref()
        .map(|missed| When::parse(missed.trim()).ok_or_else(|| Error::invalid("missed", "Choose off, soon, daily or weekly.")));
    let missed = missed.transpose()?;
    let change = SettingsChange { away_only, quiet, silence, keywords: form.keywords.clone() };
    let settings = state.notifications.change_settings(user.id, change).await?;
    if let Some(missed) = missed {
        state.missed.choose(user.id, missed).await?;
    }
    Ok(settings)
}

/// `POST /settings/push`: the browser's subscription, as its `toJSON()` gives it. With `since`, an earlier answer's `at`, it is only renewed.
async fn subscribe(State(state): State<AppState>, user: CurrentUser, session: Session, body: Bytes) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let subscription: Value =
        serde_json::from_slice(&body).map_err(|_| Error::invalid("form", "Send the browser’s subscription as JSON."))?;
    nul::in_value("form", &subscription)?;
    let text = |value: &Value, field| {
        value.as_str().map(str::to_owned).ok_or_else(|| Error::invalid(field, format!("The subscription has no `{field}`.")))
    };
    let keys = &subscription["keys"];
    let (endpoint, p256dh, auth) =
        (text(&subscription["endpoint"], "endpoint")?, text(&keys["p256dh"], "p256dh")?, text(&keys["auth"], "auth")?);
    let since = match &subscription["since"] {
        Value::Null => None,
        since => Some(Millis(
            since.as_i64().ok_or_else(|| Error::invalid("since", "The field `since` is the number `at` of an answer."))?,
        )),
    };
    let subscription = PushSubscription { endpoint: &endpoint, p256dh: &p256dh, auth: &auth };
    let (id, at) = state.notifications.subscribe(user.id, &key_of(&session)?, subscription, since).await?;
    Ok((StatusCode::CREATED, Json(json!({ "subscription": { "id": id.to_string() }, "at": at.0 }))).into_response())
}

/// `POST /settings/push/test`: a notification to all of one's browsers.
async fn test(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Invite)?;
    let sent = state.notifications.test(user.id).await?;
    Ok(format.json_or_redirect(json!({ "sent": sent }), &format!("{PAGE}?sent")))
}

/// The form with a browser's own address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Own {
    endpoint: String,
}

/// `POST /settings/push/remove` (`endpoint`): this browser wants no more.
async fn remove_own(State(state): State<AppState>, user: CurrentUser, format: Format, Form(form): Form<Own>) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    state.notifications.unsubscribe_at(user.id, &form.endpoint).await?;
    Ok(format.json_or_redirect(json!({ "ok": true }), PAGE))
}

/// `POST /settings/push/{id}/remove`.
async fn remove(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let id = id.parse().map_err(|_| Error::NotFound("subscription"))?;
    state.notifications.unsubscribe(user.id, id).await?;
    Ok(Redirect::to(PAGE).into_response())
}
