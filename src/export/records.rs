//! An export as records, for programs.
//!
//! Owns the files of the folder that `portable` describes, one line after the other.

use super::ExportError;
use super::folder::{Folder, Output};
use super::parts::{Entry, Place};
use crate::portable::{MANIFEST, MESSAGES, Manifest, PEOPLE, Person, ROOMS, Room};

/// The records of an export.
pub struct Records {
    people: Output,
    rooms: Output,
    /// The messages of the room that is being written.
    messages: Option<Output>,
}

impl Records {
    pub async fn begin(folder: &Folder) -> Result<Self, ExportError> {
        folder.folder(MESSAGES).await?;
        Ok(Self { people: folder.file(PEOPLE).await?, rooms: folder.file(ROOMS).await?, messages: None })
    }

    pub async fn person(&mut self, person: &Person) -> Result<(), ExportError> {
        self.people.line(person).await
    }

    pub async fn room(&mut self, room: &Room) -> Result<(), ExportError> {
        self.rooms.line(room).await
    }

    pub async fn begin_room(&mut self, folder: &Folder, room: &Place) -> Result<(), ExportError> {
        self.messages = Some(folder.file(&format!("{MESSAGES}/{}.jsonl", room.number)).await?);
        Ok(())
    }

    pub async fn message(&mut self, entry: &Entry) -> Result<(), ExportError> {
        match &mut self.messages {
            Some(messages) => messages.line(&entry.message).await,
            None => Ok(()),
        }
    }

    pub async fn end_room(&mut self) -> Result<(), ExportError> {
        match self.messages.take() {
            Some(messages) => messages.finish().await,
            None => Ok(()),
        }
    }

    pub async fn finish(self, folder: &Folder, manifest: &Manifest) -> Result<(), ExportError> {
        self.people.finish().await?;
        self.rooms.finish().await?;
        folder.write(MANIFEST, &serde_json::to_vec_pretty(manifest)?).await
    }
}
