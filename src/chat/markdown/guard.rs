//! Protects text that CommonMark would swallow: unused link definitions, and a shrug's arm.
//!
//! Owns where a marker is inserted to keep them as text. The marker is a noncharacter, which no text contains, and is removed
//! from the HTML again, so that code stays as typed. It must not change the meaning of used definitions.

use std::borrow::Cow;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use comrak::options::BrokenLinkReference;
use comrak::{Arena, Options};
use parking_lot::Mutex;

/// Candidates for the marker: Unicode's noncharacters.
const SIGNS: std::ops::RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';
/// Maximum length of a definition's label in CommonMark.
const LONGEST: usize = 999;

/// A body in which nothing is swallowed.
pub struct Guarded<'b> {
    /// The text to render.
    pub text: Cow<'b, str>,
    sign: Option<char>,
}

impl Guarded<'_> {
    /// Removes the markers from rendered HTML or text.
    pub fn lift(&self, made: String) -> String {
        match self.sign {
            Some(sign) if made.contains(sign) => made.replace(sign, ""),
            _ => made,
        }
    }
}

/// Protects a body.
pub fn guard<'b>(body: &'b str, options: &Options<'static>) -> Guarded<'b> {
    let may_define = body.contains("]:");
    let may_shrug = body.contains("_/¯");
    let unguarded = || Guarded { text: Cow::Borrowed(body), sign: None };
    if !may_define && !may_shrug {
        return unguarded();
    }
    let Some(sign) = SIGNS.into_iter().find(|sign| !body.contains(*sign)) else { return unguarded() };
    let mut text = Cow::Borrowed(body);
    if may_define {
        let definitions = definitions(body);
        let used = used(&put(body, &definitions, sign), options);
        let mut seen = HashSet::new();
        let unused: Vec<_> =
            definitions.into_iter().filter(|(_, name)| !used.contains(name) || !seen.insert(name.clone())).collect();
        text = Cow::Owned(put(body, &unused, sign));
    }
    if may_shrug {
        // Between a bracket and a slash it could start emphasis.
        let guarded = text.replace("_/¯", &format!("{sign}_/¯"));
        text = Cow::Owned(guarded.replace(&format!("\\{sign}_/¯"), "\\_/¯"));
    }
    Guarded { text, sign: Some(sign) }
}

/// Surrounds opening brackets with markers, so that they start neither a definition nor its label.
fn put(body: &str, definitions: &[(usize, String)], sign: char) -> String {
    let mut text = String::with_capacity(body.len() + definitions.len() * 6);
    let mut said = 0;
    for (at, _) in definitions {
        text.push_str(&body[said..*at]);
        text.extend([sign, '[', sign]);
        said = at + 1;
    }
    text.push_str(&body[said..]);
    text
}

/// The labels that links in a text use and that are not defined there.
fn used(text: &str, options: &Options<'static>) -> HashSet<String> {
    // comrak requires an unwind-safe callback.
    let asked = Arc::new(AssertUnwindSafe(Mutex::new(HashSet::new())));
    let hears = asked.clone();
    let mut options = options.clone();
    options.parse.broken_link_callback = Some(Arc::new(move |link: BrokenLinkReference<'_>| {
        hears.lock().insert(normal(link.original));
        None
    }));
    let arena = Arena::new();
    comrak::parse_document(&arena, text, &options);
    std::mem::take(&mut *asked.lock())
}

/// The lines that start like a definition: the position of the bracket, and the label.
fn definitions(body: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut line = 0;
    loop {
        let at = line + prefix(&body[line..]);
        if let Some(name) = body[at..].strip_prefix('[').and_then(name) {
            found.push((at, normal(name)));
        }
        match body[line..].find('\n') {
            Some(end) => line += end + 1,
            None => return found,
        }
    }
}

/// The length of the quote and list markers at the start of a line.
fn prefix(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mut at = 0;
    loop {
        let digits = bytes[at..].iter().take(9).take_while(|b| b.is_ascii_digit()).count();
        let next = |ahead: usize| bytes.get(at + ahead).copied();
        at += match next(0) {
            Some(b' ' | b'\t' | b'>') => 1,
            Some(b'-' | b'+' | b'*') if matches!(next(1), Some(b' ' | b'\t')) => 2,
            _ if digits > 0 && matches!(next(digits), Some(b'.' | b')')) && matches!(next(digits + 1), Some(b' ' | b'\t')) => {
                digits + 2
            }
            _ => return at,
        };
    }
}

/// The label that ends with `]:`.
fn name(rest: &str) -> Option<&str> {
    let mut is_escaped = false;
    for (at, b) in rest.bytes().take(LONGEST * 4).enumerate() {
        match b {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'[' => return None,
            b']' => return (rest.as_bytes().get(at + 1) == Some(&b':')).then(|| &rest[..at]),
            _ => {}
        }
    }
    None
}

/// Normalizes a label for comparison.
fn normal(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
