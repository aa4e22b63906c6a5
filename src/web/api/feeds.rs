//! One's feeds. An address is in the answer to what made it, and nowhere else.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use crate::clock::Millis;
use crate::error::Result;
use crate::model::FeedKind;
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::pages::feeds::{MadeFeed, end, make};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(create)).routes(routes!(revoke))
}

/// A feed, without its address.
#[derive(Debug, Serialize, ToSchema)]
struct FeedEntry {
    /// Its id.
    id: String,
    /// What it has.
    kind: FeedKind,
    /// The slug of its room, if you can see that.
    room: Option<String>,
    /// When it was made.
    created_at: Millis,
    /// When it was read last, to the hour.
    used_at: Option<Millis>,
}

/// One’s feeds.
#[derive(Debug, Serialize, ToSchema)]
struct FeedList {
    /// The feeds.
    feeds: Vec<FeedEntry>,
}

/// Your feeds.
#[utoipa::path(
    get, path = "/api/v1/feeds", tag = "rooms", operation_id = "list_feeds",
    responses((status = 200, body = FeedList)),
)]
async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Json<FeedList>> {
    let feeds = state.chat.feeds(user.id).await?.into_iter().map(|(feed, view)| FeedEntry {
        id: feed.id,
        kind: feed.kind,
        room: view.map(|view| view.room.slug.to_string()),
        created_at: feed.created_at,
        used_at: feed.used_at,
    });
    Ok(Json(FeedList { feeds: feeds.collect() }))
}

/// What a feed is to have.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "kind": "messages" })))]
struct WantedFeed {
    /// `messages` (the default) or `pins`.
    #[schema(value_type = FeedKind)]
    kind: String,
}

/// A new feed.
#[derive(Debug, Serialize, ToSchema)]
struct NewFeedAnswer {
    /// The feed.
    feed: NewFeed,
}

/// A feed with its address.
#[derive(Debug, Serialize, ToSchema)]
struct NewFeed {
    /// Its id.
    id: String,
    /// What it has.
    kind: FeedKind,
    /// The slug of its room.
    room: String,
    /// Where feed readers get it: a secret.
    url: String,
}

/// Makes a feed of a room. Its address is in the answer, this once. A token needs the scope `admin` as well: who knows the address reads
/// the room.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/feeds", tag = "rooms", operation_id = "create_feed",
    params(("slug" = String, Path, description = "The room")),
    request_body = WantedFeed,
    responses((status = 201, body = NewFeedAnswer)),
)]
async fn create(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    headers: HeaderMap,
    Fields(WantedFeed { kind }): Fields<WantedFeed>,
) -> Result<Response> {
    let MadeFeed { id, kind, room, url } = make(&state, &user, (&slug, &kind), &source, &headers).await?;
    Ok((StatusCode::CREATED, Json(NewFeedAnswer { feed: NewFeed { id, kind, room, url } })).into_response())
}

/// Revokes a feed of yours. Access tokens cannot.
#[utoipa::path(
    delete, path = "/api/v1/feeds/{id}", tag = "rooms", operation_id = "revoke_feed",
    params(("id" = String, Path, description = "The feed")),
    responses((status = 204, description = "Its address leads nowhere")),
)]
async fn revoke(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<StatusCode> {
    end(&state, &user, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
