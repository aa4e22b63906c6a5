//! An export as pages, for people: static HTML that a browser shows from a disk, without a server.
//!
//! Owns which pages there are, how large they get, and how they refer to each other. No page runs anything but the search, and no page asks
//! for anything outside of its folder.
//!
//! | file | what |
//! |---|---|
//! | `index.html`, `index-2.html` … | the rooms |
//! | `people.html`, `people-2.html` … | the people |
//! | `rooms/N/index.html` | a room: its months, its pinned messages |
//! | `rooms/N/1.html` … | its messages |
//! | `search.html`, `search/` | the search |
//! | `parlor.css` | how all of it looks |

mod links;
mod room;
mod search;
mod style;
mod times;
mod views;
mod words;

use std::collections::HashMap;

use askama::Template;

use self::room::RoomPages;
use self::search::Index;
use self::views::{Frame, IndexPage, PeoplePage, PersonView, RoomView, SearchPage, Section};
use super::ExportError;
use super::folder::Folder;
use super::parts::{Entry, People, Place, Who};
use super::person::PERSON;
use crate::clock::Millis;
use crate::portable::{Manifest, Person, Visibility};

/// How many people or rooms a page lists.
const LISTED: usize = 500;
/// The style sheet.
const SHEET: &str = "parlor.css";
/// The name of the page with the rooms, and of the one with the people.
const INDEX: &str = "index";
const PEOPLE: &str = "people";

/// The pages of an export.
pub struct Pages {
    frame: Frame,
    /// Those whose page is not written yet.
    people: Vec<PersonView>,
    people_pages: usize,
    rooms: Vec<RoomView>,
    /// The room that is being written.
    open: Option<RoomPages>,
    index: Index,
    /// The numbers of rooms by their slugs, for links in texts.
    numbers: HashMap<String, usize>,
}

impl Pages {
    pub async fn begin(folder: &Folder, server: &str, made_at: Millis) -> Result<Self, ExportError> {
        folder.folder(search::FOLDER).await?;
        folder.write(SHEET, style::sheet().as_bytes()).await?;
        Ok(Self {
            frame: Frame::new(server, made_at),
            people: Vec::new(),
            people_pages: 0,
            rooms: Vec::new(),
            open: None,
            index: Index::default(),
            numbers: HashMap::new(),
        })
    }

    pub async fn person(&mut self, folder: &Folder, who: &Who, person: &Person) -> Result<(), ExportError> {
        // Behind the first page, so that a page knows whether another follows.
        if self.people.len() == LISTED {
            self.end_people(folder, true).await?;
        }
        self.people.push(PersonView::of(who, person));
        Ok(())
    }

    async fn end_people(&mut self, folder: &Folder, has_next: bool) -> Result<(), ExportError> {
        self.people_pages += 1;
        let page = PeoplePage {
            frame: &self.frame.at("", "People"),
            people: &std::mem::take(&mut self.people),
            previous: numbered_if(self.people_pages > 1, PEOPLE, self.people_pages - 1),
            next: numbered_if(has_next, PEOPLE, self.people_pages + 1),
        };
        folder.write(&numbered(PEOPLE, self.people_pages), page.render()?.as_bytes()).await
    }

    pub fn room(&mut self, room: &Place) {
        self.numbers.insert(room.slug.clone(), room.number);
        self.rooms.push(RoomView::of(room));
    }

    pub async fn begin_room(&mut self, folder: &Folder, room: &Place) -> Result<(), ExportError> {
        let pages = RoomPages::begin(folder, room).await?;
        self.open = Some(pages);
        Ok(())
    }

    pub async fn message(&mut self, folder: &Folder, entry: &Entry, people: &People) -> Result<(), ExportError> {
        let Some(room) = &mut self.open else { return Ok(()) };
        room.message(folder, &self.frame, entry, people, &|path| links::to(path, people, &self.numbers)).await?;
        let author = people.get(entry.author).map_or("", |who| &*who.name);
        self.index.add(folder, room.number(), room.page(), author, entry).await
    }

    pub async fn end_room(&mut self, folder: &Folder, room: &Place) -> Result<(), ExportError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let (messages, last) = open.finish(folder, &self.frame).await?;
        if let Some(view) = self.rooms.get_mut(room.number - 1) {
            view.is_written(messages, last);
        }
        Ok(())
    }

    pub async fn finish(mut self, folder: &Folder, manifest: &Manifest) -> Result<(), ExportError> {
        self.end_people(folder, false).await?;
        let rooms = std::mem::take(&mut self.rooms);
        self.index.finish(folder, &rooms).await?;
        let page = SearchPage { frame: &self.frame.at("", "Search"), rooms: &rooms };
        folder.write("search.html", page.render()?.as_bytes()).await?;
        let (direct, others): (Vec<_>, Vec<_>) = rooms.into_iter().partition(|room| room.visibility == Visibility::Direct);
        let (archived, open): (Vec<_>, Vec<_>) = others.into_iter().partition(|room| room.is_archived);
        let named = [("Rooms", open), ("Direct messages", direct), ("Archived rooms", archived)];
        let all: Vec<_> = named.iter().flat_map(|(name, rooms)| rooms.iter().map(|room| (*name, room))).collect();
        let pages = all.len().div_ceil(LISTED).max(1);
        for number in 1..=pages {
            let mut sections: Vec<Section<'_>> = Vec::new();
            for (name, room) in all.iter().skip((number - 1) * LISTED).take(LISTED) {
                match sections.last_mut().filter(|section| section.name == *name) {
                    Some(section) => section.rooms.push(room),
                    None => sections.push(Section { name, rooms: vec![room] }),
                }
            }
            let page = IndexPage {
                frame: &self.frame.at("", ""),
                sections,
                manifest,
                person: (manifest.scope == "person").then_some(PERSON),
                previous: numbered_if(number > 1, INDEX, number - 1),
                next: numbered_if(number < pages, INDEX, number + 1),
            };
            folder.write(&numbered(INDEX, number), page.render()?.as_bytes()).await?;
        }
        Ok(())
    }
}

/// The file of a page in a list of pages.
fn numbered(name: &str, number: usize) -> String {
    if number == 1 { format!("{name}.html") } else { format!("{name}-{number}.html") }
}

fn numbered_if(is_there: bool, name: &str, number: usize) -> Option<String> {
    is_there.then(|| numbered(name, number))
}

/// Where a person is on the pages with people.
fn person_place(number: usize) -> String {
    format!("{}#u{number}", numbered(PEOPLE, (number - 1) / LISTED + 1))
}
