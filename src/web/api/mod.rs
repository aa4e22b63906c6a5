//! The API for programs: `/api/v1`, in JSON only.
//!
//! Owns its routes, one module per subject, and their description in OpenAPI (`document`), which is made of the routes themselves: a
//! route cannot be there without it. The modules are thin: they read a request, call the same use-case as pages and sockets, and give its
//! result a type. They must not check permissions or hold SQL. Who may ask with what is decided by `layers`: a request has an access
//! token, or a session's cookie and an origin of ours.

mod admin;
mod body;
mod bots;
mod changes;
mod commands;
mod conditional;
mod document;
mod drafts;
mod emoji;
mod feeds;
mod files;
mod hooks;
mod invites;
mod members;
mod messages;
mod notifications;
mod people;
mod portraits;
mod reference;
mod reminders;
mod reports;
mod rooms;
mod search;
mod sessions;
mod sidebar;
mod threads;

use axum::Router;
use axum::middleware::from_fn;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::web::form;
use crate::web::pages::fallback;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    let routes = routes().split_for_parts().0.layer(from_fn(conditional::answer)).layer(from_fn(form::refuse_multipart));
    routes.method_not_allowed_fallback(fallback::wrong_method)
}

/// The description of the API as a document, for everybody.
pub fn description() -> Router<AppState> {
    reference::document(&document())
}

/// The description of the API as a page, for everybody. Whoever is logged in can try it there.
pub fn pages() -> Router<AppState> {
    reference::pages(&document()).method_not_allowed_fallback(fallback::wrong_method)
}

/// The description of the API in OpenAPI 3.1.
pub fn document() -> OpenApi {
    document::complete(routes().split_for_parts().1)
}

/// The routes with their description.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(document::frame())
        .merge(rooms::routes())
        .merge(messages::routes())
        .merge(threads::routes())
        .merge(drafts::routes())
        .merge(commands::routes())
        .merge(reminders::routes())
        .merge(reports::routes())
        .merge(changes::routes())
        .merge(members::routes())
        .merge(hooks::routes())
        .merge(feeds::routes())
        .merge(sidebar::routes())
        .merge(people::routes())
        .merge(notifications::routes())
        .merge(emoji::routes())
        .merge(portraits::routes())
        .merge(bots::routes())
        .merge(invites::routes())
        .merge(files::routes())
        .merge(search::routes())
        .merge(sessions::routes())
        .merge(admin::routes())
}
