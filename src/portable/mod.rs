//! The portable form of what people wrote: what an export writes and every import reads.
//!
//! Owns the records and the layout of their folder. It must not know a database, nor what another program's export looks like: each
//! importer turns its source into these records, and one writer stores them.
//!
//! A folder holds `manifest.json` ([`Manifest`]), `people.jsonl` (a [`Person`] a line), `rooms.jsonl` (a [`Room`] a line), for each room
//! `messages/NUMBER.jsonl` (a [`Message`] a line, as the room's log orders them; NUMBER is the line of the room in `rooms.jsonl`, from 1)
//! and `files/`, to which [`File::path`] refers.

mod record;

pub use record::{
    Ban, File, Kind, MANIFEST, MESSAGES, Manifest, Member, Message, PEOPLE, Person, Pin, ROOMS, Reaction, Revision, Role, Room,
    RoomSettings, VERSION, Visibility,
};
