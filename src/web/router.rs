//! The whole HTTP service: the routes of all features behind the middleware.
//!
//! Owns the order of the layers. It must not hold a route or a handler.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response};
use axum::middleware::{from_fn, from_fn_with_state, map_response_with_state};
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
use crate::web::form::MAX_FORM;
use crate::web::layers::{
    bearer, compression, csrf, errors, host, measure, normalize_path, reads, security_headers, session, timeout, trace,
};
use crate::web::state::AppState;
use crate::web::{api, assets, nul, pages};

/// The service: the sockets, and the pages behind them.
pub fn service(
    state: AppState,
    sockets: SocketIoLayer,
    sessions: Store,
    connections: Connections,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl HttpBody<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    let doors = Doors { origins: state.origins.clone(), trusted_proxies: state.config.trusted_proxies.clone(), connections };
    let headers = security_headers::headers(state.origins.is_https());
    let before_sockets = state.clone();
    ServiceBuilder::new()
        .map_response(move |response| security_headers::add(&headers, response))
        .map_request(move |request| {
            csrf::record_foreign_socket(&request, &before_sockets);
            handshake::prepare(request, &doors)
        })
        .layer(sockets)
        .service(web(state, sessions))
}

/// The pages, forms and files.
fn web(state: AppState, sessions: Store) -> Router {
    let with_session = pages::with_session(&state).merge(api::router()).merge(api::pages()).layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(state.clone(), bearer::authenticate))
            .layer(from_fn_with_state(state.clone(), csrf::check))
            .layer(from_fn(normalize_path::redirect))
            .layer(map_response_with_state(state.origins.clone(), session::fix_removal))
            .layer(session::layer(sessions, &state.config, &state.origins))
            .layer(from_fn_with_state(state.chat.clone(), reads::hold))
            .layer(from_fn(compression::deliver))
            .layer(from_fn_with_state(state.clone(), errors::render))
            // Here as well as outside, so that the page of a panic has the person's layout.
            .layer(CatchPanicLayer::custom(errors::panicked))
            .layer(from_fn(nul::refuse)),
    );
    Router::new()
        .merge(pages::without_session())
        .merge(api::description())
        .merge(assets::router())
        .merge(with_session)
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(state.monitoring.clone(), measure::count))
                .map_request(compression::not_with_words)
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
                // Pages of routes and layers outside of the session.
                .layer(from_fn(compression::deliver))
                .layer(CatchPanicLayer::custom(errors::panicked))
                .layer(from_fn_with_state(state.origins.clone(), host::check))
                .layer(from_fn(timeout::limit))
                .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
                .layer(DefaultBodyLimit::max(MAX_FORM)),
        )
        .with_state(state)
}
