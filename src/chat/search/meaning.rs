//! Resolves the names in a query to users and rooms.
//!
//! Owns the lookups. Rooms are looked up with the reader's permissions: a room that they cannot see does not match a name.

use std::collections::HashSet;

use super::query::Query;
use crate::chat::Chat;
use crate::chat::markdown::is_everybody;
use crate::db::search::SearchQuery;
use crate::error::Result;
use crate::fulltext::document::facet;
use crate::fulltext::term::{Expression, Term};
use crate::fulltext::tokenizer;
use crate::model::lookalikes::look;
use crate::model::{RoomId, UserId};

/// Maximum number of users examined for one name.
const MOST_CALLED: i64 = 100;
/// How much of a name a hint repeats, in characters.
const SHOWN: usize = 64;

impl Chat {
    /// Translates a query for its reader; `None` if nothing can match. Unknown users, unknown rooms and invisible rooms are
    /// treated alike.
    ///
    /// Unknown names are reported in `hints`.
    pub(super) async fn wanted(&self, reader: UserId, query: &Query, hints: &mut Vec<String>) -> Result<Option<SearchQuery>> {
        let mut all: Vec<_> = query.terms.iter().map(Term::expression).collect();
        let mut none: Vec<_> = query.not_terms.iter().map(Term::expression).collect();
        let mut wanted = SearchQuery {
            reader,
            all: Vec::new(),
            none: Vec::new(),
            since: query.since,
            until: query.until,
            addressed: None,
            is_pinned: query.is_pinned,
        };
        // Continues even if nothing can match, to collect all hints.
        let mut is_nothing = false;
        let any_of = |facets: Vec<String>| Expression::AnyOf(facets.into_iter().map(Expression::Exact).collect());
        if !query.from.is_empty() {
            let authors = self.authors(reader, &query.from, hints).await?;
            is_nothing = authors.is_empty();
            all.push(any_of(authors));
        }
        none.extend(self.authors(reader, &query.not_from, hints).await?.into_iter().map(Expression::Exact));
        let left_out = self.named_rooms(reader, &query.not_rooms, hints).await?;
        none.extend(left_out.iter().map(|room| Expression::Exact(facet::room(*room))));
        let rooms = match query.rooms.is_empty() {
            false => Some(self.named_rooms(reader, &query.rooms, hints).await?.into_iter().collect()),
            true => self.db.reach(reader).await?,
        };
        if let Some(rooms) = rooms {
            is_nothing |= rooms.is_empty();
            all.push(any_of(rooms.into_iter().map(facet::room).collect()));
        }
        let facets = [(query.has_link, facet::link()), (query.has_file, facet::file()), (query.has_image, facet::image())];
        for (has, facet) in facets {
            match has {
                Some(true) => all.push(Expression::Exact(facet)),
                Some(false) => none.push(Expression::Exact(facet)),
                None => {}
            }
        }
        for (names, must) in [(&query.mentions, true), (&query.not_mentions, false)] {
            for name in names {
                let name = name.trim_start_matches('@');
                if name == "me" {
                    wanted.addressed = Some(must);
                }
                match (name, must) {
                    // The index narrows the search down to possible mentions; the `mentions` table decides.
                    ("me", true) => {
                        let me = self.db.find_user(reader).await?.map(|user| facet::mention(&user.username));
                        all.push(any_of(
                            [Some(facet::mention("@room")), Some(facet::mention("@here")), me].into_iter().flatten().collect(),
                        ));
                    }
                    ("me", false) => {}
                    (name, _) => {
                        let named = match name {
                            "here" => vec![facet::mention("@here")],
                            _ if is_everybody(name) => vec![facet::mention("@room")],
                            _ => self.called(reader, name, hints).await?.iter().map(|(_, name)| facet::mention(name)).collect(),
                        };
                        if must {
                            is_nothing |= named.is_empty();
                            all.push(any_of(named));
                        } else {
                            none.extend(named.into_iter().map(Expression::Exact));
                        }
                    }
                }
            }
        }
        if is_nothing {
            return Ok(None);
        }
        if all.is_empty() {
            all.push(Expression::Exact(facet::any()));
        }
        (wanted.all, wanted.none) = (all, none);
        Ok(Some(wanted))
    }

    /// The author facets of the users that these names mean.
    async fn authors(&self, reader: UserId, names: &[String], hints: &mut Vec<String>) -> Result<Vec<String>> {
        let mut authors = Vec::new();
        for name in names {
            match name.trim_start_matches('@') {
                "me" => authors.push(facet::author(reader)),
                name => authors.extend(self.called(reader, name, hints).await?.into_iter().map(|(id, _)| facet::author(id))),
            }
        }
        Ok(authors)
    }

    /// The users that a name means: the one with this username, else those with exactly this name, else those whose name contains
    /// these words. Guests find only the people in their rooms.
    async fn called(&self, reader: UserId, name: &str, hints: &mut Vec<String>) -> Result<Vec<(UserId, String)>> {
        if let Some(name) = spelled(name)
            && let Some(user) = self.db.find_user_by_name(&name).await?
            && !self.db.is_stranger_to_guest(reader, user.id).await?
        {
            return Ok(vec![(user.id, user.username.to_string())]);
        }
        let asked = fold(name);
        let mut found = Vec::new();
        if !asked.is_empty() {
            for (id, username, called) in self.db.find_people_named(name, &look(name), MOST_CALLED).await? {
                let called = fold(&called);
                // Each folded word ends with a space.
                let fits = called == asked || format!(" {called}").contains(&format!(" {asked}"));
                if fits && !self.db.is_stranger_to_guest(reader, id).await? {
                    found.push((called == asked, id, username));
                }
            }
        }
        let is_exact = found.iter().any(|(is_exact, ..)| *is_exact);
        found.retain(|(exact, ..)| *exact || !is_exact);
        if found.is_empty() {
            let shown: String = name.chars().take(SHOWN).collect();
            hints.push(format!("Nobody is called “{shown}”. Check the spelling, or use their username."));
        }
        Ok(found.into_iter().map(|(_, id, username)| (id, username)).collect())
    }

    /// The visible rooms that these names mean: by slug, by name, or `@name` for direct messages.
    async fn named_rooms(&self, reader: UserId, names: &[String], hints: &mut Vec<String>) -> Result<HashSet<RoomId>> {
        let mut rooms = HashSet::new();
        let mut all = None;
        for name in names {
            if let Some(other) = name.strip_prefix('@') {
                if other == "me" {
                    rooms.extend(self.db.find_direct(&[reader]).await?.map(|direct| direct.id));
                    continue;
                }
                for (other, _) in self.called(reader, other, hints).await? {
                    rooms.extend(self.db.find_direct(&[reader, other]).await?.map(|direct| direct.id));
                }
                continue;
            }
            let name = name.trim_start_matches('#');
            if let Some(view) = self.db.find_room(name, reader).await? {
                rooms.insert(view.room.id);
                continue;
            }
            let all = match &all {
                Some(all) => all,
                None => all.insert(self.named(reader).await?),
            };
            let folded = fold(name);
            let before = rooms.len();
            rooms.extend(all.iter().filter(|(name, _)| *name == folded).map(|(_, room)| *room));
            if rooms.len() == before {
                hints.push("You can see no room of the name after in:. Check the spelling.".to_owned());
            }
        }
        Ok(rooms)
    }

    /// The rooms that the reader can see, by folded name.
    async fn named(&self, reader: UserId) -> Result<Vec<(String, RoomId)>> {
        let rooms = self.db.list_rooms(reader).await?.into_iter().filter(|listed| !listed.room.is_direct);
        Ok(rooms.map(|listed| (fold(&listed.room.name), listed.room.id)).collect())
    }
}

/// A possible username in lower case; facets and databases accept no other characters.
fn spelled(name: &str) -> Option<String> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    is_name.then(|| name.to_ascii_lowercase())
}

/// Folds a room's name for comparison.
fn fold(name: &str) -> String {
    tokenizer::tokenize(name).into_iter().map(|word| word.text + " ").collect()
}
