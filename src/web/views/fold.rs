//! Consecutive notices of several people, folded into one: "Grace, Linus and 6 others joined". `js/room/notice-folding.js` does the same live.

use std::sync::Arc;

use crate::model::{Kind, Message};

/// The number of names in the line; the others are counted, and listed below it.
const NAMED: usize = 2;

/// The part of a notice in a fold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Fold {
    /// It is not folded.
    #[default]
    Alone,
    /// The first of several: the line for all of them, and the names that the line only counts.
    Speaks(String, String),
    /// Included in the first.
    Hidden,
}

/// What was done, if such notices can be folded; else empty.
pub(super) fn deed(message: &Message) -> &'static str {
    match message.kind {
        _ if message.deleted_at.is_some() => "",
        Kind::Joined if message.body.is_empty() => "joined",
        Kind::Left if message.body.is_empty() => "left",
        _ => "",
    }
}

/// The line for these people, and the names that it only counts.
pub(super) fn told(names: &[Arc<str>], deed: &str) -> Fold {
    let (line, rest) = match names {
        [] | [_] => return Fold::Alone,
        [one, other] => (format!("{one} and {other} {deed}"), String::new()),
        [first, second, third] => (format!("{first}, {second} and {third} {deed}"), String::new()),
        [first, second, rest @ ..] => {
            let line = format!("{first}, {second} and {} others {deed}", names.len() - NAMED);
            (line, rest.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", "))
        }
    };
    Fold::Speaks(line, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_named_and_many_are_counted() {
        let names: Vec<Arc<str>> = ["Grace", "Linus", "Ada", "Mei"].map(Into::into).into();
        let said = |count: usize| told(&names[..count], "joined");
        assert_eq!(said(1), Fold::Alone);
        assert_eq!(said(2), Fold::Speaks("Grace and Linus joined".into(), String::new()));
        assert_eq!(said(3), Fold::Speaks("Grace, Linus and Ada joined".into(), String::new()));
        assert_eq!(said(4), Fold::Speaks("Grace, Linus and 2 others joined".into(), "Ada, Mei".into()));
    }
}
