//! The overview: what is said of the server, of its nodes and of its certificate, together.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::administration::overview::{Overview, Warning};
use crate::cluster::nodes::{self, Health};
use crate::error::Result;
use crate::monitoring::EVERY;
use crate::tls::Status;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::OverviewPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin", get(show))
}

/// The overview with all warnings, how the nodes are, and how the certificate is.
///
/// # Errors
/// `forbidden` for non-administrators.
pub async fn gather(state: &AppState, user: &CurrentUser) -> Result<(Overview, Health, Option<Status>)> {
    let mut overview = state.administration.overview(user.actor()).await?;
    let listed = nodes::list(&state.db, &state.node, &state.clock, state.realtime.sockets()).await?;
    let health = Health::of(&state.node, &listed);
    overview.warnings.extend(health.warnings());
    let certificate = state.tls.as_ref().map(|tls| tls.status());
    overview.warnings.extend(certificate.iter().filter_map(warning));
    Ok((overview, health, certificate))
}

/// `GET /admin`, by an administrator.
async fn show(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    let (overview, health, certificate) = gather(&state, &user).await?;
    let charts = state.monitoring.charts().await;
    if format.is_json() {
        let mut overview = json!(overview);
        overview["certificate"] = json!(certificate);
        if let (Some(all), Some(of_nodes)) = (overview["health"].as_object_mut(), json!(health).as_object()) {
            all.extend(of_nodes.clone());
        }
        overview["charts"] = json!({ "every_seconds": EVERY.as_secs(), "series": charts });
        return Ok(Json(overview).into_response());
    }
    let layout = layout(&state, &user).await?.at("/admin");
    Ok(page(&OverviewPage::new(layout, overview, &health, certificate.as_ref(), &charts)))
}

/// What is wrong with the certificate.
fn warning(status: &Status) -> Option<Warning> {
    let message = match (&status.problem, status.not_after) {
        (Some(problem), _) => format!("The certificate can’t be renewed. {problem}"),
        (None, None) => "There is no certificate yet: nobody can connect over https.".to_owned(),
        (None, Some(until)) if status.is_late => {
            format!("The certificate was not renewed; it is valid until {}.", until.timestamp().strftime("%-d %b, %H:%M UTC"))
        }
        _ => return None,
    };
    Some(Warning { code: "certificate", message })
}
