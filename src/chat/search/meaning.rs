//! What a query means for its reader: which people and rooms its names are.
//!
//! Owns the looking up of names. Every room is looked up as the reader may see it: what they may not see, a name does not mean.

use std::collections::HashSet;

use super::entry::mark;
use super::needle::{Expression, Needle};
use super::query::Query;
use super::words;
use crate::chat::Chat;
use crate::chat::markdown::is_everybody;
use crate::chat::types::{RoomId, UserId};
use crate::db::search::Wanted;
use crate::error::Result;

impl Chat {
    /// What a query means for its reader; nothing, if nothing can be found. A name that means nobody, and a room that the reader
    /// may not see, are the same as ones that do not exist.
    pub(super) async fn wanted(&self, reader: UserId, query: &Query) -> Result<Option<Wanted>> {
        let mut all: Vec<_> = query.needles.iter().map(Needle::expression).collect();
        let mut none: Vec<_> = query.not_needles.iter().map(Needle::expression).collect();
        let mut wanted =
            Wanted { reader, all: Vec::new(), none: Vec::new(), since: query.since, until: query.until, addressed: None };
        let marks = |marks: Vec<String>| Expression::Any(marks.into_iter().map(Expression::Is).collect());
        if !query.from.is_empty() {
            let authors = self.authors(reader, &query.from).await?;
            if authors.is_empty() {
                return Ok(None);
            }
            all.push(marks(authors));
        }
        none.extend(self.authors(reader, &query.not_from).await?.into_iter().map(Expression::Is));
        let left_out = self.named_rooms(reader, &query.not_rooms).await?;
        none.extend(left_out.iter().map(|room| Expression::Is(mark::room(*room))));
        let rooms = match query.rooms.is_empty() {
            false => Some(self.named_rooms(reader, &query.rooms).await?.into_iter().collect()),
            true => self.db.reach(reader).await?,
        };
        if let Some(rooms) = rooms {
            if rooms.is_empty() {
                return Ok(None);
            }
            all.push(marks(rooms.into_iter().map(mark::room).collect()));
        }
        match query.has_link {
            Some(true) => all.push(Expression::Is(mark::link())),
            Some(false) => none.push(Expression::Is(mark::link())),
            None => {}
        }
        for (names, must) in [(&query.mentions, true), (&query.not_mentions, false)] {
            for name in names {
                let name = name.trim_start_matches('@');
                if name == "me" {
                    wanted.addressed = Some(must);
                }
                match (name, must) {
                    // The index narrows it down to what may address them; the rows of `mentions` say what does.
                    ("me", true) => {
                        let me = self.db.find_user(reader).await?.map(|user| mark::mention(&user.username));
                        all.push(marks(
                            [Some(mark::mention("@room")), Some(mark::mention("@here")), me].into_iter().flatten().collect(),
                        ));
                    }
                    ("me", false) => {}
                    (name, _) => {
                        let Some(name) = spelled(name) else { continue };
                        let mark = match &*name {
                            "here" => mark::mention("@here"),
                            _ if is_everybody(&name) => mark::mention("@room"),
                            _ => mark::mention(&name),
                        };
                        if must { &mut all } else { &mut none }.push(Expression::Is(mark));
                    }
                }
            }
        }
        if all.is_empty() {
            all.push(Expression::Is(mark::any()));
        }
        (wanted.all, wanted.none) = (all, none);
        Ok(Some(wanted))
    }

    /// The marks of the people that names mean.
    async fn authors(&self, reader: UserId, names: &[String]) -> Result<Vec<String>> {
        let mut authors = Vec::new();
        for name in names {
            match name.trim_start_matches('@') {
                "me" => authors.push(mark::author(reader)),
                name => {
                    let Some(name) = spelled(name) else { continue };
                    authors.extend(self.db.find_user_by_name(&name).await?.map(|user| mark::author(user.id)));
                }
            }
        }
        Ok(authors)
    }

    /// The rooms that names mean, of those that the reader may see: by slug, by name, or `@name` for direct messages.
    async fn named_rooms(&self, reader: UserId, names: &[String]) -> Result<HashSet<RoomId>> {
        let mut rooms = HashSet::new();
        let mut all = None;
        for name in names {
            if let Some(other) = name.strip_prefix('@') {
                let Some(other) = spelled(other) else { continue };
                if let Some(other) = self.db.find_user_by_name(&other).await? {
                    rooms.extend(self.db.find_direct(&[reader, other.id]).await?.map(|direct| direct.id));
                }
                continue;
            }
            let name = name.trim_start_matches('#');
            if name.contains('\0') {
                continue;
            }
            if let Some(view) = self.db.find_room(name, reader).await? {
                rooms.insert(view.room.id);
                continue;
            }
            let all = match &all {
                Some(all) => all,
                None => all.insert(self.named(reader).await?),
            };
            let folded = fold(name);
            rooms.extend(all.iter().filter(|(name, _)| *name == folded).map(|(_, room)| *room));
        }
        Ok(rooms)
    }

    /// The rooms that the reader may see, by what they are called.
    async fn named(&self, reader: UserId) -> Result<Vec<(String, RoomId)>> {
        let rooms = self.db.list_rooms(reader).await?.into_iter().filter(|listed| !listed.room.is_direct);
        Ok(rooms.map(|listed| (fold(&listed.room.name), listed.room.id)).collect())
    }
}

/// A name that can be somebody's: the marks and the databases take no other.
fn spelled(name: &str) -> Option<String> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    is_name.then(|| name.to_ascii_lowercase())
}

/// A room's name as a query may spell it.
fn fold(name: &str) -> String {
    words::cut(name).into_iter().map(|word| word.text + " ").collect()
}
