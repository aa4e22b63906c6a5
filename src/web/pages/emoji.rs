//! The emoji and their shortcodes, for pickers and autocompletion.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::encoding::hex;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/emoji.json", get(list))
}

/// The list and its ETag: constant, so they are computed once.
static LIST: LazyLock<(String, String)> = LazyLock::new(|| {
    let groups = emojis::Group::iter().map(|group| {
        let emojis: Vec<_> =
            listed(group).map(|emoji| json!([emoji.as_str(), emoji.name(), emoji.shortcodes().collect::<Vec<_>>()])).collect();
        json!({ "name": group_name(group), "emoji": emojis })
    });
    let list = json!({ "groups": groups.collect::<Vec<Value>>() }).to_string();
    let etag = hex(&Sha256::digest(list.as_bytes())[..8]);
    (list, format!("\"{etag}\""))
});

/// The emoji of a group that have shortcodes.
pub fn listed(group: emojis::Group) -> impl Iterator<Item = &'static emojis::Emoji> {
    group.emojis().filter(|emoji| emoji.shortcode().is_some())
}

/// What people call a group.
pub fn group_name(group: emojis::Group) -> &'static str {
    match group {
        emojis::Group::SmileysAndEmotion => "Smileys",
        emojis::Group::PeopleAndBody => "People",
        emojis::Group::AnimalsAndNature => "Nature",
        emojis::Group::FoodAndDrink => "Food",
        emojis::Group::TravelAndPlaces => "Places",
        emojis::Group::Activities => "Activities",
        emojis::Group::Objects => "Objects",
        emojis::Group::Symbols => "Symbols",
        emojis::Group::Flags => "Flags",
    }
}

/// `GET /emoji.json`: `{groups: [{name, emoji: [[emoji, name, [shortcode…]]…]}]}`. Public.
pub async fn list(headers: HeaderMap) -> Response {
    let (list, etag) = &*LIST;
    let about = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=86400"), (ETAG, etag)];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, list.as_str()).into_response()
}
