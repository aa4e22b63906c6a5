//! The list of all people.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::administration::people::standing;
use crate::chat::rate_limits::ActionKind;
use crate::db::cleanups::CleanupProgress;
use crate::db::overview::AdminPerson;
use crate::db::people::role;
use crate::error::{Error, Result};
use crate::model::ServerRole;
use crate::model::pagination::{PageRequest, PeopleListPage};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::decision::OnPerson;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::pages::people::{to_card, with_bot};
use crate::web::query::{Query, query_string};
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::admin::AdminPeoplePage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/admin/people", get(list)).route("/admin/people/{username}/role", post(set_role))
}

/// The form that changes a role.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewRole {
    role: String,
}

/// `POST /admin/people/{username}/role` (`role` = `admin`, `member` or `guest`), by an administrator.
async fn set_role(
    State(state): State<AppState>,
    OnPerson { user, username, source }: OnPerson,
    Form(form): Form<NewRole>,
) -> Result<Response> {
    let role = ServerRole::parse(form.role.trim());
    let role = role.ok_or_else(|| Error::invalid("role", "Choose admin, member or guest."))?;
    Ok(to_card(&state.accounts.set_role(&user, &username, role, &source).await?))
}

/// The parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PeopleFilter {
    q: String,
    filter: String,
    after: String,
}

/// `GET /admin/people` (`q`, `filter`, `after`), by an administrator.
async fn list(
    State(state): State<AppState>,
    Query(query): Query<PeopleFilter>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::People)?;
    let request = PageRequest::parse(&query.q, &query.after)?;
    let standing = standing(query.filter.trim())?;
    let PeopleListPage { people, next } = state.administration.people(user.actor(), &request, standing).await?;
    let deletions = state.chat.cleanups(user.actor()).await?;
    if format.is_json() {
        let deletions: Vec<_> = deletions.iter().map(progress).collect();
        let people: Vec<_> = people.iter().map(json_of).collect();
        return Ok(
            Json(json!({ "people": people, "more": next.is_some(), "next": next, "deletions": deletions })).into_response()
        );
    }
    let next = next.map(|next| query_string(&[("q", query.q.trim()), ("filter", query.filter.trim()), ("after", &next)]));
    let layout = layout(&state, &user).await?.at("/admin/people");
    Ok(page(&AdminPeoplePage::new(layout, people, deletions, query.q, query.filter, next, query.after.is_empty())))
}

fn json_of(person: &AdminPerson) -> Value {
    let json = json!({
        "id": person.id, "username": person.username, "name": person.name, "role": role(person.is_admin, person.is_guest),
        "created_at": person.created_at, "last_seen_at": person.last_seen_at, "banned_at": person.banned_at,
        "deactivated_at": person.deactivated_at, "email": person.email,
    });
    with_bot(json, person.is_bot)
}

/// Messages of somebody that are being deleted.
fn progress(deletion: &CleanupProgress) -> Value {
    let CleanupProgress { username, requested_by, requested_at, deleted, percent, finished_at, .. } = deletion;
    json!({
        "username": username, "requested_by": requested_by, "requested_at": requested_at, "deleted": deleted, "percent": percent,
        "finished_at": finished_at,
    })
}
