//! What a page says of itself: its title, a description, and a picture.
//!
//! Owns that reading a page takes time and memory in proportion to its size, whatever is in it: only tags that can say something are given
//! to the parser, which for others builds trees that grow with the square of what it reads. It must not fetch anything.

use std::sync::LazyLock;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use reqwest::Url;
use scraper::{Html, Selector};

use crate::model::validate::without_hidden;

/// The longest title and description, in characters.
const TITLE: usize = 200;
const DESCRIPTION: usize = 300;
/// The longest tag, and all of them together, in bytes.
const LONGEST_TAG: usize = 8 << 10;
const LARGEST_HEAD: usize = 64 << 10;
/// Where an encoding is looked for (as HTML has it).
const PRESCAN: usize = 1024;
/// Elements whose content is not the page's head, though it may look like it.
const SKIPPED: [&str; 9] = ["script", "style", "noscript", "template", "svg", "math", "iframe", "noframes", "textarea"];

/// What a page says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its title; may be empty.
    pub title: String,
    /// Its description; may be empty.
    pub description: String,
    /// Where its picture is.
    pub picture: Option<Url>,
}

impl Page {
    /// Reads the beginning of a page from `url`. `charset` is what its answer names.
    pub fn read(bytes: &[u8], charset: Option<&str>, url: &Url) -> Self {
        static META: LazyLock<Selector> = LazyLock::new(|| selector("meta[content]"));
        static TITLE_TAG: LazyLock<Selector> = LazyLock::new(|| selector("title"));
        static LINK: LazyLock<Selector> = LazyLock::new(|| selector("link[rel][href]"));
        let html = Html::parse_document(&telling(&decode(bytes, charset)));
        let metas: Vec<_> = html
            .select(&META)
            .filter_map(|meta| {
                let name = meta.attr("property").or(meta.attr("name")).or(meta.attr("itemprop"))?;
                Some((name.trim().to_ascii_lowercase(), meta.attr("content")?))
            })
            .collect();
        let said = |names: &[&str]| {
            let of =
                |name: &&str| metas.iter().find(|(other, text)| other == name && !text.trim().is_empty()).map(|(_, text)| *text);
            names.iter().find_map(of)
        };
        let title = said(&["og:title", "twitter:title"]).map(ToOwned::to_owned);
        let title = title.or_else(|| Some(html.select(&TITLE_TAG).next()?.text().collect())).unwrap_or_default();
        let description = said(&["og:description", "twitter:description", "description"]).unwrap_or_default();
        let linked = || {
            let rels = |link: &scraper::ElementRef<'_>| link.attr("rel").is_some_and(|rel| rel.eq_ignore_ascii_case("image_src"));
            html.select(&LINK).find(rels)?.attr("href")
        };
        let names = ["og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src", "image"];
        let picture = said(&names).or_else(linked).and_then(|address| url.join(address.trim()).ok());
        let picture = picture.filter(|address| matches!(address.scheme(), "http" | "https"));
        Self { title: clean(&title, TITLE), description: clean(description, DESCRIPTION), picture }
    }
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).expect("a constant selector is right")
}

/// A text in one line, without characters that are not seen or that turn others around, and cut.
fn clean(text: &str, most: usize) -> String {
    // A first cut, so that the rest is not looked at.
    let text: String = text.chars().take(most * 8).collect();
    let text = without_hidden(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(most) {
        None => text,
        Some(_) => {
            let cut: String = text.chars().take(most - 1).collect();
            format!("{}…", cut.trim_end())
        }
    }
}

/// The text of a page, in the encoding that it begins with, that its answer names, or that it names itself; if there is none, or one that
/// nobody knows, in UTF-8 or what old browsers took it for.
fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let named = charset.and_then(|name| Encoding::for_label(name.as_bytes()));
    let encoding = named.or_else(|| named_inside(bytes)).unwrap_or_else(|| {
        // The last character may be cut.
        let is_utf8 = std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none());
        if is_utf8 { UTF_8 } else { WINDOWS_1252 }
    });
    // A byte order mark goes before everything.
    encoding.decode(bytes).0.into_owned()
}

/// The encoding in a page's `<meta charset=…>` or `<meta content="…; charset=…">`.
fn named_inside(bytes: &[u8]) -> Option<&'static Encoding> {
    const NAME: &[u8] = b"charset=";
    let begin = &bytes[..bytes.len().min(PRESCAN)];
    let at = begin.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME))?;
    let rest = begin[at + NAME.len()..].trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or(rest.strip_prefix(b"'")).unwrap_or(rest);
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(byte)).count();
    let encoding = Encoding::for_label(&rest[..length])?;
    // Whoever could read this name knows that it is not UTF-16.
    Some(encoding.output_encoding())
}

/// The tags of a page that say something of it, and its title: all that the parser is given.
fn telling(text: &str) -> String {
    let mut kept = String::from("<!doctype html>");
    let mut has_title = false;
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        rest = &rest[open..];
        if rest.starts_with("<!--") {
            rest = after(rest, rest.find("-->").map(|end| end + 3));
            continue;
        }
        let length = rest[1..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'/').take(12).count();
        let name = rest[1..=length].to_ascii_lowercase();
        match &*name {
            "/head" | "body" => break,
            // An angle bracket that begins no tag.
            "" => rest = &rest[1..],
            "meta" | "link" => {
                let (tag, beyond) = rest.split_at(tag_end(rest));
                if tag.len() <= LONGEST_TAG && kept.len() + tag.len() <= LARGEST_HEAD {
                    kept.push_str(tag);
                }
                rest = beyond;
            }
            "title" => {
                let content = &rest[tag_end(rest)..];
                let length = find_close(content, "title").unwrap_or(content.len());
                if !has_title {
                    has_title = true;
                    kept.push_str("<title>");
                    kept.extend(content[..length].chars().take(TITLE * 8));
                    kept.push_str("</title>");
                }
                rest = &content[length..];
                // The closing tag is skipped as others are.
                rest = after(rest, rest.find('>').map(|end| end + 1));
            }
            name if SKIPPED.contains(&name) => {
                let content = &rest[tag_end(rest)..];
                rest = after(content, find_close(content, name));
                rest = after(rest, rest.find('>').map(|end| end + 1));
            }
            _ => rest = &rest[tag_end(rest)..],
        }
    }
    kept
}

/// The text from there on; nothing if there is no such place.
fn after(text: &str, at: Option<usize>) -> &str {
    at.map_or("", |at| &text[at..])
}

/// Where a tag ends: behind the first `>` that is not within quotes.
fn tag_end(tag: &str) -> usize {
    let (mut quote, mut before) = (None, b' ');
    for (at, byte) in tag.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'>' => return at + 1,
            // Quotes count where a value begins.
            None if (byte == b'"' || byte == b'\'') && before == b'=' => quote = Some(byte),
            None => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    tag.len()
}

/// Where the closing tag of an element begins.
fn find_close(content: &str, name: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    let mut from = 0;
    loop {
        let at = from + content[from..].find("</")?;
        let found = bytes.get(at + 2..at + 2 + name.len())?;
        if found.eq_ignore_ascii_case(name.as_bytes()) {
            return Some(at);
        }
        from = at + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Page {
        Page::read(html.as_bytes(), None, &Url::parse("https://example.com/a/b").unwrap())
    }

    fn page(title: &str, description: &str, picture: Option<&str>) -> Page {
        Page { title: title.into(), description: description.into(), picture: picture.map(|url| Url::parse(url).unwrap()) }
    }

    #[test]
    fn what_a_page_says_of_itself_is_found() {
        for (html, expected) in [
            ("", page("", "", None)),
            ("just words", page("", "", None)),
            ("<title> A\n  title &amp; more </title>", page("A title & more", "", None)),
            ("<html><head><TITLE>A</TITLE></head><body><title>B</title>", page("A", "", None)),
            (
                "<head><title>plain</title><meta name=description content='Words'><meta property=\"og:title\" content=\"Open > graph\">
                 <meta property=og:image content=/picture.png></head>",
                page("Open > graph", "Words", Some("https://example.com/picture.png")),
            ),
            (
                "<meta name=twitter:title content=T><meta name=twitter:description content=D><meta name='twitter:image' content='c.png'>",
                page("T", "D", Some("https://example.com/a/c.png")),
            ),
            ("<link rel=image_src href=//other.example/x.jpg><title>x", page("x", "", Some("https://other.example/x.jpg"))),
            ("<meta property=og:image content='data:image/png;base64,AAAA'>", page("", "", None)),
            ("<meta property=og:image content='javascript:alert(1)'>", page("", "", None)),
            ("<!-- <meta property=og:title content=hidden> --><title>shown</title>", page("shown", "", None)),
            ("<script>var a = '<title>no</title>';</script><title>yes</title>", page("yes", "", None)),
            ("<svg><title>icon</title></svg><title>page</title>", page("page", "", None)),
            ("<meta property=og:title content=''><title>fallback</title>", page("fallback", "", None)),
            ("<body><meta property=og:title content=late>", page("", "", None)),
            ("<div><p>stray</div><meta property=og:title content='still in the head'>", page("still in the head", "", None)),
            ("a < b <title>c</title>", page("c", "", None)),
            ("<meta property=og:title content=\"never closed", page("", "", None)),
        ] {
            assert_eq!(read(html), expected, "{html}");
        }
    }

    #[test]
    fn texts_are_one_line_of_what_can_be_seen() {
        let title = read("<title>ev\u{202e}il\u{0}\u{7}\u{200b} \u{2066}x\u{2069}</title>").title;
        assert!(!title.chars().any(|c| c.is_control() || ('\u{200b}'..='\u{2069}').contains(&c)), "{title:?}");
        let long = read(&format!("<title>{}</title><meta name=description content='{}'>", "ä ".repeat(5000), "x".repeat(5000)));
        assert!(long.title.chars().count() <= TITLE && long.title.ends_with('…'));
        assert_eq!(long.description.chars().count(), DESCRIPTION);
    }

    #[test]
    fn the_encoding_is_as_the_answer_the_page_or_its_bytes_say() {
        let url = Url::parse("https://example.com/").unwrap();
        let title = |bytes: &[u8], charset| Page::read(bytes, charset, &url).title;
        assert_eq!(title("<title>Grüße</title>".as_bytes(), None), "Grüße");
        assert_eq!(title(b"<title>Gr\xfc\xdfe</title>", None), "Grüße");
        assert_eq!(title(b"<title>\xd0\xd2\xc9\xd7\xc5\xd4</title>", Some("koi8-r")), "привет");
        assert_eq!(title(b"<meta charset='koi8-r'><title>\xd0\xd2\xc9\xd7\xc5\xd4</title>", None), "привет");
        let equiv = b"<meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'><title>\x93\xfa\x96{</title>";
        assert_eq!(title(equiv, None), "日本");
        // What nobody knows is as if it were not there.
        assert_eq!(title("<title>Grüße</title>".as_bytes(), Some("klingon")), "Grüße");
        assert_eq!(title("<meta charset=utf-16><title>Grüße</title>".as_bytes(), None), "Grüße");
        let marked: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("<title>Grüße</title>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(title(&marked, Some("iso-8859-1")), "Grüße");
        // The last character is cut.
        assert_eq!(title(&"<title>Grüße</title>é".as_bytes()[..23], None), "Grüße");
    }

    #[test]
    fn the_parser_is_given_little_whatever_there_is() {
        let attributes: String = (0..2000).map(|nth| format!("<b id=a{nth}>")).collect();
        for hostile in [
            "<b><p>".repeat(80_000),
            attributes.repeat(20),
            "<meta ".repeat(80_000),
            "<meta content=x>".repeat(30_000),
            format!("<meta {}>", (0..50_000).map(|nth| format!("a{nth} ")).collect::<String>()),
            "<title>".repeat(70_000),
            "<!--".repeat(120_000),
            "<".repeat(500_000),
            "</".repeat(250_000),
            "<svg>".repeat(100_000),
            "<script>".repeat(60_000),
            "<script></".repeat(50_000),
            format!("<title>{}", "</".repeat(240_000)),
            "<meta content='".repeat(30_000),
        ] {
            let given = telling(&hostile);
            assert!(given.len() <= LARGEST_HEAD + TITLE * 8 * 4 + 64, "{}", given.len());
            assert!(!given.contains("<b"));
            read(&hostile);
        }
    }
}
