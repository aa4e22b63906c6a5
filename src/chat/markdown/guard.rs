//! Words that CommonMark would swallow: definitions of links that nothing uses, and a shrug's arm.
//!
//! Owns where a sign is put that keeps them text. It is a character that no text holds, and it is taken out of the HTML again, so that
//! code stays as it is too. It must not change what a definition that something uses means.

use std::borrow::Cow;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use comrak::options::BrokenLinkReference;
use comrak::{Arena, Options};
use parking_lot::Mutex;

/// The characters of which one is put in: Unicode says that no text has them.
const SIGNS: std::ops::RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';
/// How long a definition's name can be, as CommonMark has it.
const LONGEST: usize = 999;

/// A body in which nothing is swallowed.
pub struct Guarded<'b> {
    /// What is to be rendered.
    pub text: Cow<'b, str>,
    sign: Option<char>,
}

impl Guarded<'_> {
    /// HTML, or a text, that was made of it, without the signs.
    pub fn lift(&self, made: String) -> String {
        match self.sign {
            Some(sign) if made.contains(sign) => made.replace(sign, ""),
            _ => made,
        }
    }
}

/// Guards what of `body` would be swallowed.
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
        // Between a bracket and a slash it could be the beginning of emphasis.
        let guarded = text.replace("_/¯", &format!("{sign}_/¯"));
        text = Cow::Owned(guarded.replace(&format!("\\{sign}_/¯"), "\\_/¯"));
    }
    Guarded { text, sign: Some(sign) }
}

/// The body with signs on both sides of each opening bracket: no definition, and the name of none.
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

/// The names that links in a text ask for and that nothing in it defines.
fn used(text: &str, options: &Options<'static>) -> HashSet<String> {
    // comrak wants a callback that is unwind safe.
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

/// Where lines begin as definitions do, at their brackets, and the names there.
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

/// How long the marks of quotes and lists are that a line begins with.
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

/// The name that ends with `]:`.
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

/// A name as it is compared.
fn normal(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
