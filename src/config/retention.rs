//! `RETENTION`: how long what is stored is kept, by its kind.
//!
//! Owns the text of the setting. Who deletes what has expired is `retention`.

use std::time::Duration;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// The shortest and the longest time: a typing error must not delete everything at once.
const SHORTEST: Duration = Duration::from_secs(HOUR);
const LONGEST: Duration = Duration::from_secs(100 * 365 * DAY);

/// How long the server keeps what is stored; `None`: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Messages and notices.
    pub messages: Option<Duration>,
    /// The files of messages, where these are kept for longer.
    pub files: Option<Duration>,
    /// Entries of the audit log.
    pub audit: Option<Duration>,
    /// Sessions, from their log-in, where `SESSION_LIFETIME` is longer.
    pub sessions: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { messages: None, files: None, audit: Some(Duration::from_secs(365 * DAY)), sessions: None }
    }
}

impl Retention {
    /// Parses `messages=365d,files=90d,audit=1y,sessions=30d`; a time alone is that of messages. Kinds that are not named are kept for ever,
    /// except the audit log, which is kept as in `self`: `AUDIT_KEEP` may name it.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(self, text: &str) -> Result<Self, String> {
        let mut retention = Self { messages: None, files: None, sessions: None, audit: self.audit };
        if text == "off" {
            return Ok(retention);
        }
        let mut named: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (kind, time) = part.split_once('=').unwrap_or(("messages", part));
            let kind = kind.trim();
            let place = match kind {
                "messages" => &mut retention.messages,
                "files" => &mut retention.files,
                "audit" => &mut retention.audit,
                "sessions" => &mut retention.sessions,
                _ => return Err(allowed()),
            };
            if named.contains(&kind) {
                return Err(format!("names {kind} twice"));
            }
            named.push(kind);
            *place = time_of(time.trim())?;
        }
        Ok(retention)
    }

    /// The same as text, with every kind that is not kept for ever, and the audit log in any case.
    pub fn text(&self) -> String {
        let kinds = [("messages", self.messages), ("files", self.files), ("audit", self.audit), ("sessions", self.sessions)];
        let kinds = kinds.into_iter().filter(|(kind, time)| time.is_some() || *kind == "audit");
        kinds.map(|(kind, time)| format!("{kind}={}", time.map_or_else(|| "off".into(), short))).collect::<Vec<_>>().join(",")
    }

    /// With the audit log kept as `AUDIT_KEEP` says: it was a setting of its own before. Less than an hour is an hour.
    pub(super) fn with_audit(self, keep: Option<Duration>) -> Self {
        Self { audit: keep.map(|keep| keep.clamp(SHORTEST, LONGEST)), ..self }
    }
}

fn time_of(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let years = || {
        let years: u32 = text.strip_suffix('y')?.trim_end().parse().ok()?;
        Some(Duration::from_secs(u64::from(years) * 365 * DAY))
    };
    let time = years().or_else(|| super::amounts::duration(text).ok());
    time.filter(|time| (SHORTEST..=LONGEST).contains(time)).map(Some).ok_or_else(allowed)
}

/// A time in the largest unit that fits.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    for (unit, name) in [(DAY, "d"), (HOUR, "h"), (60, "min")] {
        if seconds.is_multiple_of(unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

fn allowed() -> String {
    "must be times from 1h to 100y for messages, files, audit and sessions, such as 365d or messages=365d,files=90d,audit=1y, or `off`"
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: u64) -> Option<Duration> {
        Some(Duration::from_secs(days * DAY))
    }

    #[test]
    fn each_kind_has_its_time() {
        let usual = Retention::default();
        let parsed = usual.parse("messages=365d, files = 90d,audit=2y,sessions=12h").unwrap();
        let sessions = Some(Duration::from_secs(12 * HOUR));
        assert_eq!(parsed, Retention { messages: days(365), files: days(90), audit: days(730), sessions });
        assert_eq!(usual.parse("30d").unwrap(), Retention { messages: days(30), ..usual });
        assert_eq!(usual.parse("off").unwrap(), usual);
        assert_eq!(usual.parse("audit=off").unwrap(), Retention { audit: None, ..usual });
        for retention in [parsed, usual, usual.parse("audit=off").unwrap(), usual.parse("files=90min").unwrap()] {
            assert_eq!(usual.parse(&retention.text()).unwrap(), retention, "{}", retention.text());
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for wrong in
            ["", "365", "messages", "messages=", "rooms=1d", "59min", "101y", "messages=1d,1d", "messages=-1d", "1d,,files=1d"]
        {
            assert!(Retention::default().parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_earlier_setting_has_the_same_bounds() {
        assert_eq!(Retention::default().with_audit(None).audit, None);
        assert_eq!(Retention::default().with_audit(Some(Duration::from_secs(1))).text(), "audit=1h");
    }
}
