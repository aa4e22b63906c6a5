//! The settings that can change at run time.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::settings::{Name, Settings};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::admin::AdminSettingsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin/settings", get(show).post(change))
}

/// The parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    saved: String,
}

/// `GET /admin/settings`, by an administrator.
async fn show(State(state): State<AppState>, Query(shown): Query<Shown>, user: CurrentUser, format: Format) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::ChangeSettings)?;
    if format.is_json() {
        return Ok(Json(json_of(&state.settings)).into_response());
    }
    let layout = layout(&state, &user).await?.at("/admin/settings");
    Ok(page(&AdminSettingsPage::new(layout, &state.settings, !shown.saved.is_empty())))
}

fn json_of(settings: &Settings) -> Value {
    let now = settings.now();
    let fixed: Vec<_> = Name::ALL.into_iter().filter(|name| settings.is_fixed(*name)).map(Name::as_str).collect();
    json!({
        "settings": {
            "server_name": now.server_name, "registration": now.registration.as_str(), "inviters": now.inviters.as_str(),
            "room_creators": now.room_creators.as_str(), "default_rooms": now.default_rooms,
            "link_previews": if now.link_previews { "on" } else { "off" }, "retention": now.retention.text(),
        },
        "fixed": fixed,
    })
}

/// `POST /admin/settings`, by an administrator. Fields that are not sent stay.
async fn change(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::ChangeSettings)?;
    state.chat.allow(user.id, ActionKind::Describe)?;
    let changes: Vec<_> = form.into_iter().filter_map(|(name, text)| Some((Name::parse(&name)?, text))).collect();
    let changed = match state.chat.check_default_rooms(&changes) {
        Ok(()) => state.settings.change(user.actor(), &user.username, &changes, &source).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => Ok(Redirect::to("/admin/settings?saved=yes").into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let mut again = AdminSettingsPage::new(layout(&state, &user).await?.at("/admin/settings"), &state.settings, false);
            again.typed(changes);
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}
