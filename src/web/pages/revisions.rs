//! The edit history of a message.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;

use super::message_actions::parse_seq;
use crate::error::Result;
use crate::model::pagination::RevisionWindow;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::whole_number;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::RevisionsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/{seq}/history", get(show))
}

/// The cursor of a page of revisions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Between {
    before: Option<String>,
    after: Option<String>,
}

impl Between {
    fn place(&self) -> Result<RevisionWindow> {
        let number = |field, text: &Option<String>| {
            text.as_deref().filter(|text| !text.is_empty()).map(|text| whole_number(field, text)).transpose()
        };
        RevisionWindow::new(number("before", &self.before)?, number("after", &self.after)?)
    }
}

/// `GET /rooms/{slug}/{seq}/history` (`before` or `after`): the earlier texts of a message, for its author and for administrators.
pub async fn show(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    Query(between): Query<Between>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    let seq = parse_seq(&seq)?;
    let place = between.place()?;
    let revisions = state.chat.revisions(&view, user.caller(), seq, place).await?;
    if format.is_json() {
        return Ok(Json(revisions).into_response());
    }
    let now = state.chat.message(&view, seq).await?;
    let layout = layout(&state, &user).await?;
    Ok(page(&RevisionsPage::new(layout, view, &now.message, revisions, place == RevisionWindow::Newest)))
}
