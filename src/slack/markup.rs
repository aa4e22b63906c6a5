//! Slack's markup as Markdown.
//!
//! Owns what of a text means something in Slack, and that nothing else does in Markdown. It must not know who people are: it is given names.

use std::collections::HashMap;

use emojis::SkinTone;

/// The names that a text refers to by ids.
#[derive(Debug, Default)]
pub struct Known {
    /// Usernames by the ids of people.
    pub people: HashMap<String, String>,
    /// Names by the ids of channels.
    pub channels: HashMap<String, String>,
}

/// Converts a text.
pub fn markdown(text: &str, known: &Known) -> String {
    let mut converted = String::with_capacity(text.len() + text.len() / 8);
    for (number, part) in text.split("```").enumerate() {
        let is_code = number % 2 == 1;
        if is_code {
            // A fence is alone on its line in Markdown.
            if !converted.is_empty() && !converted.ends_with('\n') {
                converted.push('\n');
            }
            let code = literal(part.trim_start_matches('\n').trim_end_matches('\n'), known);
            converted.push_str(&format!("```\n{code}\n```\n"));
        } else {
            let part = if number > 0 { part.strip_prefix('\n').unwrap_or(part) } else { part };
            with_inline_code(part, known, &mut converted);
        }
    }
    converted.truncate(converted.trim_end().len());
    converted
}

fn with_inline_code(text: &str, known: &Known, converted: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        let after = &rest[at + 1..];
        let end = after.find('`').filter(|end| *end > 0 && !after[..*end].contains('\n'));
        let Some(end) = end else {
            formatted(&rest[..=at], known, converted);
            rest = after;
            continue;
        };
        formatted(&rest[..at], known, converted);
        converted.push('`');
        converted.push_str(&literal(&after[..end], known));
        converted.push('`');
        rest = &after[end + 1..];
    }
    formatted(rest, known, converted);
}

/// Code: references and entities stand for text, and nothing else has a meaning.
fn literal(text: &str, known: &Known) -> String {
    let mut plain = String::with_capacity(text.len());
    each_reference(
        text,
        &mut plain,
        |plain, text| plain.push_str(&unescaped(text)),
        |plain, inner| match reference(inner, known) {
            Reference::Name(name) => plain.push_str(&name),
            Reference::Link { url, .. } => plain.push_str(&unescaped(url)),
        },
    );
    plain
}

/// Text with marks of emphasis, and references.
fn formatted(text: &str, known: &Known, converted: &mut String) {
    each_reference(text, converted, emphasized, |converted, inner| match reference(inner, known) {
        Reference::Name(name) => converted.push_str(&name),
        Reference::Link { url, label } => {
            let url = target(&unescaped(url));
            match label
                .map(unescaped)
                .filter(|label| *label != url && format!("mailto:{label}") != url && !label.trim().is_empty())
            {
                Some(label) => {
                    converted
                        .push_str(&format!("[{}]({url})", label.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")));
                }
                None => converted.push_str(url.strip_prefix("mailto:").unwrap_or(&url)),
            }
        }
    });
}

/// An address as the target of a link.
pub(super) fn target(url: &str) -> String {
    url.replace(' ', "%20").replace('(', "%28").replace(')', "%29").replace('<', "%3C").replace('>', "%3E").replace('\n', "")
}

/// Takes a text apart into plain parts and what is between `<` and `>`.
fn each_reference(text: &str, into: &mut String, plain: impl Fn(&mut String, &str), refer: impl Fn(&mut String, &str)) {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let after = &rest[at + 1..];
        let Some(end) = after.find('>') else { break };
        plain(into, &rest[..at]);
        refer(into, &after[..end]);
        rest = &after[end + 1..];
    }
    plain(into, rest);
}

enum Reference<'t> {
    Name(String),
    Link { url: &'t str, label: Option<&'t str> },
}

fn reference<'t>(inner: &'t str, known: &Known) -> Reference<'t> {
    let (target, label) = inner.split_once('|').map_or((inner, None), |(target, label)| (target, Some(label)));
    let label_or = |other: &str| label.filter(|label| !label.is_empty()).map_or_else(|| other.to_owned(), unescaped);
    let named = |sign: char, name: String| Reference::Name(format!("{sign}{}", name.trim_start_matches(sign)));
    if let Some(id) = target.strip_prefix('@') {
        return named('@', known.people.get(id).cloned().unwrap_or_else(|| label_or(id)));
    }
    if let Some(id) = target.strip_prefix('#') {
        return named('#', known.channels.get(id).cloned().unwrap_or_else(|| label_or(id)));
    }
    let Some(special) = target.strip_prefix('!') else { return Reference::Link { url: target, label } };
    match special.split('^').next().unwrap_or_default() {
        "here" => Reference::Name("@here".into()),
        "channel" | "everyone" | "group" => Reference::Name("@room".into()),
        // A group of people, which there is not here: its name, without a call.
        "subteam" => Reference::Name(label_or("group").trim_start_matches('@').to_owned()),
        other => Reference::Name(label_or(other)),
    }
}

/// The three entities that Slack writes.
pub(super) fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Emphasis: `*bold*` is `**bold**`, `~struck~` is `~~struck~~`; `_italic_` is the same.
fn emphasized(into: &mut String, text: &str) {
    let text = with_skin_tones(&unescaped(text));
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            into.push('\n');
        }
        // Slack knows no headings.
        if line.starts_with('#') && line.trim_start_matches('#').starts_with(' ') && (into.is_empty() || into.ends_with('\n')) {
            into.push('\\');
        }
        one_line(into, line);
    }
}

fn one_line(into: &mut String, line: &str) {
    let mut rest = line;
    while let Some(at) = rest.find(['*', '~', '\\']) {
        into.push_str(&rest[..at]);
        let mark = rest.as_bytes()[at] as char;
        let after = &rest[at + 1..];
        if mark == '\\' {
            into.push_str("\\\\");
            rest = after;
            continue;
        }
        let may_begin = !into.chars().next_back().is_some_and(char::is_alphanumeric);
        match closing(after, mark).filter(|_| may_begin) {
            Some(end) => {
                let double = if mark == '*' { "**" } else { "~~" };
                into.push_str(double);
                one_line(into, &after[..end]);
                into.push_str(double);
                rest = &after[end + 1..];
            }
            None => {
                into.push('\\');
                into.push(mark);
                rest = after;
            }
        }
    }
    into.push_str(rest);
}

/// Where what begins behind a mark ends: before the same mark, with text at both ends.
fn closing(after: &str, mark: char) -> Option<usize> {
    if after.starts_with(char::is_whitespace) || after.starts_with(mark) {
        return None;
    }
    after.match_indices(mark).map(|(at, _)| at).find(|at| {
        let inner = &after[..*at];
        let next = after[at + 1..].chars().next();
        !inner.is_empty() && !inner.ends_with(char::is_whitespace) && !next.is_some_and(char::is_alphanumeric)
    })
}

/// Emoji with a skin tone, which have no name here.
fn with_skin_tones(text: &str) -> String {
    const TONE: &str = "::skin-tone-";
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(TONE) {
        let name = rest[..at].rfind(':').map(|start| (start, &rest[start + 1..at]));
        let end = rest[at + TONE.len()..].find(':').map(|end| at + TONE.len() + end);
        let toned = name.zip(end).and_then(|((start, name), end)| {
            let whole = &rest[start + 1..end];
            (!name.is_empty()).then_some(())?;
            Some((start, emoji(whole)?, end))
        });
        match toned {
            Some((start, sign, end)) => {
                done.push_str(&rest[..start]);
                done.push_str(sign);
                rest = &rest[end + 1..];
            }
            None => {
                done.push_str(&rest[..at + TONE.len()]);
                rest = &rest[at + TONE.len()..];
            }
        }
    }
    done + rest
}

/// The emoji of a name of Slack's, such as `+1::skin-tone-3`; `None` for one of a team's own.
pub fn emoji(name: &str) -> Option<&'static str> {
    let (name, tone) = name.split_once("::").map_or((name, None), |(name, tone)| (name, Some(tone)));
    let sign = emojis::get_by_shortcode(name).or_else(|| emojis::get_by_shortcode(&name.replace('-', "_")))?;
    let tone = match tone {
        None => return Some(sign.as_str()),
        Some("skin-tone-2") => SkinTone::Light,
        Some("skin-tone-3") => SkinTone::MediumLight,
        Some("skin-tone-4") => SkinTone::Medium,
        Some("skin-tone-5") => SkinTone::MediumDark,
        Some("skin-tone-6") => SkinTone::Dark,
        Some(_) => return Some(sign.as_str()),
    };
    Some(sign.with_skin_tone(tone).unwrap_or(sign).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_markup_means_the_same() {
        let known = Known {
            people: HashMap::from([("U1".into(), "ada".into())]),
            channels: HashMap::from([("C1".into(), "general".into())]),
        };
        for (slack, expected) in [
            ("plain text", "plain text"),
            ("<@U1> and <@U9|grace> in <#C1|old> <#C2|other>", "@ada and @grace in #general #other"),
            ("<!here> <!channel> <!everyone> <!subteam^S1|@ops>", "@here @room @room ops"),
            ("<!date^1700000000^{date}|14 November>", "14 November"),
            ("<https://a.example/x>", "https://a.example/x"),
            ("<https://a.example/?a=1&amp;b=2|a page>", "[a page](https://a.example/?a=1&b=2)"),
            ("<https://a.example/x|https://a.example/x>", "https://a.example/x"),
            ("<mailto:a@b.example|a@b.example>", "a@b.example"),
            ("*bold* _italic_ ~gone~", "**bold** _italic_ ~~gone~~"),
            ("*bold ~gone~*", "**bold ~~gone~~**"),
            ("2*3*4 and a * b * c", "2\\*3\\*4 and a \\* b \\* c"),
            ("*not closed", "\\*not closed"),
            ("`*code* &lt;b&gt; <https://a.example>`", "`*code* <b> https://a.example`"),
            ("see ```let a = *b*;\n<https://a.example|a>``` there", "see \n```\nlet a = *b*;\nhttps://a.example\n```\n there"),
            ("&gt; quoted\n&lt;b&gt; &amp;amp;", "> quoted\n<b> &amp;"),
            ("# no heading\n#channel", "\\# no heading\n#channel"),
            ("- one\n- two\n1. three", "- one\n- two\n1. three"),
            ("* one\n* two", "\\* one\n\\* two"),
            ("C:\\temp", "C:\\\\temp"),
            (":wave::skin-tone-3: :own::skin-tone-2: :smile:", "👋🏼 :own::skin-tone-2: :smile:"),
            ("a < b", "a < b"),
            ("<@U1", "<@U1"),
            ("``` open", "```\n open\n```"),
            ("", ""),
        ] {
            assert_eq!(markdown(slack, &known), expected, "{slack}");
        }
    }

    #[test]
    fn names_of_emoji_are_found_with_their_tone() {
        for (name, sign) in
            [("+1", "👍"), ("thumbsup", "👍"), ("+1::skin-tone-6", "👍🏿"), ("heart::skin-tone-2", "❤️"), ("tada", "🎉")]
        {
            assert_eq!(emoji(name), Some(sign), "{name}");
        }
        assert_eq!(emoji("party-parrot"), None);
        assert_eq!(emoji(""), None);
    }
}
