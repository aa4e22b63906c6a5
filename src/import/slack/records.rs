//! What an export of Slack's holds, as far as it is read. Everything may be missing or null, which is the same, and what is
//! unknown is ignored.

use serde::{Deserialize, Deserializer};

/// What is null has its default: programs in Go write lists without elements so.
fn or_default<'d, D: Deserializer<'d>, T: Deserialize<'d> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A record of which everything may be missing or null.
macro_rules! record {
    ($name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty),* $(,)? }) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$doc])* #[serde(deserialize_with = "or_default")] pub $field: $kind,)*
        }
    };
}

record!(
    User {
        id: String,
        team_id: Option<String>,
        name: Option<String>,
        real_name: Option<String>,
        deleted: bool,
        is_bot: bool,
        is_admin: bool,
        is_owner: bool,
        is_restricted: bool,
        is_ultra_restricted: bool,
        tz: Option<String>,
        profile: Profile,
    }
);

record!(
    Profile {
        name: Option<String>,
        real_name: Option<String>,
        display_name: Option<String>,
        email: Option<String>,
        status_text: Option<String>,
        bot_id: Option<String>,
    }
);

record!(
    Channel {
        id: String,
        name: Option<String>,
        created: f64,
        creator: Option<String>,
        is_archived: bool,
        updated: Option<f64>,
        members: Vec<Option<String>>,
        topic: Text,
        purpose: Text,
        pins: Vec<Option<Pin>>,
    }
);

record!(Text { value: String });

record!(
    Pin {
        id: String,
        created: f64,
        user: Option<String>,
    }
);

record!(
    Message {
        r#type: String,
        subtype: Option<String>,
        ts: String,
        user: Option<String>,
        bot_id: Option<String>,
        username: Option<String>,
        bot_profile: Option<BotProfile>,
        user_profile: Option<Profile>,
        text: Option<String>,
        thread_ts: Option<String>,
        edited: Option<Edited>,
        reactions: Vec<Option<Reaction>>,
        files: Vec<Option<File>>,
        file: Option<File>,
        attachments: Vec<Option<Attachment>>,
        blocks: Vec<serde_json::Value>,
        pinned_info: Option<PinnedInfo>,
        topic: Option<String>,
        purpose: Option<String>,
        name: Option<String>,
        hidden: bool,
    }
);

record!(
    BotProfile {
        name: Option<String>,
    }
);

record!(Edited { ts: String });

record!(
    Reaction {
        name: String,
        users: Vec<Option<String>>,
    }
);

record!(
    File {
        id: String,
        name: Option<String>,
        title: Option<String>,
        alt_txt: Option<String>,
        mimetype: Option<String>,
        size: u64,
        mode: Option<String>,
        is_external: bool,
        url_private: Option<String>,
        url_private_download: Option<String>,
    }
);

record!(
    Attachment {
        pretext: Option<String>,
        title: Option<String>,
        title_link: Option<String>,
        text: Option<String>,
        fallback: Option<String>,
        /// It is the preview of a link.
        from_url: Option<String>,
    }
);

record!(
    PinnedInfo {
        pinned_by: Option<String>,
        pinned_ts: Option<f64>,
    }
);
