//! Invitations: a person's own and, for administrators, everybody's.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::accounts::invites::{Invitation, Page, Terms};
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::{Form, whole_number};
use crate::web::layers::session::CurrentUser;
use crate::web::query::{After, Query};
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::admin::AdminInvitesPage;
use crate::web::views::{InviteFields, InvitesPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/invites", get(list).post(create))
        .route("/invites/{id}/revoke", post(revoke))
        .route("/admin/invites", get(list_all))
}

/// `GET /invites`: the invitations of those who may invite, newest first.
pub async fn list(
    State(state): State<AppState>,
    Query(query): Query<After>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let own = state.accounts.own_invites(&user, &query.after).await?;
    if format.is_json() {
        return Ok(json_of(own));
    }
    Ok(page(&InvitesPage::new(layout(&state, &user).await?, own, query.after.is_empty())))
}

/// `GET /admin/invites`: everybody's invitations, for administrators.
pub async fn list_all(
    State(state): State<AppState>,
    Query(query): Query<After>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let all = state.accounts.all_invites(&user, &query.after).await?;
    if format.is_json() {
        return Ok(json_of(all));
    }
    Ok(page(&AdminInvitesPage::new(layout(&state, &user).await?.at("/admin/invites"), all, query.after.is_empty())))
}

fn json_of(Page { invites, next }: Page) -> Response {
    Json(json!({ "invites": invites, "more": next.is_some(), "next": next })).into_response()
}

/// The fields of a form. `rooms` may come more than once, and each may be several slugs.
fn fields(form: Vec<(String, String)>) -> (InviteFields, String) {
    let (mut fields, mut role) = (InviteFields::default(), String::new());
    for (name, value) in form {
        match &*name {
            "uses" => fields.uses = value,
            "days" => fields.days = value,
            "note" => fields.note = value,
            "role" => role = value,
            "rooms" => {
                let slugs = value.split([',', ' ']).map(|slug| slug.trim_start_matches('#'));
                fields.rooms.extend(slugs.filter(|slug| !slug.is_empty()).map(Into::into));
            }
            _ => {}
        }
    }
    (fields, role)
}

async fn terms(state: &AppState, user: &CurrentUser, fields: &InviteFields, role: &str) -> Result<Terms> {
    if !matches!(role, "" | "member") {
        return Err(Error::invalid("role", "The role is member."));
    }
    let usual = Terms::default();
    let number = |field, text: &str, usual| if text.trim().is_empty() { Ok(usual) } else { whole_number(field, text.trim()) };
    Ok(Terms {
        uses: number("uses", &fields.uses, usual.uses)?,
        days: number("days", &fields.days, usual.days)?,
        note: fields.note.clone(),
        rooms: state.chat.rooms_to_invite_to(user.actor(), &fields.rooms).await?,
    })
}

/// `POST /invites` (optional `uses`, `days`, `note`, `rooms`): a link that lets people register. The page shows it this once.
pub async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    headers: HeaderMap,
    format: Format,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::Invite(state.settings.now().inviters))?;
    state.chat.allow(user.id, ActionKind::Invite)?;
    let (fields, role) = fields(form);
    let created = match terms(&state, &user, &fields, &role).await {
        Ok(terms) => state.accounts.invite(&user, terms, &source).await,
        Err(error) => Err(error),
    };
    match created {
        Ok((invite, token)) => {
            let url = format!("{}/register?invite={token}", state.origins.own(&headers));
            if format.is_json() {
                return Ok((StatusCode::CREATED, Json(json!({ "invite": with_url(&invite, &url) }))).into_response());
            }
            let mut shown = show(&state, &user).await?;
            shown.created = Some((url, invite));
            Ok(page(&shown))
        }
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let mut again = show(&state, &user).await?;
            again.typed = fields;
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

async fn show(state: &AppState, user: &CurrentUser) -> Result<InvitesPage> {
    let own = state.accounts.own_invites(user, "").await?;
    Ok(InvitesPage::new(layout(state, user).await?, own, true))
}

fn with_url(invite: &Invitation, url: &str) -> serde_json::Value {
    let mut invite = json!(invite);
    invite["url"] = url.into();
    invite
}

/// Where the form of a list leads back to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Back {
    from: String,
}

/// `POST /invites/{id}/revoke`: by the maker of the invitation, or an administrator.
pub async fn revoke(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: CurrentUser,
    source: Source,
    Form(back): Form<Back>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Invite)?;
    state.accounts.revoke_invite(&user, &id, &source).await?;
    Ok(Redirect::to(if back.from == "admin" { "/admin/invites" } else { "/invites" }).into_response())
}
