//! The search: texts in pieces that a page loads as scripts, because it may read nothing else of a disk.
//!
//! Owns the pieces: each is bounded, and knows from when its messages are, so that the page looks into the latest first and stops when it
//! has enough. They hold data only: a call with one array.

use serde::Serialize;

use super::super::ExportError;
use super::super::folder::Folder;
use super::super::parts::Entry;
use super::views::RoomView;
use crate::fulltext::plain::plain;
use crate::portable::Kind;

/// The folder with the pieces.
pub const FOLDER: &str = "search";
/// The size at which a piece ends, in bytes.
const PIECE: usize = 512 << 10;
/// What looks into them.
const SCRIPT: &str = include_str!("../../../templates/export/search.js");

/// A message: room, page, place, author, time in milliseconds, text.
#[derive(Serialize)]
struct Document<'a>(usize, usize, i64, &'a str, i64, &'a str);

/// A piece: from when its first and last messages are.
#[derive(Debug, Serialize)]
struct Piece(i64, i64);

/// What the page knows before it loads a piece.
#[derive(Serialize)]
struct Contents<'a> {
    rooms: Vec<&'a str>,
    pieces: &'a [Piece],
}

/// The index that is being written.
#[derive(Debug, Default)]
pub struct Index {
    /// The documents of the piece that is being filled, as JSON.
    documents: String,
    from: i64,
    to: i64,
    pieces: Vec<Piece>,
}

impl Index {
    /// Adds a message that is on this page of this room.
    pub async fn add(
        &mut self,
        folder: &Folder,
        room: usize,
        page: usize,
        author: &str,
        entry: &Entry,
    ) -> Result<(), ExportError> {
        let message = &entry.message;
        if message.kind != Kind::Text || message.deleted_at.is_some() {
            return Ok(());
        }
        let mut text = plain(&entry.html, usize::MAX);
        for file in &message.files {
            text.push(' ');
            text.push_str(&file.name);
        }
        let at = message.created_at.0;
        if self.documents.is_empty() {
            (self.from, self.to) = (at, at);
        } else {
            self.documents.push_str(",\n");
        }
        (self.from, self.to) = (self.from.min(at), self.to.max(at));
        self.documents.push_str(&data(&Document(room, page, entry.seq, author, at, &text))?);
        if self.documents.len() >= PIECE { self.end_piece(folder).await } else { Ok(()) }
    }

    async fn end_piece(&mut self, folder: &Folder) -> Result<(), ExportError> {
        let documents = std::mem::take(&mut self.documents);
        self.pieces.push(Piece(self.from, self.to));
        let name = format!("{FOLDER}/{}.js", self.pieces.len());
        folder.write(&name, format!("parlorPiece([\n{documents}\n]);\n").as_bytes()).await
    }

    /// Ends it.
    pub async fn finish(&mut self, folder: &Folder, rooms: &[RoomView]) -> Result<(), ExportError> {
        if !self.documents.is_empty() {
            self.end_piece(folder).await?;
        }
        let contents = Contents { rooms: rooms.iter().map(|room| &*room.name).collect(), pieces: &self.pieces };
        let contents = format!("parlorContents({});\n", data(&contents)?);
        folder.write(&format!("{FOLDER}/contents.js"), contents.as_bytes()).await?;
        folder.write(&format!("{FOLDER}/search.js"), SCRIPT.as_bytes()).await
    }
}

/// A value as it may stand in a script, wherever that stands: it ends no element, and no line.
fn data(value: &impl Serialize) -> Result<String, ExportError> {
    let json = serde_json::to_string(value)?;
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_ends_neither_its_script_nor_its_line() {
        let hostile = "</script><!--\u{2028}\u{2029}\"\\ \n";
        let safe = data(&hostile).unwrap();
        assert!(!safe.contains(['<', '>', '\u{2028}', '\u{2029}', '\n']), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
    }
}
