//! The overview.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;

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
    let overview = state.administration.overview(user.actor()).await?;
    if format.is_json() {
        return Ok(Json(overview).into_response());
    }
    Ok(page(&OverviewPage::new(layout(&state, &user).await?, overview)))
}
