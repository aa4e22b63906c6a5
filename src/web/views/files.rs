//! The files of a message and the previews of its links, on a page. `js/room/files.js` makes the same markup.
//!
//! Owns how large a picture is shown, and what is said about a file. It must not read anything.

use crate::model::{Attachment, LinkPreview, Message};

/// The largest a picture is shown in the log, in CSS pixels: the small preview.
const WIDEST: i64 = 400;
const HIGHEST: i64 = 300;

/// The files of a message.
#[derive(Debug)]
pub(super) struct Files {
    /// Their names, for readers of the screen.
    pub said: String,
    /// What is shown as a picture, in a grid.
    pub pictures: Vec<FileView>,
    /// The rest.
    pub others: Vec<FileView>,
}

/// A file.
#[derive(Debug)]
pub(super) struct FileView {
    kind: FileKind,
    pub id: String,
    pub url: String,
    pub name: String,
    /// What a picture shows; its name if the sender did not say.
    pub alt: String,
    /// "PDF · 1.2 MB".
    pub about: String,
    pub icon: &'static str,
    /// The path of its preview.
    pub preview: Option<String>,
    pub blur: Option<String>,
    /// The size at which a picture is shown.
    pub width: i64,
    pub height: i64,
    /// Its own size, as in "1200x900".
    pub full: String,
    /// The first lines of a text, as HTML.
    pub excerpt: Option<String>,
    /// Whether only its name is left.
    pub has_expired: bool,
}

/// How a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Picture,
    /// A picture that moves when one presses it.
    Moving,
    Video,
    Audio,
    /// With its name, its size and its first page.
    Pdf,
    /// With its name and its size.
    Card,
}

/// The preview of a link.
#[derive(Debug)]
pub(super) struct LinkView {
    pub url: String,
    pub host: String,
    pub title: String,
    pub description: String,
    pub image: Option<String>,
}

impl Files {
    /// The files of a message; `None` without any.
    pub fn of(message: &Message) -> Option<Self> {
        if message.attachments.is_empty() || message.deleted_at.is_some() {
            return None;
        }
        let names: Vec<&str> = message.attachments.iter().map(|file| &*file.name).collect();
        let said = format!("{}: {}", if names.len() == 1 { "File" } else { "Files" }, names.join(", "));
        let (pictures, others) = message.attachments.iter().map(FileView::new).partition(|file| file.kind.is_picture());
        Some(Self { said, pictures, others })
    }
}

impl FileView {
    fn new(file: &Attachment) -> Self {
        let (width, height) = fitted(file.width.unwrap_or(0), file.height.unwrap_or(0));
        Self {
            kind: FileKind::of(file),
            id: file.id.clone(),
            url: file.url.clone(),
            name: file.name.clone(),
            alt: if file.alt.is_empty() { file.name.clone() } else { file.alt.clone() },
            about: about(file),
            icon: icon(&file.media_type),
            preview: file.preview.clone(),
            blur: file.blur.clone(),
            width,
            height,
            full: format!("{}x{}", file.width.unwrap_or(0), file.height.unwrap_or(0)),
            excerpt: file.excerpt.clone(),
            has_expired: file.has_expired,
        }
    }

    pub fn is_moving(&self) -> bool {
        self.kind == FileKind::Moving
    }

    pub fn is_video(&self) -> bool {
        self.kind == FileKind::Video
    }

    pub fn is_pdf(&self) -> bool {
        self.kind == FileKind::Pdf
    }

    pub fn is_audio(&self) -> bool {
        self.kind == FileKind::Audio
    }
}

impl FileKind {
    fn of(file: &Attachment) -> Self {
        let has_size = file.width.is_some_and(|width| width > 0) && file.height.is_some_and(|height| height > 0);
        match file.media_type.split_once('/') {
            _ if file.has_expired => Self::Card,
            Some(("image", kind)) if has_size && file.preview.is_some() => {
                if kind == "gif" {
                    Self::Moving
                } else {
                    Self::Picture
                }
            }
            Some(("video", _)) => Self::Video,
            Some(("audio", _)) => Self::Audio,
            Some(("application", "pdf")) => Self::Pdf,
            _ => Self::Card,
        }
    }
}

impl FileKind {
    fn is_picture(self) -> bool {
        matches!(self, Self::Picture | Self::Moving)
    }
}

impl LinkView {
    /// The previews of a message's links.
    pub fn of(message: &Message) -> Vec<Self> {
        message.links.iter().map(Self::new).collect()
    }

    fn new(link: &LinkPreview) -> Self {
        let host = host(&link.url);
        Self {
            url: link.url.clone(),
            title: if link.title.is_empty() { host.clone() } else { link.title.clone() },
            host,
            description: link.description.clone(),
            image: link.image.clone(),
        }
    }
}

/// A message of files alone in one line: "cat.png and 2 more", in the order in which they are shown.
pub(super) fn names(files: &[Attachment]) -> String {
    let first = files.iter().find(|file| FileKind::of(file).is_picture()).or(files.first());
    match (first, files.len()) {
        (None, _) => String::new(),
        (Some(one), 1) => one.name.clone(),
        (Some(first), count) => format!("{} and {} more", first.name, count - 1),
    }
}

/// The size at which a picture is shown: never larger than it is.
fn fitted(width: i64, height: i64) -> (i64, i64) {
    if width <= WIDEST && height <= HIGHEST {
        return (width, height);
    }
    if width * HIGHEST > height * WIDEST {
        (WIDEST, (height * WIDEST / width).max(1))
    } else {
        ((width * HIGHEST / height).max(1), HIGHEST)
    }
}

/// What kind of file it is, and its size.
fn about(file: &Attachment) -> String {
    /// The longest ending that is shown.
    const LONGEST: usize = 5;
    let ending = file.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_ending = (1..=LONGEST).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric());
    let kind = if is_ending { ending.to_ascii_uppercase() } else { "File".to_owned() };
    let expired = if file.has_expired { "Expired · " } else { "" };
    format!("{expired}{kind} · {}", size(file.bytes))
}

/// A number of bytes in words: "1.2 MB". A kilobyte has 1,024, as in the settings.
pub(super) fn size(bytes: i64) -> String {
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    let (mut unit, mut name) = (1, "bytes");
    for next in ["KB", "MB", "GB", "TB"] {
        // What would be rounded to a thousand has the next unit.
        if (bytes + unit / 2) / unit < 1000 {
            break;
        }
        (unit, name) = (unit * 1024, next);
    }
    let tenths = (bytes * 10 + unit / 2) / unit;
    if unit > 1 && tenths < 100 && tenths % 10 != 0 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", (bytes + unit / 2) / unit)
    }
}

/// The icon of a file's kind.
fn icon(media_type: &str) -> &'static str {
    const ARCHIVES: [&str; 7] = ["zip", "gzip", "x-tar", "x-7z-compressed", "vnd.rar", "x-bzip2", "x-xz"];
    match media_type.split_once('/') {
        Some(("image", _)) => "picture",
        Some(("video", _)) => "video",
        Some(("audio", _)) => "audio",
        Some(("text", _) | ("application", "pdf" | "json" | "xml")) => "document",
        Some(("application", kind)) if ARCHIVES.contains(&kind) => "archive",
        _ => "file",
    }
}

/// The host of a link, without "www.".
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1 KB"),
            (1_280, "1.3 KB"),
            (10_190, "10 KB"),
            (1_023_487, "999 KB"),
            (1_023_488, "1 MB"),
            (1_300_000, "1.2 MB"),
            (100 << 20, "100 MB"),
            (1 << 30, "1 GB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn pictures_are_shown_in_their_shape_and_never_enlarged() {
        assert_eq!(fitted(40, 30), (40, 30));
        assert_eq!(fitted(800, 600), (400, 300));
        assert_eq!(fitted(4_000, 1_000), (400, 100));
        assert_eq!(fitted(100, 3_000), (10, 300));
        assert_eq!(fitted(10_000, 2), (400, 1));
    }

    #[test]
    fn files_are_told_apart_by_their_endings() {
        let file = |name: &str| Attachment { name: name.into(), bytes: 12, ..Attachment::default() };
        assert_eq!(about(&file("plan.pdf")), "PDF · 12 bytes");
        assert_eq!(about(&file("Makefile")), "File · 12 bytes");
        assert_eq!(about(&file("a.b c")), "File · 12 bytes");
        assert_eq!(about(&file("photo.backup")), "File · 12 bytes");
    }

    #[test]
    fn a_link_has_a_host() {
        assert_eq!(host("https://www.example.com/a?b#c"), "example.com");
        assert_eq!(host("http://example.com:8080"), "example.com:8080");
    }
}
