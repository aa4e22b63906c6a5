//! What a file is, by its first bytes.
//!
//! Owns the media type that is stored, and the short list of types that a browser may show by itself. What the sender says of a file
//! decides nothing but which kind of text it is.

/// How many bytes are looked at.
pub const HEAD: usize = 8 * 1024;

/// The media type of a file that begins with `head`. `is_whole`: there is no more than that.
pub fn media_type(head: &[u8], is_whole: bool, name: &str) -> &'static str {
    if let Some(kind) = infer::get(head) {
        return match kind.mime_type() {
            "audio/m4a" | "audio/x-m4a" => "audio/mp4",
            "audio/x-wav" => "audio/wav",
            "audio/x-flac" => "audio/flac",
            "application/ogg" => "audio/ogg",
            // Whatever looks like markup may be more than that.
            "text/html" => "text/html",
            "text/xml" if is_svg(head) => "image/svg+xml",
            kind => kind,
        };
    }
    if is_svg(head) {
        return "image/svg+xml";
    }
    if is_text(head, is_whole) { text_type(name) } else { "application/octet-stream" }
}

/// Whether a browser may show a file of this type by itself: pictures, sound, video and plain text, none of which can run anything.
pub fn is_inline(media_type: &str) -> bool {
    matches!(
        media_type,
        "image/png"
            | "image/jpeg"
            | "image/gif"
            | "image/webp"
            | "image/avif"
            | "audio/mpeg"
            | "audio/mp4"
            | "audio/aac"
            | "audio/ogg"
            | "audio/wav"
            | "audio/flac"
            | "audio/webm"
            | "video/mp4"
            | "video/webm"
            | "video/ogg"
            | "video/quicktime"
            | "text/plain"
    )
}

/// The `Content-Type` with which a file is sent. What a browser could run is sent as bytes.
pub fn sent_type(media_type: &str) -> &str {
    match media_type {
        "text/plain" => "text/plain; charset=utf-8",
        "text/csv" => "text/csv; charset=utf-8",
        "text/markdown" => "text/markdown; charset=utf-8",
        "image/svg+xml" | "text/html" | "text/xml" | "text/javascript" | "text/css" => "application/octet-stream",
        media_type if media_type.contains("xml") || media_type.contains("html") => "application/octet-stream",
        media_type => media_type,
    }
}

/// Whether it is a picture that `pictures` may be able to read.
pub fn is_picture(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif")
}

/// Whether it may carry metadata that `pictures` removes.
pub fn has_metadata(media_type: &str) -> bool {
    is_picture(media_type) || media_type == "image/heif"
}

/// Whether its first lines are shown.
pub fn is_readable(media_type: &str) -> bool {
    media_type.starts_with("text/") || media_type == "application/json"
}

/// Whether an SVG element begins after declarations and comments.
fn is_svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    begins.starts_with("<svg") || (begins.starts_with("<?xml") || begins.starts_with("<!")) && text.contains("<svg")
}

/// Whether it is UTF-8 without control characters other than the usual ones.
fn is_text(head: &[u8], is_whole: bool) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character is cut.
        Err(error) if !is_whole && error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !"\n\r\t\u{c}\u{1b}".contains(c))
}

fn text_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match &*ending {
        "html" | "htm" | "xhtml" | "shtml" => "text/html",
        "svg" => "image/svg+xml",
        "xml" | "xsl" | "xslt" => "text/xml",
        "js" | "mjs" => "text/javascript",
        "css" => "text/css",
        "md" | "markdown" => "text/markdown",
        "csv" => "text/csv",
        "json" => "application/json",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for (head, name, expected) in [
            (&png[..], "cat.html", "image/png"),
            (b"<!DOCTYPE html><script>alert(1)</script>", "cat.png", "text/html"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cat.png", "image/svg+xml"),
            (b"<?xml version='1.0'?><svg/>", "cat.png", "image/svg+xml"),
            (b"\xef\xbb\xbf<svg/>", "cat.png", "image/svg+xml"),
            (b"<p>no doctype", "page.html", "text/html"),
            (b"fn main() {}", "main.rs", "text/plain"),
            (b"a,b\n1,2", "table.csv", "text/csv"),
            (b"%PDF-1.7", "a", "application/pdf"),
            (b"\0\x01\x02", "cat.png", "application/octet-stream"),
            (b"", "empty", "text/plain"),
            ("Gr\u{fc}\u{df}e".as_bytes(), "a.txt", "text/plain"),
        ] {
            assert_eq!(media_type(head, true, name), expected, "{name}");
        }
        assert_eq!(media_type(&"é".as_bytes()[..1], false, "a"), "text/plain", "a character that is cut");
        assert_eq!(media_type(&"é".as_bytes()[..1], true, "a"), "application/octet-stream");
    }

    #[test]
    fn what_could_run_is_neither_shown_nor_named() {
        for dangerous in ["text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "text/javascript", "application/xml"]
        {
            assert!(!is_inline(dangerous), "{dangerous}");
            assert_eq!(sent_type(dangerous), "application/octet-stream");
        }
        assert!(!is_inline("application/pdf") && is_inline("image/png"));
    }
}
