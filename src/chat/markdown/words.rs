//! The words with a sign in a text: `@name`, `#room`, `:emoji:`.
//!
//! Owns where such a word begins and ends. It must not know which names exist.

/// A word with a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'t> {
    /// `@name`
    Name(&'t str),
    /// `#slug`
    Room(&'t str),
    /// `:shortcode:`
    Emoji(&'t str),
}

/// The words of a text in order, each with where it begins and ends. Every byte is looked at a bounded number of times.
pub struct Words<'t> {
    text: &'t str,
    at: usize,
}

/// How long a word can be that means something: usernames have at most 32 characters, slugs and shortcodes a few more.
const LONGEST: usize = 80;

impl<'t> Words<'t> {
    /// The words of `text`.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = (usize, usize, Found<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let from = self.at + self.text.get(self.at..)?.find(['@', '#', ':'])?;
            self.at = from + 1;
            if let Some((to, found)) = word(self.text, from) {
                self.at = to;
                return Some((from, to, found));
            }
        }
    }
}

/// The word whose sign is at `from`.
fn word(text: &str, from: usize) -> Option<(usize, Found<'_>)> {
    let sign = text.as_bytes()[from];
    // `a@b`, `C#x` and `10:30:` are something else.
    if text[..from]
        .chars()
        .next_back()
        .is_some_and(|before| is_joined(before) || (sign != b':' && matches!(before, '@' | '#' | '/' | '.')))
    {
        return None;
    }
    let rest = &text[from + 1..];
    let belongs = |b: u8| match sign {
        b'@' => b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'),
        b'#' => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
        _ => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'),
    };
    let mut length = rest.bytes().take(LONGEST + 1).take_while(|&b| belongs(b)).count();
    if length == 0 || length > LONGEST {
        return None;
    }
    if sign == b':' {
        let is_closed = rest.as_bytes().get(length) == Some(&b':') && !follows(&rest[length + 1..]);
        return is_closed.then(|| (from + length + 2, Found::Emoji(&rest[..length])));
    }
    if follows(&rest[length..]) {
        return None;
    }
    // The end of a sentence is not the name's.
    length = rest[..length].trim_end_matches(['.', '-', '_']).len();
    let name = &rest[..length];
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    begins.then_some((from + 1 + length, if sign == b'@' { Found::Name(name) } else { Found::Room(name) }))
}

/// Whether what follows goes on with the word.
fn follows(rest: &str) -> bool {
    rest.chars().next().is_some_and(|c| is_joined(c) || c == '@')
}

/// Whether a letter joins with its neighbours into a word. Chinese, Japanese and Korean put no space around a name.
fn is_joined(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{2E80}' || c == '_'
}
