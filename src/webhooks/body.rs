//! What a webhook is told.
//!
//! Owns the body of a delivery, made from the present state of what it tells of: a text that was deleted or replaced in the meantime is not
//! sent, and nothing of a room that the webhook may not know any more.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Webhooks;
use crate::db::outbox::Row;
use crate::db::webhooks::Webhook;
use crate::model::{Occurrence, UserId};

impl Webhooks {
    /// The body of a delivery; `None` if the webhook may not be told, or if what it tells of is gone.
    pub(super) async fn body(&self, webhook: &Webhook, row: &Row) -> sqlx::Result<Option<String>> {
        let payload: Option<Value> = row.payload.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let data = match (row.room_id, row.seq) {
            (Some(id), Some(seq)) => {
                let Some(room) = self.db.find_told_room(id).await? else { return Ok(None) };
                if !webhook.may_know(room.id, room.visibility, room.is_direct) {
                    return Ok(None);
                }
                let slug: Arc<str> = room.slug.as_str().into();
                let Some(message) = self.db.messages(id, &slug, seq, seq, seq).await?.into_iter().next() else { return Ok(None) };
                let mut data = json!(message);
                if let Some(reaction) = payload {
                    let user = UserId(reaction["user"].as_i64().unwrap_or_default());
                    let Some(user) = self.db.find_user(user).await? else { return Ok(None) };
                    data["reaction"] = json!({ "emoji": reaction["emoji"], "user": user.username });
                }
                data
            }
            (Some(id), None) if row.event == Occurrence::CommandUsed.as_str() => {
                let (Some(room), Some(mut data)) = (self.db.find_told_room(id).await?, payload) else { return Ok(None) };
                let user = UserId(data["user"].as_i64().unwrap_or_default());
                let Some(user) = self.db.find_user(user).await?.filter(|user| user.banned_at.is_none()) else { return Ok(None) };
                if !webhook.may_know(room.id, room.visibility, room.is_direct) {
                    return Ok(None);
                }
                json!({
                    "room": room.slug, "command": data["command"].take(), "text": data["text"].take(),
                    "author": { "id": user.id, "username": user.username, "name": user.name },
                })
            }
            // A room that is gone, or became private, says nothing of itself any more.
            (Some(_), None)
                if [Occurrence::RoomDeleted, Occurrence::RoomVisibility].iter().any(|one| row.event == one.as_str()) =>
            {
                payload.unwrap_or_default()
            }
            _ if row.event == Occurrence::Test.as_str() => payload.unwrap_or_default(),
            _ => return Ok(None),
        };
        Ok(Some(json!({ "type": row.event, "timestamp": row.created_at, "data": data }).to_string()))
    }
}
