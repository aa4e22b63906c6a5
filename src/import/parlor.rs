//! An export of Parlor's: a folder of records, as `portable` says.
//!
//! Owns reading it line by line, that no line is missing, and that a person's own export does not make notes to oneself of what they said to
//! others.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::contents::Contents;
use super::error::{ImportError, in_line};
use super::identity::Traces;
use super::source::{Opened, Sink};
use crate::portable::{MANIFEST, MESSAGES, Manifest, Member, Message, PEOPLE, Person, ROOMS, Room, VERSION, Visibility};

const WHAT: &str = "an export of Parlor’s";
const FORMAT: &str = "parlor-export";
/// What the manifest of a person's own export says that it holds.
const PERSONAL: &str = "person";
/// The largest manifest, in bytes.
const LARGEST_MANIFEST: u64 = 1 << 20;
/// The longest line, in bytes: a message with all its revisions.
const LONGEST_LINE: u64 = 64 << 20;

/// Opens a folder.
///
/// # Errors
/// It is no export, or of a later version.
pub fn open(folder: &Path) -> Result<Opened, ImportError> {
    let foreign = |why: String| ImportError::Foreign { what: WHAT, why };
    let path = folder.join(MANIFEST);
    if !folder.is_dir() || !path.is_file() {
        return Err(foreign(format!("{} is no folder with a {MANIFEST}", folder.display())));
    }
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(|error| ImportError::at(&path, error))?;
    file.take(LARGEST_MANIFEST).read_to_end(&mut bytes).map_err(|error| ImportError::at(&path, error))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| foreign(format!("{MANIFEST}: {error}")))?;
    if manifest.format != FORMAT || manifest.source.is_empty() {
        return Err(foreign(format!("{MANIFEST} says otherwise")));
    }
    if manifest.version > VERSION {
        return Err(ImportError::Newer(manifest.program));
    }
    let (folder, contents) = (folder.to_owned(), Contents::Folder(folder.to_owned()));
    let id = manifest.source.clone();
    let history = id.strip_prefix("parlor:").unwrap_or(&id);
    // Earlier versions named the history alone.
    let (server, epoch) = history.split_once('.').map_or((None, history), |(server, epoch)| (Some(server.to_owned()), epoch));
    let traces = Traces::History { server, epoch: epoch.to_owned() };
    Ok(Opened { id, traces, contents, reader: Box::new(move |sink| read(&folder, &manifest, sink)) })
}

fn read(folder: &Path, manifest: &Manifest, sink: &Sink) -> Result<(), ImportError> {
    sink.position.expect(manifest.people + manifest.rooms + manifest.messages);
    let path = folder.join(PEOPLE);
    let people = each(&path, |person: Person| {
        sink.position.add(1);
        sink.person(person)
    })?;
    are_all(&path, people, manifest.people)?;
    let path = folder.join(ROOMS);
    let mut keys: Vec<Arc<str>> = Vec::new();
    let rooms = each(&path, |mut room: Room| {
        sink.position.add(1);
        if manifest.scope == PERSONAL && room.visibility == Visibility::Direct && room.others != Some(0) {
            // It names nobody else, so there is somebody who is not known. Earlier versions do not say whether there is anybody.
            room.members.push(Member::default());
        }
        keys.push(room.key.as_str().into());
        sink.room(room)
    })?;
    are_all(&path, rooms, manifest.rooms)?;
    let path = folder.join(MESSAGES);
    let mut messages = 0;
    for (number, key) in (1..).zip(&keys) {
        messages += each(&path.join(format!("{number}.jsonl")), |message: Message| {
            sink.position.add(1);
            sink.message(key, message)
        })?;
    }
    are_all(&path, messages, manifest.messages)
}

/// Sees that as many records were read as the manifest says: a file that is cut off after a line looks whole.
fn are_all(path: &Path, read: u64, written: u64) -> Result<(), ImportError> {
    if read == written {
        return Ok(());
    }
    Err(ImportError::damaged(path.display(), format!("it has {read} lines, and {MANIFEST} says {written}")))
}

/// Calls something with each record of a file; returns how many there are.
fn each<R: DeserializeOwned>(path: &Path, mut call: impl FnMut(R) -> Result<(), ImportError>) -> Result<u64, ImportError> {
    let mut reader = BufReader::new(File::open(path).map_err(|error| ImportError::at(path, error))?);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let read = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(|error| ImportError::at(path, error))?;
        if read == 0 {
            return Ok(number);
        }
        number += 1;
        if line.last() != Some(&b'\n') {
            return Err(ImportError::damaged(path.display(), format!("line {number} has no end")));
        }
        let record = serde_json::from_slice(&line);
        call(record.map_err(|error| ImportError::damaged(path.display(), format!("line {number}: {}", in_line(&error))))?)?;
    }
}
