//! What a job does.

use serde::{Deserialize, Serialize};

use super::{RoomId, UserId};

/// A task of the job queue. Its name and fields are columns of the database: a change needs a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case")]
pub enum Task {
    /// Delete a blob to which nothing refers any more.
    DeleteBlob {
        /// Its SHA-256, in hexadecimal.
        hash: String,
    },
    /// Delete the parts of an upload that was given up.
    DeleteChunks {
        /// The upload's id.
        file: String,
    },
    /// Make the previews of a file.
    Preview {
        /// The file's id.
        file: String,
    },
    /// Add the previews of its links to a message.
    LinkPreviews {
        /// The message's room.
        room: RoomId,
        /// The message.
        seq: i64,
    },
    /// Say what somebody wants to be reminded of. `user` is the last field (`db::reminders`).
    Remind {
        /// The nonce of the message.
        nonce: String,
        /// Whether it is said with the rights of a member, whatever else the person is: a token without `admin` asked for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        plain: bool,
        /// The room that is reminded; `None` for the person.
        room: Option<RoomId>,
        /// Of what.
        text: String,
        /// Whose it is.
        user: UserId,
    },
    /// Mail a link to whoever forgot their password.
    ResetLink {
        /// What they typed: a username or an address, which may be nobody's.
        account: String,
        /// The address of the client that asked.
        address: Option<std::net::IpAddr>,
    },
    /// Make an archive of a person's own data.
    DataExport {
        /// The person.
        user: UserId,
    },
}

impl Task {
    /// The value of the `kind` column.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::DeleteBlob { .. } => "delete_blob",
            Self::DeleteChunks { .. } => "delete_chunks",
            Self::Preview { .. } => "preview",
            Self::LinkPreviews { .. } => "link_previews",
            Self::Remind { .. } => "remind",
            Self::ResetLink { .. } => "reset_link",
            Self::DataExport { .. } => "data_export",
        }
    }

    /// The value of the `payload` column.
    pub fn payload(&self) -> String {
        let mut json = serde_json::to_value(self).expect("a task always has a JSON form");
        json["payload"].take().to_string()
    }

    /// A task from its columns; `None` if this program does not know it.
    pub fn from_columns(kind: &str, payload: &str) -> Option<Self> {
        let payload: serde_json::Value = serde_json::from_str(payload).ok()?;
        serde_json::from_value(serde_json::json!({ "kind": kind, "payload": payload })).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_back_from_its_columns() {
        for task in [
            Task::DeleteBlob { hash: "aa".into() },
            Task::DeleteChunks { file: "f".into() },
            Task::Preview { file: "f".into() },
            Task::LinkPreviews { room: RoomId(1), seq: 2 },
            Task::DataExport { user: UserId(3) },
            Task::ResetLink { account: "ada".into(), address: Some([192, 0, 2, 7].into()) },
            Task::Remind { nonce: "n".into(), plain: false, room: None, text: "tea".into(), user: UserId(3) },
            Task::Remind { nonce: "n".into(), plain: true, room: Some(RoomId(1)), text: "tea".into(), user: UserId(3) },
        ] {
            assert_eq!(Task::from_columns(task.kind(), &task.payload()), Some(task));
        }
        assert_eq!(Task::from_columns("later", "{}"), None);
    }
}
