//! Which source this is: the name under which an earlier import noted what came over.
//!
//! Owns that a later export of the same chat is recognised although its lists begin with other people or teams, and that one is not taken
//! for it whose ids mean something else. It reads what was noted and writes nothing.

use std::collections::BTreeMap;

use super::error::ImportError;
use crate::db::Db;

/// The longest name that can be given, in bytes.
const LONGEST: usize = 100;

/// By what an export is recognised, beside its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traces {
    /// By nothing.
    None,
    /// By the keys of its rooms, which are ids that no other chat gives out: half of the rooms of either are those of the other. It may be
    /// fewer, because a room can be shared with other chats.
    Rooms(Vec<String>),
    /// By its teams, with which the keys of its rooms begin, and a slash.
    Teams(Vec<String>),
    /// By the server, if the export says which, and the id of its history: after a restore, the same ids may be those of others.
    History {
        /// The server.
        server: Option<String>,
        /// Its history.
        epoch: String,
    },
}

/// A source of earlier imports, with the keys of its rooms.
type Known = BTreeMap<String, Vec<String>>;

/// Reads a name that an operator gives.
///
/// # Errors
/// It cannot be one, as a sentence.
pub fn parse_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
        return Err(format!("must be a name of up to {LONGEST} bytes"));
    }
    Ok(name.to_owned())
}

/// The name of the source: the one that was given, or that of an earlier import of the same source, or the export's own.
///
/// # Errors
/// `Restored`, if only the operator can tell; the database's.
pub async fn identify(db: Option<&Db>, given: Option<&str>, own: &str, traces: &Traces) -> Result<String, ImportError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let mut known = Known::new();
    if let Some(db) = db {
        for (source, room) in db.list_import_sources().await? {
            known.entry(source).or_default().extend(room);
        }
    }
    recognise(&known, own, traces)
}

fn recognise(known: &Known, own: &str, traces: &Traces) -> Result<String, ImportError> {
    if known.contains_key(own) {
        return Ok(own.to_owned());
    }
    let found = match traces {
        Traces::None => None,
        Traces::Rooms(rooms) => most(known, |there| {
            let shared = there.iter().filter(|room| rooms.contains(room)).count();
            if shared * 2 >= there.len().min(rooms.len()) { shared } else { 0 }
        }),
        Traces::Teams(teams) => most(known, |there| {
            let is_of = |team: &&String| there.iter().any(|room| room.split_once('/').is_some_and(|(of, _)| of == *team));
            teams.iter().filter(is_of).count()
        }),
        Traces::History { server, epoch } => {
            let (alone, end) = (format!("parlor:{epoch}"), format!(".{epoch}"));
            let same = known.keys().find(|source| **source == alone || (source.starts_with("parlor:") && source.ends_with(&end)));
            let before = server.as_ref().map(|server| format!("parlor:{server}."));
            let earlier = before.and_then(|before| known.keys().find(|source| source.starts_with(&before)));
            if let (None, Some(earlier)) = (same, earlier) {
                return Err(ImportError::Restored { earlier: earlier.clone(), own: own.to_owned() });
            }
            same
        }
    };
    Ok(found.map_or(own, String::as_str).to_owned())
}

/// The source with the most in common; of several, the first by name.
fn most(known: &Known, common: impl Fn(&[String]) -> usize) -> Option<&String> {
    let counted = known.iter().rev().map(|(source, rooms)| (common(rooms), source));
    counted.filter(|(count, _)| *count > 0).max_by_key(|(count, _)| *count).map(|(_, source)| source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(sources: &[(&str, &[&str])]) -> Known {
        let owned = |rooms: &[&str]| rooms.iter().map(|room| (*room).to_owned()).collect();
        sources.iter().map(|(source, rooms)| ((*source).to_owned(), owned(rooms))).collect()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[track_caller]
    fn is(known: &Known, own: &str, traces: &Traces, wanted: &str) {
        assert_eq!(recognise(known, own, traces).expect("a name"), wanted);
    }

    #[test]
    fn a_workspace_is_recognised_by_half_of_the_rooms() {
        let known = known(&[("slack:T9", &["C1", "C2", "C3", "C4"]), ("campfire:1", &["1", "2"]), ("acme", &["C5"])]);
        let rooms = |keys: &[&str]| Traces::Rooms(texts(keys));
        is(&known, "slack:T1", &rooms(&["C1", "C2", "C3", "C4", "C7", "C8"]), "slack:T9");
        is(&known, "slack:T1", &rooms(&["C1"]), "slack:T9");
        is(&known, "slack:T1", &rooms(&["C4", "C7", "C8"]), "slack:T1");
        is(&known, "slack:T1", &rooms(&["C5", "C7"]), "acme");
        is(&known, "slack:T9", &rooms(&["C5"]), "slack:T9");
        is(&known, "slack:T1", &rooms(&["C7"]), "slack:T1");
        is(&known, "slack:T1", &rooms(&[]), "slack:T1");
    }

    #[test]
    fn a_mattermost_is_recognised_by_any_team() {
        let known =
            known(&[("mattermost:a", &["a/town-square", "b/town-square", "ada,grace"]), ("mattermost:c", &["c/off-topic"])]);
        let teams = |names: &[&str]| Traces::Teams(texts(names));
        is(&known, "mattermost:new", &teams(&["new", "b"]), "mattermost:a");
        is(&known, "mattermost:new", &teams(&["new", "b", "c", "a"]), "mattermost:a");
        is(&known, "mattermost:new", &teams(&["new", "ada,grace", "town-square"]), "mattermost:new");
    }

    #[test]
    fn a_server_that_was_restored_is_not_taken_for_what_it_was() {
        let known = known(&[("parlor:s1.e1", &["1"]), ("parlor:e5", &["1"]), ("slack:s2.e7", &["1"])]);
        let history = |server: Option<&str>, epoch: &str| Traces::History { server: server.map(Into::into), epoch: epoch.into() };
        is(&known, "parlor:s1.e1", &history(Some("s1"), "e1"), "parlor:s1.e1");
        is(&known, "parlor:e1", &history(None, "e1"), "parlor:s1.e1");
        is(&known, "parlor:s5.e5", &history(Some("s5"), "e5"), "parlor:e5");
        is(&known, "parlor:s2.e7", &history(Some("s2"), "e7"), "parlor:s2.e7");
        is(&known, "parlor:e2", &history(None, "e2"), "parlor:e2");
        let refused = recognise(&known, "parlor:s1.e2", &history(Some("s1"), "e2")).expect_err("only the operator can tell");
        assert!(refused.is_of_arguments() && refused.to_string().contains("--source parlor:s1.e1"), "{refused}");
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert_eq!(parse_name(" acme ").as_deref(), Ok("acme"));
        for name in ["", " ", "a\nb", &"a".repeat(101)] {
            assert!(parse_name(name).is_err(), "{name:?}");
        }
    }
}
