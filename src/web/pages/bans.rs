//! Banning and unbanning, by administrators.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;

use crate::chat::cleanup::Span;
use crate::error::{Error, Result};
use crate::web::decision::OnPerson;
use crate::web::form::Form;
use crate::web::pages::people::to_card;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/people/{username}/ban", post(ban)).route("/people/{username}/unban", post(unban))
}

/// The form of a ban.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BanForm {
    /// `none`, or which messages to delete.
    delete_messages: String,
}

/// `POST /people/{username}/ban` (`delete_messages` = `none`, `day`, `all`), by an administrator.
pub async fn ban(
    State(state): State<AppState>,
    OnPerson { user, username, source }: OnPerson,
    Form(form): Form<BanForm>,
) -> Result<Response> {
    let span = match form.delete_messages.as_str() {
        "" | "none" => None,
        span => Some(Span::parse(span).map_err(|_| Error::invalid("delete_messages", "Choose none, day or all."))?),
    };
    let profile = state.accounts.ban(&user, &username, &source).await?;
    if let Some(span) = span {
        state.chat.delete_messages_of(user.actor(), &user.username, &username, span, &source).await?;
    }
    Ok(to_card(&profile))
}

/// `POST /people/{username}/unban`, by an administrator.
pub async fn unban(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<Response> {
    Ok(to_card(&state.accounts.lift_ban(&user, &username, &source).await?))
}
