//! What an export of Slack's holds, as far as it is read. Everything may be missing, and what is unknown is ignored.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: String,
    pub team_id: Option<String>,
    pub name: Option<String>,
    pub real_name: Option<String>,
    pub deleted: bool,
    pub is_bot: bool,
    pub is_admin: bool,
    pub is_owner: bool,
    pub is_restricted: bool,
    pub is_ultra_restricted: bool,
    pub tz: Option<String>,
    pub profile: Profile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Profile {
    pub name: Option<String>,
    pub real_name: Option<String>,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub status_text: Option<String>,
    pub bot_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Channel {
    pub id: String,
    pub name: Option<String>,
    pub created: f64,
    pub creator: Option<String>,
    pub is_archived: bool,
    pub updated: Option<f64>,
    pub members: Vec<String>,
    pub topic: Text,
    pub purpose: Text,
    pub pins: Vec<Pin>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Text {
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pin {
    pub id: String,
    pub created: f64,
    pub user: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    pub r#type: String,
    pub subtype: Option<String>,
    pub ts: String,
    pub user: Option<String>,
    pub bot_id: Option<String>,
    pub username: Option<String>,
    pub bot_profile: Option<BotProfile>,
    pub user_profile: Option<Profile>,
    pub text: Option<String>,
    pub thread_ts: Option<String>,
    pub edited: Option<Edited>,
    pub reactions: Vec<Reaction>,
    pub files: Vec<Option<File>>,
    pub file: Option<File>,
    pub attachments: Vec<Attachment>,
    pub blocks: Vec<serde_json::Value>,
    pub pinned_info: Option<PinnedInfo>,
    pub topic: Option<String>,
    pub purpose: Option<String>,
    pub name: Option<String>,
    pub hidden: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BotProfile {
    pub name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Edited {
    pub ts: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reaction {
    pub name: String,
    pub users: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct File {
    pub id: String,
    pub name: Option<String>,
    pub title: Option<String>,
    pub alt_txt: Option<String>,
    pub mimetype: Option<String>,
    pub size: u64,
    pub mode: Option<String>,
    pub is_external: bool,
    pub url_private: Option<String>,
    pub url_private_download: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Attachment {
    pub pretext: Option<String>,
    pub title: Option<String>,
    pub title_link: Option<String>,
    pub text: Option<String>,
    pub fallback: Option<String>,
    /// It is the preview of a link.
    pub from_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PinnedInfo {
    pub pinned_by: Option<String>,
    pub pinned_ts: Option<f64>,
}
