//! The list of keyboard shortcuts as a page; scripts show it in a dialog.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use crate::error::Result;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::KeysPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/keys", get(show))
}

/// `GET /keys`.
pub async fn show(State(state): State<AppState>, user: CurrentUser) -> Result<Response> {
    Ok(page(&KeysPage { layout: layout(&state, &user).await? }))
}
