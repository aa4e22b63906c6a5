//! A person's profile and preferences.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::with_photo;
use crate::accounts::profile::ProfileUpdate;
use crate::chat::rate_limits::ActionKind;
use crate::db::people::Profile;
use crate::error::{Error, Result};
use crate::model::{NotificationLevel, Theme};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::theme_cookie;
use crate::web::views::SettingsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/settings", get(show).post(save))
}

/// The names of all time zones with a place.
static ZONES: LazyLock<Vec<String>> = LazyLock::new(|| {
    const AREAS: [&str; 10] =
        ["Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"];
    let names = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let mut zones: Vec<_> = names.filter(|name| AREAS.iter().any(|area| name.starts_with(area))).collect();
    zones.sort_unstable();
    zones
});

/// The parameters of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    /// Present after the form was saved.
    saved: Option<String>,
}

/// `GET /settings`.
pub async fn show(
    State(state): State<AppState>,
    Query(done): Query<Done>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let profile = state.accounts.profile(&user.username).await?;
    if format.is_json() {
        return Ok(Json(json_of(&profile)).into_response());
    }
    let shown = SettingsPage { is_saved: done.saved.is_some(), ..shown(&state, &user, profile).await? };
    Ok(page(&shown))
}

/// The page with these values.
async fn shown(state: &AppState, user: &CurrentUser, profile: Profile) -> Result<SettingsPage> {
    Ok(SettingsPage {
        layout: layout(state, user).await?,
        profile,
        zones: &ZONES,
        problem: None,
        is_saved: false,
        storage: state.files.allowance(user.id).await.ok(),
        has_provider: state.config.oidc.is_some(),
    })
}

/// The page after another form on it was refused; the error for those who ask for JSON.
pub(super) async fn refused(state: &AppState, user: &CurrentUser, format: Format, error: Error) -> Result<Response> {
    if format.is_json() || !error.shows_form_again() {
        return Err(error);
    }
    let profile = state.accounts.profile(&user.username).await?;
    let again = SettingsPage { problem: Some((&error).into()), ..shown(state, user, profile).await? };
    Ok(form_again(&error, &again))
}

fn json_of(profile: &Profile) -> Value {
    let settings = json!({
        "username": profile.username, "name": profile.name, "status": profile.status, "time_zone": profile.time_zone,
        "theme": profile.theme, "notify": profile.notify,
    });
    json!({ "settings": with_photo(settings, profile.photo.as_deref()) })
}

/// The form. Absent fields do not change.
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
pub async fn save(
    State(state): State<AppState>,
    user: CurrentUser,
    format: Format,
    Form(form): Form<Settings>,
) -> Result<Response> {
    match change(&state, &user, &form).await {
        Ok(profile) => {
            let mut response = if format.is_json() {
                Json(json_of(&profile)).into_response()
            } else {
                Redirect::to("/settings?saved").into_response()
            };
            if form.theme.is_some() {
                theme_cookie::set(&mut response, profile.theme, &state.origins);
            }
            Ok(response)
        }
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let mut profile = state.accounts.profile(&user.username).await?;
            keep_typed(&mut profile, form);
            let again = SettingsPage { problem: Some((&error).into()), ..shown(&state, &user, profile).await? };
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
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

/// The input, for the form that is shown again.
fn keep_typed(profile: &mut Profile, form: Settings) {
    profile.name = form.name.unwrap_or(std::mem::take(&mut profile.name));
    profile.status = form.status.unwrap_or(std::mem::take(&mut profile.status));
    profile.time_zone = form.time_zone.or(profile.time_zone.take());
    profile.theme = form.theme.as_deref().and_then(Theme::parse).unwrap_or(profile.theme);
    profile.notify = form.notify.as_deref().and_then(NotificationLevel::parse).unwrap_or(profile.notify);
}
