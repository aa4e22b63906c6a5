//! `GET /api`: the operations of the API as a page, and `GET /api/try`, which leads from the form of one to its answer.
//!
//! Owns the way from such a form to the address of an operation that reads. What is shown is the description that programs get.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::json;
use utoipa::openapi::OpenApi;

use crate::encoding::path_segment;
use crate::error::{Error, Result};
use crate::web::query::query_string;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::theme_cookie;
use crate::web::views::{ApiPage, Reference};

/// The routes, for everybody: what they show is the same on all servers of a release.
pub fn router(document: &OpenApi) -> Router<AppState> {
    let document = json!(document);
    let reference = Arc::new(Reference::of(&document));
    let json = Bytes::from(document.to_string());
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    let tried = reference.clone();
    Router::new()
        .route("/api/openapi.json", get(async move || (headers, json)))
        .route("/api", get(async move |State(state): State<AppState>, headers: HeaderMap| show(&state, &headers, &reference)))
        .route("/api/try", get(async move |Query(fields): Query<Vec<(String, String)>>| attempt(&tried, &fields)))
}

fn show(state: &AppState, headers: &HeaderMap, reference: &Reference) -> Response {
    page(&ApiPage::new(reference, state.origins.own(headers), theme_cookie::of(headers)))
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
