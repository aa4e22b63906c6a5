//! The administrators' pages: overview, people, rooms, the audit log, nodes, settings, webhooks and deliveries. Each answers as a page and as JSON.

use axum::Router;

use crate::web::state::AppState;

mod audit;
mod deliveries;
mod doctor;
mod holds;
mod jobs;
mod nodes;
pub mod overview;
mod people;
mod rooms;
mod settings;
mod webhooks;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .merge(audit::router())
        .merge(deliveries::router())
        .merge(doctor::router())
        .merge(holds::router())
        .merge(jobs::router())
        .merge(nodes::router())
        .merge(overview::router())
        .merge(people::router())
        .merge(rooms::router())
        .merge(settings::router())
        .merge(webhooks::router())
}
