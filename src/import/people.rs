//! Who the people of a source are here.
//!
//! Owns the order in which that is decided: by an earlier import, by the mapping file, by a confirmed address; whoever is found by none of
//! them gets an account. It must not change accounts that are there, nor make one account of two people because of an address: they
//! would read each other's messages.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::error::ImportError;
use super::report::Report;
use crate::accounts::Accounts;
use crate::accounts::imported_hash;
use crate::accounts::importing::NewPerson;
use crate::db::Db;
use crate::mail::Address;
use crate::model::UserId;
use crate::model::username::Username;
use crate::portable::Person;

/// The largest mapping file, in bytes.
const LARGEST_MAPPING: u64 = 16 << 20;

/// Which person of the source is whom here, as the operator says.
#[derive(Debug, Default)]
pub struct Mapping {
    lines: HashMap<String, Username>,
    unused: BTreeSet<String>,
}

impl Mapping {
    /// Reads a file with lines `foreign = username`: the id, the username or the address there, and the username here. Blank lines and those
    /// that begin with `#` say nothing.
    ///
    /// # Errors
    /// `Argument`, with the line.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let argument = |why: String| ImportError::Argument(format!("--map {}: {why}", path.display()));
        let mut text = String::new();
        let file = File::open(path).map_err(|error| argument(error.to_string()))?;
        file.take(LARGEST_MAPPING).read_to_string(&mut text).map_err(|error| argument(error.to_string()))?;
        let mut mapping = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (foreign, local) = line.rsplit_once('=').unwrap_or_default();
            let foreign = foreign.trim().to_lowercase();
            let Ok(local) = Username::parse(local.trim().trim_start_matches('@')) else {
                return Err(argument(format!("line {number} is not of the form foreign = username")));
            };
            if foreign.is_empty() {
                return Err(argument(format!("line {number} is not of the form foreign = username")));
            }
            if mapping.lines.insert(foreign.clone(), local).is_some() {
                return Err(argument(format!("line {number}: {foreign} is there twice")));
            }
            mapping.unused.insert(foreign);
        }
        Ok(mapping)
    }

    /// Whom a person is mapped to.
    fn find(&mut self, person: &Person) -> Option<Username> {
        let names = [Some(&person.key), Some(&person.username), person.email.as_ref()];
        let found = names.into_iter().flatten().map(|name| name.to_lowercase()).find(|name| self.lines.contains_key(name))?;
        self.unused.remove(&found);
        self.lines.get(&found).cloned()
    }
}

/// A person of the source, here.
#[derive(Clone, Debug)]
pub struct Local {
    /// Their account; below zero in a dry run that would make one.
    pub id: UserId,
    /// Its username.
    pub username: Arc<str>,
    /// Whether an earlier import knew them.
    pub is_known: bool,
    /// Whether they can own a room.
    pub can_own: bool,
}

/// The people of the source, here.
pub struct People {
    mapping: Mapping,
    known: HashMap<String, Local>,
    /// Those of an earlier import whom this source has not named yet.
    earlier: HashMap<String, Local>,
    /// The accounts of both.
    accounts: HashSet<UserId>,
    /// The addresses, folded, that new accounts have got.
    addresses: HashSet<String>,
    /// Usernames there that are others here.
    pub renamed: HashMap<String, String>,
    /// By username there, in lower case.
    by_username: HashMap<String, String>,
}

impl People {
    /// Nobody yet, and those of an earlier import of the same source.
    ///
    /// # Errors
    /// The mapping names somebody who is not here; the database's.
    pub async fn new(db: Option<&Db>, source: &str, mapping: Mapping) -> Result<Self, ImportError> {
        let (mut earlier, mut accounts) = (HashMap::new(), HashSet::new());
        if let Some(db) = db {
            for person in db.list_imported_people(source).await? {
                accounts.insert(person.id);
                let local = Local { id: person.id, username: person.username.into(), is_known: true, can_own: !person.is_guest };
                earlier.insert(person.key, local);
            }
        }
        for local in mapping.lines.values() {
            let found = match db {
                Some(db) => db.find_person_for_import(None, Some(local.as_str())).await?,
                None => None,
            };
            if found.is_none() {
                return Err(ImportError::Argument(format!("--map: nobody here has the username {}", local.as_str())));
            }
        }
        let (known, addresses, renamed, by_username) = Default::default();
        Ok(Self { mapping, known, earlier, accounts, addresses, renamed, by_username })
    }

    /// Finds a person by their key.
    pub fn find(&self, key: &str) -> Option<&Local> {
        self.known.get(key)
    }

    /// Finds a person by their key or their username there.
    pub fn find_named(&self, name: &str) -> Option<&Local> {
        self.known.get(name).or_else(|| self.by_username.get(&name.to_lowercase()).and_then(|key| self.known.get(key)))
    }

    /// All usernames here.
    pub fn usernames(&self) -> impl Iterator<Item = &Arc<str>> {
        self.known.values().map(|local| &local.username)
    }

    /// Finds out who a person is here, and makes an account if they have none; without `accounts` nothing is made. Returns the username of a
    /// new account.
    ///
    /// # Errors
    /// The database's.
    pub async fn take(
        &mut self,
        db: Option<&Db>,
        accounts: Option<&Accounts>,
        source: &str,
        mut person: Person,
        report: &mut Report,
    ) -> Result<Option<Local>, ImportError> {
        if self.known.contains_key(&person.key) {
            return Ok(None);
        }
        let mapped = self.mapping.find(&person);
        if let Some(local) = self.earlier.remove(&person.key) {
            report.people.already += 1;
            self.add(person, local);
            return Ok(None);
        }
        let address = folded(person.email.as_deref());
        let mut found = match (db, &mapped, &address) {
            (Some(db), Some(username), _) => db.find_person_for_import(None, Some(username.as_str())).await?,
            (Some(db), None, Some(address)) => db.find_person_for_import(Some(address), None).await?,
            _ => None,
        };
        // An earlier run may have given it to somebody, or this one, which without `accounts` is not in the database.
        let is_anothers = found.as_ref().is_some_and(|found| self.accounts.contains(&found.id))
            || address.is_some_and(|address| self.addresses.contains(&address));
        if mapped.is_none() && is_anothers {
            report.note(&format!("account without its address, which another person of the source has: {}", person.username));
            (found, person.email) = (None, None);
        }
        if let Some(found) = found {
            report.people.matched += 1;
            if let (Some(db), Some(_)) = (db, accounts) {
                db.note_imported_person(source, &person.key, found.id).await?;
            }
            let local = Local { id: found.id, username: found.username.into(), is_known: false, can_own: !found.is_guest };
            self.add(person, local);
            return Ok(None);
        }
        report.people.created += 1;
        note(&person, report);
        let new = new_person(source, &person);
        self.addresses.extend(folded(new.email.as_deref()));
        let local = match accounts {
            Some(accounts) => {
                let user = accounts.add_imported(new).await?;
                Local { id: user.id, username: user.username, is_known: false, can_own: !person.is_guest }
            }
            None => Local {
                id: UserId(-1 - i64::try_from(self.known.len()).unwrap_or_default()),
                username: person.username.as_str().into(),
                is_known: false,
                can_own: !person.is_guest,
            },
        };
        self.add(person, local.clone());
        Ok(Some(local))
    }

    fn add(&mut self, person: Person, local: Local) {
        let username = person.username.to_lowercase();
        if !username.is_empty() {
            if *username != *local.username {
                self.renamed.insert(username.clone(), local.username.to_string());
            }
            self.by_username.insert(username, person.key.clone());
        }
        self.accounts.insert(local.id);
        self.known.insert(person.key, local);
    }

    /// Reports the lines of the mapping that were about nobody.
    pub fn finish(&self, report: &mut Report) {
        for foreign in &self.mapping.unused {
            report.leave_out(&format!("the mapping of {foreign}, who is not in the source"));
        }
    }
}

/// An address in the form in which addresses are compared.
fn folded(address: Option<&str>) -> Option<String> {
    Address::parse(address?).ok().map(|address| address.folded())
}

/// Notes what a new account is not.
fn note(person: &Person, report: &mut Report) {
    if person.is_admin {
        report.note("administrators there, who are members here: see parlor user role");
    }
    match &person.password_hash {
        Some(hash) if imported_hash::is_one(hash) => {}
        Some(_) => report.note("passwords of a form that is not known here: their people need a new one"),
        None => {}
    }
}

fn new_person(source: &str, person: &Person) -> NewPerson {
    let can_log_in = !person.is_bot && !person.is_closed;
    NewPerson {
        source: source.to_owned(),
        key: person.key.clone(),
        username: person.username.clone(),
        name: person.name.clone(),
        email: person.email.clone().filter(|_| can_log_in && !person.is_email_unconfirmed),
        password_hash: person.password_hash.clone().filter(|_| can_log_in).unwrap_or_default(),
        is_guest: person.is_guest,
        is_bot: person.is_bot,
        is_closed: !can_log_in,
        status: person.status.clone(),
        time_zone: person.time_zone.clone(),
        created_at: person.created_at,
    }
}
