//! Documents: the words of a message in order, and facets.
//!
//! Owns the encoding of facets. They start with a private-use character, which no word contains, so nobody can type one, and
//! filters run inside the index. It must not decide who may find what.

use std::collections::HashMap;

use crate::fulltext::symbols;
use crate::fulltext::tokenizer;
use crate::fulltext::tokenizer::TokenKind;
use crate::model::{Attachment, RoomId, UserId};

/// Maximum number of indexed words per message: what Postgres can give a position.
const MAX_WORDS: usize = 16_000;
/// Maximum number of indexed occurrences of a word: what Postgres stores.
const MAX_OCCURRENCES: usize = 255;
/// Replaces omitted words, so that the following ones keep their positions.
const PLACEHOLDER: &str = "\u{E007}";
/// Length of the prefixes that have a facet, in characters. Such short prefixes may occur in most messages; longer ones are rare
/// enough to be searched among the words.
pub const FACET_PREFIX: usize = 3;

/// The content from which a document is built.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The room.
    pub room: RoomId,
    /// The author.
    pub author: UserId,
    /// The text as typed.
    pub body: &'a str,
    /// The text as HTML, which shows the links.
    pub html: &'a str,
    /// Usernames, `@room` and `@here`.
    pub mentions: &'a [String],
    /// Files, whose names and alternative texts are words as well.
    pub attachments: &'a [Attachment],
}

/// The indexed content of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    /// Words, then facets, each followed by a space.
    text: String,
    /// Where the facets start.
    facets_at: usize,
}

impl Document {
    /// Builds the document of a message. It is deterministic: what is removed from the index is what was added.
    pub fn of(source: &Source<'_>) -> Self {
        let (mut characters, mut prefixes) = (Vec::new(), Vec::with_capacity(source.body.len() / 6));
        let mut text = String::with_capacity(2 * source.body.len() + 64);
        let mut count = 0;
        let texts = source.attachments.iter().flat_map(|file| [&*file.name, &*file.alt]);
        for_each_word([source.body].into_iter().chain(texts), |word| {
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
        // A short message has no word too often.
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
        if !source.attachments.is_empty() {
            push(&mut text, &[&facet::file()]);
        }
        if source.attachments.iter().any(|file| file.media_type.starts_with("image/")) {
            push(&mut text, &[&facet::image()]);
        }
        Self { text, facets_at }
    }

    /// The words, in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text[..self.facets_at].split_terminator(' ')
    }

    /// The facets, sorted and unique.
    pub fn facets(&self) -> impl Iterator<Item = &str> {
        self.text[self.facets_at..].split_terminator(' ')
    }

    /// Words and facets, each followed by a space, as FTS5 expects.
    pub fn into_text(self) -> String {
        self.text
    }
}

fn for_each_word<'a>(texts: impl Iterator<Item = &'a str>, mut each: impl FnMut(tokenizer::Token<&str>)) {
    texts.for_each(|text| tokenizer::for_each(text, &mut each));
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

/// The first [`FACET_PREFIX`] characters of a longer word.
fn prefix(word: &str) -> Option<(char, char, char)> {
    let mut characters = word.chars();
    let prefix = (characters.next()?, characters.next()?, characters.next()?);
    characters.next().map(|_| prefix)
}

/// Replaces the occurrences of a word beyond [`MAX_OCCURRENCES`].
fn without_frequent_words(words: String) -> String {
    // First counts words by their first and last byte: a full count costs as much as tokenizing, and real text hardly ever
    // repeats a word so often.
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

/// Whether there is a link or a bare address.
fn has_link(source: &Source<'_>) -> bool {
    let is_linked = source.html.contains("href=\"http") || source.html.contains("href=\"mailto:");
    is_linked || source.body.contains("https://") || source.body.contains("http://")
}

/// Facets: properties of a message, encoded as words.
pub mod facet {
    use crate::model::{RoomId, UserId};

    /// Prefix of a mention facet.
    pub(super) const MENTION: &str = "\u{E004}";
    /// Prefix of a character facet.
    pub(super) const CHARACTER: &str = "\u{E005}";
    /// Prefix of a symbol facet.
    const SYMBOL: &str = "\u{E008}";
    /// Offset for ASCII symbols, which the databases would treat as separators.
    const ASCII: u32 = 0xE100;
    /// Prefix of a facet for prefixes of words.
    pub(super) const PREFIX: &str = "\u{E006}";

    /// Every message.
    pub fn any() -> String {
        "\u{E000}".to_owned()
    }

    /// Messages by an author.
    pub fn author(user: UserId) -> String {
        format!("\u{E001}{user}")
    }

    /// Messages in a room.
    pub fn room(room: RoomId) -> String {
        format!("\u{E002}{room}")
    }

    /// Messages with a link.
    pub fn link() -> String {
        "\u{E003}".to_owned()
    }

    /// Messages with a file.
    pub fn file() -> String {
        "\u{E009}".to_owned()
    }

    /// Messages with a picture.
    pub fn image() -> String {
        "\u{E00A}".to_owned()
    }

    /// Messages that mention a username, `@room` or `@here`.
    pub fn mention(name: &str) -> String {
        [MENTION, name].concat()
    }

    /// Messages with this character of a script without spaces.
    pub fn character(c: char) -> String {
        format!("{CHARACTER}{c}")
    }

    /// Messages with a symbol, as `symbols` finds them.
    pub fn symbol(symbol: &str) -> String {
        let mut mark = String::new();
        push_symbol(symbol, &mut mark);
        mark
    }

    /// Appends the facet of a symbol.
    pub(super) fn push_symbol(symbol: &str, text: &mut String) {
        text.push_str(SYMBOL);
        text.extend(symbol.chars().map(|c| if c.is_ascii() { char::from_u32(ASCII + u32::from(c)).unwrap_or(c) } else { c }));
    }

    /// Messages with a longer word that starts like this.
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
            attachments: &[],
        })
    }

    #[test]
    fn a_file_is_found_by_its_name() {
        let picture = Attachment { name: "IMG_7-Sparrow.png".into(), media_type: "image/png".into(), ..Attachment::default() };
        let source =
            Source { room: RoomId(3), author: UserId(7), body: "look", html: "", mentions: &[], attachments: &[picture] };
        let document = Document::of(&source);
        assert!(document.words().any(|word| word == "sparrow"), "{document:?}");
        assert!([facet::file(), facet::image()].iter().all(|facet| document.facets().any(|found| found == facet)));
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
