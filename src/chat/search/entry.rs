//! What the index holds of a message: its words in order, and marks of what it is.
//!
//! Owns the marks' spelling. They begin with a character for private use, which no word of a text ever holds, so nobody can type
//! one: filters run inside the index without meeting the words. It must not decide who may find what.

use std::collections::HashMap;

use super::words::{Place, cut};
use crate::chat::types::{RoomId, UserId};

/// How many words of one message are indexed: what Postgres can give a place to.
const MOST_WORDS: usize = 16_000;
/// How often one word of a message is indexed: what Postgres keeps of it.
const MOST_TIMES: usize = 255;
/// Stands where a word is left out, so that those behind it keep their places.
const LEFT_OUT: &str = "\u{E007}";
/// The length at which the beginning of a word is marked, in characters: so short a one may stand in most messages. Longer ones are
/// rare enough to be looked up among the words.
pub const MARKED_BEGINNING: usize = 3;

/// What a message's entry is made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Where it was said.
    pub room: RoomId,
    /// Who said it.
    pub author: UserId,
    /// The words as written.
    pub body: &'a str,
    /// The same as HTML: what is a link there can be followed.
    pub html: &'a str,
    /// Whom it addresses.
    pub mentions: &'a [String],
}

/// What the index holds of one message.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its words, each at its place.
    pub words: Vec<String>,
    /// What else can be asked of it: in order, each once.
    pub marks: Vec<String>,
}

impl Entry {
    /// The entry of a message. The same message always has the same one: what is taken out of the index is what was put in.
    #[must_use]
    pub fn of(source: &Source<'_>) -> Self {
        let cut = cut(source.body);
        let mut marks = Vec::with_capacity(4 + source.mentions.len() + cut.len());
        marks.extend([mark::any(), mark::room(source.room), mark::author(source.author)]);
        if has_link(source) {
            marks.push(mark::link());
        }
        marks.extend(source.mentions.iter().map(|name| mark::mention(name)));
        let mut words = Vec::with_capacity(cut.len().min(MOST_WORDS));
        // A message of few words has none too often.
        let mut times: Option<HashMap<String, usize>> = (cut.len() > MOST_TIMES).then(HashMap::new);
        for word in cut.into_iter().take(MOST_WORDS) {
            let first = word.text.chars().next();
            match (word.place, first) {
                (Place::Word, _) => {
                    let end = word.text.char_indices().nth(MARKED_BEGINNING);
                    marks.extend(end.map(|(end, _)| mark::beginning(&word.text[..end])));
                }
                (_, Some(first)) => marks.push(mark::character(first)),
                (_, None) => {}
            }
            let count = times.as_mut().map_or(1, |times| {
                let count = times.entry(word.text.clone()).or_default();
                *count += 1;
                *count
            });
            words.push(if count > MOST_TIMES { LEFT_OUT.to_owned() } else { word.text });
        }
        marks.sort_unstable();
        marks.dedup();
        Self { words, marks }
    }
}

/// Whether there is something that leads out: a link, or an address that is only written there.
fn has_link(source: &Source<'_>) -> bool {
    let is_linked = source.html.contains("href=\"http") || source.html.contains("href=\"mailto:");
    is_linked || source.body.contains("https://") || source.body.contains("http://")
}

/// The marks.
pub mod mark {
    use crate::chat::types::{RoomId, UserId};

    /// Every message.
    #[must_use]
    pub fn any() -> String {
        "\u{E000}".to_owned()
    }

    /// What somebody wrote.
    #[must_use]
    pub fn author(user: UserId) -> String {
        format!("\u{E001}{user}")
    }

    /// What was said in a room.
    #[must_use]
    pub fn room(room: RoomId) -> String {
        format!("\u{E002}{room}")
    }

    /// What has a link in it.
    #[must_use]
    pub fn link() -> String {
        "\u{E003}".to_owned()
    }

    /// What addresses this username, `@room` or `@here`.
    #[must_use]
    pub fn mention(name: &str) -> String {
        ["\u{E004}", name].concat()
    }

    /// What holds this character of a script without spaces.
    #[must_use]
    pub fn character(c: char) -> String {
        format!("\u{E005}{c}")
    }

    /// What holds a longer word that begins so.
    #[must_use]
    pub fn beginning(text: &str) -> String {
        ["\u{E006}", text].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: &str) -> Entry {
        let mentions = ["ada".to_owned(), "@room".to_owned()];
        Entry::of(&Source {
            room: RoomId(3),
            author: UserId(7),
            body,
            html: "<a href=\"https://a.example\">",
            mentions: &mentions,
        })
    }

    #[test]
    fn an_entry_has_words_and_marks() {
        let entry = entry("The Sparrow 東京");
        assert_eq!(entry.words, ["the", "sparrow", "東京", "京"]);
        let marks: Vec<_> = entry.marks.iter().map(String::as_str).collect();
        let expected = [
            "\u{E000}",
            "\u{E001}7",
            "\u{E002}3",
            "\u{E003}",
            "\u{E004}@room",
            "\u{E004}ada",
            "\u{E005}京",
            "\u{E005}東",
            "\u{E006}spa",
        ];
        assert_eq!(marks, expected);
    }

    #[test]
    fn what_postgres_could_not_hold_is_left_out_on_both() {
        let many = entry(&"ha ".repeat(20_000));
        assert_eq!(many.words.len(), MOST_WORDS);
        assert_eq!(many.words.iter().filter(|word| *word == "ha").count(), MOST_TIMES);
    }
}
