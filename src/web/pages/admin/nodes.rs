//! The nodes of this server, for administrators.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::cluster::nodes;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::NodesPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin/nodes", get(show))
}

/// `GET /admin/nodes`, by an administrator.
pub async fn show(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::SeeNodes)?;
    let nodes = nodes::list(&state.db, &state.node, &state.clock, state.realtime.sockets()).await?;
    if format.is_json() {
        return Ok(Json(json!({ "nodes": nodes })).into_response());
    }
    Ok(page(&NodesPage::new(layout(&state, &user).await?.at("/admin/nodes"), nodes)))
}
