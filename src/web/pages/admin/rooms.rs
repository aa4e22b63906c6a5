//! The list of all rooms.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::administration::rooms::Page;
use crate::chat::rate_limits::ActionKind;
use crate::db::overview::AdminRoom;
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::AdminRoomsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin/rooms", get(list))
}

/// `GET /admin/rooms` (`q`, `after`), by an administrator.
async fn list(
    State(state): State<AppState>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::People)?;
    let Page { rooms, next } = state.administration.rooms(user.actor(), &query.sought()?).await?;
    if format.is_json() {
        let rooms: Vec<_> = rooms.iter().map(json_of).collect();
        return Ok(Json(json!({ "rooms": rooms, "more": next.is_some(), "next": next })).into_response());
    }
    let next = next.map(|next| query.query(&next));
    let layout = layout(&state, &user).await?.at("/admin/rooms");
    Ok(page(&AdminRoomsPage::new(layout, rooms, query.q, next, query.after.is_empty())))
}

fn json_of(room: &AdminRoom) -> Value {
    json!({
        "slug": room.slug, "name": room.name, "visibility": room.visibility, "created_at": room.created_at,
        "created_by": room.created_by, "members": room.members, "entries": room.entries, "archived": room.archived_at.is_some(),
    })
}
