//! Every route and the whole stack in front of them.
//!
//! Owns the map from a path to its handler, and the order of the layers. It must not hold a handler.

use std::convert::Infallible;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response};
use axum::middleware::{from_fn, from_fn_with_state, map_response_with_state};
use axum::routing::{get, post};
use hyper::body::Incoming;
use socketioxide::layer::SocketIoLayer;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use crate::accounts::session::Store;
use crate::realtime::handshake::{self, Doors};
use crate::server::Connections;
use crate::web::assets;
use crate::web::layers::{compression, csrf, error_pages, reads, session, trace};
use crate::web::pages::{
    access, accounts, drafts, emoji, fallback, health, history, install, members, mentions, message_actions, messages,
    notifications, people, pins, preview, read_marker, revisions, rooms, search, settings, setup, sidebar, threads,
};
use crate::web::state::AppState;

/// The largest form, in bytes: the longest message, with every character of it percent-encoded.
const MAX_FORM: usize = 256 * 1024;

/// The largest form of somebody who is not signed in, in bytes: names, a password and a link, percent-encoded. Whoever wants to may
/// hold as many of them half-sent as they have connections.
const MAX_STRANGERS_FORM: usize = 16 * 1024;

/// Everything that is served: the pages, and the sockets before them.
pub fn service(
    state: AppState,
    sockets: SocketIoLayer,
    sessions: Store,
    connections: Connections,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl HttpBody<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    let doors = Doors { origins: state.origins.clone(), trusted_proxies: state.config.trusted_proxies.clone(), connections };
    let headers = csrf::headers(state.origins.is_https());
    let before_sockets = state.clone();
    ServiceBuilder::new()
        .map_response(move |response| csrf::add_headers(&headers, response))
        .map_request(move |request| {
            csrf::note_foreign_socket(&request, &before_sockets);
            handshake::prepare(request, &doors)
        })
        .layer(sockets)
        .service(pages(state, sessions))
}

/// The pages and forms.
fn pages(state: AppState, sessions: Store) -> Router {
    let signed = Router::new()
        .route("/", get(rooms::home))
        .route(
            "/register",
            get(accounts::register_page).post(accounts::register).layer(DefaultBodyLimit::max(MAX_STRANGERS_FORM)),
        )
        .route("/setup", get(setup::show).post(setup::check).layer(DefaultBodyLimit::max(MAX_STRANGERS_FORM)))
        .route("/login", get(accounts::login_page).post(accounts::login).layer(DefaultBodyLimit::max(MAX_STRANGERS_FORM)))
        .route("/logout", post(accounts::logout))
        .route("/invites", post(accounts::invite))
        .route("/keys", get(install::keys))
        .route("/rooms", get(rooms::list).post(rooms::create))
        .route("/preview", post(preview::preview))
        .route("/rooms/{slug}", get(history::room).post(rooms::leave_all))
        .route("/rooms/{slug}/{seq}", get(history::permalink))
        .route("/rooms/{slug}/on", get(history::to_date))
        .route("/rooms/{slug}/on/{date}", get(history::on_date))
        .route("/rooms/{slug}/messages", post(messages::post))
        .route("/rooms/{slug}/{seq}/more", get(message_actions::more))
        .route("/rooms/{slug}/{seq}/history", get(revisions::show))
        .route("/rooms/{slug}/{seq}/thread", get(threads::show))
        .route("/rooms/{slug}/{seq}/{act}", post(message_actions::act))
        .route("/rooms/{slug}/read", post(read_marker::read))
        .route("/rooms/{slug}/level", post(notifications::level))
        .route("/rooms/{slug}/favorite", post(sidebar::favorite))
        .route("/rooms/{slug}/hide", post(sidebar::hide))
        .route("/rooms/{slug}/draft", post(drafts::save))
        .route("/drafts", get(drafts::list))
        .route("/sidebar", post(sidebar::section))
        .route("/rooms/{slug}/pins", get(pins::list))
        .route("/mentions", get(mentions::list))
        .route("/search", get(search::page_of_results))
        .route("/rooms/{slug}/join", post(rooms::join))
        .route("/rooms/{slug}/leave", post(rooms::leave))
        .route("/rooms/{slug}/members", get(members::page).post(members::invite))
        .route("/rooms/{slug}/members/{username}/remove", post(members::remove))
        .route("/rooms/{slug}/settings", post(members::describe))
        .route("/people", get(people::list))
        .route("/people/{username}", get(people::card))
        .route("/people/{username}/message", post(people::message))
        .route("/people/{username}/ban", post(access::ban))
        .route("/people/{username}/unban", post(access::lift_ban))
        .route("/direct", get(people::direct).post(people::begin))
        .route("/settings", get(settings::show).post(settings::save))
        .route("/settings/password", get(access::password_page).post(access::change_password))
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::wrong_method)
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(state.clone(), csrf::refuse_foreign))
                .layer(from_fn(fallback::mend_path))
                .layer(map_response_with_state(state.origins.clone(), session::mend_removal))
                .layer(session::layer(sessions, &state.config, &state.origins))
                .layer(from_fn_with_state(state.chat.clone(), reads::hold))
                .layer(from_fn(compression::deliver))
                .layer(from_fn_with_state(state.clone(), error_pages::dress))
                // Here as well as around everything: a fault is told inside the frame.
                .layer(CatchPanicLayer::custom(fallback::panicked)),
        );
    Router::new()
        .route("/healthz", get(health::check))
        .route("/favicon.ico", get(assets::favicon))
        .route("/manifest.webmanifest", get(install::manifest))
        .route("/sw.js", get(install::worker))
        .route("/offline", get(install::offline))
        .route("/emoji.json", get(emoji::list))
        .route("/static/", get(assets::missing))
        .route("/static/{*path}", get(assets::serve))
        .merge(signed)
        .layer(
            ServiceBuilder::new()
                .map_request(compression::only_without_words)
                .map_request(trace::forget_id)
                .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
                .layer(
                    TraceLayer::new_for_http()
                        .make_span_with(trace::span)
                        .on_request(())
                        .on_response(trace::answered)
                        .on_failure(()),
                )
                .layer(PropagateRequestIdLayer::x_request_id())
                // Pages of nobody, and those of faults.
                .layer(from_fn(compression::deliver))
                .layer(CatchPanicLayer::custom(fallback::panicked))
                .layer(from_fn_with_state(state.origins.clone(), csrf::refuse_misdirected))
                .layer(from_fn(fallback::in_time))
                .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
                .layer(DefaultBodyLimit::max(MAX_FORM)),
        )
        .with_state(state)
}
