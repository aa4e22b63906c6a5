//! A person's access tokens: listing, making and revoking them.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::accounts::tokens::{DAYS, Owner, Terms, Token};
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::model::Scopes;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::{Fields, whole_number};
use crate::web::layers::session::{ConfirmedUser, CurrentUser};
use crate::web::respond::{form_again, page, page_with};
use crate::web::state::AppState;
use crate::web::views::{TokenFields, TokensPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/settings/tokens", get(list).post(create)).route("/settings/tokens/{id}/revoke", post(revoke))
}

/// `GET /settings/tokens`: the person's valid tokens, newest first. There are never so many that they need pages.
pub async fn list(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    if format.is_json() {
        let tokens = state.accounts.tokens(user.id).await?;
        return Ok(Json(json!({ "tokens": tokens, "more": false, "next": null })).into_response());
    }
    Ok(page(&show(&state, &user).await?))
}

async fn show(state: &AppState, user: &CurrentUser) -> Result<TokensPage> {
    let tokens = state.accounts.tokens(user.id).await?;
    let bots = state.accounts.bots(user).await?.into_iter().map(|bot| bot.username).collect();
    Ok(TokensPage::new(layout(state, user).await?, tokens, bots, state.clock.now()))
}

/// The fields of the form. `scopes` may come more than once, and each may be several names.
fn fields(form: Vec<(String, String)>) -> TokenFields {
    let mut fields = TokenFields::default();
    for (name, value) in form {
        match &*name {
            "name" => fields.name = value,
            "days" => fields.days = value,
            "bot" => fields.bot = value.trim().trim_start_matches('@').to_owned(),
            "scopes" | "scopes[]" | "scope" => {
                fields.scopes.extend(value.split([',', ' ', '+']).filter(|name| !name.is_empty()).map(Into::into));
            }
            _ => {}
        }
    }
    fields
}

fn terms(fields: &TokenFields) -> Result<Terms> {
    let scopes = Scopes::parse(fields.scopes.iter().map(String::as_str))
        .map_err(|_| Error::invalid("scopes", "The scopes are read, write and admin."))?;
    let days = fields.days.trim();
    let days = if days.is_empty() { DAYS } else { whole_number("days", days)? };
    Ok(Terms { name: fields.name.clone(), scopes, days })
}

/// Makes a token, of the person's own or of one of their bots.
async fn make(state: &AppState, user: &CurrentUser, fields: &TokenFields, source: &Source) -> Result<(Token, String)> {
    let terms = terms(fields)?;
    let owner = match &*fields.bot {
        "" => (&*user.me).into(),
        bot => {
            let bot = state.accounts.bot(user, bot).await?;
            Owner { id: bot.id, username: bot.username.into(), is_admin: false }
        }
    };
    state.accounts.create_token(user, owner, terms, source).await
}

/// `POST /settings/tokens` (`name`, `scopes`, optional `days`, `bot`): a token, whose secret is shown this once.
pub async fn create(
    State(state): State<AppState>,
    ConfirmedUser(user): ConfirmedUser,
    source: Source,
    format: Format,
    Fields(form): Fields,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let fields = fields(form);
    let created = make(&state, &user, &fields, &source).await;
    match created {
        Ok((token, secret)) if format.is_json() => {
            Ok((StatusCode::CREATED, Json(json!({ "token": with_secret(&token, &secret) }))).into_response())
        }
        Ok((_, secret)) => {
            let mut shown = show(&state, &user).await?;
            shown.created = Some(secret);
            Ok(page_with(StatusCode::CREATED, &shown))
        }
        Err(error) if !format.is_json() && (error.shows_form_again() || matches!(error, Error::Forbidden(_))) => {
            let mut again = show(&state, &user).await?;
            again.typed = fields;
            again.problem = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

fn with_secret(token: &Token, secret: &str) -> serde_json::Value {
    let mut token = json!(token);
    token["secret"] = secret.into();
    token
}

/// `POST /settings/tokens/{id}/revoke`: the token and its sockets end.
pub async fn revoke(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    state.accounts.revoke_token(&user, &id, &source).await?;
    Ok(Redirect::to("/settings/tokens").into_response())
}
