//! What was imported, or would be, and what is left out.
//!
//! Owns that everything that is left out is counted by its reason, and that a hostile source cannot make the list long.

use std::collections::BTreeMap;

use serde::Serialize;

/// The most different reasons; others are counted together.
const REASONS: usize = 200;
/// The longest reason, in bytes.
const LONGEST: usize = 200;
/// What the others are called.
const OTHERS: &str = "other things";

/// What became of people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct People {
    /// They got accounts.
    pub created: u64,
    /// They have accounts already, by address or by the mapping.
    pub matched: u64,
    /// They were imported earlier.
    pub already: u64,
}

/// What became of rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rooms {
    /// They were made.
    pub created: u64,
    /// A room that was there is used: an empty one of the same name, or the conversation of the same people.
    pub used: u64,
    /// They were imported earlier.
    pub already: u64,
}

/// The result of an import, or of a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What it came from: the same for every export of one source.
    pub source: String,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// People.
    pub people: People,
    /// Rooms.
    pub rooms: Rooms,
    /// Messages.
    pub messages: u64,
    /// Messages that were imported earlier.
    pub messages_already: u64,
    /// Reactions.
    pub reactions: u64,
    /// Pins.
    pub pins: u64,
    /// Files.
    pub files: u64,
    /// What is left out: how often, by the reason.
    pub left_out: BTreeMap<String, u64>,
    /// What the operator should know.
    pub notes: BTreeMap<String, u64>,
}

impl Report {
    /// Counts something that is left out.
    pub(super) fn leave_out(&mut self, why: &str) {
        self.leave_out_many(why, 1);
    }

    /// Counts things that are left out.
    pub(super) fn leave_out_many(&mut self, why: &str, count: u64) {
        add(&mut self.left_out, why, count);
    }

    /// Counts something that is not as it was.
    pub(super) fn note(&mut self, what: &str) {
        self.note_many(what, 1);
    }

    /// Counts things that are not as they were.
    pub(super) fn note_many(&mut self, what: &str, count: u64) {
        if count > 0 {
            add(&mut self.notes, what, count);
        }
    }
}

fn add(list: &mut BTreeMap<String, u64>, why: &str, count: u64) {
    let why = &why[..why.floor_char_boundary(LONGEST)];
    let is_known = list.contains_key(why) || list.len() < REASONS;
    *list.entry(if is_known { why } else { OTHERS }.to_owned()).or_default() += count;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_stays_short() {
        let mut report = Report::default();
        for number in 0..1000 {
            report.leave_out(&format!("{number}{}", "é".repeat(300)));
        }
        report.leave_out("0");
        assert_eq!((report.left_out.len(), report.left_out[OTHERS]), (REASONS + 1, 801));
        assert!(report.left_out.keys().all(|why| why.len() <= LONGEST));
        assert_eq!(report.left_out.values().sum::<u64>(), 1001);
    }
}
