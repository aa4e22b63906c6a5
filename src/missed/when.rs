//! When somebody is mailed about what they missed.
//!
//! Owns the choices, and which moment they mean. It must not know what a mail says.

use jiff::ToSpan;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::clock::Millis;

/// How long a message can be read before somebody is mailed about it, in milliseconds. The ledger has the same (`db::ledger`).
pub const DELAY: i64 = 10 * 60 * 1000;
/// At least so long after a mail comes the next, in milliseconds: up to 24 a day.
const GAP: i64 = 60 * 60 * 1000;
/// The hour of the day at which digests are sent.
const HOUR: i8 = 7;

/// When somebody is mailed about what they missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Never.
    #[default]
    Never,
    /// Ten minutes later, if they have not been here since.
    Soon,
    /// Once a day, at seven in the morning where they are.
    Daily,
    /// Once a week, on Monday at seven in the morning where they are.
    Weekly,
}

impl When {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Never, Self::Soon, Self::Daily, Self::Weekly];

    /// Its name in forms, in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "off",
            Self::Soon => "soon",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|when| when.as_str() == name)
    }

    /// When a message of this moment is mailed at the earliest, in this time zone; `None`: never. `mailed_at` is when the last mail was sent.
    pub fn moment(self, written_at: Millis, mailed_at: Option<Millis>, zone: Option<&str>) -> Option<Millis> {
        let from = written_at.plus(DELAY);
        let digest = |day| morning(from.max(mailed_at.unwrap_or_default()), zone, day);
        match self {
            Self::Never => None,
            Self::Soon => Some(mailed_at.map_or(from, |at| from.max(at.plus(GAP)))),
            Self::Daily => Some(digest(None)),
            Self::Weekly => Some(digest(Some(Weekday::Monday))),
        }
    }
}

/// The first morning after a moment; with `day`, of such a day.
fn morning(after: Millis, zone: Option<&str>, day: Option<Weekday>) -> Millis {
    let zone = zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
    let today = after.timestamp().to_zoned(zone.clone()).date();
    let mornings = (0..=8).filter_map(|days| {
        let date = today.checked_add(days.days()).ok().filter(|date| day.is_none_or(|day| date.weekday() == day))?;
        // Where the clock skips that hour, the next there is.
        let morning = date.at(HOUR, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        Some(Millis(morning.timestamp().as_millisecond()))
    });
    // None only at the end of the calendar.
    mornings.into_iter().find(|morning| after < *morning).unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn digests_come_in_the_morning_where_somebody_is() {
        for (when, written, mailed, zone, expected) in [
            (When::Daily, "2026-03-10T05:00:00Z", None, None, "2026-03-10T07:00:00Z"),
            (When::Daily, "2026-03-10T06:55:00Z", None, None, "2026-03-11T07:00:00Z"),
            (When::Daily, "2026-03-10T05:00:00Z", Some("2026-03-10T07:00:01Z"), None, "2026-03-11T07:00:00Z"),
            (When::Daily, "2026-03-10T05:00:00Z", None, Some("Europe/Paris"), "2026-03-10T06:00:00Z"),
            (When::Daily, "2026-03-10T05:00:00Z", None, Some("America/Los_Angeles"), "2026-03-10T14:00:00Z"),
            (When::Daily, "2026-03-10T05:00:00Z", None, Some("No/Where"), "2026-03-10T07:00:00Z"),
            // The clocks change in that night.
            (When::Daily, "2026-03-28T08:00:00Z", None, Some("Europe/Paris"), "2026-03-29T05:00:00Z"),
            (When::Weekly, "2026-03-10T05:00:00Z", None, None, "2026-03-16T07:00:00Z"),
            (When::Weekly, "2026-03-15T23:00:00Z", None, Some("Pacific/Auckland"), "2026-03-22T18:00:00Z"),
            (When::Weekly, "2026-03-15T17:00:00Z", None, Some("Pacific/Auckland"), "2026-03-15T18:00:00Z"),
            (When::Soon, "2026-03-10T05:00:00Z", None, None, "2026-03-10T05:10:00Z"),
            (When::Soon, "2026-03-10T05:00:00Z", Some("2026-03-10T04:50:00Z"), None, "2026-03-10T05:50:00Z"),
            (When::Soon, "2026-03-10T05:00:00Z", Some("2026-03-09T04:50:00Z"), None, "2026-03-10T05:10:00Z"),
        ] {
            assert_eq!(
                when.moment(at(written), mailed.map(at), zone),
                Some(at(expected)),
                "{when:?} {written} {mailed:?} {zone:?}"
            );
        }
        assert_eq!(When::Never.moment(Millis(0), None, None), None);
    }
}
