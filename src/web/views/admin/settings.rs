//! The settings that can change at run time.

use askama::Template;

use crate::settings::{Name, Settings};
use crate::web::views::{AppLayout, Problem, general, wrong};

/// `GET /admin/settings`.
#[derive(Debug, Template)]
#[template(path = "admin/settings.html")]
pub struct AdminSettingsPage {
    layout: AppLayout,
    fields: Vec<Field>,
    is_saved: bool,
    /// The error of the form.
    pub problem: Option<Problem>,
}

/// A setting.
#[derive(Debug)]
struct Field {
    name: Name,
    title: &'static str,
    hint: &'static str,
    value: String,
    /// The values to choose from; none for free text.
    choices: &'static [(&'static str, &'static str)],
    is_fixed: bool,
}

const REGISTRATIONS: &[(&str, &str)] =
    &[("open", "Everyone who can reach this server"), ("invite", "People with an invite link"), ("closed", "No one")];
const SWITCH: &[(&str, &str)] = &[("on", "On"), ("off", "Off")];
const WHO: &[(&str, &str)] = &[("everyone", "Everyone"), ("admins", "Administrators")];

impl AdminSettingsPage {
    /// The page with the present values.
    pub fn new(layout: AppLayout, settings: &Settings, is_saved: bool) -> Self {
        let now = settings.now();
        let fields = Name::ALL.map(|name| {
            let (title, hint, choices): (_, _, &[_]) = match name {
                Name::ServerName => ("Name of this server", "In the titles of pages, and where people log in", &[]),
                Name::Registration => ("Who can sign up", "", REGISTRATIONS),
                Name::Inviters => ("Who can create invite links", "", WHO),
                Name::RoomCreators => ("Who can create rooms", "", WHO),
                Name::LinkPreviews => ("Link previews", "For each link in a message, this server fetches the page", SWITCH),
                Name::Retention => (
                    "How long things are kept",
                    "Such as messages=365d,files=90d,audit=1y,sessions=30d. What isn’t named is kept for ever, except the audit log. \
                     What has expired is deleted for everyone and can’t be restored",
                    &[],
                ),
                Name::DefaultRooms => ("Rooms of new accounts", "Public rooms as in their addresses, separated by commas", &[]),
            };
            Field { name, title, hint, value: now.text(name), choices, is_fixed: settings.is_fixed(name) }
        });
        Self { layout, fields: fields.into(), is_saved, problem: None }
    }

    /// Shows the input again.
    pub fn typed(&mut self, changes: Vec<(Name, String)>) {
        for (name, text) in changes {
            if let Some(field) = self.fields.iter_mut().find(|field| field.name == name && !field.is_fixed) {
                field.value = text;
            }
        }
    }

    fn wrong(&self, field: &Field) -> Option<&str> {
        wrong(self.problem.as_ref(), field.name.as_str())
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &Name::ALL.map(Name::as_str))
    }
}
