//! The names of files.
//!
//! Owns what of a sender's name is kept, and how it is said in a header. It must not trust a name: it comes from anybody.

use crate::encoding::path_segment;
use crate::model::Attachment;

/// A name without folders, control characters or signs that change the direction of text, and not too long. The ending stays.
pub fn cleaned(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !is_hidden(*c)).collect();
    let kept = kept.trim().trim_start_matches('.');
    let short = shortened(kept, Attachment::LONGEST_NAME);
    if short.is_empty() { "file".to_owned() } else { short }
}

fn is_hidden(c: char) -> bool {
    let is_invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    c.is_control() || is_invisible
}

/// Up to `limit` bytes of a name, with its ending.
fn shortened(name: &str, limit: usize) -> String {
    /// The longest ending that is kept, with its dot.
    const ENDING: usize = 16;
    if name.len() <= limit {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |at| &name[at..]);
    let ending = if ending.len() <= ENDING { ending } else { "" };
    let stem = &name[..name.len() - ending.len()];
    format!("{}{ending}", &stem[..stem.floor_char_boundary(limit - ending.len())])
}

/// A `Content-Disposition` (RFC 6266): how a browser treats a file, and what it calls it. Old clients get a name without signs that they
/// do not know.
pub fn disposition(is_inline: bool, name: &str) -> String {
    let kind = if is_inline { "inline" } else { "attachment" };
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || " .-_()".contains(*c);
    let plain: String = name.chars().map(|c| if is_plain(&c) { c } else { '_' }).collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", path_segment(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_segment() {
        for (sent, kept) in [
            ("cat.png", "cat.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\cat.png", "cat.png"),
            ("evil\u{202e}gnp.exe", "evilgnp.exe"),
            ("a\r\nb\0.txt", "ab.txt"),
            (".htaccess", "htaccess"),
            ("  ", "file"),
            ("..", "file"),
            ("Grüße 👋.md", "Grüße 👋.md"),
        ] {
            assert_eq!(cleaned(sent), kept, "{sent:?}");
        }
        let long = cleaned(&format!("{}.jpeg", "é".repeat(300)));
        assert!(long.len() <= Attachment::LONGEST_NAME && long.ends_with("é.jpeg"), "{long}");
    }

    #[test]
    fn a_header_has_the_name_in_both_forms() {
        assert_eq!(disposition(true, "cat.png"), "inline; filename=\"cat.png\"");
        assert_eq!(
            disposition(false, "a \"b\"; é.txt"),
            "attachment; filename=\"a _b__ _.txt\"; filename*=UTF-8''a%20%22b%22%3B%20%C3%A9.txt"
        );
    }
}
