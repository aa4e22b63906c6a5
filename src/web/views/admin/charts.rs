//! Small charts of the last hour.
//!
//! Owns how they are drawn and said. The numbers are `monitoring`'s.

use std::fmt::Write;

use super::{duration, grouped, size};
use crate::monitoring::{Chart, Unit};

/// The width of the drawing: a value is one wide, and an hour has 240.
const WIDTH: usize = 240;
/// Its height.
const HEIGHT: f64 = 40.0;

/// Times from here on are not said in milliseconds.
const LONG: f64 = 10_000.0;

/// A small chart.
#[derive(Debug, PartialEq, Eq)]
pub struct Spark {
    /// What it shows.
    pub title: &'static str,
    /// The number of now, in words.
    pub now: String,
    /// All of it in words.
    pub words: String,
    /// The line, for the attribute `points`.
    pub line: String,
    /// The line and the surface below it.
    pub surface: String,
}

/// Draws a chart: the newest number at the right end, the largest at the top.
pub fn spark(chart: &Chart) -> Spark {
    let values = &chart.values[chart.values.len().saturating_sub(WIDTH)..];
    let most = values.iter().copied().fold(0.0, f64::max);
    let now = values.last().copied().unwrap_or_default();
    let start = WIDTH - values.len();
    let mut line = String::new();
    for (at, value) in values.iter().enumerate() {
        // A pixel of room for the line itself.
        let y = if most > 0.0 { HEIGHT - 1.0 - value / most * (HEIGHT - 2.0) } else { HEIGHT - 1.0 };
        // Writing into a string cannot fail.
        let _ = write!(line, "{},{y:.1} ", start + at);
    }
    let surface = if values.is_empty() { String::new() } else { format!("{start},{HEIGHT} {line}{},{HEIGHT}", WIDTH - 1) };
    let (now, most) = (in_words(now, chart.unit), in_words(most, chart.unit));
    let now = match chart.limit {
        Some(limit) => format!("{now} of {}", in_words(limit, chart.unit)),
        None => now,
    };
    let words = format!("{}: {now} now, at most {most} in the last hour", chart.title);
    Spark { title: chart.title, now, words, line: line.trim_end().to_owned(), surface }
}

fn in_words(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", short(value)),
        Unit::Milliseconds if value < LONG => format!("{} ms", short(value)),
        Unit::Milliseconds => duration(value as u64),
        Unit::Average => short(value),
        Unit::Number => grouped(value.round() as u64),
        Unit::Bytes => size(value as i64),
    }
}

/// Two digits, or all of a larger number.
fn short(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        ..0.1 => "<0.1".to_owned(),
        ..9.95 => format!("{value:.1}"),
        _ => grouped(value.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_number_is_at_the_right_end_and_the_largest_at_the_top() {
        let chart = |values: &[f64]| Chart {
            name: "posts",
            title: "Messages",
            unit: Unit::PerSecond,
            is_detail: false,
            limit: None,
            values: values.into(),
        };
        let drawn = spark(&chart(&[0.0, 20.0, 5.0]));
        assert_eq!(drawn.line, "237,39.0 238,1.0 239,29.5");
        assert_eq!(drawn.surface, "237,40 237,39.0 238,1.0 239,29.5 239,40");
        assert_eq!(drawn.words, "Messages: 5.0/s now, at most 20/s in the last hour");
        let nothing = spark(&chart(&[]));
        assert_eq!((&*nothing.line, &*nothing.surface, &*nothing.now), ("", "", "0/s"));
        assert_eq!(spark(&chart(&[0.0; 300])).line.split(' ').count(), WIDTH);
        let bounded = spark(&Chart { unit: Unit::Number, limit: Some(1024.0), ..chart(&[30.0, 20.0]) });
        assert_eq!(bounded.words, "Messages: 20 of 1\u{202f}024 now, at most 30 in the last hour");
    }

    #[test]
    fn a_number_is_short() {
        let said = |value, unit| in_words(value, unit);
        assert_eq!(said(0.01, Unit::Milliseconds), "<0.1 ms");
        assert_eq!(said(9.96, Unit::Milliseconds), "10 ms");
        assert_eq!(said(45_000.0, Unit::Milliseconds), "45 s");
        assert_eq!((said(1.44, Unit::Average), said(1.5, Unit::Number)), ("1.4".into(), "2".into()));
        assert_eq!(said(3_565_158.0, Unit::Bytes), "3.4 MB");
    }
}
