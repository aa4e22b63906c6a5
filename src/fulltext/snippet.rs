//! Snippets: the excerpt of a message that shows why it matched, as HTML with `<mark>`.
//!
//! It shows the plain text of the message's HTML, without Markdown. The index contains the source, so a match may occur only
//! there, as in a link's address; then the source is shown. Owns the only HTML that search produces: text is escaped, and nothing
//! but `<mark>` is added.

use crate::fulltext::plain::plain;
use crate::fulltext::term::Term;
use crate::fulltext::tokenizer::tokenize;

/// Approximate length of a snippet in bytes; characters of several bytes are wider, too.
const LENGTH: usize = 240;
/// Bytes before the first match.
const LEAD: usize = 60;

/// The snippet of a message, from its plain text or its source.
pub fn snippet(body: &str, html: &str, terms: &[Term]) -> String {
    let shown = plain(html, usize::MAX);
    let marks = marks(&shown, terms);
    if shown.is_empty() || (marks.is_empty() && !terms.is_empty()) {
        let written = self::marks(body, terms);
        if shown.is_empty() || !written.is_empty() {
            return marked(body, written);
        }
    }
    marked(&shown, marks)
}

/// The positions of the terms in a text, in order; overlapping ones are merged.
fn marks(text: &str, terms: &[Term]) -> Vec<(usize, usize)> {
    let words = tokenize(text);
    let mut found: Vec<(usize, usize)> =
        terms.iter().flat_map(|term| term.matches(&words).map(|found| (found.start, found.end))).collect();
    let symbols = terms.iter().filter_map(Term::symbol);
    found.extend(symbols.flat_map(|symbol| text.match_indices(symbol).map(|(start, found)| (start, start + found.len()))));
    found.sort_unstable();
    let mut marks: Vec<(usize, usize)> = Vec::with_capacity(found.len());
    for (start, end) in found {
        match marks.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => marks.push((start, end)),
        }
    }
    marks
}

/// The excerpt with the most matches, as HTML.
fn marked(body: &str, marks: Vec<(usize, usize)>) -> String {
    let (from, to) = stretch(body, &marks);
    let mut html = String::with_capacity(to - from + 64);
    if from > 0 {
        html.push('…');
    }
    let mut at = from;
    for (start, end) in marks {
        let (start, end) = (start.max(at), end.min(to));
        if start >= end {
            continue;
        }
        escape(&body[at..start], &mut html);
        html.push_str("<mark>");
        escape(&body[start..end], &mut html);
        html.push_str("</mark>");
        at = end;
    }
    escape(&body[at..to], &mut html);
    if to < body.len() {
        html.push('…');
    }
    html
}

/// The first range with the most matches.
fn stretch(body: &str, marks: &[(usize, usize)]) -> (usize, usize) {
    let (mut best, mut first) = (None, 0);
    // Ranges are sorted and disjoint, so the end of the range only moves forward.
    let mut end = 0;
    for (nth, (start, _)) in marks.iter().enumerate() {
        end += marks[end..].iter().take_while(|(_, to)| *to <= start + LENGTH - LEAD).count();
        let held = end.saturating_sub(nth);
        if best.is_none_or(|best| held > best) {
            (best, first) = (Some(held), *start);
        }
    }
    let from = if first <= LEAD || body.len() <= LENGTH { 0 } else { begin_near(body, first - LEAD, first) };
    let to = if body.len() <= from + LENGTH { body.len() } else { end_near(body, from + LENGTH) };
    (from, to)
}

/// A word start at or after `at`, at the latest `limit`.
fn begin_near(body: &str, at: usize, limit: usize) -> usize {
    let at = body.ceil_char_boundary(at);
    let space = body[at..limit].find(char::is_whitespace);
    let begin = space.map_or(at, |space| at + space);
    begin + (body[begin..limit].len() - body[begin..limit].trim_start().len())
}

/// A word end at or before `at`.
fn end_near(body: &str, at: usize) -> usize {
    let at = body.floor_char_boundary(at);
    let from = body.floor_char_boundary(at.saturating_sub(24));
    body[from..at].rfind(char::is_whitespace).map_or(at, |space| from + space)
}

/// Appends escaped text. Line ends become spaces: a snippet is one line.
fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => html.push(' '),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The snippet of plain text.
    fn of(body: &str, terms: &[&str]) -> String {
        let terms: Vec<_> = terms.iter().filter_map(|text| Term::of(text, false)).collect();
        snippet(body, "", &terms)
    }

    #[test]
    fn found_words_are_marked_as_they_were_written() {
        assert_eq!(of("A Crème brûlée,\nplease", &["creme"]), "A <mark>Crème</mark> brûlée, please");
        assert_eq!(of("東京都に行く", &["京都"]), "東<mark>京都</mark>に行く");
        assert_eq!(of("aaa bbb", &["aaa", "aaa bbb", "bbb"]), "<mark>aaa bbb</mark>");
        assert_eq!(of("nothing of it", &[]), "nothing of it");
        let party: Vec<_> = Term::of_symbols("🎉->").collect();
        assert_eq!(snippet("a -> 🎉 b", "", &party[1..]), "a -&gt; <mark>🎉</mark> b");
    }

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(
            of("<script>alert('x')</script> & <mark>y</mark> \"", &["script", "mark"]),
            "&lt;<mark>script</mark>&gt;alert(&#39;x&#39;)&lt;/<mark>script</mark>&gt; &amp; &lt;<mark>mark</mark>&gt;y&lt;/<mark>mark</mark>&gt; &quot;"
        );
    }

    #[test]
    fn a_long_text_is_shown_where_the_words_are() {
        let body = format!("{} the term here {}", "straw ".repeat(100), "straw ".repeat(100));
        let shown = of(&body, &["term"]);
        assert!(shown.starts_with("…straw ") && shown.ends_with("straw…") && shown.contains("<mark>term</mark>"), "{shown}");
        assert!(shown.len() < LENGTH + 60, "{}", shown.len());
        let body = "長い文章です。".repeat(60) + "検索" + &"まだ続きます。".repeat(60);
        let shown = of(&body, &["検索"]);
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("<mark>検索</mark>"), "{shown}");
    }

    #[test]
    fn a_text_of_nothing_but_marks_is_gone_through_once() {
        let body = "a ".repeat(200_000);
        assert!(of(&body, &["a"]).starts_with("<mark>a</mark> <mark>a</mark>"));
        let body = format!("{}a a a a {}", "a straw ".repeat(50), "straw ".repeat(50));
        let shown = of(&body, &["a"]);
        assert!(shown.contains("<mark>a</mark> <mark>a</mark> <mark>a</mark> <mark>a</mark>"), "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn only_marks_are_markup(body in "[a-c<>&'\"東京é\u{301} ]{0,400}|\\PC{0,80}", term in "[a-c東]{1,3}") {
            let shown = of(&body, &[&term]).replace("<mark>", "").replace("</mark>", "");
            assert!(!shown.contains(['<', '>', '"', '\'']), "{shown}");
        }
    }
}
