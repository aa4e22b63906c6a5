//! The pages of one room.
//!
//! Owns where a page ends, and what the room's own page says of them. Memory holds one page, and a line about each page before it.

use askama::Template;

use super::super::ExportError;
use super::super::folder::Folder;
use super::super::parts::{Entry, People, Place};
use super::links::relinked;
use super::times;
use super::views::{EntryView, Frame, MessageView, Month, PageLine, PinLine, RoomIndexPage, RoomPage, RoomView};
use crate::clock::Millis;
use crate::model::UserId;

/// The most messages of a page, and the bytes at which it ends.
const MESSAGES: usize = 200;
const BYTES: usize = 512 << 10;
/// How many pinned messages the room's page lists: the latest in the log.
const PINS: usize = 100;
/// Messages of one author within this time, in milliseconds, are grouped, as on the site.
const GROUP_WITHIN: i64 = 5 * 60 * 1000;
/// From a room's pages to the export's folder.
const ROOT: &str = "../../";

/// A room that is being written.
pub struct RoomPages {
    view: RoomView,
    number: usize,
    /// The messages of the page that is being filled, as HTML.
    body: String,
    /// How many those are.
    count: usize,
    first: (i64, Millis),
    last: Millis,
    /// Who wrote the last message, if the next may be grouped with it.
    grouped: Option<UserId>,
    /// The pages before it.
    written: Vec<PageLine>,
    pins: Vec<PinLine>,
    messages: u64,
}

impl RoomPages {
    pub async fn begin(folder: &Folder, room: &Place) -> Result<Self, ExportError> {
        folder.folder(&format!("rooms/{}", room.number)).await?;
        Ok(Self {
            view: RoomView::of(room),
            number: room.number,
            body: String::new(),
            count: 0,
            first: (0, Millis(0)),
            last: Millis(0),
            grouped: None,
            written: Vec::new(),
            pins: Vec::new(),
            messages: 0,
        })
    }

    /// The room's number.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The number of the page that has the last message.
    pub fn page(&self) -> usize {
        self.written.len() + 1
    }

    /// Adds a message. `to` gives the files for paths of the server.
    pub async fn message(
        &mut self,
        folder: &Folder,
        frame: &Frame,
        entry: &Entry,
        people: &People,
        to: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Result<(), ExportError> {
        if self.count == MESSAGES || self.body.len() >= BYTES {
            self.end_page(folder, frame, true).await?;
        }
        let message = &entry.message;
        let at = message.created_at;
        let is_new_day = self.count == 0 || times::date(at) != times::date(self.last);
        let is_near = self.grouped == Some(entry.author) && at.0 - self.last.0 < GROUP_WITHIN;
        if self.count == 0 {
            self.first = (entry.seq, at);
        }
        let mut view = EntryView::of(entry, people, is_new_day, is_new_day || !is_near || message.reply_to.is_some());
        view.html = relinked(&entry.html, ROOT, to);
        view.answered_at =
            entry.answered.as_ref().filter(|answered| answered.is_here).map(|answered| self.place_of(answered.seq));
        if message.pin.is_some() && message.deleted_at.is_none() {
            if self.pins.len() == PINS {
                self.pins.remove(0);
            }
            self.pins.push(PinLine::of(&view, self.place_of(entry.seq)));
        }
        MessageView { entry: &view }.render_into(&mut self.body)?;
        self.grouped = (!view.is_notice).then_some(entry.author);
        self.last = at;
        self.count += 1;
        self.messages += 1;
        Ok(())
    }

    /// Where a message is that is on this page or on one before, from another page of the room.
    fn place_of(&self, seq: i64) -> String {
        // Of the pages before, the last one that begins with it or before it.
        let before = || self.written.partition_point(|page| page.first <= seq).max(1);
        format!("{}.html#m{seq}", if seq >= self.first.0 { self.page() } else { before() })
    }

    async fn end_page(&mut self, folder: &Folder, frame: &Frame, has_next: bool) -> Result<(), ExportError> {
        let number = self.page();
        let body = std::mem::take(&mut self.body);
        let page = RoomPage {
            frame: &frame.at(ROOT, &self.view.name),
            room: &self.view,
            number,
            span: span(self.first.1, self.last),
            body: &body,
            has_next,
        };
        folder.write(&format!("rooms/{}/{number}.html", self.number), page.render()?.as_bytes()).await?;
        self.written.push(PageLine {
            number,
            first: self.first.0,
            month: times::month(self.first.1),
            span: span(self.first.1, self.last),
            count: self.count,
        });
        self.count = 0;
        self.grouped = None;
        Ok(())
    }

    /// Ends it; returns how many messages there are, and when the last one was written.
    pub async fn finish(mut self, folder: &Folder, frame: &Frame) -> Result<(u64, Option<Millis>), ExportError> {
        if self.count > 0 {
            self.end_page(folder, frame, false).await?;
        }
        let last = (self.messages > 0).then_some(self.last);
        self.view.is_written(self.messages, last);
        let mut months: Vec<Month<'_>> = Vec::new();
        for page in &self.written {
            match months.last_mut().filter(|month| month.name == page.month) {
                Some(month) => month.pages.push(page),
                None => months.push(Month { name: &page.month, pages: vec![page] }),
            }
        }
        let page = RoomIndexPage { frame: &frame.at(ROOT, &self.view.name), room: &self.view, months, pins: &self.pins };
        folder.write(&format!("rooms/{}/index.html", self.number), page.render()?.as_bytes()).await?;
        Ok((self.messages, last))
    }
}

/// "3 March 2026", or from when to when.
fn span(first: Millis, last: Millis) -> String {
    let (first, last) = (times::date(first), times::date(last));
    if first == last { first } else { format!("{first} – {last}") }
}
