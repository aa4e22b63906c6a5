//! Slash commands: what they do, and which there are in a room.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use crate::chat::commands::{self, Input, RoomCommand};
use crate::chat::messages::NewMessage;
use crate::error::{Error, Result};
use crate::model::{Logged, Message};
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

const NO_COMMAND: &str = "This isn’t a command. Begin with / and a name, such as /topic; post other texts as messages.";

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list, run))
}

/// A command.
#[derive(Debug, Serialize, ToSchema)]
struct CommandEntry {
    /// Its name, without the slash.
    name: String,
    /// What follows it, such as `@username …`; empty if nothing does. That of a webhook’s command is not known.
    takes: Option<&'static str>,
    /// What it does.
    hint: String,
    /// Whether it is there in every room; others are those of webhooks.
    is_built_in: bool,
}

/// The commands of a room.
#[derive(Debug, Serialize, ToSchema)]
struct CommandList {
    /// The commands, those of webhooks last.
    commands: Vec<CommandEntry>,
}

/// The commands of a room: those that are built in, and those of webhooks.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/commands", tag = "messages", operation_id = "list_commands",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 200, body = CommandList)),
)]
async fn list(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Json<CommandList>> {
    let of_webhooks = state.chat.list_commands(user.id, &slug).await?;
    let built_in = commands::ALL.iter().map(|(name, takes, hint)| CommandEntry {
        name: (*name).to_owned(),
        takes: Some(takes),
        hint: (*hint).to_owned(),
        is_built_in: true,
    });
    let of_webhooks =
        of_webhooks.into_iter().map(|RoomCommand { name, hint }| CommandEntry { name, takes: None, hint, is_built_in: false });
    Ok(Json(CommandList { commands: built_in.chain(of_webhooks).collect() }))
}

/// A command to use.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "text": "/topic All about engines" })))]
struct TypedCommand {
    /// The command and what follows it, as it is typed into the box: `/topic All about engines`.
    #[schema(required = true)]
    text: String,
    /// Anything that is new for each command: the same one again posts no second message, creates no second reminder, and is one delivery to a
    /// webhook.
    nonce: Option<String>,
}

/// What a command did: one of the two.
#[derive(Debug, Serialize, ToSchema)]
struct CommandAnswer {
    /// What somebody who typed it would be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// The message that it wrote: that of `/me` and `/shrug`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Message>)]
    message: Option<Arc<Logged>>,
}

/// Uses a command, as if you had typed it in the room.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/commands", tag = "messages", operation_id = "use_command",
    params(("slug" = String, Path, description = "The room")),
    request_body = TypedCommand,
    responses(
        (status = 200, description = "It is done; or its message was posted with this nonce before", body = CommandAnswer),
        (status = 201, description = "It has posted a message", body = CommandAnswer),
    ),
)]
async fn run(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    Fields(TypedCommand { text, nonce }): Fields<TypedCommand>,
) -> Result<Response> {
    // First: what is wrong with a text says nothing about rooms that they may not know of.
    let room = state.chat.view(user.id, &slug).await?.room.id;
    match commands::read(&text) {
        Input::Text(_) => Err(Error::invalid("text", NO_COMMAND)),
        Input::Said(body) => {
            let new = NewMessage { body, nonce, ..NewMessage::default() };
            let (message, is_new) =
                state.chat.post(user.caller(), room, new).map_err(about_text)?.posted().await.map_err(about_text)?;
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, Json(CommandAnswer { message: Some(message), notice: None })).into_response())
        }
        Input::Act(act) => {
            let notice = state.chat.act(user.caller(), &slug, act, nonce.as_deref(), &source).await.map_err(about_text)?;
            Ok(Json(CommandAnswer { notice: Some(notice), message: None }).into_response())
        }
    }
}

/// What is wrong with a message is wrong with the text that was sent here.
fn about_text(error: Error) -> Error {
    match error {
        Error::Invalid { field: "body", message } => Error::invalid("text", message),
        Error::TooLong { field: "body", limit } => Error::TooLong { field: "text", limit },
        other => other,
    }
}
