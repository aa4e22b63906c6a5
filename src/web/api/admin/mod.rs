//! Administration, one module per subject: each calls what the administrators' pages call.

mod audit;
mod deliveries;
mod holds;
mod jobs;
mod people;
mod rooms;
mod server;
mod settings;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .merge(server::routes())
        .merge(settings::routes())
        .merge(people::routes())
        .merge(rooms::routes())
        .merge(audit::routes())
        .merge(holds::routes())
        .merge(jobs::routes())
        .merge(deliveries::routes())
        .merge(webhooks::routes())
}
