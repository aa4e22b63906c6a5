//! One's own data: asking for an archive with it. The archive is a file, which `files` sends to its owner alone.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::get;
use serde_json::json;

use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::export::OwnData;
use crate::security_log::{Action, Source};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::{ConfirmedUser, CurrentUser};
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::DataPage;

/// The page.
const PAGE: &str = "/settings/data";

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route(PAGE, get(show).post(ask))
}

/// `GET /settings/data`.
async fn show(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    let data = state.exports.state(user.id).await?;
    if format.is_json() {
        let OwnData { archive, is_waiting, has_failed, may_ask } = &data;
        let archive = archive.as_ref().map(|archive| {
            let url = DataPage::url(archive);
            json!({ "name": archive.name, "bytes": archive.bytes, "url": url, "created_at": archive.created_at, "expires_at": archive.expires_at })
        });
        let data = json!({ "archive": archive, "waiting": is_waiting, "failed": has_failed, "may_ask": may_ask });
        return Ok(Json(json!({ "data": data })).into_response());
    }
    let layout = layout(&state, &user).await?;
    Ok(page(&DataPage { layout, data }))
}

/// `POST /settings/data`.
async fn ask(State(state): State<AppState>, user: ConfirmedUser, source: Source) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let event = state.accounts.event(Action::ExportData, &source).by(user.id, &user.username).about(&*user.username);
    if state.exports.request(user.id, &event).await? {
        state.accounts.reports().committed(&event);
    }
    Ok(Redirect::to(PAGE).into_response())
}
