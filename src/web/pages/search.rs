//! The page of search, and the same as JSON.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};
use serde::Deserialize;

use super::frame;
use crate::chat::search::query::filters;
use crate::chat::search::{Order, Results, SearchRequest};
use crate::db::room_lists::SidebarRooms;
use crate::error::Error;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::views::{Frame, SearchPage};

/// What is searched for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sought {
    q: Option<String>,
    /// The room that somebody came from: it is searched first, and one can leave it.
    r#in: String,
    order: Option<String>,
    before: Option<String>,
    count: String,
}

/// `GET /search` (`q`, `in` = a slug, `order` = `newest` or `best`, `before`, `count` = `true`).
pub async fn page_of_results(
    State(state): State<AppState>,
    Query(sought): Query<Sought>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let order = Order::parse(sought.order.as_deref()).map_err(refuse)?;
    let zone = user.times.zone().clone();
    let typed = sought.q.as_deref().unwrap_or_default();
    let is_json = asked.is_json();
    let question =
        |text| SearchRequest { text, order, before: sought.before.as_deref(), counts: !is_json || sought.count == "true" };
    if is_json {
        let text = within(&sought.r#in, None, typed);
        return Ok(Json(state.chat.search(user.id, Some(zone), question(&text)).await.map_err(refuse)?).into_response());
    }
    // The conversation that is searched is among those that are known by name, however many there are.
    let named = filters(typed).into_iter().find_map(|filter| filter.within().map(str::to_owned));
    let slug = if sought.r#in.is_empty() { named.unwrap_or_default() } else { sought.r#in.clone() };
    let slug = if slug.contains('\0') { "" } else { &slug };
    let SidebarRooms { rooms, .. } = state.chat.sidebar_rooms(user.id, slug, user.sidebar.favorites()).await.map_err(refuse)?;
    let frame = frame::around(&state, &user, rooms).at("search");
    let text = within(&sought.r#in, Some(&frame), typed);
    // Who has only just come from a room has not asked yet.
    let is_asked = sought.r#in.is_empty() || sought.q.is_some();
    let found = match is_asked {
        true => state.chat.search(user.id, Some(zone), question(&text)).await,
        false => Ok(Results::default()),
    };
    let (results, problem) = match found {
        Ok(results) => (results, None),
        // What was typed stays in the field, with what is wrong with it.
        Err(error) if error.shows_form_again() => (Results::default(), Some(error)),
        Err(error) => return Err(refuse(error)),
    };
    let is_next = sought.before.is_some_and(|before| !before.is_empty());
    let shown = SearchPage::new(frame, text, order, (is_asked, is_next), results, problem.as_ref());
    let status = problem.as_ref().map_or(200, Error::status);
    let mut response = page_with(StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), &shown);
    retry_after(&mut response, problem.as_ref().and_then(Error::retry_after));
    Ok(response)
}

/// What is asked for within a room: the filter is written out, so that it can be read and taken away.
fn within(slug: &str, frame: Option<&Frame>, text: &str) -> String {
    if slug.is_empty() {
        return text.to_owned();
    }
    let filter = match frame.and_then(|frame| frame.rooms.iter().find(|listed| *listed.room.slug == *slug)) {
        // One other, or oneself.
        Some(listed) if listed.room.is_direct && listed.room.direct.len() == 1 => {
            format!("in:@{}", listed.room.direct[0].username)
        }
        _ if slug.contains(char::is_whitespace) => format!("in:\"{slug}\""),
        _ => format!("in:{slug}"),
    };
    format!("{filter} {text}")
}
