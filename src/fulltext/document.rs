//! What the index holds of a message: its words in order, and marks of what it is.
//!
//! Owns the marks' spelling. They begin with a character for private use, which no word of a text ever holds, so nobody can type
//! one: filters run inside the index without meeting the words. It must not decide who may find what.

use std::collections::HashMap;

use crate::fulltext::symbols;
use crate::fulltext::tokenizer;
use crate::fulltext::tokenizer::Place;
use crate::model::{RoomId, UserId};

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
    /// The words, then the marks; behind each a space.
    text: String,
    /// Where the marks begin.
    marks_at: usize,
}

impl Entry {
    /// The entry of a message. The same message always has the same one: what is taken out of the index is what was put in.
    #[must_use]
    pub fn of(source: &Source<'_>) -> Self {
        let (mut characters, mut beginnings) = (Vec::new(), Vec::with_capacity(source.body.len() / 6));
        let mut text = String::with_capacity(2 * source.body.len() + 64);
        let mut count = 0;
        tokenizer::each(source.body, |word| {
            if count == MOST_WORDS {
                return;
            }
            count += 1;
            match word.place {
                Place::Word => beginnings.extend(beginning(word.text)),
                Place::Pair | Place::Last | Place::Only => characters.extend(word.text.chars().next()),
            }
            push(&mut text, &[word.text]);
        });
        // A message of few words has none too often.
        if count > MOST_TIMES {
            text = without_the_too_frequent(text);
        }
        let marks_at = text.len();
        push(&mut text, &[&mark::any()]);
        push(&mut text, &[&mark::author(source.author)]);
        push(&mut text, &[&mark::room(source.room)]);
        if has_link(source) {
            push(&mut text, &[&mark::link()]);
        }
        for name in in_order(source.mentions.iter().collect()) {
            push(&mut text, &[mark::MENTION, name]);
        }
        for c in in_order(characters) {
            push(&mut text, &[mark::CHARACTER, c.encode_utf8(&mut [0; 4])]);
        }
        for (first, second, third) in in_order(beginnings) {
            text.push_str(mark::BEGINNING);
            text.extend([first, second, third, ' ']);
        }
        let mut found = Vec::new();
        symbols::each(source.body, |sign| found.push(sign));
        for sign in in_order(found) {
            mark::push_sign(sign, &mut text);
            text.push(' ');
        }
        Self { text, marks_at }
    }

    /// Its words, each at its place.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text[..self.marks_at].split_terminator(' ')
    }

    /// What else can be asked of it: in order, each once.
    pub fn marks(&self) -> impl Iterator<Item = &str> {
        self.text[self.marks_at..].split_terminator(' ')
    }

    /// Its words and then its marks, with a space behind each: what FTS5 takes.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

fn push(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
    text.push(' ');
}

fn in_order<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

/// The first [`MARKED_BEGINNING`] characters of a word that has more of them.
fn beginning(word: &str) -> Option<(char, char, char)> {
    let mut characters = word.chars();
    let beginning = (characters.next()?, characters.next()?, characters.next()?);
    characters.next().map(|_| beginning)
}

/// The same words; those of them that were said [`MOST_TIMES`] before are left out.
fn without_the_too_frequent(words: String) -> String {
    // Words with the same ends are counted together first: to tell all words apart takes as long as to cut them, and in what people
    // write there is hardly ever one so frequent.
    let mut alike = [0_usize; 256];
    for word in words.split_terminator(' ').map(str::as_bytes) {
        let ends = word.iter().next().zip(word.last()).map_or(0, |(first, last)| usize::from(first.wrapping_mul(31) ^ last));
        alike[ends] += 1;
    }
    if alike.iter().all(|count| *count <= MOST_TIMES) {
        return words;
    }
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut text = String::with_capacity(words.len());
    for word in words.split_terminator(' ') {
        let count = times.entry(word).or_default();
        *count += 1;
        push(&mut text, &[if *count > MOST_TIMES { LEFT_OUT } else { word }]);
    }
    text
}

/// Whether there is something that leads out: a link, or an address that is only written there.
fn has_link(source: &Source<'_>) -> bool {
    let is_linked = source.html.contains("href=\"http") || source.html.contains("href=\"mailto:");
    is_linked || source.body.contains("https://") || source.body.contains("http://")
}

/// The marks.
pub mod mark {
    use crate::model::{RoomId, UserId};

    /// How a mark of somebody who is addressed begins.
    pub(super) const MENTION: &str = "\u{E004}";
    /// How a mark of a character begins.
    pub(super) const CHARACTER: &str = "\u{E005}";
    /// How a mark of a sign begins.
    const SIGN: &str = "\u{E008}";
    /// Stands before the number of a sign of ASCII: the databases would take the sign itself for the end of a word.
    const ASCII: u32 = 0xE100;
    /// How a mark of the beginning of words begins.
    pub(super) const BEGINNING: &str = "\u{E006}";

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
        [MENTION, name].concat()
    }

    /// What holds this character of a script without spaces.
    #[must_use]
    pub fn character(c: char) -> String {
        format!("{CHARACTER}{c}")
    }

    /// What holds a sign, as `signs` finds them.
    #[must_use]
    pub fn sign(sign: &str) -> String {
        let mut mark = String::new();
        push_sign(sign, &mut mark);
        mark
    }

    /// Adds the mark of a sign to a text.
    pub(super) fn push_sign(sign: &str, text: &mut String) {
        text.push_str(SIGN);
        text.extend(sign.chars().map(|c| if c.is_ascii() { char::from_u32(ASCII + u32::from(c)).unwrap_or(c) } else { c }));
    }

    /// What holds a longer word that begins so.
    #[must_use]
    pub fn beginning(text: &str) -> String {
        [BEGINNING, text].concat()
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
        assert_eq!(entry.words().collect::<Vec<_>>(), ["the", "sparrow", "東京", "京"]);
        let marks: Vec<_> = entry.marks().collect();
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
    fn signs_are_marks() {
        let entry = entry("a -> 🎉?");
        let marks: Vec<_> = entry.marks().skip(6).collect();
        assert_eq!(marks, ["\u{E008}\u{E12D}\u{E13E}", "\u{E008}🎉"]);
        assert_eq!(marks, ["->", "🎉"].map(mark::sign));
    }

    #[test]
    fn an_entry_is_one_text() {
        let entry = entry("a b  a");
        assert_eq!(entry.into_text(), "a b a \u{E000} \u{E001}7 \u{E002}3 \u{E003} \u{E004}@room \u{E004}ada ");
    }

    #[test]
    fn what_postgres_could_not_hold_is_left_out_on_both() {
        let many = entry(&"ha ".repeat(20_000));
        assert_eq!(many.words().count(), MOST_WORDS);
        assert_eq!(many.words().filter(|word| *word == "ha").count(), MOST_TIMES);
    }
}
