//! Invitations: one's own and, for administrators, everybody's. An address is in the answer to what made it, and nowhere else.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, number, texts};
use crate::accounts::invites::{Invitation, Page, Terms};
use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{After, Query};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(list_all))
        .routes(routes!(revoke_any))
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
struct InviteList {
    /// The invitations, newest first.
    invites: Vec<Invitation>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

impl From<Page> for InviteList {
    fn from(Page { invites, next }: Page) -> Self {
        Self { invites, more: next.is_some(), next }
    }
}

/// Your invitations.
#[utoipa::path(
    get, path = "/api/v1/invites", tag = "people", operation_id = "list_invites",
    params(("after" = Option<String>, Query, description = "The `next` of the page before")),
    responses((status = 200, body = InviteList)),
)]
async fn list(State(state): State<AppState>, Query(place): Query<After>, user: CurrentUser) -> Result<Json<InviteList>> {
    Ok(Json(state.accounts.own_invites(&user, &place.after).await?.into()))
}

/// What an invitation is to permit.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "uses": 1, "days": 7, "note": "For Grace" })))]
struct WantedInvite {
    /// How many people it lets in, up to 100; 1 if it is not sent.
    #[serde(deserialize_with = "number")]
    uses: Option<i64>,
    /// For how many days, up to 30; 7 if it is not sent.
    #[serde(deserialize_with = "number")]
    days: Option<i64>,
    /// What it is for.
    note: String,
    /// The slugs of the rooms that they become members of.
    #[serde(deserialize_with = "texts")]
    rooms: Vec<String>,
}

/// A new invitation.
#[derive(Debug, Serialize, ToSchema)]
struct NewInviteAnswer {
    /// The invitation.
    invite: NewInvite,
}

/// An invitation with its address.
#[derive(Debug, Serialize, ToSchema)]
struct NewInvite {
    /// What its maker sees later.
    #[serde(flatten)]
    invite: Invitation,
    /// Where one registers: a secret.
    url: String,
}

/// Makes an invitation: a link that lets people register. It is in the answer, this once.
#[utoipa::path(
    post, path = "/api/v1/invites", tag = "people", operation_id = "create_invite",
    request_body = WantedInvite,
    responses((status = 201, body = NewInviteAnswer)),
)]
async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    headers: HeaderMap,
    Fields(wanted): Fields<WantedInvite>,
) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::Invite(state.settings.now().inviters))?;
    state.chat.allow(user.id, ActionKind::Invite)?;
    let usual = Terms::default();
    let slugs: Vec<_> = wanted.rooms.iter().map(|slug| slug.trim().trim_start_matches('#').to_owned()).collect();
    let terms = Terms {
        uses: wanted.uses.unwrap_or(usual.uses),
        days: wanted.days.unwrap_or(usual.days),
        note: wanted.note,
        rooms: state.chat.rooms_to_invite_to(user.actor(), &slugs).await?,
    };
    let (invite, token) = state.accounts.invite(&user, terms, &source).await?;
    let url = format!("{}/register?invite={token}", state.origins.own(&headers));
    Ok((StatusCode::CREATED, Json(NewInviteAnswer { invite: NewInvite { invite, url } })).into_response())
}

/// Revokes an invitation of yours.
#[utoipa::path(
    delete, path = "/api/v1/invites/{id}", tag = "people", operation_id = "revoke_invite",
    params(("id" = String, Path, description = "The invitation")),
    responses((status = 204, description = "It lets nobody in")),
)]
async fn revoke(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Invite)?;
    state.accounts.revoke_invite(&user, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everybody’s invitations.
#[utoipa::path(
    get, path = "/api/v1/admin/invites", tag = "administration", operation_id = "list_all_invites",
    params(("after" = Option<String>, Query, description = "The `next` of the page before")),
    responses((status = 200, body = InviteList)),
)]
async fn list_all(State(state): State<AppState>, Query(place): Query<After>, user: CurrentUser) -> Result<Json<InviteList>> {
    Ok(Json(state.accounts.all_invites(&user, &place.after).await?.into()))
}

/// Revokes anybody’s invitation.
#[utoipa::path(
    delete, path = "/api/v1/admin/invites/{id}", tag = "administration", operation_id = "revoke_any_invite",
    params(("id" = String, Path, description = "The invitation")),
    responses((status = 204, description = "It lets nobody in")),
)]
async fn revoke_any(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    permissions::may_administer(user.actor(), ServerAction::SeeAdministration)?;
    state.chat.allow(user.id, ActionKind::Invite)?;
    state.accounts.revoke_invite(&user, &id, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
