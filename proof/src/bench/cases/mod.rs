//! The cases, one file each, and what they share.

mod browser;
mod cluster;
mod connects;
mod disks;
mod fanout;
mod files;
mod idle;
mod integration;
mod pages;
mod pictures;
mod posts;
mod room_load;
mod sizes;
mod start;
mod stock;

use std::collections::BTreeMap;

use self::stock::Stock;
use super::Result;
use super::field::Field;
use super::options::{Case, Kind, Options};
use super::people::{self, Person};
use super::results::Figure;
use super::sender::{Sender, post_all};
use super::server::{Server, Site};

const ROOM: &str = "general";

pub struct Fixture<'a> {
    options: &'a Options,
    field: Field,
    /// Servers' databases with long rooms, made once.
    stocks: BTreeMap<Kind, Stock>,
}

impl<'a> Fixture<'a> {
    pub fn new(options: &'a Options) -> Result<Self> {
        Ok(Self { options, field: Field::prepare(options)?, stocks: BTreeMap::new() })
    }

    pub fn versions(&self) -> Vec<String> {
        self.field.versions.clone()
    }

    /// A fresh server. The floor stores messages only if `stores` is set.
    fn fresh(&self, kind: Kind, stores: bool) -> Result<(Site, Server)> {
        let site = self.field.site(kind)?;
        let server = site.start_with(if stores { &[] } else { &[("STORE", "off")] })?;
        Ok((site, server))
    }

    /// The database with long rooms of that server, made if there is none yet.
    fn stock(&mut self, kind: Kind) -> Result<&Stock> {
        if !self.stocks.contains_key(&kind) {
            let stock = Stock::make(self.field.site(kind)?, self.options.depths())?;
            self.stocks.insert(kind, stock);
        }
        Ok(&self.stocks[&kind])
    }
}

/// One round of a case on one server. Figures from before an error are kept.
pub fn measure(fixture: &mut Fixture, case: Case, kind: Kind, seen: &mut Vec<Figure>) -> Result<()> {
    match case {
        Case::Cluster => cluster::measure(fixture, kind, seen),
        Case::Posts => posts::measure(fixture, kind, seen),
        Case::Disks => disks::measure(fixture, kind, seen),
        Case::Fanout => fanout::measure(fixture, kind, seen),
        Case::Connects => connects::measure(fixture, kind, seen),
        Case::Idle => idle::measure(fixture, kind, seen),
        Case::Sizes => sizes::measure(fixture, kind, seen),
        Case::Pages => pages::measure(fixture, kind, seen),
        Case::Files => files::measure(fixture, kind, seen),
        Case::Integration => integration::measure(fixture, kind, seen),
        Case::Start => start::measure(fixture, kind, seen),
        Case::Browser => browser::measure(fixture, kind, seen),
    }
}

/// Posts so many messages before anything is measured.
fn furnish(server: &Server, messages: usize) -> Result<Person> {
    let person = people::register(server.address, "ada")?;
    let sender = Sender::connect(server.address, &person, "ada", &[ROOM.to_owned()], false)?;
    post_all(&mut [sender], messages, 32)?;
    Ok(person)
}
