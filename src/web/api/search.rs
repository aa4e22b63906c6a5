//! Searching messages.

use axum::extract::State;
use axum::response::Json;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::search::{Results, SearchOrder, SearchRequest};
use crate::error::Result;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{Query, counted};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(results))
}

/// The parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question {
    q: String,
    order: Option<String>,
    before: Option<String>,
    count: String,
}

/// Searches the messages of all rooms that you can see.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "messages", operation_id = "search",
    params(
        ("q" = String, Query, description = "The query, as people type it: words, `from:`, `in:`, `before:` and more"),
        ("order" = Option<String>, Query, description = "`newest` (the default) or `best`"),
        ("before" = Option<String>, Query, description = "The `next` of the page before"),
        ("count" = Option<String>, Query, description = "`true`: the number of results too"),
    ),
    responses((status = 200, body = Results)),
)]
async fn results(State(state): State<AppState>, Query(question): Query<Question>, user: CurrentUser) -> Result<Json<Results>> {
    let request = SearchRequest {
        text: &question.q,
        order: SearchOrder::parse(question.order.as_deref())?,
        before: question.before.as_deref(),
        counts: counted(&question.count)?,
    };
    Ok(Json(state.chat.search(user.id, Some(user.times.zone().clone()), request).await?))
}
