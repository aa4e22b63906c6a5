//! HTML that many pages carry, compressed once, and pages made of it.
//!
//! Owns [`Piece`], a stretch of HTML with its compressed form, and [`Paper`], a page in which pieces stand between its own words. A gzip
//! file may be put together of parts that were compressed by themselves (RFC 1951, section 2: blocks; RFC 1952: one checksum over all), so
//! a page costs what is its own and a copy of the rest. It must not know what a page shows.
//!
//! Parts that were compressed by themselves share no window: whether words of one stand in another cannot be told from the length of the
//! page (docs/decisions/0040). So [`SEAM`] parts what somebody else may have chosen from what is nobody else's business.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use askama::Template;
use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress};
use parking_lot::Mutex;

/// Stretches shorter than this, in bytes, are not worth a compressor: to clear its tables of 128 KiB takes microseconds.
const SHORT: usize = 256;
/// Pieces of so many bytes are not copied into a page that is sent as it is.
const LONG: usize = 16 * 1024;
/// How many bytes of a page are its own, mostly: growing towards it would cost more than the rest of the rendering's copying.
const OWN: usize = 24 * 1024;

/// What is written where a piece stands. A [`Paper`] knows it by its address, so nobody's words can be taken for it.
static MARK: &str = "a piece stands here";

thread_local! {
    /// Whether what is rendered on this thread goes into a paper. Templates can only write text, so here they meet it.
    static IS_TAKING: Cell<bool> = const { Cell::new(false) };
    /// The piece that is written next; none where a seam is.
    static NEXT: Cell<Option<Piece>> = const { Cell::new(None) };
    /// For a page's own words, at level 1: what is read once is not worth more.
    static QUICK: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    /// For pieces, which are read often.
    static CAREFUL: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), false));
}

/// A stretch of HTML that many pages carry.
#[derive(Clone, Debug)]
pub struct Piece(Arc<Stretch>);

#[derive(Debug)]
struct Stretch {
    number: u64,
    text: Box<str>,
    /// The compressed forms, by the piece that they follow.
    packed: Mutex<Vec<Form>>,
}

/// A compressed form, with the number of the piece that it follows.
type Form = (Option<u64>, Arc<[u8]>);

impl Piece {
    /// How many compressed forms are kept of each.
    const FORMS: usize = 4;

    /// A piece of this HTML, which is copied: what a template has written into holds up to twice as much memory as it says.
    #[must_use]
    pub fn new(text: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Stretch { number, text: text.into(), packed: Mutex::default() }))
    }

    /// A piece of what a template renders, also in the middle of another one.
    ///
    /// # Panics
    /// When the template fails: pieces are of templates that do not.
    #[must_use]
    pub fn of(template: &impl Template) -> Self {
        Self::new(&taking(false, || template.render()).expect("writing into a text does not fail"))
    }

    /// The HTML.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Whether somebody keeps it for other pages than the one that asks. A message that nobody keeps is drawn for one page alone.
    fn is_kept(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.text.len() + self.0.text.len() / 2
    }

    /// The compressed form, behind another piece that may be pointed back to.
    fn packed(&self, behind: Option<&Piece>) -> Arc<[u8]> {
        let number = behind.map(|piece| piece.0.number);
        let find =
            |forms: &[(Option<u64>, Arc<[u8]>)]| forms.iter().find(|(one, _)| *one == number).map(|(_, bytes)| bytes.clone());
        if let Some(bytes) = find(&self.0.packed.lock()) {
            return bytes;
        }
        let bytes: Arc<[u8]> = CAREFUL.with_borrow_mut(|careful| {
            careful.reset();
            if let Some(behind) = behind {
                careful.set_dictionary(behind.text().as_bytes()).expect("a compressor that begins takes a dictionary");
            }
            let mut bytes = Vec::new();
            pack(careful, self.text(), &mut bytes);
            bytes.into()
        });
        let mut forms = self.0.packed.lock();
        if forms.len() == Self::FORMS {
            forms.remove(0);
        }
        forms.push((number, bytes.clone()));
        bytes
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.text().as_bytes()
    }
}

/// Into a [`Paper`] a piece goes as it is, and into anything else as its text. For templates: `{{ piece|safe }}`.
impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hand(Some(self.clone()), self.text(), f)
    }
}

/// Where one window ends and the next one begins. For templates: `{{ SEAM|safe }}`.
#[derive(Clone, Copy, Debug)]
pub struct Seam;

/// The one there is.
pub const SEAM: Seam = Seam;

impl fmt::Display for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hand(None, "", f)
    }
}

/// Renders something, for a paper or for a text.
fn taking<T>(is_taking: bool, render: impl FnOnce() -> T) -> T {
    /// A template that panics leaves the thread as it was.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IS_TAKING.set(self.0);
        }
    }
    let _before = Before(IS_TAKING.replace(is_taking));
    render()
}

fn hand(piece: Option<Piece>, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !IS_TAKING.get() {
        return f.write_str(text);
    }
    NEXT.set(piece);
    f.write_str(MARK)
}

/// A page: its own words, and where pieces stand between them.
#[derive(Debug)]
pub struct Paper {
    own: String,
    /// How many bytes of its own come before each piece or seam.
    marks: Vec<(usize, Option<Piece>)>,
}

impl fmt::Write for Paper {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if std::ptr::eq(text, MARK) {
            self.marks.push((self.own.len(), NEXT.take()));
        } else {
            self.own.push_str(text);
        }
        Ok(())
    }
}

/// A part of a page.
enum Part<'a> {
    Own(&'a str),
    Piece(&'a Piece),
    Seam,
}

impl Paper {
    /// What a template renders.
    ///
    /// # Errors
    /// The template's.
    pub fn new(template: &impl Template) -> askama::Result<Self> {
        let mut paper = Self { own: String::with_capacity(OWN), marks: Vec::with_capacity(128) };
        taking(true, || template.render_into(&mut paper))?;
        Ok(paper)
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut from = 0;
        let marks = self.marks.iter().flat_map(move |(at, piece)| {
            let own = &self.own[from..*at];
            from = *at;
            [Part::Own(own), piece.as_ref().map_or(Part::Seam, Part::Piece)]
        });
        let last = self.marks.last().map_or(0, |(at, _)| *at);
        marks.chain([Part::Own(&self.own[last..])])
    }

    /// The page as text, in parts. Long pieces are not copied: many who wait for a page hold them once.
    #[must_use]
    pub fn text(&self) -> VecDeque<Bytes> {
        let long = |piece: &Piece| piece.text().len() >= LONG;
        let pieces = self.marks.iter().filter_map(|(_, piece)| piece.as_ref());
        let copied: usize = pieces.filter(|piece| !long(piece)).map(|piece| piece.text().len()).sum();
        let mut copy = BytesMut::with_capacity(self.own.len() + copied);
        let mut parts = VecDeque::new();
        for part in self.parts() {
            match part {
                Part::Own(own) => copy.extend_from_slice(own.as_bytes()),
                Part::Piece(piece) if long(piece) => parts.extend([copy.split().freeze(), Bytes::from_owner(piece.clone())]),
                Part::Piece(piece) => copy.extend_from_slice(piece.text().as_bytes()),
                Part::Seam => {}
            }
        }
        parts.push_back(copy.freeze());
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// The page as a gzip file (RFC 1952).
    #[must_use]
    pub fn gzip(&self) -> Vec<u8> {
        /// A deflated file without a name, a time or a system.
        const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        /// An empty block that says it is the last one.
        const END: [u8; 2] = [3, 0];
        let mut bytes = Vec::with_capacity(OWN);
        bytes.extend_from_slice(&HEAD);
        let (mut sum, mut length) = (crc32fast::Hasher::new(), 0);
        // What has no compressed form and follows each other is one window.
        let mut loose = Vec::new();
        let mut behind = None;
        for part in self.parts() {
            let text = match part {
                Part::Own(own) => own,
                Part::Piece(piece) => piece.text(),
                Part::Seam => "",
            };
            sum.update(text.as_bytes());
            length += text.len();
            match part {
                Part::Piece(piece) if piece.is_kept() => {
                    if close(&mut loose, &mut bytes) {
                        behind = None;
                    }
                    bytes.extend_from_slice(&piece.packed(behind.replace(piece)));
                }
                Part::Seam => {
                    close(&mut loose, &mut bytes);
                    behind = None;
                }
                Part::Own(_) | Part::Piece(_) => loose.push(text),
            }
        }
        close(&mut loose, &mut bytes);
        bytes.extend_from_slice(&END);
        bytes.extend_from_slice(&sum.finalize().to_le_bytes());
        // Modulo 2^32, as the format says.
        bytes.extend_from_slice(&(length as u32).to_le_bytes());
        bytes
    }
}

/// Ends a window of these texts, if there is anything in it.
fn close(texts: &mut Vec<&str>, into: &mut Vec<u8>) -> bool {
    let text = texts.concat();
    texts.clear();
    if text.len() >= SHORT {
        QUICK.with_borrow_mut(|quick| {
            quick.reset();
            pack(quick, &text, into);
        });
    } else if !text.is_empty() {
        store(&text, into);
    }
    !text.is_empty()
}

/// Compresses a text into whole bytes, with something to follow.
fn pack(compress: &mut Compress, text: &str, into: &mut Vec<u8>) {
    let (mut rest, from) = (text.as_bytes(), compress.total_in());
    // More than a text can grow by: a few bytes for each 16 KiB.
    into.reserve(text.len() + text.len() / 1024 + SHORT);
    let mut done = from;
    loop {
        compress.compress_vec(rest, into, FlushCompress::Sync).expect("a text can be compressed");
        let taken = usize::try_from(compress.total_in() - done).unwrap_or(rest.len());
        done = compress.total_in();
        rest = &rest[taken..];
        // Room that is left says that all was written.
        if rest.is_empty() && into.len() < into.capacity() {
            return;
        }
        into.reserve(rest.len() + SHORT);
    }
}

/// Puts a short text there as it is: a block that is not compressed (RFC 1951, section 3.2.4).
fn store(text: &str, into: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).expect("a short text");
    into.push(0);
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&(!length).to_le_bytes());
    into.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[derive(Template)]
    #[template(
        ext = "html",
        source = "<p>{{ own }}</p>{{ a|safe }}{{ b|safe }}{{ SEAM|safe }}<i>{{ own }}</i>{{ a|safe }}{{ b|safe }}{{ a|safe }}"
    )]
    struct Page<'a> {
        own: &'a str,
        a: Piece,
        b: Piece,
    }

    fn unpacked(bytes: &[u8]) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_page_says_the_same_however_it_is_sent() {
        let long = "<article class=\"message\">Good morning, everybody</article>\n".repeat(2_000);
        // The same words at another address.
        let mark = String::from(MARK);
        for own in ["", "a", "\u{0}", "words of <somebody>", &mark, &long] {
            for (a, b) in [("", ""), ("<hr>", ""), (long.as_str(), "<hr>"), ("<hr>", long.as_str()), (&long, &long)] {
                let page = Page { own, a: Piece::new(a), b: Piece::new(b) };
                let paper = Paper::new(&page).unwrap();
                let text = page.render().unwrap();
                assert!(paper.text().make_contiguous().concat() == text.as_bytes(), "{} and {} bytes", own.len(), a.len());
                for _ in 0..2 {
                    assert!(unpacked(&paper.gzip()) == text, "{} and {} bytes", own.len(), a.len());
                }
                // Nobody keeps them any more.
                drop(page);
                assert!(unpacked(&paper.gzip()) == text, "{} and {} bytes", own.len(), a.len());
            }
        }
    }

    #[test]
    fn what_follows_a_piece_that_is_like_it_is_short() {
        let entry = |number| {
            Piece::new(&format!("<article class=\"message\" id=\"m{number}\"><p>The words of number {number}</p></article>"))
        };
        let (first, second) = (entry(1), entry(2));
        assert!(second.packed(Some(&first)).len() * 2 < second.packed(None).len());
    }

    #[test]
    fn words_on_two_sides_of_a_seam_do_not_shorten_each_other() {
        #[derive(Template)]
        #[template(ext = "html", source = "{{ secret }}{{ SEAM|safe }}{{ guess }}")]
        struct Sides<'a> {
            secret: &'a str,
            guess: &'a str,
        }
        let length = |guess| {
            let secret = "a list of rooms, and among them the very secret vault, which nobody may know of";
            Paper::new(&Sides { secret, guess }).unwrap().gzip().len()
        };
        let right = "some words of somebody, who guesses: is it the very secret vault, which nobody may know of?";
        let wrong = "some words of somebody, who guesses: is it the fine public porch, on which anybody may sit?";
        assert_eq!(length(right), length(right));
        let apart = length(right).abs_diff(length(wrong));
        let together = {
            let both = |guess: &str| {
                let mut bytes = Vec::new();
                let secret = "a list of rooms, and among them the very secret vault, which nobody may know of";
                pack(&mut Compress::new(Compression::fast(), false), &format!("{secret}{guess}"), &mut bytes);
                bytes.len()
            };
            both(right).abs_diff(both(wrong))
        };
        assert!(apart * 3 < together, "{apart} and {together} bytes");
    }
}
