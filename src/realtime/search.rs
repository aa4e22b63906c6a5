//! Searching over a socket.

use jiff::tz::TimeZone;

use super::Realtime;
use super::outgoing::Answer;
use super::payload::Payload;
use super::seat::Seated;
use crate::chat::search::{Order, Question};
use crate::error::{Error, Result};

impl Realtime {
    /// Answers `search {q, order?, before?, count?, tz?}`.
    pub(super) async fn search(&self, seated: &Seated, payload: &Payload) -> Result<Answer> {
        let order = Order::parse(payload.optional_text("order")?)?;
        let before = payload.optional_text("before")?;
        let zone = payload.optional_text("tz")?.filter(|zone| !zone.is_empty()).map(TimeZone::get).transpose();
        let zone = zone.map_err(|_| Error::invalid("tz", "Unknown time zone. Try a name like Europe/Paris."))?;
        let counts = payload.optional_flag("count")?.unwrap_or_default();
        let question = Question { text: payload.text("q")?, order, before, counts };
        Ok(Answer::Found(self.chat.search(seated.seat.user, zone, question).await?))
    }
}
