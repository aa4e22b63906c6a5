//! Searching over a socket.

use super::Realtime;
use super::outgoing::Answer;
use super::payload::Payload;
use super::seat::Seated;
use crate::chat::search::Order;
use crate::error::Result;

impl Realtime {
    /// Answers `search {q, order?, before?}`.
    pub(super) async fn search(&self, seated: &Seated, payload: &Payload) -> Result<Answer> {
        let order = Order::parse(payload.optional_text("order")?)?;
        let before = payload.optional_text("before")?;
        Ok(Answer::Found(self.chat.search(seated.seat.user, None, payload.text("q")?, order, before).await?))
    }
}
