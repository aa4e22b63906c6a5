//! Parsing of numbers, sizes, rates and times.
//!
//! As in `values`, each refusal says what is allowed, and none repeats a value.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use super::Parsed;

/// The largest size of a file: at most what fits into the parts of an upload to S3.
pub(super) fn file_size(text: &str) -> Parsed<u64> {
    const LARGEST: u64 = 40 << 30;
    let size = size_of(text).filter(|bytes| (1..=LARGEST).contains(bytes));
    size.ok_or_else(|| "must be a size from 1KB to 40GB, such as 100MB or 1GB".into())
}

/// A size in bytes, or `off`.
pub(super) fn space(text: &str) -> Parsed<Option<u64>> {
    if text == "off" {
        return Ok(None);
    }
    size_of(text).filter(|bytes| *bytes > 0).map(Some).ok_or_else(|| "must be a size, such as 500MB or 10GB, or `off`".into())
}

fn size_of(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    // Databases count in 63 bits.
    digits.trim().parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In which period.
    pub per: Duration,
}

/// A number from `least` to `most`.
pub(super) fn number<T: FromStr + PartialOrd + Display>(text: &str, least: T, most: T) -> Parsed<T> {
    let number = text.parse::<T>().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("must be a number from {least} to {most}"))
}

/// A size of at least `least` megabytes.
pub(super) fn bytes(text: &str, least: usize) -> Parsed<usize> {
    let size = size_of(text).and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes >= least << 20);
    size.ok_or_else(|| format!("must be {least}MB or more, such as 256MB or 2GB"))
}

pub(super) fn limit(text: &str) -> Parsed<Option<usize>> {
    if text == "off" {
        return Ok(None);
    }
    number(text, 1, 10_000_000).map(Some).map_err(|problem| format!("{problem}, or `off`"))
}

pub(super) fn rate(text: &str) -> Parsed<Option<Rate>> {
    if text == "off" {
        return Ok(None);
    }
    let parse = || {
        let (count, unit) = text.split_once('/')?;
        Some(Rate { count: count.trim().parse().ok()?, per: Duration::from_secs(seconds_in(unit.trim())?) })
    };
    parse().map(Some).ok_or_else(|| "must be a rate, such as 10/s, 10/min or 10/h, or `off`".into())
}

pub(super) fn duration(text: &str) -> Parsed<Duration> {
    let parse = || {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = text.split_at(digits);
        let count: NonZeroU32 = count.parse().ok()?;
        Some(Duration::from_secs(u64::from(count.get()) * seconds_in(unit.trim())?))
    };
    parse().ok_or_else(|| "must be a time, such as 30s, 45min, 12h or 14d".into())
}

/// A duration of up to ten minutes; zero, or `off`, is none at all.
pub(super) fn drain(text: &str) -> Parsed<Duration> {
    const LONGEST: Duration = Duration::from_secs(600);
    let time = if matches!(text, "off" | "0s") { Some(Duration::ZERO) } else { duration(text).ok() };
    time.filter(|time| *time <= LONGEST).ok_or_else(|| "must be a time up to 10min, such as 5s, or `off`".into())
}

/// How often the server makes a backup.
pub(super) fn backup_every(text: &str) -> Parsed<Option<Duration>> {
    const LEAST: Duration = Duration::from_secs(60);
    let every = optional_duration(text)?;
    if every.is_some_and(|every| every < LEAST) { Err("must be 1min or more, or `off`".into()) } else { Ok(every) }
}

/// A duration, or `off` for no limit.
pub(super) fn optional_duration(text: &str) -> Parsed<Option<Duration>> {
    if text == "off" {
        return Ok(None);
    }
    duration(text).map(Some).map_err(|problem| format!("{problem}, or `off`"))
}

/// A short duration, or `off`.
pub(super) fn short_duration(text: &str) -> Parsed<Option<Duration>> {
    if text == "off" {
        return Ok(None);
    }
    let milliseconds = || {
        let count: NonZeroU32 = text.strip_suffix("ms")?.trim_end().parse().ok()?;
        Some(Duration::from_millis(count.get().into()))
    };
    let time = milliseconds().or_else(|| duration(text).ok());
    time.map(Some).ok_or_else(|| "must be a time, such as 500ms or 2s, or `off`".into())
}

fn seconds_in(unit: &str) -> Option<u64> {
    match unit {
        "s" => Some(1),
        "min" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    }
}
