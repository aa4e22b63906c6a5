//! One's reminders that wait.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use crate::chat::reminders::{AddedReminder, WaitingReminder};
use crate::clock::Millis;
use crate::error::Result;
use crate::model::validate;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{After, Query};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(delete)).routes(routes!(create))
}

/// A reminder that waits.
#[derive(Debug, Serialize, ToSchema)]
struct ReminderEntry {
    /// Its id.
    id: String,
    /// When it is due.
    due_at: Millis,
    /// Of what.
    text: String,
    /// Whether it is said in a room.
    for_room: bool,
    /// The slug of that room, if you can see it.
    room: Option<String>,
}

impl From<WaitingReminder> for ReminderEntry {
    fn from(waiting: WaitingReminder) -> Self {
        let WaitingReminder { id, due_at, text, room } = waiting;
        let for_room = room.is_some();
        let room = room.flatten().map(|view| view.room.slug.to_string());
        Self { id: id.to_string(), due_at, text, for_room, room }
    }
}

/// A page of reminders.
#[derive(Debug, Serialize, ToSchema)]
struct ReminderList {
    /// The reminders, the next one first.
    reminders: Vec<ReminderEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// Your reminders that wait.
#[utoipa::path(
    get, path = "/api/v1/me/reminders", tag = "messages", operation_id = "list_reminders",
    params(("after" = Option<String>, Query, description = "The `next` of the page before")),
    responses((status = 200, body = ReminderList)),
)]
async fn list(State(state): State<AppState>, Query(place): Query<After>, user: CurrentUser) -> Result<Json<ReminderList>> {
    let found = state.chat.reminders(user.id, &place.after).await?;
    let reminders = found.reminders.into_iter().map(Into::into).collect();
    Ok(Json(ReminderList { reminders, more: found.next.is_some(), next: found.next }))
}

/// Cancels a reminder of yours.
#[utoipa::path(
    delete, path = "/api/v1/me/reminders/{id}", tag = "messages", operation_id = "delete_reminder",
    params(("id" = String, Path, description = "The reminder")),
    responses((status = 204, description = "The reminder is cancelled")),
)]
async fn delete(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.delete_reminder(user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A reminder to create.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "body": "in 10 minutes tea" })))]
struct NewReminder {
    /// When and of what, as behind `/remind`: `in 10 minutes tea`, `at 15:00 call`, or `room in 2 days demo`, which is said in the room.
    #[schema(required = true)]
    body: String,
    /// Anything that is new for each reminder: with the same one again there is no other.
    nonce: Option<String>,
}

/// A reminder that was asked for.
#[derive(Debug, Serialize, ToSchema)]
struct ReminderAnswer {
    /// The reminder.
    reminder: ReminderEntry,
}

/// Creates a reminder.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/reminders", tag = "messages", operation_id = "create_reminder",
    params(("slug" = String, Path, description = "The room in which it is written")),
    request_body = NewReminder,
    responses(
        (status = 201, description = "Created", body = ReminderAnswer),
        (status = 200, description = "One with this nonce waits already", body = ReminderAnswer),
    ),
)]
async fn create(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    Fields(new): Fields<NewReminder>,
) -> Result<Response> {
    let nonce = new.nonce.as_deref().map(validate::nonce).transpose()?;
    let AddedReminder { reminder, is_new } = state.chat.add_reminder(user.caller(), &slug, new.body.trim(), nonce).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(ReminderAnswer { reminder: reminder.into() })).into_response())
}
