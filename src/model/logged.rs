//! A committed message with cached encodings: its JSON, and its HTML in pages.

use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use parking_lot::Mutex;
use serde_json::value::RawValue;

use super::{Message, RoomId};
use crate::pieces::Piece;

/// A committed message; its JSON is encoded once for all recipients.
#[derive(Debug)]
pub struct Logged {
    /// The room's id.
    pub room: RoomId,
    /// The message.
    pub message: Arc<Message>,
    /// The JSON, encoded on first use: most pages do not need it.
    json: OnceLock<Box<RawValue>>,
    /// The HTML in pages.
    pub rendered: RenderCache,
}

/// HTML rendered for one state of a message, by key. The renderer defines the key.
#[derive(Debug, Default)]
pub struct RenderCache(Mutex<Vec<(RenderKey, Piece)>>);

/// Everything that the HTML of a message depends on, apart from the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderKey {
    /// The format of its times.
    pub times: Arc<str>,
    /// The date heading above it.
    pub day: Option<String>,
    /// Whether it is the first one under its author's name.
    pub is_first: bool,
    /// Whether the reader can see its edit history.
    pub has_history: bool,
    /// Whether the reader cannot act on it.
    pub is_locked: bool,
    /// Whether the reader may remove its link previews.
    pub may_hide_links: bool,
    /// `seq` and `rev` of the message that it replies to.
    pub answered: Option<(i64, i64)>,
    /// The current date, if the HTML says "Today".
    pub today: Option<Date>,
    /// The number of renamings in this process, if the HTML shows names other than the author's.
    pub renamings: u64,
}

impl RenderCache {
    /// Maximum number of variants.
    const KEPT: usize = 8;

    /// The cached HTML for a key; renders it if it is missing.
    pub fn get(&self, key: &RenderKey, render: impl FnOnce() -> Piece) -> Piece {
        let find =
            |entries: &[(RenderKey, Piece)]| entries.iter().find(|(rendered, _)| rendered == key).map(|(_, piece)| piece.clone());
        if let Some(piece) = find(&self.0.lock()) {
            return piece;
        }
        let piece = render();
        let mut entries = self.0.lock();
        if entries.len() == Self::KEPT {
            entries.remove(0);
        }
        entries.push((key.clone(), piece.clone()));
        piece
    }

    /// Size of the cached HTML in bytes.
    fn weight(&self) -> usize {
        self.0.lock().iter().map(|(_, piece)| piece.weight()).sum()
    }
}

impl Logged {
    /// A message that is not encoded yet.
    pub fn new(room: RoomId, message: impl Into<Arc<Message>>) -> Self {
        Self { room, message: message.into(), json: OnceLock::new(), rendered: RenderCache::default() }
    }

    /// The message as JSON.
    pub fn json(&self) -> &RawValue {
        self.json.get_or_init(|| serde_json::value::to_raw_value(&self.message).expect("a message always has a JSON form"))
    }

    /// Approximate size in memory.
    pub fn weight(&self) -> usize {
        /// The structures themselves, with short texts.
        const FRAME: usize = 512;
        FRAME + self.message.body.len() + self.message.html.len() + self.json().get().len() + self.rendered.weight()
    }
}

impl serde::Serialize for Logged {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

/// Serializes a message together with its room's id, which clients do not get: for events read by other processes.
pub mod with_room {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::value::RawValue;

    use super::{Logged, Message, RoomId};

    /// Serializes both.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(logged: &Arc<Logged>, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Both<'a> {
            room_id: RoomId,
            message: &'a RawValue,
        }
        Both { room_id: logged.room, message: logged.json() }.serialize(serializer)
    }

    /// Deserializes both.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Logged>, D::Error> {
        #[derive(Deserialize)]
        struct Both {
            room_id: RoomId,
            message: Message,
        }
        let Both { room_id, message } = Both::deserialize(deserializer)?;
        Ok(Arc::new(Logged::new(room_id, message)))
    }
}
