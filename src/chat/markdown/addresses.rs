//! Web addresses in text: where one starts and ends, and where a link leads.
//!
//! Owns these rules for bare addresses, and the check of link destinations. A destination that fails it stays text: there are no
//! links that lead nowhere.

use ammonia::Url;

/// The length of the web address at the start of `text`, which begins with its scheme or `www.`; `before` is the preceding
/// character. `None` if it is not an address.
pub fn length(text: &str, before: Option<char>) -> Option<usize> {
    let (scheme, is_www) = match text {
        _ if starts_with(text, "https://") => (8, false),
        _ if starts_with(text, "http://") => (7, false),
        _ if starts_with(text, "www.") => (0, true),
        _ => return None,
    };
    let host = host_length(&text[scheme..]);
    let name = &text[scheme..scheme + trim(&text[scheme..scheme + host])];
    let is_host = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || !b.is_ascii());
    // `www.` alone is not one.
    let is_named = !is_www || name.get(4..).is_some_and(|rest| rest.trim_matches('.').contains('.'));
    if !is_host || !is_named {
        return None;
    }
    let whole = scheme + host + path_length(&text[scheme + host..], before);
    Some(trim(&text[..whole]))
}

/// How far the scheme reaches back from the colon of `://`.
pub fn scheme_before(text: &str) -> Option<usize> {
    let scheme = ["https", "http"].into_iter().find(|scheme| {
        text.len() >= scheme.len() && text.as_bytes()[text.len() - scheme.len()..].eq_ignore_ascii_case(scheme.as_bytes())
    })?;
    let before = text[..text.len() - scheme.len()].chars().next_back();
    (!before.is_some_and(|c| c.is_ascii_alphanumeric())).then_some(scheme.len())
}

/// Whether `www.` may start an address after this character.
pub fn may_begin_behind(before: Option<char>) -> bool {
    let goes_on = |c: char| (c.is_alphanumeric() && c < '\u{2E80}') || matches!(c, '.' | '/' | '@' | ':' | '-' | '_' | '#' | '=');
    !before.is_some_and(goes_on)
}

fn starts_with(text: &str, start: &str) -> bool {
    text.len() >= start.len() && text.as_bytes()[..start.len()].eq_ignore_ascii_case(start.as_bytes())
}

/// Letters of any script; but Chinese or Japanese after a complete name, as in `example.com你好`, belongs to the sentence.
fn host_length(text: &str) -> usize {
    let (mut dots, mut before) = (0, '\0');
    for (at, c) in text.char_indices() {
        let belongs = c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !belongs || (dots > 0 && c >= '\u{2E80}' && before.is_ascii_alphanumeric()) {
            return at;
        }
        if c == '.' {
            dots += 1;
        }
        before = c;
    }
    text.len()
}

/// A port, path, query and fragment. A closing bracket ends it unless it was opened inside.
fn path_length(text: &str, before: Option<char>) -> usize {
    if !text.starts_with(['/', '?', '#', ':']) {
        return 0;
    }
    let mut open = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.last() == Some(&c) => {
                open.pop();
            }
            ')' | ']' | '}' => return at,
            '\'' if before == Some('\'') => return at,
            _ if ends(c) => return at,
            _ => {}
        }
    }
    text.len()
}

/// Spaces, quotes, and punctuation that occurs only in sentences.
fn ends(c: char) -> bool {
    match c {
        '<' | '>' | '"' | '`' | '\\' | '|' | '^' => true,
        _ if c.is_ascii() => c.is_ascii_whitespace() || c.is_ascii_control(),
        '«' | '»' | '،' | '؛' | '؟' | '۔' | '।' | '॥' => true,
        // Dashes, quotes, dots and other typography; then Chinese and Japanese punctuation, and full-width ASCII.
        '\u{2010}'..='\u{205E}'
        | '\u{2E00}'..='\u{2E7F}'
        | '\u{3000}'..='\u{3004}'
        | '\u{3008}'..='\u{3020}'
        | '\u{3030}'
        | '\u{303D}' => true,
        '\u{FE10}'..='\u{FE1F}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' => true,
        '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}' => true,
        _ => c.is_whitespace() || c.is_control(),
    }
}

/// Removes trailing punctuation of the sentence, and brackets that are not closed.
fn trim(address: &str) -> usize {
    address.trim_end_matches(['?', '!', '.', ',', ':', ';', '*', '_', '~', '\'', '(', '[', '{']).len()
}

/// Normalizes the destination of a link; `None` if it is not allowed or leads nowhere.
pub fn destination(given: &str) -> Option<String> {
    let given = given.trim();
    if given.is_empty() || given.chars().any(|c| c.is_control()) {
        return None;
    }
    let address = match scheme(given) {
        Some("http" | "https" | "mailto") => given.to_owned(),
        Some(_) => return None,
        None if given.starts_with("//") => format!("https:{given}"),
        // A path on this server.
        None if given.starts_with('/') => return (!given.starts_with("/\\")).then(|| given.to_owned()),
        None if is_mail(given) => format!("mailto:{given}"),
        None if is_host(given.split(['/', '?', '#']).next()?) => format!("https://{given}"),
        None => return None,
    };
    let url = Url::parse(&address).ok()?;
    (url.scheme() == "mailto" || url.has_host()).then_some(address)
}

/// Whether a destination is an absolute web address, possibly of another server.
pub fn is_web(destination: &str) -> bool {
    matches!(scheme(destination), Some("http" | "https"))
}

/// The scheme in lower case, if it is known; any word before a colon, unless a port follows.
fn scheme(given: &str) -> Option<&'static str> {
    let (scheme, rest) = given.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !is_scheme {
        return None;
    }
    if let Some(known) = ["http", "https", "mailto"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some(known);
    }
    let port = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    if is_port && is_host(scheme) { None } else { Some("another") }
}

/// Whether this is a host name: labels with dots, the last one with letters; or the local machine.
fn is_host(host: &str) -> bool {
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let labels: Vec<_> = host.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let ends_well = labels.last().is_some_and(|last| last.chars().count() >= 2 && last.chars().any(char::is_alphabetic));
    port.bytes().all(|b| b.is_ascii_digit())
        && labels.iter().all(is_label)
        && (host == "localhost" || labels.len() > 1 && ends_well)
}

fn is_mail(given: &str) -> bool {
    let Some((name, host)) = given.split_once('@') else { return false };
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_'));
    is_name && !host.contains(':') && is_host(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> &str {
        let at = ["http", "www."].iter().filter_map(|start| text.find(start)).min().expect("an address");
        length(&text[at..], text[..at].chars().next_back()).map_or("", |length| &text[at..at + length])
    }

    #[test]
    fn an_address_ends_where_the_sentence_goes_on() {
        for (text, found) in [
            ("https://example.com/docs（中文说明）了解", "https://example.com/docs"),
            ("https://example.com/docs。然后", "https://example.com/docs"),
            ("「https://example.com/a」", "https://example.com/a"),
            ("www.example.com，你好", "www.example.com"),
            ("www.example.com你好", "www.example.com"),
            ("https://example.com你好", "https://example.com"),
            ("[https://example.com/a]", "https://example.com/a"),
            ("{\"url\": \"https://example.com/a\"}", "https://example.com/a"),
            ("{'url':'https://example.com/a','n':1}", "https://example.com/a"),
            ("“https://example.com/a”", "https://example.com/a"),
            ("«https://example.com/a»", "https://example.com/a"),
            ("https://example.com/a—and", "https://example.com/a"),
            ("https://example.com/a…", "https://example.com/a"),
            ("(https://example.com/a)", "https://example.com/a"),
            ("(https://example.com/a).", "https://example.com/a"),
            ("https://example.com/a).", "https://example.com/a"),
            ("https://example.com/a?", "https://example.com/a"),
            ("https://example.com, and", "https://example.com"),
            ("https://example.com...", "https://example.com"),
            ("https://example.com/a(", "https://example.com/a"),
            ("https://example.com/a،", "https://example.com/a"),
            ("<https://example.com/a>", "https://example.com/a"),
            (
                "https://en.wikipedia.org/wiki/Rust_(programming_language)",
                "https://en.wikipedia.org/wiki/Rust_(programming_language)",
            ),
            ("https://example.com/a[1]{2}", "https://example.com/a[1]{2}"),
            ("https://example.com/it's", "https://example.com/it's"),
            ("https://ja.wikipedia.org/wiki/日本語", "https://ja.wikipedia.org/wiki/日本語"),
            ("https://ja.wikipedia.org/wiki/ジョン・スミス、", "https://ja.wikipedia.org/wiki/ジョン・スミス"),
            ("https://ru.wikipedia.org/wiki/Москва.", "https://ru.wikipedia.org/wiki/Москва"),
            ("https://ar.wikipedia.org/wiki/القاهرة", "https://ar.wikipedia.org/wiki/القاهرة"),
            ("https://müller.example/ü", "https://müller.example/ü"),
            ("https://例え.jp/", "https://例え.jp/"),
            ("http://localhost:3000/rooms/a?b=c#d", "http://localhost:3000/rooms/a?b=c#d"),
            ("http://[::1]/", ""),
            ("https://", ""),
            ("https://.", ""),
            ("www.", ""),
            ("www.example", ""),
        ] {
            assert_eq!(address(text), found, "{text}");
        }
    }

    #[test]
    fn capitals_make_no_difference() {
        assert_eq!(length("HTTPS://EXAMPLE.COM/A.", None), Some(21));
        assert_eq!(
            (scheme_before("see HTTPS"), scheme_before("xhttps"), scheme_before("中http"), scheme_before("ftp")),
            (Some(5), None, Some(4), None)
        );
    }

    #[test]
    fn a_link_leads_to_the_web_or_nowhere() {
        for (given, leads) in [
            ("https://example.com/a", "https://example.com/a"),
            ("HTTP://example.com", "HTTP://example.com"),
            ("example.com", "https://example.com"),
            ("example.com/a?b#c", "https://example.com/a?b#c"),
            ("docs.example.co.uk:8080/a", "https://docs.example.co.uk:8080/a"),
            ("localhost:3000/a", "https://localhost:3000/a"),
            ("//example.com/a", "https://example.com/a"),
            ("/rooms/general", "/rooms/general"),
            ("mailto:ada@example.com", "mailto:ada@example.com"),
            ("ada@example.com", "mailto:ada@example.com"),
            ("例え.jp", "https://例え.jp"),
        ] {
            assert_eq!(destination(given).as_deref(), Some(leads), "{given}");
        }
        for none in [
            "",
            " ",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "tel:123",
            "ftp://example.com",
            "a",
            "y",
            "a/b",
            "#a",
            "?a=b",
            "../a",
            "1.2",
            "a..b",
            ".com",
            "http://",
            "https://[bad",
            "http:///a b",
            "//",
            "/\\example.com",
        ] {
            assert_eq!(destination(none), None, "{none:?}");
        }
    }
}
