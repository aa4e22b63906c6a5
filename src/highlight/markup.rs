//! Scanners for markup and diffs.

use super::Painter;

/// Highlights HTML or XML.
pub fn markup(code: &str, painter: &mut Painter) {
    let mut rest = code;
    while let Some(at) = rest.find('<') {
        painter.plain(&rest[..at]);
        rest = &rest[at..];
        let length = if rest.starts_with("<!--") {
            let length = rest.find("-->").map_or(rest.len(), |end| end + 3);
            painter.put("hl-c", &rest[..length]);
            length
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            tag(rest, painter)
        } else {
            painter.plain("<");
            1
        };
        rest = &rest[length..];
    }
    painter.plain(rest);
}

/// Highlights one tag; returns its length.
fn tag(rest: &str, painter: &mut Painter) -> usize {
    let name =
        1 + rest[1..].bytes().take_while(|&b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'!' | b'?' | b'-' | b':')).count();
    painter.put("hl-k", &rest[..name]);
    let mut at = name;
    while let Some(next) = rest[at..].chars().next() {
        let here = &rest[at..];
        let length = match next {
            '>' => {
                painter.put("hl-k", ">");
                return at + 1;
            }
            '<' => return at,
            '"' | '\'' => {
                let length = here[1..].find(next).map_or(here.len(), |end| end + 2);
                painter.put("hl-s", &here[..length]);
                length
            }
            c if c.is_ascii_alphabetic() => {
                let length =
                    here.bytes().take_while(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'_' | b'.')).count();
                painter.put("hl-t", &here[..length]);
                length
            }
            _ => {
                painter.plain(&here[..next.len_utf8()]);
                next.len_utf8()
            }
        };
        at += length;
    }
    at
}

/// Highlights a diff, line by line.
pub fn diff(code: &str, painter: &mut Painter) {
    for line in code.split_inclusive('\n') {
        let (words, end) = line.strip_suffix('\n').map_or((line, ""), |words| (words, "\n"));
        match words.as_bytes() {
            [b'+', b'+', b'+', ..]
            | [b'-', b'-', b'-', ..]
            | [b'd', b'i', b'f', b'f', b' ', ..]
            | [b'i', b'n', b'd', b'e', b'x', b' ', ..] => {
                painter.put("hl-c", words);
            }
            [b'@', b'@', ..] => painter.put("hl-m", words),
            [b'+', ..] => painter.put("hl-a", words),
            [b'-', ..] => painter.put("hl-d", words),
            _ => painter.plain(words),
        }
        painter.plain(end);
    }
}
