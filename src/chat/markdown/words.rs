//! Words with a sign in text: `@name`, `#room`, `:emoji:`, and web addresses.
//!
//! Owns where such a word starts and ends. It must not know which names exist. The browser's completion uses the same boundaries.

use super::addresses;

/// A word with a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'t> {
    /// `@name`, with every character that may belong to the name.
    Name(&'t str),
    /// `#slug`
    Room(&'t str),
    /// `:shortcode:`
    Emoji(&'t str),
    /// `https://…` or `www.…`
    Address(&'t str),
}

/// The words of a text in order, with their start and end. Each byte is examined a bounded number of times.
pub struct Words<'t> {
    text: &'t str,
    /// The character before the text.
    before: Option<char>,
    at: usize,
    /// The end of the last name or room: another may follow directly, as in `@ada/@grace`.
    named: usize,
    /// The end of the current row of shortcodes.
    row: usize,
}

/// Maximum length of a word: usernames have at most 32 characters, slugs and shortcodes a few more.
const LONGEST: usize = 80;

impl<'t> Words<'t> {
    /// The words of `text`, which follows `before`.
    pub fn new(text: &'t str, before: Option<char>) -> Self {
        Self { text, before, at: 0, named: usize::MAX, row: 0 }
    }

    /// Continues at `at`, because the last word was shorter.
    pub fn go_on(&mut self, at: usize) {
        self.at = at;
        self.named = at;
    }

    fn before(&self, at: usize) -> Option<char> {
        if at == 0 { self.before } else { self.text[..at].chars().next_back() }
    }

    /// The word with its sign at `from`: its start, its end, and its kind.
    fn word(&mut self, from: usize) -> Option<(usize, usize, Found<'t>)> {
        let sign = self.text[from..].chars().next()?;
        match sign {
            'w' | 'W' => {
                let length = addresses::may_begin_behind(self.before(from))
                    .then(|| addresses::length(&self.text[from..], self.before(from)))??;
                Some((from, from + length, Found::Address(&self.text[from..from + length])))
            }
            ':' => self.address(from).or_else(|| self.shortcode(from)),
            _ => self.name(from, sign),
        }
    }

    /// An address whose scheme ends at `from`.
    fn address(&self, from: usize) -> Option<(usize, usize, Found<'t>)> {
        if !self.text[from..].starts_with("://") {
            return None;
        }
        let start = from - addresses::scheme_before(&self.text[self.seen()..from])?;
        let length = addresses::length(&self.text[start..], self.before(start))?;
        Some((start, start + length, Found::Address(&self.text[start..start + length])))
    }

    /// The end of the last word.
    fn seen(&self) -> usize {
        if self.named == usize::MAX { 0 } else { self.named }
    }

    /// A shortcode: not inside a word, and not next to a colon of something else, as in `std::hash::Hash`.
    fn shortcode(&mut self, from: usize) -> Option<(usize, usize, Found<'t>)> {
        if from >= self.row {
            if self.before(from).is_some_and(|before| before == ':' || is_joined(before)) {
                return None;
            }
            let mut end = from;
            while let Some(length) = shortcode_length(&self.text[end..]) {
                end += length;
            }
            if end == from {
                return None;
            }
            if follows(&self.text[end..]) || self.text[end..].starts_with(':') {
                // There is no shortcode in the row.
                self.at = end;
                return None;
            }
            self.row = end;
        }
        let length = shortcode_length(&self.text[from..])?;
        Some((from, from + length, Found::Emoji(&self.text[from + 1..from + length - 1])))
    }

    fn name(&self, from: usize, sign: char) -> Option<(usize, usize, Found<'t>)> {
        let is_person = matches!(sign, '@' | '＠');
        let is_behind = from == self.named || !self.is_inside(from, is_person);
        if !is_behind || self.before(from).is_some_and(|before| is_joined(before) || matches!(before, '@' | '＠' | '#' | '＃'))
        {
            return None;
        }
        let start = from + sign.len_utf8();
        let rest = &self.text[start..];
        let belongs = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || is_person && b == b'.';
        let length = rest.bytes().take(LONGEST + 1).take_while(|&b| belongs(b)).count();
        let begins = rest.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if !begins || length > LONGEST {
            return None;
        }
        let name = &rest[..length];
        let is_ended = name.ends_with(['.', '-', '_']);
        // `@ada@example.com` is an address; `@ada-@grace` are two people.
        let next = rest[length..].chars().next();
        if next.is_some_and(is_joined) || !is_ended && matches!(next, Some('@' | '＠')) {
            return None;
        }
        Some((from, start + length, if is_person { Found::Name(name) } else { Found::Room(name) }))
    }

    /// Whether a sign after a slash or dot is part of a path or host, as in `example.com/@ada`.
    fn is_inside(&self, from: usize, is_person: bool) -> bool {
        if !matches!(self.before(from), Some('/' | '.')) {
            return false;
        }
        let start = from.saturating_sub(LONGEST);
        let near = &self.text[self.text.ceil_char_boundary(start)..from];
        let token = near.rsplit(char::is_whitespace).next().unwrap_or_default();
        let first = token.split('/').next().unwrap_or_default().trim_start_matches(['(', '[', '{', '"', '\'', '*', '_']);
        let is_host = || {
            let mut labels = first.split('.');
            labels.next().is_some_and(|label| label.ends_with(is_joined))
                && labels.next().is_some_and(|label| label.starts_with(is_joined))
        };
        // A `#` there starts a fragment, unless several rooms are in a row.
        let is_row = first.starts_with(['@', '＠', '#', '＃']);
        !is_row && (!is_person || token.contains("://") || is_host())
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = (usize, usize, Found<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let from = self.at + self.text.get(self.at..)?.find(['@', '#', ':', '＠', '＃', 'w', 'W'])?;
            let sign = self.text[from..].chars().next().map_or(1, char::len_utf8);
            self.at = from + sign;
            if let Some((start, to, found)) = self.word(from) {
                self.at = to;
                self.named = to;
                return Some((start, to, found));
            }
        }
    }
}

/// The length of the shortcode at the start of a text, with both colons.
fn shortcode_length(text: &str) -> Option<usize> {
    let code = text.strip_prefix(':')?;
    let belongs = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+');
    let length = code.bytes().take(LONGEST + 1).take_while(|&b| belongs(b)).count();
    let is_closed = (1..=LONGEST).contains(&length) && code.as_bytes().get(length) == Some(&b':');
    is_closed.then_some(length + 2)
}

/// Whether the following text continues the word.
fn follows(rest: &str) -> bool {
    rest.chars().next().is_some_and(|c| is_joined(c) || c == '@')
}

/// Whether a letter joins with its neighbors into a word. Chinese, Japanese and Korean have no spaces around names.
fn is_joined(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{2E80}' || c == '_'
}
