//! Its pages: as much as a client needs to get in and to read a history. Nothing is wrong with them.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::Value;

use crate::Shared;

type Fields = HashMap<String, String>;

pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/register", post(register))
        .route("/rooms", post(make_room))
        .route("/rooms/{slug}", get(page))
        .route("/rooms/{slug}/members", post(add_member))
        .with_state(shared)
}

fn see_other(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, place.to_owned())]).into_response()
}

fn who(shared: &Shared, headers: &HeaderMap) -> Result<String, StatusCode> {
    let cookies = headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    shared.rooms().who(cookies).ok_or(StatusCode::UNAUTHORIZED)
}

async fn register(State(shared): State<Shared>, Form(fields): Form<Fields>) -> Result<Response, StatusCode> {
    let username = fields.get("username").ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    let cookie = shared.rooms().admit(username);
    Ok(([(SET_COOKIE, cookie)], see_other("/")).into_response())
}

async fn make_room(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, StatusCode> {
    let who = who(&shared, &headers)?;
    let slug = shared.rooms().make_room(&who);
    Ok(see_other(&format!("/rooms/{slug}")))
}

async fn add_member(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Result<Response, StatusCode> {
    let who = who(&shared, &headers)?;
    let username = fields.get("username").ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    let mut rooms = shared.rooms();
    rooms.room(&slug, &who).ok_or(StatusCode::NOT_FOUND)?;
    rooms.add_member(&slug, username);
    Ok(see_other(&format!("/rooms/{slug}/members")))
}

async fn page(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    Query(query): Query<Fields>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let who = who(&shared, &headers)?;
    let number = |name: &str, default: i64| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (after, limit) = (number("after", 0), number("limit", 50).clamp(1, 200));
    let limit = usize::try_from(limit).unwrap_or(50);
    shared.rooms().page(&slug, &who, after, limit).map(Json).ok_or(StatusCode::NOT_FOUND)
}
