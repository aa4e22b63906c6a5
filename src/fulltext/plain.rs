//! The plain text of a message's HTML, in one line.

/// Inline tags, which do not separate words.
const INLINE: [&str; 7] = ["a", "code", "del", "em", "span", "strong", "sup"];
/// The entities that the sanitizer writes.
const ENTITIES: [(&str, char); 6] =
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\''), ("&nbsp;", '\u{A0}')];

/// The first `most` characters of the text in stored HTML, with single spaces between words.
pub fn plain(html: &str, most: usize) -> String {
    let mut text = String::with_capacity(html.len().min(most));
    let mut rest = html;
    let mut length = 0;
    let mut has_gap = false;
    while length + usize::from(has_gap) < most
        && let Some(next) = rest.chars().next()
    {
        if next == '<' {
            let (tag, behind) = rest.split_once('>').unwrap_or((rest, ""));
            let name = tag.trim_start_matches(['<', '/']).split([' ', '/', '\n']).next().unwrap_or_default();
            has_gap |= !INLINE.contains(&name) && !text.is_empty();
            rest = behind;
            continue;
        }
        let entity = ENTITIES.iter().find(|(entity, _)| next == '&' && rest.starts_with(entity));
        let (letter, taken) = entity.map_or((next, next.len_utf8()), |(entity, letter)| (*letter, entity.len()));
        rest = &rest[taken..];
        if letter.is_whitespace() {
            has_gap = !text.is_empty();
            continue;
        }
        if has_gap {
            text.push(' ');
        }
        length += 1 + usize::from(has_gap);
        has_gap = false;
        text.push(letter);
    }
    text
}
