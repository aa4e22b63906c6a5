//! Statements on notification levels.

use super::{Db, write};
use crate::model::{NotificationLevel, RoomId, UserId};

impl Db {
    /// Sets a member's notification level for a room; `false` for non-members.
    pub async fn set_level(&self, room: RoomId, user: UserId, level: Option<NotificationLevel>) -> sqlx::Result<bool> {
        let changed = write!(self, |pool| sqlx::query("update memberships set level = $3 where room_id = $1 and user_id = $2")
            .bind(room)
            .bind(user)
            .bind(level)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(changed > 0)
    }
}
