//! How long a room keeps its messages and files: the policy in words, and the form that changes it.

use std::time::Duration;

use super::{Problem, wrong};
use crate::model::Keep;

const HOUR: u64 = 60 * 60;
const DAYS: u64 = 24 * HOUR;

/// The days that are offered.
const OFFERED: [i64; 8] = [1, 7, 30, 90, 180, 365, 730, 1_825];

/// The policy of a room, and the form for those who may change it.
#[derive(Debug, Default)]
pub struct RetentionPanel {
    /// The room's slug.
    pub slug: String,
    /// The policy, for everybody.
    pub words: String,
    /// The fields of the form; none for those who may not change it.
    pub fields: Vec<RetentionField>,
}

/// A field of the form.
#[derive(Debug)]
pub struct RetentionField {
    /// Its name.
    pub name: &'static str,
    /// What it decides.
    pub title: &'static str,
    /// The choices: value, text, and whether it is as now.
    pub choices: Vec<(String, String, bool)>,
    /// The error of its input.
    pub wrong: Option<String>,
}

impl RetentionPanel {
    /// Of a room that keeps messages and files for so long now.
    pub fn new(slug: &str, now: [Option<Duration>; 2]) -> Self {
        Self { slug: slug.to_owned(), words: words(now), fields: Vec::new() }
    }

    /// Adds the form: what the room has decided, and how long the server keeps. `may_all`: whether the reader may keep for longer than that.
    #[must_use]
    pub fn with_form(
        mut self,
        [messages, files]: [Keep; 2],
        server: [Option<Duration>; 2],
        may_all: bool,
        problem: Option<&Problem>,
    ) -> Self {
        let field = |name, title, now: Keep, server: Option<Duration>| RetentionField {
            name,
            title,
            choices: choices(now, server, may_all),
            wrong: wrong(problem, name).map(Into::into),
        };
        self.fields = vec![field("messages", "Messages", messages, server[0]), field("files", "Files", files, server[1])];
        self
    }
}

fn choices(now: Keep, server: Option<Duration>, may_all: bool) -> Vec<(String, String, bool)> {
    let mut all: Vec<Keep> = OFFERED.map(Keep::Days).into();
    if !all.contains(&now) {
        all.push(now);
    }
    all.retain(|keep| *keep == now || may_all || keep.is_within(server));
    all.retain(|keep| matches!(keep, Keep::Days(_)));
    all.sort_unstable_by_key(|keep| Option::<i64>::from(*keep));
    if may_all || server.is_none() || now == Keep::Forever {
        all.push(Keep::Forever);
    }
    all.insert(0, Keep::AsServer);
    let choice = |keep: Keep| {
        let (value, text) = match keep {
            Keep::AsServer => {
                ("default".to_owned(), format!("As this server: {}", server.map_or_else(|| "for ever".to_owned(), period)))
            }
            Keep::Forever => ("forever".to_owned(), "For ever".to_owned()),
            Keep::Days(days) => (days.to_string(), capitalized(&period(Duration::from_secs(days.unsigned_abs() * DAYS)))),
        };
        (value, text, keep == now)
    };
    all.into_iter().map(choice).collect()
}

/// The policy as a sentence, if anything is deleted some day.
pub(super) fn limits(kept: [Option<Duration>; 2]) -> Option<String> {
    kept.iter().any(Option::is_some).then(|| words(kept))
}

/// The policy as a sentence.
fn words([messages, files]: [Option<Duration>; 2]) -> String {
    let [m, f] = [messages, files].map(|time| time.map(period));
    match (m, f) {
        (None, None) => "Messages and files are kept for ever.".to_owned(),
        (None, Some(files)) => {
            format!("Messages are kept for ever. Files are kept for {files}, then they’re deleted for everyone.")
        }
        (Some(messages), Some(files)) if messages != files => {
            format!("Messages are kept for {messages}, and files for {files}. Then they’re deleted for everyone.")
        }
        (Some(messages), _) => format!("Messages and files are kept for {messages}, then they’re deleted for everyone."),
    }
}

/// A time in words: "90 days", "2 years".
fn period(time: Duration) -> String {
    let seconds = time.as_secs();
    let of = |count: u64, unit: &str| if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") };
    match seconds {
        _ if seconds.is_multiple_of(365 * DAYS) => of(seconds / (365 * DAYS), "year"),
        _ if seconds.is_multiple_of(DAYS) => of(seconds / DAYS, "day"),
        _ if seconds.is_multiple_of(HOUR) => of(seconds / HOUR, "hour"),
        _ => of(seconds / 60, "minute"),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: u64) -> Option<Duration> {
        Some(Duration::from_secs(days * DAYS))
    }

    #[test]
    fn a_policy_is_a_sentence() {
        assert_eq!(words([None, None]), "Messages and files are kept for ever.");
        assert_eq!(limits([None, None]), None);
        assert!(limits([None, days(1)]).is_some_and(|words| words.contains("Files are kept for 1 day")));
        assert_eq!(
            words([days(730), days(1)]),
            "Messages are kept for 2 years, and files for 1 day. Then they’re deleted for everyone."
        );
        assert_eq!(words([days(90), days(90)]), "Messages and files are kept for 90 days, then they’re deleted for everyone.");
    }

    #[test]
    fn owners_are_offered_what_they_may_choose() {
        let values = |now, server, may_all| -> Vec<String> {
            choices(now, server, may_all).into_iter().map(|(value, ..)| value).collect()
        };
        assert_eq!(values(Keep::AsServer, days(30), false), ["default", "1", "7", "30"]);
        assert_eq!(values(Keep::Days(45), days(30), false), ["default", "1", "7", "30", "45"]);
        assert_eq!(values(Keep::AsServer, days(1), true).len(), OFFERED.len() + 2);
        assert_eq!(values(Keep::Forever, days(1), false), ["default", "1", "forever"]);
    }
}
