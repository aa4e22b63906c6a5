//! Search, as a page and as JSON.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::chat::search::query::filters;
use crate::chat::search::{Results, SearchOrder, SearchRequest};
use crate::db::sidebar::SidebarRooms;
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::app_layout;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{Query, counted};
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::{AppLayout, SearchPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/search", get(results))
}

/// The parameters of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SearchQuery {
    q: Option<String>,
    /// The room that the search began in; it becomes a filter that can be removed.
    r#in: String,
    order: Option<String>,
    before: Option<String>,
    count: String,
}

/// `GET /search` (`q`, `in` = a slug, `order` = `newest` or `best`, `before`, `count` = `true`).
pub async fn results(
    State(state): State<AppState>,
    Query(query): Query<SearchQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let order = SearchOrder::parse(query.order.as_deref())?;
    let zone = user.times.zone().clone();
    let typed = query.q.as_deref().unwrap_or_default();
    let is_json = format.is_json();
    let counts = counted(&query.count)? || !is_json;
    let question = |text| SearchRequest { text, order, before: query.before.as_deref(), counts };
    if is_json {
        let text = within(&query.r#in, None, typed);
        return Ok(Json(state.chat.search(user.id, Some(zone), question(&text)).await?).into_response());
    }
    // The sidebar has only some rooms; the searched one must be among them, for its name.
    let named = filters(typed).into_iter().find_map(|filter| filter.within().map(str::to_owned));
    let slug = if query.r#in.is_empty() { named.unwrap_or_default() } else { query.r#in.clone() };
    let SidebarRooms { rooms, .. } = state.chat.sidebar_rooms(user.id, &slug, user.sidebar.favorites()).await?;
    let layout = app_layout::with_rooms(&state, &user, rooms).at("search");
    let text = within(&query.r#in, Some(&layout), typed);
    // The link from a room opens an empty search.
    let is_asked = query.r#in.is_empty() || query.q.is_some();
    let found = match is_asked {
        true => state.chat.search(user.id, Some(zone), question(&text)).await,
        false => Ok(Results::default()),
    };
    let (results, problem) = match found {
        Ok(results) => (results, None),
        Err(error) if error.shows_form_again() => (Results::default(), Some(error)),
        Err(error) => return Err(error),
    };
    let is_next = query.before.is_some_and(|before| !before.is_empty());
    let shown = SearchPage::new(layout, text, order, (is_asked, is_next), results, problem.as_ref());
    Ok(match &problem {
        Some(error) => form_again(error, &shown),
        None => page(&shown),
    })
}

/// The query with a filter for the room, as text, so that people see it and can remove it.
fn within(slug: &str, layout: Option<&AppLayout>, text: &str) -> String {
    if slug.is_empty() {
        return text.to_owned();
    }
    let filter = match layout.and_then(|layout| layout.rooms.iter().find(|listed| *listed.room.slug == *slug)) {
        // A conversation with one person, or with oneself.
        Some(listed) if listed.room.is_direct && listed.room.direct.len() == 1 => {
            format!("in:@{}", listed.room.direct[0].username)
        }
        _ if slug.contains(char::is_whitespace) => format!("in:\"{slug}\""),
        _ => format!("in:{slug}"),
    };
    format!("{filter} {text}")
}
