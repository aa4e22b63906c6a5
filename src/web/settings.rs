//! How one shows oneself, and how one wants things.

use std::sync::LazyLock;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect};
use serde::Deserialize;
use serde_json::{Value, json};

use super::form::Form;
use super::frame::frame;
use super::respond::{Answer, Asked, page, page_with, retry_after};
use super::session::CurrentUser;
use super::theme;
use super::views::SettingsPage;
use crate::accounts::profile::{Changed, Wishes};
use crate::chat::rates::Act;
use crate::chat::types::{Level, Theme};
use crate::db::people::Profile;
use crate::error::Result;
use crate::state::AppState;

/// For how long changes that were under way may still come: longer than anybody waits for one.
const SETTLE: Duration = Duration::from_secs(20);

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

/// Stores the settings, and lets everybody see at once what they can see of them.
async fn change(state: &AppState, user: &CurrentUser, form: &Settings) -> Result<Profile> {
    state.chat.allow(user.id, Act::Profile)?;
    let wishes = Wishes {
        name: form.name.as_deref(),
        status: form.status.as_deref(),
        time_zone: form.time_zone.as_deref(),
        theme: form.theme.as_deref(),
        notify: form.notify.as_deref(),
    };
    let Changed { profile, is_seen, is_renamed, alike } = state.accounts.change_profile(user, wishes).await?;
    if is_renamed {
        rename(state, &profile);
    }
    if is_seen {
        state.realtime.tell_of_person(&profile);
    }
    tell_alike(state, alike);
    Ok(profile)
}

/// Lets everybody see beside these people's names who they are, or no longer, because somebody else's name has begun or ceased to look
/// like theirs.
pub(super) fn tell_alike(state: &AppState, alike: Vec<Profile>) {
    for profile in alike {
        rename(state, &profile);
        state.realtime.tell_of_person(&profile);
    }
}

fn rename(state: &AppState, profile: &Profile) {
    state.chat.rename(&profile.author());
    let person = profile.id;
    // On Postgres, changes that were decided under the old name may still be committed for a while.
    let chat = state.chat.clone();
    tokio::spawn(async move {
        tokio::time::sleep(SETTLE).await;
        chat.forget_name(person);
    });
}

/// Nobody types anything twice: the form shows what was sent, as far as it could be a setting.
fn keep_typed(profile: &mut Profile, form: Settings) {
    profile.name = form.name.unwrap_or(std::mem::take(&mut profile.name));
    profile.status = form.status.unwrap_or(std::mem::take(&mut profile.status));
    profile.time_zone = form.time_zone.or(profile.time_zone.take());
    profile.theme = form.theme.as_deref().and_then(Theme::parse).unwrap_or(profile.theme);
    profile.notify = form.notify.as_deref().and_then(Level::parse).unwrap_or(profile.notify);
}
