//! The values of settings: their types, their texts, and their defaults.

use std::sync::Arc;

use crate::config::{self, Config, Registration, Retention, Who};

/// A setting that can change at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// How people call this server.
    ServerName,
    /// Who may create an account.
    Registration,
    /// Who may create invitations.
    Inviters,
    /// Who may create rooms.
    RoomCreators,
    /// The rooms that new users join.
    DefaultRooms,
    /// Whether links get previews.
    LinkPreviews,
    /// How long what is stored is kept.
    Retention,
}

impl Name {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 7] = [
        Self::ServerName,
        Self::Registration,
        Self::Inviters,
        Self::RoomCreators,
        Self::DefaultRooms,
        Self::LinkPreviews,
        Self::Retention,
    ];

    /// Its name in forms, in JSON, and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerName => "server_name",
            Self::Registration => "registration",
            Self::Inviters => "inviters",
            Self::RoomCreators => "room_creators",
            Self::DefaultRooms => "default_rooms",
            Self::LinkPreviews => "link_previews",
            Self::Retention => "retention",
        }
    }

    /// Its variable in the environment.
    pub fn variable(self) -> String {
        self.as_str().to_uppercase()
    }

    /// The setting with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// The values of all settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// How people call this server.
    pub server_name: Arc<str>,
    /// Who may create an account.
    pub registration: Registration,
    /// Who may create invitations.
    pub inviters: Who,
    /// Who may create rooms.
    pub room_creators: Who,
    /// The slugs of the public rooms that new users join.
    pub default_rooms: Vec<String>,
    /// Whether links get previews.
    pub link_previews: bool,
    /// How long what is stored is kept.
    pub retention: Retention,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            server_name: "Parlor".into(),
            registration: Registration::Open,
            inviters: Who::Admins,
            room_creators: Who::Everyone,
            default_rooms: vec!["general".into()],
            link_previews: true,
            retention: Retention::default(),
        }
    }
}

impl Values {
    /// The values of the environment, with defaults for the rest; and which it names.
    pub(super) fn of(config: &Config) -> (Self, Vec<Name>) {
        let usual = Self::default();
        let named = [
            (Name::ServerName, config.server_name.is_some()),
            (Name::Registration, config.registration.is_some()),
            (Name::Inviters, config.inviters.is_some()),
            (Name::RoomCreators, config.room_creators.is_some()),
            (Name::DefaultRooms, config.default_rooms.is_some()),
            (Name::LinkPreviews, config.link_previews.is_some()),
            (Name::Retention, config.retention.is_some()),
        ];
        let values = Self {
            server_name: config.server_name.as_deref().map_or(usual.server_name, Into::into),
            registration: config.registration.unwrap_or(usual.registration),
            inviters: config.inviters.unwrap_or(usual.inviters),
            room_creators: config.room_creators.unwrap_or(usual.room_creators),
            default_rooms: config.default_rooms.clone().unwrap_or(usual.default_rooms),
            link_previews: config.link_previews.unwrap_or(usual.link_previews),
            retention: config.retention.unwrap_or_else(|| config.usual_retention()),
        };
        (values, named.into_iter().filter(|(_, is_named)| *is_named).map(|(name, _)| name).collect())
    }

    /// A value as the environment would write it.
    pub fn text(&self, name: Name) -> String {
        match name {
            Name::ServerName => self.server_name.to_string(),
            Name::Registration => self.registration.as_str().to_owned(),
            Name::Inviters => self.inviters.as_str().to_owned(),
            Name::RoomCreators => self.room_creators.as_str().to_owned(),
            Name::DefaultRooms => self.default_rooms.join(","),
            Name::LinkPreviews => if self.link_previews { "on" } else { "off" }.to_owned(),
            Name::Retention => self.retention.text(),
        }
    }

    /// Sets a value from its text; what is allowed, if it is wrong.
    pub(super) fn set(&mut self, name: Name, text: &str) -> Result<(), String> {
        let text = text.trim();
        match name {
            Name::ServerName => self.server_name = config::server_name(text)?.into(),
            Name::Registration => self.registration = text.parse()?,
            Name::Inviters => self.inviters = text.parse()?,
            Name::RoomCreators => self.room_creators = text.parse()?,
            Name::DefaultRooms => self.default_rooms = config::slugs(text)?,
            Name::LinkPreviews => self.link_previews = config::switch(text)?,
            Name::Retention => self.retention = self.retention.parse(text)?,
        }
        Ok(())
    }
}
