//! A message in a committed state, with what is made of it once for everybody: its JSON, and its HTML in pages.

use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use parking_lot::Mutex;
use serde_json::value::RawValue;

use super::{Message, RoomId};
use crate::pieces::Piece;

/// A message in a committed state, with its JSON made once for everybody who is told of it.
#[derive(Debug)]
pub struct Logged {
    /// The room's number.
    pub room: RoomId,
    /// The message.
    pub message: Arc<Message>,
    /// The message as JSON, from the first time that somebody needs it: most pages do not.
    json: OnceLock<Box<RawValue>>,
    /// What pages made of it.
    pub rendered: RenderCache,
}

/// What pages made of a message in one state, for the next page that shows it the same way. Whoever draws says what "the same way" is.
#[derive(Debug, Default)]
pub struct RenderCache(Mutex<Vec<(RenderKey, Piece)>>);

/// A way in which a message can be rendered: all that its looks follow from beside the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderKey {
    /// How its times are written.
    pub times: Arc<str>,
    /// The day that stands over it.
    pub day: Option<String>,
    /// Whether it stands first under its author's name.
    pub is_first: bool,
    /// Whether the reader may see its edit history.
    pub has_history: bool,
    /// Whether the reader may not act on it.
    pub is_locked: bool,
    /// Which state of which message it answers: its `seq` and `rev`.
    pub answered: Option<(i64, i64)>,
    /// Which day it was, where it says "Today" of something.
    pub today: Option<Date>,
    /// How often names had changed, where it shows names that are not its author's.
    pub renamings: u64,
}

impl RenderCache {
    /// In how many ways a message is kept.
    const KEPT: usize = 8;

    /// What was rendered in this way, or what `draw` draws now.
    pub fn get(&self, way: &RenderKey, draw: impl FnOnce() -> Piece) -> Piece {
        let find =
            |ways: &[(RenderKey, Piece)]| ways.iter().find(|(rendered, _)| rendered == way).map(|(_, piece)| piece.clone());
        if let Some(piece) = find(&self.0.lock()) {
            return piece;
        }
        let piece = draw();
        let mut ways = self.0.lock();
        if ways.len() == Self::KEPT {
            ways.remove(0);
        }
        ways.push((way.clone(), piece.clone()));
        piece
    }

    /// How many bytes are kept.
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
    ///
    /// # Panics
    /// Never: a message has only strings, numbers and lists, which always have a JSON form.
    pub fn json(&self) -> &RawValue {
        self.json.get_or_init(|| serde_json::value::to_raw_value(&self.message).expect("a message always has a JSON form"))
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        /// The structures themselves, with the short texts in them.
        const FRAME: usize = 512;
        FRAME + self.message.body.len() + self.message.html.len() + self.json().get().len() + self.rendered.weight()
    }
}

impl serde::Serialize for Logged {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

/// A message with its room's id, which clients are not told: for events that another process reads.
pub mod with_room {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::value::RawValue;

    use super::{Logged, Message, RoomId};

    /// Writes both.
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

    /// Reads both.
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
