//! A person's reminders that wait (`/remind`): the list, and deleting one.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chat::reminders::WaitingReminder;
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::RemindersPage;

/// The page.
const PAGE: &str = "/settings/reminders";

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route(PAGE, get(list)).route("/settings/reminders/{id}/delete", post(delete))
}

/// The parameters of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    after: String,
}

/// `GET /settings/reminders` (`after`).
async fn list(State(state): State<AppState>, Query(which): Query<Which>, user: CurrentUser, format: Format) -> Result<Response> {
    let found = state.chat.reminders(user.id, &which.after).await?;
    if format.is_json() {
        let reminders: Vec<_> = found.reminders.iter().map(json_of).collect();
        let answer = json!({ "reminders": reminders, "more": found.next.is_some(), "next": found.next });
        return Ok(Json(answer).into_response());
    }
    Ok(page(&RemindersPage::new(layout(&state, &user).await?, found, which.after.is_empty())))
}

fn json_of(reminder: &WaitingReminder) -> Value {
    let room = reminder.room.as_ref().map(|view| view.as_ref().map(|view| &view.room.slug));
    json!({ "id": reminder.id.to_string(), "due_at": reminder.due_at, "text": reminder.text, "for_room": room.is_some(), "room": room.flatten() })
}

/// `POST /settings/reminders/{id}/delete`.
async fn delete(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser) -> Result<Response> {
    state.chat.delete_reminder(user.id, &id).await?;
    Ok(Redirect::to(PAGE).into_response())
}
