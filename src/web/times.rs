//! The format of times and dates for a reader: their time zone, a 12 or 24 hour clock, and their "today".
//!
//! Owns the cookie in which a browser sends its time zone and clock. `js/core/time.js` has the same formats.

use std::fmt::Write;
use std::sync::Arc;

use axum::http::HeaderMap;
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Millis;
use crate::http::cookies::cookie;

/// The cookie that `js/first.js` sets: the zone's name and the hours of the clock, as in `Europe/Paris.24`.
const COOKIE: &str = "times";

/// How a reader sees times.
#[derive(Clone, Debug)]
pub struct Times {
    /// Zone and clock: the same key means the same formats.
    key: Arc<str>,
    zone: TimeZone,
    has_noon: bool,
    today: Date,
}

impl Times {
    /// For a person with this time zone in their settings and a browser with these cookies. If neither names a known zone, it is UTC.
    pub fn new(wanted: Option<&str>, headers: &HeaderMap, now: Millis) -> Self {
        let (offered, hours) = cookie(headers, COOKIE).and_then(|value| value.rsplit_once('.')).unwrap_or_default();
        let known = |zone: &str| TimeZone::get(zone).ok();
        let zone = wanted.and_then(known).or_else(|| known(offered)).unwrap_or(TimeZone::UTC);
        let has_noon = hours == "12";
        // The zone's own name: it is one of a few hundred, whatever a cookie says.
        let key = format!("{}.{}", zone.iana_name().unwrap_or("UTC"), if has_noon { 12 } else { 24 }).into();
        Self { key, today: now.timestamp().to_zoned(zone.clone()).date(), zone, has_noon }
    }

    /// The key of everything but the date.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The current date there.
    pub fn today(&self) -> Date {
        self.today
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The zone's name.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// A time there.
    pub fn at(&self, moment: Millis) -> Zoned {
        moment.timestamp().to_zoned(self.zone.clone())
    }

    /// Hours and minutes: "07:32", or "7:32 AM".
    pub fn clock(&self, at: &Zoned) -> String {
        if self.has_noon { at.strftime("%-I:%M %p").to_string() } else { at.strftime("%H:%M").to_string() }
    }

    /// Without "AM" and "PM", where space is short.
    pub fn brief(&self, at: &Zoned) -> String {
        if self.has_noon { at.strftime("%-I:%M").to_string() } else { at.strftime("%H:%M").to_string() }
    }

    /// A date: "27 November 2026", or "November 27, 2026".
    pub fn date(&self, at: &Zoned) -> String {
        if self.has_noon { at.strftime("%B %-d, %Y").to_string() } else { at.strftime("%-d %B %Y").to_string() }
    }

    /// A date without its year: "27 November", or "November 27".
    pub fn day_of_year(&self, at: &Zoned) -> String {
        if self.has_noon { at.strftime("%B %-d").to_string() } else { at.strftime("%-d %B").to_string() }
    }

    /// "Today", "Yesterday", or weekday and date.
    pub fn day(&self, at: &Zoned) -> String {
        self.near(at).map_or_else(|| self.whole_day(at), str::to_owned)
    }

    /// Weekday, date and time with seconds, for tooltips.
    pub fn whole(&self, at: &Zoned) -> String {
        let mut whole = self.whole_day(at);
        let seconds = if self.has_noon { at.strftime(", %-I:%M:%S %p") } else { at.strftime(", %H:%M:%S") };
        write!(whole, "{seconds}").expect("writing into a text does not fail");
        whole
    }

    /// Date and time: "Today, 22:41".
    pub fn moment(&self, at: &Zoned) -> String {
        let day = self.near(at).map_or_else(|| self.date(at), str::to_owned);
        format!("{day}, {}", self.clock(at))
    }

    fn near(&self, at: &Zoned) -> Option<&'static str> {
        let day = at.date();
        if day == self.today {
            Some("Today")
        } else {
            self.today.yesterday().is_ok_and(|yesterday| day == yesterday).then_some("Yesterday")
        }
    }

    fn whole_day(&self, at: &Zoned) -> String {
        format!("{}{} {}", at.strftime("%A"), if self.has_noon { "," } else { "" }, self.date(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(wanted: Option<&str>, cookie: &str, now: &str) -> Times {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", format!("a=b; times={cookie}").parse().unwrap());
        Times::new(wanted, &headers, millis(now))
    }

    fn millis(at: &str) -> Millis {
        Millis(at.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn settings_come_before_the_browsers_cookie() {
        for (wanted, cookie, key) in [
            (None, "", "UTC.24"),
            (None, "Europe/Paris.24", "Europe/Paris.24"),
            (None, "America/New_York.12", "America/New_York.12"),
            (None, "america/new_york.12", "America/New_York.12"),
            (Some("Asia/Tokyo"), "Europe/Paris.12", "Asia/Tokyo.12"),
            (Some("Nowhere/Land"), "Europe/Paris.24", "Europe/Paris.24"),
            (None, "Nowhere/Land.12", "UTC.12"),
            (None, "../../etc/passwd.24", "UTC.24"),
            (None, "Europe/Paris", "UTC.24"),
            (None, ".", "UTC.24"),
        ] {
            assert_eq!(&**times(wanted, cookie, "2026-11-27T22:41:07Z").key(), key, "{wanted:?} {cookie}");
        }
    }

    #[test]
    fn times_have_the_readers_format() {
        let now = "2026-11-27T23:30:00Z";
        let at = |times: &Times, at: &str| {
            let at = times.at(millis(at));
            [times.clock(&at), times.brief(&at), times.day(&at), times.whole(&at), times.moment(&at)]
        };
        let paris = times(None, "Europe/Paris.24", now);
        assert_eq!(
            at(&paris, "2026-11-27T22:41:07Z"),
            ["23:41", "23:41", "Yesterday", "Friday 27 November 2026, 23:41:07", "Yesterday, 23:41"]
        );
        assert_eq!(at(&paris, "2026-11-27T23:01:00Z")[2], "Today");
        assert_eq!(at(&paris, "2026-11-26T23:01:00Z")[2], "Yesterday");
        assert_eq!(at(&paris, "2026-11-26T22:59:00Z")[2], "Thursday 26 November 2026");
        let new_york = times(None, "America/New_York.12", now);
        assert_eq!(
            at(&new_york, "2026-11-24T05:05:09Z"),
            [
                "12:05 AM",
                "12:05",
                "Tuesday, November 24, 2026",
                "Tuesday, November 24, 2026, 12:05:09 AM",
                "November 24, 2026, 12:05 AM"
            ]
        );
        assert_eq!(at(&new_york, "2026-11-27T17:00:00Z")[..3], ["12:00 PM", "12:00", "Today"]);
    }

    #[test]
    fn days_without_24_hours_are_days_too() {
        // The clocks of Paris went back on 25 October 2026, and forward on 29 March.
        for (now, at, expected) in [
            ("2026-10-25T22:59:00Z", "2026-10-24T22:01:00Z", "Today"),
            ("2026-10-25T22:59:00Z", "2026-10-24T21:59:00Z", "Yesterday"),
            ("2026-10-25T23:01:00Z", "2026-10-24T22:01:00Z", "Yesterday"),
            ("2026-10-25T23:01:00Z", "2026-10-24T21:59:00Z", "Saturday 24 October 2026"),
            ("2026-10-26T22:59:00Z", "2026-10-24T22:01:00Z", "Yesterday"),
            ("2026-03-29T21:59:00Z", "2026-03-28T23:01:00Z", "Today"),
            ("2026-03-29T22:01:00Z", "2026-03-28T23:01:00Z", "Yesterday"),
            ("2026-03-29T22:01:00Z", "2026-03-28T22:59:00Z", "Saturday 28 March 2026"),
            ("2026-03-30T21:30:00Z", "2026-03-28T23:30:00Z", "Yesterday"),
        ] {
            let paris = times(Some("Europe/Paris"), "", now);
            assert_eq!(paris.day(&paris.at(millis(at))), expected, "{at}, seen at {now}");
        }
    }
}
