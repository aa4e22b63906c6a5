//! How one shows oneself, and how one wants things.

use std::sync::LazyLock;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect};
use serde::Deserialize;
use serde_json::{Value, json};

use super::frame::frame;
use crate::accounts::profile::ProfileUpdate;
use crate::chat::rate_limits::ActionKind;
use crate::db::people::Profile;
use crate::error::Result;
use crate::model::{NotificationLevel, Theme};
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::theme;
use crate::web::views::SettingsPage;

/// The names of all time zones that people live in.
static ZONES: LazyLock<Vec<String>> = LazyLock::new(|| {
    const AREAS: [&str; 10] =
        ["Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"];
    let names = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let mut zones: Vec<_> = names.filter(|name| AREAS.iter().any(|area| name.starts_with(area))).collect();
    zones.sort_unstable();
    zones
});

/// That the settings have just been stored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    saved: Option<String>,
}

/// `GET /settings`.
pub async fn show(State(state): State<AppState>, Query(done): Query<Done>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    let profile = state.accounts.profile(&user.username).await.map_err(refuse)?;
    if asked.is_json() {
        return Ok(Json(json_of(&profile)).into_response());
    }
    let frame = frame(&state, &user).await.map_err(refuse)?;
    Ok(page(&SettingsPage { frame, profile, zones: &ZONES, problem: None, is_saved: done.saved.is_some() }))
}

fn json_of(profile: &Profile) -> Value {
    json!({ "settings": {
        "username": profile.username, "name": profile.name, "status": profile.status, "time_zone": profile.time_zone,
        "theme": profile.theme, "notify": profile.notify,
    }})
}

/// The settings; what is not sent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    name: Option<String>,
    status: Option<String>,
    time_zone: Option<String>,
    theme: Option<String>,
    notify: Option<String>,
}

/// `POST /settings`.
pub async fn save(State(state): State<AppState>, user: CurrentUser, asked: Asked, Form(form): Form<Settings>) -> Answer {
    match change(&state, &user, &form).await {
        Ok(profile) => {
            let mut response = if asked.is_json() {
                Json(json_of(&profile)).into_response()
            } else {
                Redirect::to("/settings?saved").into_response()
            };
            if form.theme.is_some() {
                theme::keep(&mut response, profile.theme, &state.origins);
            }
            Ok(response)
        }
        Err(error) if error.shows_form_again() && !asked.is_json() => {
            let refuse = |error| asked.refuse(error);
            let mut profile = state.accounts.profile(&user.username).await.map_err(refuse)?;
            keep_typed(&mut profile, form);
            let frame = frame(&state, &user).await.map_err(refuse)?;
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let again = SettingsPage { frame, profile, zones: &ZONES, problem: Some((&error).into()), is_saved: false };
            let mut response = page_with(status, &again);
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

/// Stores the settings.
async fn change(state: &AppState, user: &CurrentUser, form: &Settings) -> Result<Profile> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let update = ProfileUpdate {
        name: form.name.as_deref(),
        status: form.status.as_deref(),
        time_zone: form.time_zone.as_deref(),
        theme: form.theme.as_deref(),
        notify: form.notify.as_deref(),
    };
    state.accounts.change_profile(user, update).await
}

/// Nobody types anything twice: the form shows what was sent, as far as it could be a setting.
fn keep_typed(profile: &mut Profile, form: Settings) {
    profile.name = form.name.unwrap_or(std::mem::take(&mut profile.name));
    profile.status = form.status.unwrap_or(std::mem::take(&mut profile.status));
    profile.time_zone = form.time_zone.or(profile.time_zone.take());
    profile.theme = form.theme.as_deref().and_then(Theme::parse).unwrap_or(profile.theme);
    profile.notify = form.notify.as_deref().and_then(NotificationLevel::parse).unwrap_or(profile.notify);
}
