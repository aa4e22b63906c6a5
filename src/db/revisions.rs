//! Statements that read a message's edit history. Callers must hold the room's `RoomView`.

use super::{Db, read};
use crate::clock::Millis;
use crate::model::RoomId;
use crate::model::pagination::RevisionWindow;

const REVISIONS_BEFORE: &str =
    "select rev, body, written_at from revisions where room_id = $1 and seq = $2 and rev < $3 order by rev desc limit $4";
const REVISIONS_AFTER: &str =
    "select rev, body, written_at from revisions where room_id = $1 and seq = $2 and rev > $3 order by rev limit $4";

impl Db {
    /// Up to `limit` earlier versions of a message: the `rev` of the edit that replaced it, its text, and when it was written.
    /// Oldest first after a revision, else newest first.
    pub async fn list_revisions(
        &self,
        room: RoomId,
        seq: i64,
        place: RevisionWindow,
        limit: i64,
    ) -> sqlx::Result<Vec<(i64, String, Millis)>> {
        let (statement, rev) = match place {
            RevisionWindow::Newest => (REVISIONS_BEFORE, i64::MAX),
            RevisionWindow::Before(rev) => (REVISIONS_BEFORE, rev),
            RevisionWindow::After(rev) => (REVISIONS_AFTER, rev),
        };
        read!(self, |pool| sqlx::query_as(statement).bind(room).bind(seq).bind(rev).bind(limit).fetch_all(pool).await)
    }
}
