//! The access token of a request, as the layer that checked it (`layers::bearer`) leaves it in the extensions.

use std::sync::Arc;

use crate::accounts::session::SessionUser;
use crate::model::SessionKey;

/// A token that is valid and permits the request, and whose it is.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The token's session.
    pub session: SessionKey,
    /// Its account.
    pub user: Arc<SessionUser>,
}
