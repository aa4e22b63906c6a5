//! The scanner for code: comments, strings, numbers, words.
//!
//! Owns the reading from left to right. Each step consumes at least one character and never goes back.

use super::Painter;
use super::languages::Known;

/// Highlights `code`.
pub fn code(language: &Known, code: &str, painter: &mut Painter) {
    let mut scanner = Scanner { language, code, at: 0, said: 0, painter };
    while scanner.at < code.len() {
        scanner.step();
    }
    scanner.flush();
}

struct Scanner<'l, 'c, 'p> {
    language: &'l Known,
    code: &'c str,
    at: usize,
    /// The end of the output so far.
    said: usize,
    painter: &'p mut Painter,
}

impl<'c> Scanner<'_, 'c, '_> {
    fn rest(&self) -> &'c str {
        &self.code[self.at..]
    }

    fn before(&self) -> u8 {
        self.at.checked_sub(1).map_or(b'\n', |at| self.code.as_bytes()[at])
    }

    fn flush(&mut self) {
        self.painter.plain(&self.code[self.said..self.at]);
        self.said = self.at;
    }

    /// Outputs the next `length` bytes with a class.
    fn take(&mut self, class: &'static str, length: usize) {
        self.flush();
        self.at += length;
        self.painter.put(class, &self.code[self.said..self.at]);
        self.said = self.at;
    }

    fn step(&mut self) {
        let rest = self.rest();
        let byte = rest.as_bytes()[0];
        if let Some(length) = self.comment(rest) {
            return self.take("hl-c", length);
        }
        if let Some(length) = self.string(rest) {
            let is_key = self.language.traits.has_keys && is_key(&rest[length..]);
            return self.take(if is_key { "hl-t" } else { "hl-s" }, length);
        }
        if self.language.traits.sigil == Some(byte)
            && let Some(length) = meta(rest)
        {
            return self.take("hl-m", length);
        }
        if byte.is_ascii_digit() {
            let number = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'%');
            let bytes = rest.as_bytes();
            // The two dots of a range end a number. They are the limit of the search, so that a row of ranges is not scanned
            // repeatedly.
            let ends = |at: &usize| !number(bytes[*at]) || bytes[*at..].starts_with(b"..");
            return self.take("hl-n", (1..bytes.len()).find(ends).unwrap_or(bytes.len()));
        }
        if is_word(byte) {
            return self.word(rest);
        }
        self.at += rest.chars().next().map_or(1, char::len_utf8);
    }

    fn comment(&self, rest: &str) -> Option<usize> {
        if let Some((open, close)) = self.language.block_comment
            && let Some(inside) = rest.strip_prefix(open)
        {
            return Some(inside.find(close).map_or(rest.len(), |end| open.len() + end + close.len()));
        }
        let begins = self.language.line_comments.iter().any(|sign| rest.starts_with(sign));
        let may = !self.language.traits.spaced_comments || self.before().is_ascii_whitespace();
        (begins && may).then(|| line(rest))
    }

    fn string(&self, rest: &str) -> Option<usize> {
        if self.language.traits.has_lifetimes && rest.starts_with('\'') {
            return character(rest);
        }
        let &(open, close, is_long) = self.language.strings.iter().find(|(open, ..)| rest.starts_with(open))?;
        // An apostrophe inside a word, as in prose, does not start a string.
        if open == "'" && is_word(self.before()) {
            return None;
        }
        let mut at = open.len();
        loop {
            let here = &rest[at..];
            if here.starts_with(close) {
                return Some(at + close.len());
            }
            let mut next = here.chars();
            match next.next() {
                None => return Some(at),
                Some('\n') if !is_long => return Some(at),
                Some('\\') if !matches!(next.clone().next(), None | Some('\n')) => {
                    at += 1 + next.next().map_or(0, char::len_utf8)
                }
                Some(c) => at += c.len_utf8(),
            }
        }
    }

    fn word(&mut self, rest: &str) {
        let language = self.language;
        let traits = &language.traits;
        let length = rest.bytes().take_while(|&b| is_word(b) || b.is_ascii_digit() || (traits.has_keys && b == b'-')).count();
        let (word, after) = rest.split_at(length);
        let is_capital = traits.capitals_are_types && word.starts_with(|c: char| c.is_ascii_uppercase());
        let calls = after.starts_with('(') || after.starts_with("!(") || after.starts_with("![");
        if language.is_keyword(word) {
            self.take("hl-k", length);
        } else if traits.has_keys && is_key(after) || language.is_type(word) || is_capital && !calls {
            self.take("hl-t", length);
        } else if calls {
            self.take("hl-f", length);
        } else {
            self.at += length;
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// The length of the line at the start of `rest`, without its end.
fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// Whether the following text makes the preceding word a key.
fn is_key(after: &str) -> bool {
    let after = after.trim_start_matches([' ', '\t']);
    after.starts_with(':') && !after.starts_with("::") || after.starts_with('=') && !after.starts_with("==")
}

/// A Rust character literal, possibly escaped. Anything else is a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        let end = rest.bytes().take(12).enumerate().skip(3).find(|&(_, b)| b == b'\'')?.0;
        return Some(end + 1);
    }
    let (end, close) = chars.next()?;
    (close == '\'' && first != '\'').then_some(end + 1)
}

/// A word after a sigil, or an attribute in brackets.
fn meta(rest: &str) -> Option<usize> {
    let inside = &rest[1..];
    if let Some(open) = inside.strip_prefix('[').or_else(|| inside.strip_prefix("![")) {
        let end = bracket(open, b']')?;
        return Some(rest.len() - open.len() + end + 1);
    }
    if inside.starts_with('{') {
        return bracket(inside, b'}').map(|end| end + 2);
    }
    let length = inside.bytes().take_while(|&b| is_word(b) || b.is_ascii_digit()).count();
    (length > 0).then_some(length + 1)
}

/// The position of a closing bracket on the same line and nearby, so that a row of open brackets is not scanned repeatedly.
fn bracket(rest: &str, close: u8) -> Option<usize> {
    rest.bytes().take(120).take_while(|&b| b != b'\n').position(|b| b == close)
}
