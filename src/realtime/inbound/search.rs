//! `search {q, order?, before?, count?, tz?}`: finds messages.

use jiff::tz::TimeZone;

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::search::{Results, SearchOrder, SearchRequest};
use crate::error::{Error, Result};
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

impl Reply for Results {
    fn weight(&self) -> usize {
        self.results.iter().map(|found| found.message.json().get().len() + found.snippet.len()).sum()
    }
}

/// Answers `search`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Results> {
    let order = SearchOrder::parse(payload.optional_text("order")?)?;
    let before = payload.optional_text("before")?;
    let zone = payload.optional_text("tz")?.filter(|zone| !zone.is_empty()).map(TimeZone::get).transpose();
    let zone = zone.map_err(|_| Error::invalid("tz", "Unknown time zone. Try a name like Europe/Paris."))?;
    let counts = payload.optional_flag("count")?.unwrap_or_default();
    let question = SearchRequest { text: payload.text("q")?, order, before, counts };
    realtime.chat.search(connected.connection.user, zone, question).await
}
