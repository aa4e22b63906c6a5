//! The domain model: ids, rooms, people, messages, pages, and the validation of input.
//!
//! Owns the types that every layer shares. It must not do I/O, or know about SQL, HTTP or sockets.

mod attachment;
mod draft;
mod feed;
mod id;
pub mod logged;
pub mod lookalikes;
mod message;
mod occurrence;
mod page;
pub mod pagination;
mod person;
mod preferences;
mod room;
mod scopes;
pub mod sidebar;
mod task;
pub mod user_agent;
pub mod username;
pub mod validate;

pub use attachment::{Attachment, LinkPreview};
pub use draft::{Draft, DraftContent, DraftEdit};
pub use feed::FeedKind;
pub use id::{ConnectionId, RoomId, SessionKey, UserId};
pub use logged::{Logged, RenderCache, RenderKey};
pub use message::{Kind, Message, Pin, Reaction};
pub use occurrence::Occurrence;
pub use page::{Page, Window};
pub use person::{Author, ServerRole, photo_path};
pub use preferences::{NotificationLevel, Theme};
pub use room::{Head, Keep, ListedRoom, Membership, Room, RoomPolicy, RoomRole, Visibility, icon_path};
pub use scopes::{Scope, Scopes};
pub use task::Task;
