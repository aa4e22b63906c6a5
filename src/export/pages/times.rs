//! Times on pages: in UTC, which every page says.
//!
//! Owns how they are written.

use crate::clock::Millis;

fn written(moment: Millis, how: &str) -> String {
    moment.timestamp().strftime(how).to_string()
}

/// "27 November 2026".
pub fn date(moment: Millis) -> String {
    written(moment, "%-d %B %Y")
}

/// "Friday, 27 November 2026".
pub fn day(moment: Millis) -> String {
    written(moment, "%A, %-d %B %Y")
}

/// "November 2026".
pub fn month(moment: Millis) -> String {
    written(moment, "%B %Y")
}

/// "14:32".
pub fn clock(moment: Millis) -> String {
    written(moment, "%H:%M")
}

/// "27 November 2026, 14:32:05 UTC".
pub fn whole(moment: Millis) -> String {
    written(moment, "%-d %B %Y, %H:%M:%S UTC")
}
