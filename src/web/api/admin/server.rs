//! How the server is: the overview, its nodes, and what the doctor finds.

use axum::extract::State;
use axum::response::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::administration::overview::Overview;
use crate::chat::rate_limits::ActionKind;
use crate::cluster::nodes::{self, Health, Listed};
use crate::doctor::{self, Finding, Patient, worst};
use crate::error::Result;
use crate::monitoring::{Chart, EVERY};
use crate::permissions::{self, ServerAction};
use crate::tls;
use crate::web::layers::session::CurrentUser;
use crate::web::pages::admin::overview::gather;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(overview)).routes(routes!(list_nodes)).routes(routes!(examine))
}

/// How much there is, and what is wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ServerOverview {
    /// The numbers and the warnings.
    #[serde(flatten)]
    overview: Overview,
    /// How the nodes are together.
    nodes: Health,
    /// The certificate of a server that has TLS itself.
    certificate: Option<tls::Status>,
    /// The last hour of the node that answers.
    charts: Charts,
}

/// The last hour of a node.
#[derive(Debug, Serialize, ToSchema)]
struct Charts {
    /// How many seconds are between two numbers.
    every_seconds: u64,
    /// The charts.
    series: Vec<Chart>,
}

/// The state of the server; counts are up to a minute old.
#[utoipa::path(
    get, path = "/api/v1/admin/overview", tag = "administration", operation_id = "get_overview",
    responses((status = 200, body = ServerOverview)),
)]
async fn overview(State(state): State<AppState>, user: CurrentUser) -> Result<Json<ServerOverview>> {
    let (overview, nodes, certificate) = gather(&state, &user).await?;
    let charts = Charts { every_seconds: EVERY.as_secs(), series: state.monitoring.charts().await };
    Ok(Json(ServerOverview { overview, nodes, certificate, charts }))
}

/// The nodes of this server.
#[derive(Debug, Serialize, ToSchema)]
struct NodeList {
    /// The nodes.
    nodes: Vec<Listed>,
}

/// The nodes of this server, with what each says of itself.
#[utoipa::path(
    get, path = "/api/v1/admin/nodes", tag = "administration", operation_id = "list_nodes",
    responses((status = 200, body = NodeList)),
)]
async fn list_nodes(State(state): State<AppState>, user: CurrentUser) -> Result<Json<NodeList>> {
    permissions::may_administer(user.actor(), ServerAction::SeeNodes)?;
    let nodes = nodes::list(&state.db, &state.node, &state.clock, state.realtime.sockets()).await?;
    Ok(Json(NodeList { nodes }))
}

/// What the doctor found.
#[derive(Debug, Serialize, ToSchema)]
struct Examination {
    /// The worst of them.
    state: doctor::State,
    /// Each check.
    checks: Vec<Finding>,
}

/// What is wrong with the server and its surroundings, and what to do about it. Findings are up to ten seconds old.
#[utoipa::path(
    get, path = "/api/v1/admin/doctor", tag = "administration", operation_id = "examine",
    responses((status = 200, body = Examination)),
)]
async fn examine(State(state): State<AppState>, user: CurrentUser) -> Result<Json<Examination>> {
    permissions::may_administer(user.actor(), ServerAction::SeeAdministration)?;
    state.chat.allow(user.id, ActionKind::People)?;
    let patient = Patient { config: state.config.clone(), db: Ok(state.db.clone()), clock: state.clock.clone() };
    let findings = state.doctor.examine(&patient).await;
    Ok(Json(Examination { state: worst(&findings), checks: findings.to_vec() }))
}
