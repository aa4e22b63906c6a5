//! The first lines of a text, as messages show them.
//!
//! Owns how much of it is shown, and that nothing of it is markup but the spans of the highlighter. No process is needed: reading it takes
//! a bounded time, whatever it is.

use crate::highlight::{Painter, knows};

/// How many lines, and how many characters of each.
const LINES: usize = 12;
const WIDTH: usize = 160;
/// The largest excerpt, in bytes of HTML. What is larger is not highlighted.
const LARGEST: usize = 6 * 1024;

/// The beginning of a text as HTML; `head` are its first bytes. `None` if there is nothing to see.
pub fn excerpt(head: &[u8], name: &str) -> Option<String> {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    let text = valid.trim_start_matches('\u{feff}');
    let mut shown = String::new();
    for line in text.lines().take(LINES) {
        let end = line.char_indices().nth(WIDTH).map_or(line.len(), |(at, _)| at);
        shown.extend(line[..end].chars().filter(|c| !is_hidden(*c)));
        if end < line.len() {
            shown.push('…');
        }
        shown.push('\n');
    }
    let shown = shown.trim_end();
    if shown.is_empty() {
        return None;
    }
    let painted = language(name).and_then(|language| Painter::default().paint(&language, shown));
    painted.filter(|html| html.len() <= LARGEST).or_else(|| plain(shown)).map(|html| html.trim_end().to_owned())
}

/// Control characters, and signs that change the direction of text.
fn is_hidden(c: char) -> bool {
    c.is_control() && c != '\t' || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The language of a file: by its ending, or by its whole name.
fn language(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let ending = name.rsplit('.').next().unwrap_or_default();
    Some(ending).filter(|ending| knows(ending)).map(str::to_owned)
}

fn plain(text: &str) -> Option<String> {
    let mut html = String::with_capacity(text.len() + 64);
    html.push_str("<pre><code>");
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            c => html.push(c),
        }
    }
    html.push_str("</code></pre>");
    Some(html).filter(|html| html.len() <= 2 * LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_shown_and_highlighted() {
        let code = excerpt(b"fn main() {\n    // a < b\n}\n", "main.rs").unwrap();
        assert!(
            code.starts_with("<pre><code class=\"language-rs\">") && code.contains("<span class=\"hl-k\">fn</span>"),
            "{code}"
        );
        assert!(code.contains("a &lt; b"), "{code}");
        assert_eq!(excerpt(b"<script>\r\n", "a.txt").unwrap(), "<pre><code>&lt;script&gt;</code></pre>");
        assert_eq!(excerpt(b" \n\n", "a.txt"), None);
        let long = excerpt("é".repeat(4000).as_bytes(), "a").unwrap();
        assert_eq!(long.chars().filter(|c| *c == 'é').count(), WIDTH);
        let lines = excerpt("line\n".repeat(100).as_bytes(), "a").unwrap();
        assert_eq!(lines.lines().count(), LINES);
        assert_eq!(excerpt(&"aé".as_bytes()[..2], "a").unwrap(), "<pre><code>a</code></pre>", "a character that is cut");
        let evil = excerpt("a\u{202e}b\0".as_bytes(), "a").unwrap();
        assert_eq!(evil, "<pre><code>ab</code></pre>");
    }
}
