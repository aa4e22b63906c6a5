//! Decisions of administrators: who decides, about whom or what, and from where.
//!
//! Owns what a request must have before such a use-case is asked: a proof of who decides, where that is needed, and that they do not decide
//! too often. Whether they may is the use-case's to say.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::outbox::administration::Chosen;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::layers::session::{ConfirmedUser, CurrentUser};
use crate::web::state::AppState;

/// A decision about the person whom the path names.
#[derive(Debug)]
pub struct OnPerson {
    /// Who decides.
    pub user: ConfirmedUser,
    /// About whom.
    pub username: String,
    /// From where.
    pub source: Source,
}

impl FromRequestParts<AppState> for OnPerson {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> std::result::Result<Self, Response> {
        let username = named(parts, state).await?;
        let user = ConfirmedUser::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        state.chat.allow(user.id, ActionKind::Remove).map_err(IntoResponse::into_response)?;
        let Ok(source) = Source::from_request_parts(parts, state).await;
        Ok(Self { user, username, source })
    }
}

/// A decision about the deliveries that the path names.
#[derive(Debug)]
pub struct OnDeliveries {
    /// Who decides.
    pub user: CurrentUser,
    /// About which: one, or all of a receiver.
    pub chosen: Chosen,
    /// From where.
    pub source: Source,
}

impl FromRequestParts<AppState> for OnDeliveries {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> std::result::Result<Self, Response> {
        let chosen = named(parts, state).await?;
        let user = <CurrentUser as FromRequestParts<AppState>>::from_request_parts(parts, state).await;
        let user = user.and_then(|user| may_decide(state, &user, ServerAction::ManageDeliveries).map(|()| user));
        let user = user.map_err(IntoResponse::into_response)?;
        let Ok(source) = Source::from_request_parts(parts, state).await;
        Ok(Self { user, chosen, source })
    }
}

/// A decision about a webhook, or a new one.
#[derive(Debug)]
pub struct OnWebhooks {
    /// Who decides.
    pub user: ConfirmedUser,
    /// From where.
    pub source: Source,
}

impl FromRequestParts<AppState> for OnWebhooks {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let user = ConfirmedUser::from_request_parts(parts, state).await?;
        may_decide(state, &user, ServerAction::ManageWebhooks)?;
        let Ok(source) = Source::from_request_parts(parts, state).await;
        Ok(Self { user, source })
    }
}

/// Whether an administrator may decide now, which counts.
///
/// # Errors
/// `forbidden` for non-administrators; `rate_limited`.
pub fn may_decide(state: &AppState, user: &CurrentUser, action: ServerAction) -> Result<()> {
    // In this order: what others ask for does not count.
    permissions::may_administer(user.actor(), action)?;
    state.chat.allow(user.id, ActionKind::Describe)
}

/// What the path names.
async fn named<T: DeserializeOwned + Send>(parts: &mut Parts, state: &AppState) -> std::result::Result<T, Response> {
    let Path(named) = Path::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
    Ok(named)
}
