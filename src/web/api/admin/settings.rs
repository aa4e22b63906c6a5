//! The settings that can change at run time.

use axum::extract::State;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::settings::{Name, Settings};
use crate::web::api::body::{Circle, Fields, RegistrationMode, flag, some_texts};
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(show, change))
}

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
struct SettingsAnswer {
    /// Their values now.
    settings: ServerSettings,
    /// The names of those that the environment decides.
    fixed: Vec<&'static str>,
}

/// The values of the settings.
#[derive(Debug, Serialize, ToSchema)]
struct ServerSettings {
    /// How people call this server.
    server_name: String,
    /// Who may register: `open`, `invite` or `closed`.
    registration: String,
    /// Who may invite: `admins` or `everyone`.
    inviters: String,
    /// Who may make rooms: `admins` or `everyone`.
    room_creators: String,
    /// The slugs of the rooms that newcomers join.
    default_rooms: Vec<String>,
    /// Whether links get previews.
    link_previews: bool,
    /// How long what is stored is kept, as `RETENTION` says it.
    retention: String,
}

impl SettingsAnswer {
    fn of(settings: &Settings) -> Self {
        let now = settings.now();
        let fixed = Name::ALL.into_iter().filter(|name| settings.is_fixed(*name)).map(Name::as_str).collect();
        let settings = ServerSettings {
            server_name: now.server_name.to_string(),
            registration: now.registration.as_str().to_owned(),
            inviters: now.inviters.as_str().to_owned(),
            room_creators: now.room_creators.as_str().to_owned(),
            default_rooms: now.default_rooms.clone(),
            link_previews: now.link_previews,
            retention: now.retention.text(),
        };
        Self { settings, fixed }
    }
}

/// The settings that can change without a restart.
#[utoipa::path(
    get, path = "/api/v1/admin/settings", tag = "administration", operation_id = "get_settings",
    responses((status = 200, body = SettingsAnswer)),
)]
async fn show(State(state): State<AppState>, user: CurrentUser) -> Result<Json<SettingsAnswer>> {
    permissions::may_administer(user.actor(), ServerAction::ChangeSettings)?;
    Ok(Json(SettingsAnswer::of(&state.settings)))
}

/// What is to change of the settings. Fields that are not sent stay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "server_name": "Parlor" })))]
struct SettingsChange {
    /// How people call this server.
    server_name: Option<String>,
    /// Who may register: `open`, `invite` or `closed`.
    #[schema(value_type = Option<RegistrationMode>)]
    registration: Option<String>,
    /// Who may invite: `admins` or `everyone`.
    #[schema(value_type = Option<Circle>)]
    inviters: Option<String>,
    /// Who may make rooms: `admins` or `everyone`.
    #[schema(value_type = Option<Circle>)]
    room_creators: Option<String>,
    /// The slugs of the rooms that newcomers join.
    #[serde(deserialize_with = "some_texts")]
    default_rooms: Option<Vec<String>>,
    /// Whether links get previews.
    #[serde(deserialize_with = "flag")]
    link_previews: Option<bool>,
    /// How long what is stored is kept, as `RETENTION` says it.
    retention: Option<String>,
}

impl SettingsChange {
    fn changes(self) -> Vec<(Name, String)> {
        let switch = |is_on| if is_on { "on" } else { "off" }.to_owned();
        let changes = [
            (Name::ServerName, self.server_name),
            (Name::Registration, self.registration),
            (Name::Inviters, self.inviters),
            (Name::RoomCreators, self.room_creators),
            (Name::DefaultRooms, self.default_rooms.map(|slugs| slugs.join(","))),
            (Name::LinkPreviews, self.link_previews.map(switch)),
            (Name::Retention, self.retention),
        ];
        changes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Changes settings, on all nodes.
#[utoipa::path(
    patch, path = "/api/v1/admin/settings", tag = "administration", operation_id = "change_settings",
    request_body = SettingsChange,
    responses((status = 200, body = SettingsAnswer)),
)]
async fn change(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    Fields(change): Fields<SettingsChange>,
) -> Result<Json<SettingsAnswer>> {
    permissions::may_administer(user.actor(), ServerAction::ChangeSettings)?;
    state.chat.allow(user.id, ActionKind::Describe)?;
    let changes = change.changes();
    state.chat.check_default_rooms(&changes)?;
    state.settings.change(user.actor(), &user.username, &changes, &source).await?;
    Ok(Json(SettingsAnswer::of(&state.settings)))
}
