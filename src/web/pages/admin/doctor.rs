//! What is wrong with the server and its surroundings, for administrators.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::chat::rate_limits::ActionKind;
use crate::doctor::{Patient, worst};
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::DoctorPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin/doctor", get(show))
}

/// `GET /admin/doctor`, by an administrator.
async fn show(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::SeeAdministration)?;
    state.chat.allow(user.id, ActionKind::People)?;
    let patient = Patient { config: state.config.clone(), db: Ok(state.db.clone()), clock: state.clock.clone() };
    let findings = state.doctor.examine(&patient).await;
    if format.is_json() {
        return Ok(Json(json!({ "state": worst(&findings), "checks": &*findings })).into_response());
    }
    Ok(page(&DoctorPage::new(layout(&state, &user).await?.at("/admin/doctor"), findings)))
}
