//! When and about what one is notified where one is not looking. A token reads that and changes nothing: it decides what reaches one's browsers
//! and mail, as the pages' form does.

use axum::extract::State;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, MissedMails, flag, number, some_text, some_texts};
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::missed::When;
use crate::push::{NotificationSettings, SettingsChange};
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(show, change))
}

/// A browser that is sent notifications.
#[derive(Debug, Serialize, ToSchema)]
struct NotifiedBrowser {
    /// The id of its subscription.
    id: String,
    /// What it calls itself.
    user_agent: Option<String>,
    /// Since when.
    created_at: Millis,
}

/// When and about what one is notified.
#[derive(Debug, Serialize, ToSchema)]
struct NotificationChoices {
    /// Whether notifications come only while one is not connected.
    away_only: bool,
    /// When quiet hours begin, as in `22:00`, where one is.
    quiet_from: Option<String>,
    /// When they end.
    quiet_until: Option<String>,
    /// Until when one is not to be disturbed.
    silent_until: Option<Millis>,
    /// Whether nothing is shown now, because of either.
    is_quiet: bool,
    /// Words that notify as a mention does.
    keywords: Vec<String>,
    /// When one is mailed about what one missed: `off`, `soon`, `daily` or `weekly`.
    missed: &'static str,
    /// Whether such mails can be sent: the server sends mail, and one has a verified address.
    has_mail: bool,
    /// The browsers that are sent notifications.
    browsers: Vec<NotifiedBrowser>,
}

/// The choices.
#[derive(Debug, Serialize, ToSchema)]
struct NotificationsAnswer {
    /// The choices.
    notifications: NotificationChoices,
}

/// A minute of the day, as people write it.
fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

async fn choices(state: &AppState, user: &CurrentUser, settings: NotificationSettings) -> Result<Json<NotificationsAnswer>> {
    let has_mail = state.accounts.sends_mail() && state.accounts.own_emails(user).await?.verified.is_some();
    let browsers = state.notifications.subscriptions(user.id).await?.into_iter().map(|one| NotifiedBrowser {
        id: one.id.to_string(),
        user_agent: one.user_agent,
        created_at: one.created_at,
    });
    let notifications = NotificationChoices {
        is_quiet: settings.is_quiet(state.clock.now(), user.time_zone.as_deref()),
        away_only: settings.away_only,
        quiet_from: settings.quiet_from.map(clock),
        quiet_until: settings.quiet_until.map(clock),
        silent_until: settings.silent_until,
        keywords: settings.keywords,
        missed: state.missed.choice(user.id).await?.as_str(),
        has_mail,
        browsers: browsers.collect(),
    };
    Ok(Json(NotificationsAnswer { notifications }))
}

/// When and about what you are notified while you are not looking.
#[utoipa::path(
    get, path = "/api/v1/me/notifications", tag = "people", operation_id = "get_notifications",
    responses((status = 200, body = NotificationsAnswer)),
)]
async fn show(State(state): State<AppState>, user: CurrentUser) -> Result<Json<NotificationsAnswer>> {
    let settings = state.notifications.settings(user.id).await?;
    choices(&state, &user, settings).await
}

/// What to change of it. Absent fields stay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "away_only": true, "quiet_from": "22:00", "quiet_until": "07:00" })))]
struct NotificationChanges {
    /// Whether notifications come only while you are not connected.
    #[serde(deserialize_with = "flag")]
    away_only: Option<bool>,
    /// When quiet hours begin, as in `22:00`; both null or empty for none.
    #[serde(deserialize_with = "some_text")]
    quiet_from: Option<String>,
    /// When they end.
    #[serde(deserialize_with = "some_text")]
    quiet_until: Option<String>,
    /// For how many minutes you are not to be disturbed from now on, up to 30 days; 0 ends that.
    #[serde(deserialize_with = "number")]
    silence: Option<i64>,
    /// Words that notify as a mention does: all of them.
    #[serde(deserialize_with = "some_texts")]
    keywords: Option<Vec<String>>,
    /// When you are mailed about what you missed: `off`, `soon`, `daily` or `weekly`.
    #[schema(value_type = Option<MissedMails>)]
    missed: Option<String>,
}

/// Changes when and about what you are notified. Access tokens cannot.
#[utoipa::path(
    patch, path = "/api/v1/me/notifications", tag = "people", operation_id = "change_notifications",
    request_body = NotificationChanges,
    responses((status = 200, body = NotificationsAnswer)),
)]
async fn change(
    State(state): State<AppState>,
    user: CurrentUser,
    Fields(wanted): Fields<NotificationChanges>,
) -> Result<Json<NotificationsAnswer>> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let NotificationChanges { away_only, quiet_from, quiet_until, silence, keywords, missed } = wanted;
    let unknown = || Error::invalid("missed", "Choose off, soon, daily or weekly.");
    let missed = missed.map(|missed| When::parse(missed.trim()).ok_or_else(unknown)).transpose()?;
    let quiet = if quiet_from.is_none() && quiet_until.is_none() {
        None
    } else {
        let now = state.notifications.settings(user.id).await?;
        let kept = |minute: Option<i64>| minute.map(clock).unwrap_or_default();
        Some((quiet_from.unwrap_or_else(|| kept(now.quiet_from)), quiet_until.unwrap_or_else(|| kept(now.quiet_until))))
    };
    let keywords = keywords.map(|words| words.join("\n"));
    let change = SettingsChange { away_only, quiet, silence, keywords };
    let settings = state.notifications.change_settings(user.id, change).await?;
    if let Some(missed) = missed {
        state.missed.choose(user.id, missed).await?;
    }
    choices(&state, &user, settings).await
}
