//! When and about what somebody is notified where they are not looking.
//!
//! Owns these settings, their bounds, and the decision about one message. It must not know how a notification gets there.

use std::collections::HashSet;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::clock::Millis;
use crate::db::push::{Standing, StoredSettings};
use crate::error::{Error, Result};
use crate::model::NotificationLevel;

/// The most words.
const WORDS: usize = 50;
/// The longest word, in characters.
const LONGEST: usize = 64;
/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// The longest time without notifications that can be chosen, in minutes.
const LONGEST_SILENCE: i64 = 30 * DAY;

/// A person's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotificationSettings {
    /// Only while they are not connected.
    pub away_only: bool,
    /// The first minute of their quiet hours, in the day where they are.
    pub quiet_from: Option<i64>,
    /// The minute at which these end; before `quiet_from` it is the next day's.
    pub quiet_until: Option<i64>,
    /// Until when they are not to be disturbed.
    pub silent_until: Option<Millis>,
    /// Words that notify as a mention does.
    pub keywords: Vec<String>,
}

/// Somebody's keywords, ready to be looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Vec<String>);

impl Keywords {
    /// These words.
    pub fn new(words: &[String]) -> Self {
        Self(words.iter().map(|word| word.to_lowercase()).collect())
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is in a text, as a word of its own.
    pub fn are_in(&self, text: &SearchedText<'_>) -> bool {
        self.0.iter().any(|word| text.has(word))
    }
}

/// A text that many keywords are looked for in.
#[derive(Debug)]
pub struct SearchedText<'a> {
    text: &'a str,
    /// What is between its spaces and signs. The text itself is read only for a keyword all of whose parts are there: hardly any other.
    parts: HashSet<&'a str>,
}

impl<'a> SearchedText<'a> {
    /// A text, which is in lower case.
    pub fn new(text: &'a str) -> Self {
        Self { text, parts: parts(text).collect() }
    }

    /// Whether a word is in it, with no letter or digit before and behind it.
    fn has(&self, word: &str) -> bool {
        parts(word).all(|part| self.parts.contains(part)) && contains_word(self.text, word)
    }
}

/// A change; fields that are `None` stay.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    /// Whether only while they are not connected.
    pub away_only: Option<bool>,
    /// Both times as `HH:MM`; empty for no quiet hours.
    pub quiet: Option<(String, String)>,
    /// For how many minutes they are not to be disturbed; 0 ends that.
    pub silence: Option<i64>,
    /// Words between commas or line ends.
    pub keywords: Option<String>,
}

impl NotificationSettings {
    /// The settings from their columns.
    pub fn from_columns(stored: StoredSettings) -> Self {
        let StoredSettings { away_only, quiet_from, quiet_until, silent_until, keywords } = stored;
        let keywords = serde_json::from_str(&keywords).unwrap_or_default();
        Self { away_only, quiet_from, quiet_until, silent_until, keywords }
    }

    /// Their columns.
    pub fn columns(&self) -> StoredSettings {
        StoredSettings {
            away_only: self.away_only,
            quiet_from: self.quiet_from,
            quiet_until: self.quiet_until,
            silent_until: self.silent_until,
            keywords: serde_json::to_string(&self.keywords).expect("texts always have a JSON form"),
        }
    }

    /// Changes them.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for the field.
    pub fn change(&mut self, change: SettingsChange, now: Millis) -> Result<()> {
        self.away_only = change.away_only.unwrap_or(self.away_only);
        if let Some((from, until)) = change.quiet {
            let (from, until) = (minutes("quiet_from", &from)?, minutes("quiet_until", &until)?);
            match (from, until) {
                (Some(_), None) => return Err(Error::invalid("quiet_until", "Choose when quiet hours end.")),
                (None, Some(_)) => return Err(Error::invalid("quiet_from", "Choose when quiet hours begin.")),
                (Some(from), Some(until)) if from == until => {
                    return Err(Error::invalid("quiet_until", "Quiet hours can’t end when they begin."));
                }
                both => (self.quiet_from, self.quiet_until) = both,
            }
        }
        if let Some(minutes) = change.silence {
            if !(0..=LONGEST_SILENCE).contains(&minutes) {
                return Err(Error::invalid("silence", "Choose up to 30 days."));
            }
            self.silent_until = (minutes > 0).then(|| now.plus(minutes * 60_000));
        }
        if let Some(text) = change.keywords {
            self.keywords = keywords(&text)?;
        }
        Ok(())
    }

    /// Whether nothing is shown at a moment, in this time zone.
    pub fn is_quiet(&self, now: Millis, zone: Option<&str>) -> bool {
        if self.silent_until.is_some_and(|until| now < until) {
            return true;
        }
        let (Some(from), Some(until)) = (self.quiet_from, self.quiet_until) else { return false };
        let zone = zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
        let at = now.timestamp().to_zoned(zone);
        let minute = i64::from(at.hour()) * 60 + i64::from(at.minute());
        if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until }
    }

    /// Whether a text has one of the words, as a word of its own and in any case.
    pub fn has_keyword(&self, text: &str) -> bool {
        !self.keywords.is_empty() && Keywords::new(&self.keywords).are_in(&SearchedText::new(&text.to_lowercase()))
    }

    /// Whether somebody wants to know of a message.
    pub fn wants(&self, standing: &Standing, seq: i64, text: &str) -> bool {
        if standing.is_blocked || standing.read_seq >= seq {
            return false;
        }
        let usual = if standing.is_direct { NotificationLevel::All } else { standing.notify };
        match standing.level.unwrap_or(usual) {
            NotificationLevel::All => true,
            NotificationLevel::Mentions => standing.is_mentioned || self.has_keyword(text),
            NotificationLevel::Muted => false,
        }
    }
}

/// `HH:MM` as the minute of the day; `None` if it is empty.
fn minutes(field: &'static str, text: &str) -> Result<Option<i64>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.split_once(':').and_then(|(hour, minute)| Some((hour.parse::<i64>().ok()?, minute.parse::<i64>().ok()?)));
    let valid = parsed.filter(|(hour, minute)| (0..24).contains(hour) && (0..60).contains(minute));
    let (hour, minute) = valid.ok_or_else(|| Error::invalid(field, "Use a time such as 22:00."))?;
    Ok(Some(hour * 60 + minute))
}

fn keywords(text: &str) -> Result<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split([',', '\n', '\r']).map(str::trim).filter(|word| !word.is_empty()) {
        if word.chars().count() > LONGEST {
            return Err(Error::TooLong { field: "keywords", limit: LONGEST });
        }
        if word.chars().any(char::is_control) {
            return Err(Error::invalid("keywords", "A keyword can’t have control characters."));
        }
        if !words.iter().any(|known| known.to_lowercase() == word.to_lowercase()) {
            words.push(word.to_owned());
        }
    }
    if words.len() > WORDS {
        return Err(Error::invalid("keywords", "You can have up to 50 keywords."));
    }
    Ok(words)
}

/// The letters and digits of a text that are not separated by anything else.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty())
}

/// Whether a word is in a text, with no letter or digit before and behind it. Both are in lower case.
fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn standing() -> Standing {
        Standing {
            slug: "general".into(),
            is_direct: false,
            level: None,
            notify: NotificationLevel::Mentions,
            read_seq: 4,
            is_mentioned: false,
            is_blocked: false,
        }
    }

    #[test]
    fn levels_decide_which_messages_notify() {
        let settings = NotificationSettings { keywords: vec!["Deploy".into()], ..NotificationSettings::default() };
        let wants = |standing: &Standing, text| settings.wants(standing, 5, text);
        assert!(!wants(&standing(), "hello"));
        assert!(wants(&standing(), "the deploy, again"));
        assert!(!wants(&standing(), "redeployed"));
        assert!(wants(&Standing { is_mentioned: true, ..standing() }, "hello"));
        assert!(wants(&Standing { level: Some(NotificationLevel::All), ..standing() }, "hello"));
        assert!(wants(&Standing { is_direct: true, ..standing() }, "hello"));
        for standing in [
            Standing { level: Some(NotificationLevel::Muted), is_mentioned: true, ..standing() },
            Standing { is_direct: true, level: Some(NotificationLevel::Muted), ..standing() },
            Standing { is_mentioned: true, is_blocked: true, ..standing() },
            Standing { is_mentioned: true, read_seq: 5, ..standing() },
        ] {
            assert!(!wants(&standing, "deploy"), "{standing:?}");
        }
    }

    #[test]
    fn quiet_hours_are_those_of_the_place() {
        let mut settings = NotificationSettings::default();
        let quiet =
            |from: &str, until: &str| SettingsChange { quiet: Some((from.into(), until.into())), ..SettingsChange::default() };
        settings.change(quiet("22:00", "07:30"), Millis(0)).unwrap();
        for (moment, zone, expected) in [
            ("2026-01-10T21:59:00Z", None, false),
            ("2026-01-10T22:00:00Z", None, true),
            ("2026-01-10T07:29:00Z", None, true),
            ("2026-01-10T07:30:00Z", None, false),
            ("2026-01-10T21:00:00Z", Some("Europe/Paris"), true),
            ("2026-01-10T07:00:00Z", Some("Europe/Paris"), false),
        ] {
            assert_eq!(settings.is_quiet(at(moment), zone), expected, "{moment} {zone:?}");
        }
        settings.change(quiet("09:00", "17:00"), Millis(0)).unwrap();
        assert!(settings.is_quiet(at("2026-01-10T12:00:00Z"), None) && !settings.is_quiet(at("2026-01-10T17:00:00Z"), None));
        settings.change(quiet("", ""), Millis(0)).unwrap();
        assert!(!settings.is_quiet(at("2026-01-10T12:00:00Z"), None));
        for (from, until) in [("22:00", ""), ("", "7:00"), ("24:00", "07:00"), ("ten", "07:00"), ("10:00", "10:00")] {
            settings.change(quiet(from, until), Millis(0)).unwrap_err();
        }
    }

    #[test]
    fn silence_ends_by_itself() {
        let mut settings = NotificationSettings::default();
        settings.change(SettingsChange { silence: Some(60), ..SettingsChange::default() }, Millis(0)).unwrap();
        assert!(settings.is_quiet(Millis(3_599_999), None) && !settings.is_quiet(Millis(3_600_000), None));
        settings.change(SettingsChange { silence: Some(0), ..SettingsChange::default() }, Millis(0)).unwrap();
        assert_eq!(settings.silent_until, None);
    }

    #[test]
    fn keywords_are_words_in_any_case() {
        let mut settings = NotificationSettings::default();
        settings
            .change(SettingsChange { keywords: Some("Ada, ada,\nC++ ,Straße".into()), ..SettingsChange::default() }, Millis(0))
            .unwrap();
        assert_eq!(settings.keywords, ["Ada", "C++", "Straße"]);
        for (text, expected) in
            [("ADA!", true), ("adamant", false), ("uses c++ a lot", true), ("STRASSE", false), ("Straße 1", true)]
        {
            assert_eq!(settings.has_keyword(text), expected, "{text}");
        }
        // A part that is missing is what most keywords are not found by; otherwise the text decides.
        for (keyword, text, expected) in [
            ("++", "c++", false),
            ("++", "c ++", true),
            ("++c", "a ++c, b", true),
            ("++c", "a++c", false),
            ("tea time", "it’s tea time", true),
            ("tea time", "time for tea", false),
            ("tea time", "tea, time", false),
            ("v1.2", "v1.2.3", true),
            ("v1.2", "v1.20", false),
            ("no-go", "a no-go area", true),
            ("no-go", "no go", false),
        ] {
            let keywords = Keywords::new(&[keyword.to_owned()]);
            assert_eq!(keywords.are_in(&SearchedText::new(text)), expected, "{keyword} in {text}");
        }
        let many = (0..51).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        for text in [many, "x".repeat(65)] {
            settings.change(SettingsChange { keywords: Some(text), ..SettingsChange::default() }, Millis(0)).unwrap_err();
        }
    }
}
