//! Dates as people type them: `2026-11-22`, `yesterday`, `monday`, `last week`, `november 2026`, `2 weeks ago`.
//!
//! Owns the grammar. A date is a range of days relative to the reader's today. It must not know about time zones or the clock.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

/// Maximum number of words in a date.
pub const MOST_WORDS: usize = 3;

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const NUMBERS: [&str; 13] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// A range of days; the second is exclusive.
pub type Days = (Date, Date);

/// Whether this is a date, on any day.
pub fn is_date(text: &str) -> bool {
    days(text, date(2024, 2, 29)).is_some()
}

/// The days that a text means. Words are separated by spaces or hyphens. A day or month without a year is the latest one,
/// including today; weeks begin on Monday.
pub fn days(text: &str, today: Date) -> Option<Days> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split([' ', '-', '_', '/', ',', '.']).filter(|word| !word.is_empty()).collect();
    match *words.as_slice() {
        ["today"] => day(today),
        ["yesterday"] => day(today.yesterday().ok()?),
        ["this", unit] => unit_around(today, unit),
        ["last" | "previous" | "past", unit] => match unit_around(today, unit) {
            Some((begin, _)) => unit_around(begin.yesterday().ok()?, unit),
            None => last_weekday(unit, today.yesterday().ok()?),
        },
        [count, unit, "ago"] => ago(number(count)?, unit, today),
        [year, month, of_month] if year.len() == 4 => day(named(year, month, of_month)?),
        [year, month] if year.len() == 4 => month_of(four_digits(year)?, month_number(month)?),
        [month, year] if year.len() == 4 => month_of(four_digits(year)?, month_name(month)?),
        [of_month, month, year] | [month, of_month, year] if year.len() == 4 && month_name(month).is_some() => {
            day(named(year, month, of_month)?)
        }
        [of_month, month] | [month, of_month] if month_name(month).is_some() => {
            let (month, of_month) = (month_name(month)?, digits(of_month)?);
            // A 29 February may be eight years ago.
            let mut years = (0..=8).filter_map(|back| Date::new(today.year().checked_sub(back)?, month, of_month).ok());
            day(years.find(|day| *day <= today)?)
        }
        [word] => one_word(word, today),
        _ => None,
    }
}

fn one_word(word: &str, today: Date) -> Option<Days> {
    if let Some(month) = month_name(word) {
        return month_of(if month > today.month() { today.year().checked_sub(1)? } else { today.year() }, month);
    }
    if word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        let begin = Date::new(four_digits(word)?, 1, 1).ok()?;
        return Some((begin, begin.checked_add(1.year()).ok()?));
    }
    last_weekday(word, today)
}

fn day(day: Date) -> Option<Days> {
    Some((day, day.tomorrow().ok()?))
}

/// The week, month or year that contains a day.
fn unit_around(day: Date, unit: &str) -> Option<Days> {
    match unit {
        "week" => {
            let begin = day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok()?;
            Some((begin, begin.checked_add(1.week()).ok()?))
        }
        "month" => month_of(day.year(), day.month()),
        "year" => {
            let begin = day.first_of_year();
            Some((begin, begin.checked_add(1.year()).ok()?))
        }
        _ => None,
    }
}

/// The last such weekday up to a day.
fn last_weekday(word: &str, up_to: Date) -> Option<Days> {
    let (_, weekday) = WEEKDAYS.into_iter().find(|(name, _)| is_short_for(word, name))?;
    day(up_to.checked_sub(i64::from(up_to.weekday().since(weekday)).days()).ok()?)
}

fn ago(count: i64, unit: &str, today: Date) -> Option<Days> {
    if count > 10_000 {
        return None;
    }
    let back = match unit.strip_suffix('s').unwrap_or(unit) {
        "day" => count.days(),
        "week" => count.weeks(),
        "month" => count.months(),
        "year" => count.years(),
        _ => return None,
    };
    day(today.checked_sub(back).ok()?)
}

fn number(word: &str) -> Option<i64> {
    match word {
        "a" | "an" => Some(1),
        _ => match NUMBERS.into_iter().position(|name| name == word) {
            Some(number) => i64::try_from(number).ok(),
            None => word.parse().ok().filter(|number| *number >= 0),
        },
    }
}

fn named(year: &str, month: &str, of_month: &str) -> Option<Date> {
    Date::new(four_digits(year)?, month_number(month)?, digits(of_month)?).ok()
}

fn month_of(year: i16, month: i8) -> Option<Days> {
    let begin = Date::new(year, month, 1).ok()?;
    Some((begin, begin.checked_add(1.month()).ok()?))
}

fn month_number(word: &str) -> Option<i8> {
    digits(word).or_else(|| month_name(word))
}

fn month_name(word: &str) -> Option<i8> {
    i8::try_from(MONTHS.into_iter().position(|name| is_short_for(word, name))? + 1).ok()
}

/// `mon`, `tues` and `sept` are as good as the whole word.
fn is_short_for(word: &str, name: &str) -> bool {
    word.len() >= 3 && word.is_ascii() && name.starts_with(word)
}

/// One or two digits, possibly as an ordinal number: `1`, `01`, `1st`.
fn digits(word: &str) -> Option<i8> {
    let number = word.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h']);
    let is_plain = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { number.parse().ok() } else { None }
}

fn four_digits(word: &str) -> Option<i16> {
    let is_plain = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Sunday.
    const TODAY: Date = date(2026, 11, 22);

    fn told(text: &str) -> Option<String> {
        days(text, TODAY).map(|(begin, end)| format!("{begin} {end}"))
    }

    #[test]
    fn days_that_people_write() {
        for (text, day) in [
            ("2026-11-01", date(2026, 11, 1)),
            ("2026-1-9", date(2026, 1, 9)),
            ("2026/11/01", date(2026, 11, 1)),
            ("today", TODAY),
            ("Yesterday", date(2026, 11, 21)),
            ("sunday", TODAY),
            ("monday", date(2026, 11, 16)),
            ("sat", date(2026, 11, 21)),
            ("last sunday", date(2026, 11, 15)),
            ("last-tues", date(2026, 11, 17)),
            ("2 weeks ago", date(2026, 11, 8)),
            ("a week ago", date(2026, 11, 15)),
            ("three-days-ago", date(2026, 11, 19)),
            ("1 month ago", date(2026, 10, 22)),
            ("november 3", date(2026, 11, 3)),
            ("25 dec", date(2025, 12, 25)),
            ("dec 25th, 2024", date(2024, 12, 25)),
            ("1 Sept 2026", date(2026, 9, 1)),
            ("feb 29", date(2024, 2, 29)),
        ] {
            let expected = Some(format!("{day} {}", day.tomorrow().unwrap()));
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn weeks_months_and_years() {
        for (text, stretch) in [
            ("this week", "2026-11-16 2026-11-23"),
            ("last-week", "2026-11-09 2026-11-16"),
            ("this month", "2026-11-01 2026-12-01"),
            ("last month", "2026-10-01 2026-11-01"),
            ("last year", "2025-01-01 2026-01-01"),
            ("november", "2026-11-01 2026-12-01"),
            ("december", "2025-12-01 2026-01-01"),
            ("november 2024", "2024-11-01 2024-12-01"),
            ("2026-02", "2026-02-01 2026-03-01"),
            ("2025", "2025-01-01 2026-01-01"),
        ] {
            assert_eq!(told(text).as_deref(), Some(stretch), "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "soon",
            "2026-02-30",
            "20261122",
            "+999999-01-01",
            "9999-12-31",
            "last",
            "ago",
            "mo",
            "99 weeks",
            "32 may",
            "99999 years ago",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn anything_can_be_typed(text in "[a-z0-9 -]{0,24}|\\PC{0,24}|(last|this) [a-z]{0,8}|[0-9]{1,6} (day|week|month|year)s ago") {
            let _ = days(&text, TODAY);
        }
    }
}
