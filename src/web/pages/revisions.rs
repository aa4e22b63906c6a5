//! The edit history of a message.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json};
use serde::Deserialize;

use super::frame::frame;
use super::message_actions::place;
use crate::error::Result;
use crate::model::pagination::RevisionWindow;
use crate::web::form::whole_number;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page};
use crate::web::state::AppState;
use crate::web::views::RevisionsPage;

/// Where a page of revisions lies.
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

/// `GET /rooms/{slug}/{seq}/history` (`before` or `after`): what a message said before its edits. For its author and for administrators.
pub async fn show(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    Query(between): Query<Between>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let seq = place(&seq).map_err(refuse)?;
    let place = between.place().map_err(refuse)?;
    let revisions = state.chat.revisions(&view, user.id, seq, place).await.map_err(refuse)?;
    if asked.is_json() {
        return Ok(Json(revisions).into_response());
    }
    let now = state.chat.message(&view, seq).await.map_err(refuse)?;
    let frame = frame(&state, &user).await.map_err(refuse)?;
    Ok(page(&RevisionsPage::new(frame, view, &now.message, revisions, place == RevisionWindow::Newest)))
}
