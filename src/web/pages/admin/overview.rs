//! The overview.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::cluster::nodes::{self, Health};
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::OverviewPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin", get(show))
}

/// `GET /admin`, by an administrator.
async fn show(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    let mut overview = state.administration.overview(user.actor()).await?;
    let listed = nodes::list(&state.db, &state.node, &state.clock, state.realtime.sockets()).await?;
    let health = Health::of(&state.node, &listed);
    overview.warnings.extend(health.warnings());
    if format.is_json() {
        let mut overview = json!(overview);
        if let (Some(all), Some(of_nodes)) = (overview["health"].as_object_mut(), json!(health).as_object()) {
            all.extend(of_nodes.clone());
        }
        return Ok(Json(overview).into_response());
    }
    Ok(page(&OverviewPage::new(layout(&state, &user).await?.at("/admin"), overview, &health)))
}
