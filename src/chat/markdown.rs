//! A message's words as HTML: CommonMark, sanitized.
//!
//! Owns what a message may look like. Rendering happens once, when the message is written; readers get stored HTML. It must
//! never let anything through that runs, loads or styles.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use comrak::Options;

use super::names::Names;

/// A message's words, ready to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The words as sanitized HTML.
    pub html: String,
    /// Whom they address: usernames, `@room` and `@here`, each once, in the order of the text.
    pub mentions: Vec<String>,
}

/// Renders `body` and finds whom it addresses.
#[must_use]
pub fn render(body: &str, names: &Names) -> Rendered {
    let mut mentions: Vec<String> = Vec::new();
    for word in body.split(|c: char| !(c.is_alphanumeric() || matches!(c, '@' | '.' | '_' | '-'))) {
        let Some(name) = word.strip_prefix('@') else { continue };
        let name = name.trim_end_matches(['.', '-', '_']).to_lowercase();
        let addressed = match name.as_str() {
            "room" | "here" => format!("@{name}"),
            _ if names.is_person(&name) => name,
            _ => continue,
        };
        if !mentions.contains(&addressed) {
            mentions.push(addressed);
        }
    }
    Rendered { html: html(body), mentions }
}

/// Renders `body` as CommonMark. Raw HTML in it is shown as the text that it is: in a chat `Vec<String>` means what it says,
/// and a tag that silently vanished would be a lost word. The sanitizer behind it is the second lock on the same door.
fn html(body: &str) -> String {
    if is_plain(body) {
        return format!("<p>{body}</p>\n");
    }
    let html = comrak::markdown_to_html(body, &OPTIONS);
    SANITIZER.clean(&html).to_string()
}

/// Whether no character of `body` means anything to CommonMark or HTML, so that the paragraph is the text itself: most of
/// what people write. Only ASCII: no entity, no typography, one line, not indented.
fn is_plain(body: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b',' | b'?' | b'\'' | b'/' | b'%' | b';' | b':');
    let bytes = body.as_bytes();
    let [first, middle @ .., last] = bytes else { return false };
    // A digit may begin a list, and a space at either end is not kept.
    first.is_ascii_alphabetic()
        && (last.is_ascii_alphanumeric() || matches!(last, b'.' | b'?' | b'!' | b','))
        && middle.iter().all(|&b| allowed(b) || matches!(b, b'.'))
}

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut options = Options::default();
    options.render.escape = true;
    options
});

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    let attributes = HashMap::from([
        ("a", HashSet::from(["href", "title"])),
        ("code", HashSet::from(["class"])),
        ("ol", HashSet::from(["start"])),
        ("td", HashSet::from(["align"])),
        ("th", HashSet::from(["align"])),
    ]);
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(tags))
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            // Only the language of a fenced block, and never a class of the site's own.
            ("code", "class") => value.starts_with("language-").then(|| value.into()),
            _ => Some(value.into()),
        });
    builder
});

#[cfg(test)]
mod tests {
    use super::*;

    fn render(body: &str) -> String {
        super::render(body, &Names::default()).html
    }

    #[test]
    fn commonmark_is_rendered() {
        assert_eq!(render("a **strong** word"), "<p>a <strong>strong</strong> word</p>\n");
        assert_eq!(render("```rust\nlet x = 1;\n```"), "<pre><code class=\"language-rust\">let x = 1;\n</code></pre>\n");
        assert_eq!(
            render("[a](https://example.com \"t\")"),
            "<p><a href=\"https://example.com\" title=\"t\" rel=\"noopener noreferrer nofollow\">a</a></p>\n"
        );
    }

    #[test]
    fn html_in_a_message_is_shown_and_not_obeyed() {
        assert_eq!(render("Vec<String> & <b>you</b>"), "<p>Vec&lt;String&gt; &amp; &lt;b&gt;you&lt;/b&gt;</p>\n");
    }

    #[test]
    fn nothing_that_runs_loads_or_styles_gets_through() {
        for hostile in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "![x](https://example.com/track.png)",
            "<svg/onload=alert(1)>",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<p style=\"position:fixed\">x",
            "``` \"onmouseover=alert(1)\nx\n```",
            "[x](https://example.com\"onmouseover=\"alert(1))",
            "<https://example.com/\"onclick=alert(1)>",
        ] {
            let html = render(hostile);
            let parsed = scan_tags(&html);
            for tag in &parsed {
                assert!(!tag.contains("script") && !tag.contains("img") && !tag.contains("svg"), "{hostile} gave {html}");
                assert!(
                    !tag.contains(" on") && !tag.contains("style=") && !tag.contains("javascript:") && !tag.contains("data:"),
                    "{hostile} gave {html}"
                );
            }
        }
    }

    /// What stands between `<` and `>`: the tags of a well-formed rendering, with quoted attribute values left out but for links.
    fn scan_tags(html: &str) -> Vec<String> {
        html.split('<')
            .skip(1)
            .filter_map(|rest| rest.split_once('>'))
            .map(|(tag, _)| {
                // An attribute's value cannot begin an attribute: look at the names, and at where links lead.
                let mut out = String::new();
                for (at, piece) in tag.split('"').enumerate() {
                    if at % 2 == 0 || piece.contains(':') && !piece.starts_with("http") {
                        out.push_str(piece);
                    }
                }
                out
            })
            .collect()
    }

    #[test]
    fn the_short_way_for_plain_text_says_the_same_as_the_long_way() {
        for body in [
            "hello",
            "Hello, world. How are you?",
            "it's 10:30; 50% done",
            "a/b c.d",
            "http://x y",
            "www.example.com",
            "x",
            "ends with colon:",
            "What?! No!",
        ] {
            let long = SANITIZER.clean(&comrak::markdown_to_html(body, &OPTIONS)).to_string();
            assert_eq!(render(body), long, "{body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_renders_alike_on_both_ways(body in "[a-zA-Z0-9 ,?'/%;:.!*_#`\\-\n&<>]{1,40}") {
            let long = SANITIZER.clean(&comrak::markdown_to_html(&body, &OPTIONS)).to_string();
            proptest::prop_assert_eq!(render(&body), long);
        }
    }
}
