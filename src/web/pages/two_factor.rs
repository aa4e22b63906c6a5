//! Second factors: setting one up, recovery codes, and removing it; for administrators, removing somebody's.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tower_sessions::Session;

use crate::accounts::second_factor::SecondFactors;
use crate::accounts::totp::Enrollment;
use crate::chat::rate_limits::ActionKind;
use crate::db::passkeys::PasskeyRow;
use crate::error::{Error, Result};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::decision::OnPerson;
use crate::web::form::Form;
use crate::web::layers::session::{self, ConfirmedUser, CurrentUser};
use crate::web::pages::people::to_card;
use crate::web::passkey;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::{Passkey, TwoFactor, TwoFactorCard, TwoFactorPage};

/// The page. What is below it belongs to the set-up (`CurrentUser`).
pub const PAGE: &str = "/settings/two-factor";

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(PAGE, get(show))
        .route("/settings/two-factor/totp", post(start_totp))
        .route("/settings/two-factor/totp/confirm", post(confirm_totp))
        .route("/settings/two-factor/totp/remove", post(remove_totp))
        .route("/settings/two-factor/recovery-codes", post(renew_recovery_codes))
        .route("/admin/people/{username}/two-factor/remove", post(remove_of))
}

/// `GET /settings/two-factor`.
pub async fn show(State(state): State<AppState>, user: CurrentUser, format: Format, headers: HeaderMap) -> Result<Response> {
    let it = overview(&state, &user, &headers).await?;
    if format.is_json() {
        let passkey = |row: &PasskeyRow| json!({ "id": row.id, "name": row.name, "created_at": row.created_at, "last_used_at": row.last_used_at });
        let passkeys: Vec<_> = it.factors.passkeys.iter().map(passkey).collect();
        let SecondFactors { has_totp, recovery_codes, .. } = it.factors;
        let json =
            json!({ "totp": has_totp, "passkeys": passkeys, "recovery_codes": recovery_codes, "required": it.is_required });
        return Ok(Json(json).into_response());
    }
    shown(&state, &user, it, None).await
}

/// `POST /settings/two-factor/totp`: a new secret, which counts once its first code was right.
pub async fn start_totp(State(state): State<AppState>, user: ConfirmedUser, headers: HeaderMap) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let enrollment = state.accounts.start_totp(&user).await?;
    if Format::of(&headers).is_json() {
        let Enrollment { secret, uri, svg } = enrollment;
        return Ok(Json(json!({ "secret": secret, "uri": uri, "svg": svg })).into_response());
    }
    let mut it = overview(&state, &user, &headers).await?;
    it.enrollment = Some(enrollment);
    shown(&state, &user, it, None).await
}

/// The form with a code.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Code {
    code: String,
}

/// `POST /settings/two-factor/totp/confirm`.
pub async fn confirm_totp(
    State(state): State<AppState>,
    user: ConfirmedUser,
    session: Session,
    source: Source,
    headers: HeaderMap,
    Form(form): Form<Code>,
) -> Result<Response> {
    match state.accounts.confirm_totp(&user, &session::key_of(&session)?, &form.code, &source).await {
        Ok(codes) => recovery_codes(&state, &user, codes, &headers).await,
        Err(error) if error.shows_form_again() && !Format::of(&headers).is_json() => {
            let mut it = overview(&state, &user, &headers).await?;
            it.enrollment = state.accounts.started_totp(&user).await?;
            shown(&state, &user, it, Some(error)).await
        }
        Err(error) => Err(error),
    }
}

/// The form with the password.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Password {
    password: String,
}

impl Password {
    /// The password.
    pub fn password(&self) -> &str {
        &self.password
    }
}

/// `POST /settings/two-factor/totp/remove`.
pub async fn remove_totp(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    headers: HeaderMap,
    Form(form): Form<Password>,
) -> Result<Response> {
    match state.accounts.remove_totp(&user, &session::key_of(&session)?, &form.password, &source).await {
        Ok(()) => Ok(Redirect::to(PAGE).into_response()),
        Err(error) => again(&state, &user, error, &headers).await,
    }
}

/// `POST /settings/two-factor/recovery-codes`: new codes in place of the earlier ones.
pub async fn renew_recovery_codes(
    State(state): State<AppState>,
    user: CurrentUser,
    session: Session,
    source: Source,
    headers: HeaderMap,
    Form(form): Form<Password>,
) -> Result<Response> {
    match state.accounts.renew_recovery_codes(&user, &session::key_of(&session)?, &form.password, &source).await {
        Ok(codes) => recovery_codes(&state, &user, codes, &headers).await,
        Err(error) => again(&state, &user, error, &headers).await,
    }
}

/// `POST /admin/people/{username}/two-factor/remove`, by an administrator.
pub async fn remove_of(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<Response> {
    Ok(to_card(&state.accounts.remove_second_factor_of(&user, &username, &source).await?))
}

/// What the page shows.
async fn overview(state: &AppState, user: &CurrentUser, headers: &HeaderMap) -> Result<TwoFactor> {
    let factors = state.accounts.second_factors(user.id).await?;
    let is_required = state.config.require_2fa.includes(user.is_admin);
    let no_passkeys = passkey::work_at(state, headers).err();
    let passkeys = factors.passkeys.iter().map(|row| Passkey::new(row, &user.times, state.clock.now())).collect();
    Ok(TwoFactor { factors, passkeys, no_passkeys, is_required, enrollment: None, codes: Vec::new(), problem: None })
}

/// The codes, which are not shown again.
pub async fn recovery_codes(state: &AppState, user: &CurrentUser, codes: Vec<String>, headers: &HeaderMap) -> Result<Response> {
    if Format::of(headers).is_json() {
        return Ok(Json(json!({ "recovery_codes": codes })).into_response());
    }
    let mut it = overview(state, user, headers).await?;
    it.codes = codes;
    shown(state, user, it, None).await
}

/// The page again, with what is wrong.
pub async fn again(state: &AppState, user: &CurrentUser, error: Error, headers: &HeaderMap) -> Result<Response> {
    if Format::of(headers).is_json() || !error.shows_form_again() {
        return Err(error);
    }
    shown(state, user, overview(state, user, headers).await?, Some(error)).await
}

/// The page, without the layout of the app for those who must set up a second factor first: it names rooms.
async fn shown(state: &AppState, user: &CurrentUser, mut it: TwoFactor, error: Option<Error>) -> Result<Response> {
    it.problem = error.as_ref().map(Into::into);
    let response = if user.lacks_second_factor {
        let card = TwoFactorCard { server_name: state.settings.now().server_name.clone(), theme: user.theme, it };
        error.as_ref().map_or_else(|| page(&card), |error| form_again(error, &card))
    } else {
        let it = TwoFactorPage { layout: layout(state, user).await?, it };
        error.as_ref().map_or_else(|| page(&it), |error| form_again(error, &it))
    };
    Ok(response)
}
