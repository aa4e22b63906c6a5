//! Reading the audit log.
//!
//! Owns its filters and pages. What is recorded is decided by use-cases (`security_log`), and what is too old deleted by `retention`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Administration;
use crate::clock::Millis;
use crate::db::audit::{AuditRow, Filter};
use crate::error::{Error, Result};
use crate::model::validate;
use crate::permissions::{self, Actor, ServerAction};
use crate::security_log::Action;

/// Entries per page.
const PAGE: usize = 50;
/// Entries that an export reads at once.
const CHUNK: usize = 500;
/// The most entries of an export.
pub const MAX_EXPORT: usize = 100_000;
/// The longest filter, in characters. No actor, action or target is longer.
const MAX_FILTER: usize = 128;

/// An entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// Its place: the cursor of what is older.
    pub id: i64,
    /// When it happened.
    pub at: Millis,
    /// Who did it; `None` for a stranger.
    pub actor: Option<String>,
    /// Whether the actor is a person.
    #[serde(skip)]
    pub is_person: bool,
    /// The public id of the session in which they did it.
    pub session: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// The name of the action.
    pub action: String,
    /// What it was done to.
    pub target: Option<String>,
    /// `before` and `after`, and what else is known.
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at, action, actor_id, actor, session, address, target, detail } = row;
        let detail = serde_json::from_str(&detail).unwrap_or_default();
        Self { id, at, actor, is_person: actor_id.is_some(), session, address, action, target, detail }
    }
}

/// A page of entries, newest first.
#[derive(Debug)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The `before` of the next page.
    pub next: Option<i64>,
}

/// Parses filters. `action` is a name or its first part; `before` is a cursor, a date in this zone, or a time. Empty ones do not apply.
///
/// # Errors
/// `invalid` or `too_long`, for the field.
pub fn filter(actor: &str, action: &str, target: &str, before: &str, zone: &TimeZone) -> Result<Filter> {
    let given = |field, text: &str| validate::line(field, text, MAX_FILTER).map(|text| (!text.is_empty()).then_some(text));
    let actor = given("actor", actor)?.map(|actor| actor.trim_start_matches('@').to_lowercase());
    let target = given("target", target)?.map(|target| target.trim_start_matches(['@', '#']).to_lowercase());
    let actions = given("action", action)?.map(|action| {
        if action.contains('.') {
            return vec![action];
        }
        let names = Action::ALL.iter().map(|action| action.as_str());
        names.filter(|name| name.split('.').next() == Some(&*action)).map(Into::into).collect()
    });
    let mut filter = Filter { actor, actions, target, before: None, until: None };
    if let Some(before) = given("before", before)? {
        match before.parse::<i64>() {
            Ok(id) => filter.before = Some(id),
            Err(_) => filter.until = Some(moment(&before, zone)?),
        }
    }
    Ok(filter)
}

fn moment(text: &str, zone: &TimeZone) -> Result<Millis> {
    let of_time = text.parse::<Timestamp>().ok();
    let of_date = || text.parse::<Date>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    let moment = of_time.or_else(of_date);
    moment.map(|at| Millis(at.as_millisecond())).ok_or_else(|| Error::invalid("before", "Use a date such as 2026-11-28."))
}

impl Administration {
    /// A page of the audit log.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn audit(&self, actor: Actor, filter: &Filter) -> Result<Page> {
        permissions::may_administer(actor, ServerAction::ReadAudit)?;
        let (entries, next) = self.entries(filter, PAGE).await?;
        Ok(Page { entries, next })
    }

    /// The next part of an export; `None` at the end. `filter` moves on to the part after it, `left` counts down from [`MAX_EXPORT`].
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn export(&self, actor: Actor, filter: &mut Filter, left: &mut usize) -> Result<Option<Vec<Entry>>> {
        permissions::may_administer(actor, ServerAction::ReadAudit)?;
        if *left == 0 {
            return Ok(None);
        }
        let (entries, next) = self.entries(filter, CHUNK.min(*left)).await?;
        *left = if next.is_some() { *left - entries.len() } else { 0 };
        filter.before = next;
        Ok(Some(entries))
    }

    async fn entries(&self, filter: &Filter, count: usize) -> Result<(Vec<Entry>, Option<i64>)> {
        // One more, to know whether there is a next page.
        let mut rows = self.db.list_audit(filter, count as i64 + 1).await?;
        let has_more = rows.len() > count;
        rows.truncate(count);
        let next = rows.last().filter(|_| has_more).map(|last| last.id);
        Ok((rows.into_iter().map(Into::into).collect(), next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_names_as_people_write_them() {
        let utc = TimeZone::UTC;
        assert_eq!(filter("", " ", "", "", &utc).unwrap(), Filter::default());
        let by_ada = filter("@Ada", "user.ban", "#general", "17", &utc).unwrap();
        assert_eq!((by_ada.actor.as_deref(), by_ada.target.as_deref(), by_ada.before), (Some("ada"), Some("general"), Some(17)));
        assert_eq!(by_ada.actions, Some(vec!["user.ban".to_owned()]));
        let of_rooms = filter("", "room", "", "", &utc).unwrap().actions.unwrap();
        assert!(of_rooms.len() >= 4 && of_rooms.iter().all(|name| name.starts_with("room.")), "{of_rooms:?}");
        assert_eq!(filter("", "nothing", "", "", &utc).unwrap().actions, Some(Vec::new()));
    }

    #[test]
    fn before_is_a_place_a_date_or_a_time() {
        let until =
            |text, zone: &str| filter("", "", "", text, &TimeZone::get(zone).unwrap()).map(|filter| filter.until.map(|at| at.0));
        assert_eq!(until("1970-01-02", "UTC").unwrap(), Some(86_400_000));
        assert_eq!(until("1970-01-02", "Europe/Paris").unwrap(), Some(86_400_000 - 3_600_000));
        assert_eq!(until("1970-01-01T00:00:01.500Z", "Europe/Paris").unwrap(), Some(1_500));
        assert_eq!(until("yesterday", "UTC").unwrap_err().field(), Some("before"));
    }
}
