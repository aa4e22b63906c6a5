//! The emoji and their shortcodes.

use axum::response::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::layers::session::CurrentUser;
use crate::web::pages::emoji::{group_name, listed};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list))
}

/// An emoji.
#[derive(Debug, Serialize, ToSchema)]
struct EmojiEntry {
    /// The emoji, as reactions name it.
    emoji: &'static str,
    /// What it shows.
    name: &'static str,
    /// What it is written as between colons, the usual one first.
    #[schema(value_type = Vec<String>)]
    shortcodes: Vec<&'static str>,
}

/// A group of emoji.
#[derive(Debug, Serialize, ToSchema)]
struct EmojiGroup {
    /// The name of the group.
    name: &'static str,
    /// The emoji, in the order of pickers.
    emoji: Vec<EmojiEntry>,
}

/// All emoji.
#[derive(Debug, Serialize, ToSchema)]
struct EmojiList {
    /// The groups, in the order of pickers.
    groups: Vec<EmojiGroup>,
}

/// The emoji that have shortcodes: the same for everybody.
#[utoipa::path(
    get, path = "/api/v1/emoji", tag = "messages", operation_id = "list_emoji",
    responses((status = 200, body = EmojiList)),
)]
async fn list(_: CurrentUser) -> Json<EmojiList> {
    let entry = |emoji: &'static emojis::Emoji| EmojiEntry {
        emoji: emoji.as_str(),
        name: emoji.name(),
        shortcodes: emoji.shortcodes().collect(),
    };
    let groups = emojis::Group::iter()
        .map(|group| EmojiGroup { name: group_name(group), emoji: listed(group).map(entry).collect() })
        .collect();
    Json(EmojiList { groups })
}
