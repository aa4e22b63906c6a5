//! Times in words, relative to now.

use jiff::tz::TimeZone;

use crate::clock::Millis;
use crate::web::times::Times;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How long ago something was: "just now", "5 minutes ago", "yesterday at 14:32", "on 3 March".
pub fn ago(then: Millis, now: Millis, times: &Times) -> String {
    let passed = now.0 - then.0;
    let (at, today) = (times.at(then), times.at(now).date());
    let count = |number: i64, what: &str| format!("{number} {what}{} ago", if number == 1 { "" } else { "s" });
    if passed < MINUTE {
        "just now".to_owned()
    } else if passed < HOUR {
        count(passed / MINUTE, "minute")
    } else if at.date() == today {
        count(passed / HOUR, "hour")
    } else if today.yesterday().is_ok_and(|day| at.date() == day) {
        format!("yesterday at {}", times.clock(&at))
    } else if at.date().year() == today.year() {
        format!("on {}", times.day_of_year(&at))
    } else {
        format!("on {}", times.date(&at))
    }
}

/// The hour somewhere, and how it differs from the reader's: "14:32 (2 hours ahead)".
pub fn hour_there(now: Millis, there: &TimeZone, here: &Times) -> String {
    let moment = now.timestamp();
    let at = moment.to_zoned(there.clone());
    let minutes = (there.to_offset(moment).seconds() - here.zone().to_offset(moment).seconds()) / 60;
    let clock = here.clock(&at);
    let way = if minutes > 0 { "ahead" } else { "behind" };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    match (hours, rest) {
        (0, 0) => format!("{clock} (same as you)"),
        (0, rest) => format!("{clock} ({rest} minutes {way})"),
        (1, 0) => format!("{clock} (1 hour {way})"),
        (hours, 0) => format!("{clock} ({hours} hours {way})"),
        (hours, rest) => format!("{clock} ({hours}:{rest:02} h {way})"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn times(zone: &str) -> Times {
        Times::new(Some(zone), &HeaderMap::new(), Millis(0))
    }

    #[test]
    fn what_was_is_said_as_people_say_it() {
        let now = Millis("2026-03-10T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let said = |ms: i64| ago(now.plus(-ms), now, &times("UTC"));
        assert_eq!(said(-5_000), "just now");
        assert_eq!(said(59_000), "just now");
        assert_eq!(said(MINUTE), "1 minute ago");
        assert_eq!(said(59 * MINUTE), "59 minutes ago");
        assert_eq!(said(3 * HOUR), "3 hours ago");
        assert_eq!(said(13 * HOUR), "yesterday at 23:00");
        assert_eq!(said(7 * 24 * HOUR), "on 3 March");
        assert_eq!(said(100 * 24 * HOUR), "on 30 November 2025");
    }

    #[test]
    fn an_hour_elsewhere_says_how_far_it_is() {
        let now = Millis("2026-01-10T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let zone = |name| TimeZone::get(name).unwrap();
        assert_eq!(hour_there(now, &zone("Europe/Paris"), &times("UTC")), "13:00 (1 hour ahead)");
        assert_eq!(hour_there(now, &zone("America/New_York"), &times("Europe/Paris")), "07:00 (6 hours behind)");
        assert_eq!(hour_there(now, &zone("Asia/Kolkata"), &times("UTC")), "17:30 (5:30 h ahead)");
        assert_eq!(hour_there(now, &TimeZone::UTC, &times("UTC")), "12:00 (same as you)");
    }
}
