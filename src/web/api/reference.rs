//! `GET /api`: the operations of the API as a page, and `GET /api/try`, which leads from the form of one to its answer.
//!
//! Owns the way from such a form to the address of an operation that reads; `static/js/reference.js` sends what changes something. What is
//! shown is the description that programs get. It must not answer an operation: whoever tries one sends what a program would.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::json;
use utoipa::openapi::OpenApi;

use crate::encoding::path_segment;
use crate::error::{Error, Result};
use crate::web::layers::session::CurrentUser;
use crate::web::query::{Query, query_string};
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::theme_cookie;
use crate::web::views::{ApiPage, Reference};

/// The route of the document, for everybody: it is the same on all servers of a release.
pub fn document(document: &OpenApi) -> Router<AppState> {
    let json = Bytes::from(json!(document).to_string());
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    Router::new().route("/api/openapi.json", get(async move || (headers, json)))
}

/// The routes of the page, for everybody. Whoever is logged in can try operations there.
pub fn pages(document: &OpenApi) -> Router<AppState> {
    let reference = Arc::new(Reference::of(&json!(document)));
    let tried = reference.clone();
    let answer = async move |State(state): State<AppState>, user: Option<CurrentUser>, headers: HeaderMap| {
        show(&state, user.as_ref(), &headers, &reference)
    };
    Router::new()
        .route("/api", get(answer))
        .route("/api/try", get(async move |Query(fields): Query<Vec<(String, String)>>| attempt(&tried, &fields)))
}

fn show(state: &AppState, user: Option<&CurrentUser>, headers: &HeaderMap, reference: &Reference) -> Response {
    // Without the second factor that they must set up, people can do nothing.
    let username = user.filter(|user| !user.lacks_second_factor).map(|user| &*user.username);
    page(&ApiPage::new(reference, state.origins.own(headers), theme_cookie::of(headers), username))
}

/// Redirects to an operation that reads, with the parameters of the form.
fn attempt(reference: &Reference, fields: &[(String, String)]) -> Result<Response> {
    let value = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim());
    let operation = reference.find(value("operation")).filter(|operation| operation.is_read());
    let operation = operation.ok_or(Error::NotFound("page"))?;
    let of = |place: &'static str| operation.parameters.iter().filter(move |parameter| parameter.place == place);
    let path = of("path").fold(operation.path.clone(), |path, parameter| {
        path.replace(&format!("{{{}}}", parameter.name), &path_segment(value(&parameter.name)))
    });
    let query: Vec<_> = of("query").map(|parameter| (&*parameter.name, value(&parameter.name))).collect();
    Ok(Redirect::to(&format!("{path}{}", query_string(&query))).into_response())
}
