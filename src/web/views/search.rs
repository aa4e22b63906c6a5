//! The search page.

use std::sync::Arc;

use askama::Template;

use super::{AppLayout, Problem, face, hue};
use crate::chat::search::query::{Filter, filters};
use crate::chat::search::{COUNTED, Count, Found, Results, SearchOrder};
use crate::encoding::query_value;
use crate::error::Error;
use crate::model::ListedRoom;

/// `GET /search`.
#[derive(Debug, Template)]
#[template(path = "search/index.html")]
pub struct SearchPage {
    layout: AppLayout,
    /// The whole query.
    q: String,
    /// The part in the field.
    typed: String,
    /// The group conversation that is searched. It has no name to type, so it is a chip and not in the field.
    within: Option<Arc<str>>,
    order: SearchOrder,
    /// Its filters.
    chips: Vec<Chip>,
    /// Whether a search was made.
    is_asked: bool,
    /// Whether this is not the first page.
    is_next: bool,
    finds: Vec<Find>,
    /// The link to the next page.
    next: Option<String>,
    building: bool,
    limited: bool,
    hollow: Option<String>,
    /// "128 results".
    count: Option<String>,
    hints: Vec<String>,
    problem: Option<Problem>,
}

/// A filter, with the link to the search without it.
#[derive(Debug)]
struct Chip {
    label: String,
    without: String,
}

/// A result.
#[derive(Debug)]
struct Find {
    room: String,
    room_name: String,
    seq: i64,
    name: String,
    face: String,
    hue: String,
    at: String,
    clock: String,
    /// HTML from `chat::search`: escaped, with no element but `<mark>`.
    snippet: String,
    /// The names of its files.
    files: String,
}

impl Find {
    fn new(found: &Found, layout: &AppLayout) -> Self {
        let message = &found.message.message;
        let at = layout.times.at(message.created_at);
        // Conversations have the name that the sidebar shows.
        let own = layout.rooms.iter().find(|listed| listed.room.slug == message.room);
        Self {
            room: message.room.to_string(),
            room_name: own.map_or(&found.room_name, |listed| &listed.room.name).clone(),
            seq: message.seq,
            name: message.author.shown().to_string(),
            face: face(&message.author.username, &message.author.name, message.author.photo.as_deref()),
            hue: hue(message.author.id),
            at: message.created_at.to_string(),
            clock: layout.times.moment(&at),
            snippet: found.snippet.clone(),
            files: message.attachments.iter().map(|file| &*file.name).collect::<Vec<_>>().join(", "),
        }
    }
}

impl SearchPage {
    /// The results, or the error.
    pub fn new(
        layout: AppLayout,
        q: String,
        order: SearchOrder,
        (is_asked, is_next): (bool, bool),
        results: Results,
        problem: Option<&Error>,
    ) -> Self {
        let next = results.next.map(|next| format!("{}&before={}", link(&q, order), query_value(&next)));
        let finds = results.results.iter().map(|found| Find::new(found, &layout)).collect();
        let Results { building, limited, hollow, count, hints, .. } = results;
        let chips = filters(&q).into_iter();
        let chip = |filter: Filter| Chip { label: label(&filter, &layout), without: link(&filter.without, order) };
        let chips = chips.map(chip).collect();
        let (typed, within) = apart(&q, &layout);
        let (count, problem) = (count.map(counted), problem.map(Into::into));
        Self {
            layout,
            q,
            typed,
            within,
            order,
            chips,
            is_asked,
            is_next,
            finds,
            next,
            building,
            limited,
            hollow,
            count,
            hints,
            problem,
        }
    }

    /// The link to the same search in all rooms, if it is limited to one.
    fn everywhere(&self) -> Option<String> {
        let mut q = self.q.clone();
        let mut has_one = false;
        while let Some(filter) = filters(&q).into_iter().find(|filter| filter.key == "in" && !filter.text.starts_with('-')) {
            (q, has_one) = (filter.without, true);
        }
        has_one.then(|| link(&q, self.order))
    }

    fn is_empty(&self) -> bool {
        !self.is_asked || self.q.trim().is_empty()
    }

    fn is_best(&self) -> bool {
        self.order == SearchOrder::Best
    }

    fn newest(&self) -> String {
        link(&self.q, SearchOrder::Newest)
    }

    fn best(&self) -> String {
        link(&self.q, SearchOrder::Best)
    }
}

/// The part of a query in the field, and the group conversation that it is limited to.
fn apart(q: &str, layout: &AppLayout) -> (String, Option<Arc<str>>) {
    let is_group = |listed: &&ListedRoom| listed.room.is_direct && listed.room.direct.len() > 1;
    for filter in filters(q) {
        let named =
            filter.within().and_then(|slug| layout.rooms.iter().filter(is_group).find(|listed| *listed.room.slug == *slug));
        if let Some(listed) = named {
            return (filter.without, Some(listed.room.slug.clone()));
        }
    }
    (q.to_owned(), None)
}

/// A filter for people: rooms and conversations by name.
fn label(filter: &Filter, layout: &AppLayout) -> String {
    let slug = filter.text.split_once(':').map_or("", |(_, slug)| slug.trim_start_matches('#'));
    let called = |listed: &&ListedRoom| {
        let is_with = |name: &str| listed.room.direct.len() == 1 && *listed.room.direct[0].username == *name;
        *listed.room.slug == *slug || slug.strip_prefix('@').is_some_and(is_with)
    };
    match layout.rooms.iter().find(called).filter(|_| filter.key == "in") {
        Some(listed) if filter.text.starts_with('-') => format!("not in: {}", listed.room.name),
        Some(listed) => format!("in: {}", listed.room.name),
        None => filter.text.clone(),
    }
}

fn counted(Count { results, more }: Count) -> String {
    match (results, more) {
        (COUNTED, true) => "More than 1,000 results".to_owned(),
        (results, true) => format!("{results}+ results"),
        (1, false) => "1 result".to_owned(),
        (1_000, false) => "1,000 results".to_owned(),
        (results, false) => format!("{results} results"),
    }
}

fn link(q: &str, order: SearchOrder) -> String {
    if q.is_empty() && order == SearchOrder::Newest {
        return "/search".to_owned();
    }
    let order = if order == SearchOrder::Best { "&order=best" } else { "" };
    format!("/search?q={}{order}", query_value(q))
}
