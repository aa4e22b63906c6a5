//! What the index holds of a message: its words in order, and facets of what it is.
//!
//! Owns the facets' spelling. They begin with a character for private use, which no word of a text ever holds, so nobody can type
//! one: filters run inside the index without meeting the words. It must not decide who may find what.

use std::collections::HashMap;

use crate::fulltext::symbols;
use crate::fulltext::tokenizer;
use crate::fulltext::tokenizer::TokenKind;
use crate::model::{RoomId, UserId};

/// How many words of one message are indexed: what Postgres can give a place to.
const MAX_WORDS: usize = 16_000;
/// How often one word of a message is indexed: what Postgres keeps of it.
const MAX_OCCURRENCES: usize = 255;
/// Stands where a word is left out, so that those behind it keep their places.
const PLACEHOLDER: &str = "\u{E007}";
/// The length at which the prefix of a word is marked, in characters: so short a one may stand in most messages. Longer ones are
/// rare enough to be looked up among the words.
pub const FACET_PREFIX: usize = 3;

/// What a message's document is made of.
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
pub struct Document {
    /// The words, then the facets; behind each a space.
    text: String,
    /// Where the facets begin.
    facets_at: usize,
}

impl Document {
    /// The document of a message. The same message always has the same one: what is taken out of the index is what was put in.
    pub fn of(source: &Source<'_>) -> Self {
        let (mut characters, mut prefixes) = (Vec::new(), Vec::with_capacity(source.body.len() / 6));
        let mut text = String::with_capacity(2 * source.body.len() + 64);
        let mut count = 0;
        tokenizer::for_each(source.body, |word| {
            if count == MAX_WORDS {
                return;
            }
            count += 1;
            match word.kind {
                TokenKind::Word => prefixes.extend(prefix(word.text)),
                TokenKind::Bigram | TokenKind::FinalCharacter | TokenKind::SingleCharacter => {
                    characters.extend(word.text.chars().next())
                }
            }
            push(&mut text, &[word.text]);
        });
        // A message of few words has none too often.
        if count > MAX_OCCURRENCES {
            text = without_frequent_words(text);
        }
        let facets_at = text.len();
        push(&mut text, &[&facet::any()]);
        push(&mut text, &[&facet::author(source.author)]);
        push(&mut text, &[&facet::room(source.room)]);
        if has_link(source) {
            push(&mut text, &[&facet::link()]);
        }
        for name in in_order(source.mentions.iter().collect()) {
            push(&mut text, &[facet::MENTION, name]);
        }
        for c in in_order(characters) {
            push(&mut text, &[facet::CHARACTER, c.encode_utf8(&mut [0; 4])]);
        }
        for (first, second, third) in in_order(prefixes) {
            text.push_str(facet::PREFIX);
            text.extend([first, second, third, ' ']);
        }
        let mut found = Vec::new();
        symbols::for_each(source.body, |symbol| found.push(symbol));
        for symbol in in_order(found) {
            facet::push_symbol(symbol, &mut text);
            text.push(' ');
        }
        Self { text, facets_at }
    }

    /// Its words, each at its place.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text[..self.facets_at].split_terminator(' ')
    }

    /// What else can be asked of it: in order, each once.
    pub fn facets(&self) -> impl Iterator<Item = &str> {
        self.text[self.facets_at..].split_terminator(' ')
    }

    /// Its words and then its facets, with a space behind each: what FTS5 takes.
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

/// The first [`FACET_PREFIX`] characters of a word that has more of them.
fn prefix(word: &str) -> Option<(char, char, char)> {
    let mut characters = word.chars();
    let prefix = (characters.next()?, characters.next()?, characters.next()?);
    characters.next().map(|_| prefix)
}

/// The same words; those of them that were said [`MAX_OCCURRENCES`] before are left out.
fn without_frequent_words(words: String) -> String {
    // Words with the same ends are counted together first: to tell all words apart takes as long as to cut them, and in what people
    // write there is hardly ever one so frequent.
    let mut alike = [0_usize; 256];
    for word in words.split_terminator(' ').map(str::as_bytes) {
        let ends = word.iter().next().zip(word.last()).map_or(0, |(first, last)| usize::from(first.wrapping_mul(31) ^ last));
        alike[ends] += 1;
    }
    if alike.iter().all(|count| *count <= MAX_OCCURRENCES) {
        return words;
    }
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut text = String::with_capacity(words.len());
    for word in words.split_terminator(' ') {
        let count = times.entry(word).or_default();
        *count += 1;
        push(&mut text, &[if *count > MAX_OCCURRENCES { PLACEHOLDER } else { word }]);
    }
    text
}

/// Whether there is something that leads out: a link, or an address that is only written there.
fn has_link(source: &Source<'_>) -> bool {
    let is_linked = source.html.contains("href=\"http") || source.html.contains("href=\"mailto:");
    is_linked || source.body.contains("https://") || source.body.contains("http://")
}

/// The facets.
pub mod facet {
    use crate::model::{RoomId, UserId};

    /// How a mark of somebody who is addressed begins.
    pub(super) const MENTION: &str = "\u{E004}";
    /// How a mark of a character begins.
    pub(super) const CHARACTER: &str = "\u{E005}";
    /// How a mark of a symbol begins.
    const SYMBOL: &str = "\u{E008}";
    /// Stands before the number of a symbol of ASCII: the databases would take the symbol itself for the end of a word.
    const ASCII: u32 = 0xE100;
    /// How a mark of the prefix of words begins.
    pub(super) const PREFIX: &str = "\u{E006}";

    /// Every message.
    pub fn any() -> String {
        "\u{E000}".to_owned()
    }

    /// What somebody wrote.
    pub fn author(user: UserId) -> String {
        format!("\u{E001}{user}")
    }

    /// What was said in a room.
    pub fn room(room: RoomId) -> String {
        format!("\u{E002}{room}")
    }

    /// What has a link in it.
    pub fn link() -> String {
        "\u{E003}".to_owned()
    }

    /// What addresses this username, `@room` or `@here`.
    pub fn mention(name: &str) -> String {
        [MENTION, name].concat()
    }

    /// What holds this character of a script without spaces.
    pub fn character(c: char) -> String {
        format!("{CHARACTER}{c}")
    }

    /// What holds a symbol, as `symbols` finds them.
    pub fn symbol(symbol: &str) -> String {
        let mut mark = String::new();
        push_symbol(symbol, &mut mark);
        mark
    }

    /// Adds the mark of a symbol to a text.
    pub(super) fn push_symbol(symbol: &str, text: &mut String) {
        text.push_str(SYMBOL);
        text.extend(symbol.chars().map(|c| if c.is_ascii() { char::from_u32(ASCII + u32::from(c)).unwrap_or(c) } else { c }));
    }

    /// What holds a longer word that begins so.
    pub fn prefix(text: &str) -> String {
        [PREFIX, text].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &str) -> Document {
        let mentions = ["ada".to_owned(), "@room".to_owned()];
        Document::of(&Source {
            room: RoomId(3),
            author: UserId(7),
            body,
            html: "<a href=\"https://a.example\">",
            mentions: &mentions,
        })
    }

    #[test]
    fn a_document_has_words_and_marks() {
        let document = document("The Sparrow 東京");
        assert_eq!(document.words().collect::<Vec<_>>(), ["the", "sparrow", "東京", "京"]);
        let facets: Vec<_> = document.facets().collect();
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
        assert_eq!(facets, expected);
    }

    #[test]
    fn signs_are_marks() {
        let document = document("a -> 🎉?");
        let facets: Vec<_> = document.facets().skip(6).collect();
        assert_eq!(facets, ["\u{E008}\u{E12D}\u{E13E}", "\u{E008}🎉"]);
        assert_eq!(facets, ["->", "🎉"].map(facet::symbol));
    }

    #[test]
    fn a_document_is_one_text() {
        let document = document("a b  a");
        assert_eq!(document.into_text(), "a b a \u{E000} \u{E001}7 \u{E002}3 \u{E003} \u{E004}@room \u{E004}ada ");
    }

    #[test]
    fn what_postgres_could_not_hold_is_left_out_on_both() {
        let many = document(&"ha ".repeat(20_000));
        assert_eq!(many.words().count(), MAX_WORDS);
        assert_eq!(many.words().filter(|word| *word == "ha").count(), MAX_OCCURRENCES);
    }
}
