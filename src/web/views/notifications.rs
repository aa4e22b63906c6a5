//! When and about what somebody is notified, the browsers that are, and mails.

use askama::Template;

use super::{AppLayout, Problem, general, moments, wrong};
use crate::clock::Millis;
use crate::db::push::Subscription;
use crate::missed::When;
use crate::model::{SessionKey, Theme, user_agent};
use crate::push::NotificationSettings;

/// How long somebody can choose not to be disturbed, in minutes, and its name.
const SILENCES: [(i64, &str); 5] = [(30, "30 minutes"), (60, "1 hour"), (240, "4 hours"), (1_440, "1 day"), (10_080, "1 week")];

/// The choice of mails.
#[derive(Debug)]
pub struct MailPanel {
    /// What is chosen.
    pub chosen: When,
    /// Whether there is a verified address to send them to.
    pub has_address: bool,
}

/// `GET /unsubscribe/{token}`.
#[derive(Debug, Template)]
#[template(path = "accounts/unsubscribe.html")]
pub struct UnsubscribePage {
    /// The color theme.
    pub theme: Theme,
    /// The token of the link.
    pub token: String,
    /// Whose mails it ends.
    pub username: String,
    /// Whether it did.
    pub is_done: bool,
}

/// `GET /settings/notifications`.
#[derive(Debug, Template)]
#[template(path = "accounts/notifications.html")]
pub struct NotificationsPage {
    layout: AppLayout,
    fields: NotificationFields,
    /// Until when nothing is shown: for programs, and for people.
    silent_until: Option<(String, String)>,
    browsers: Vec<Browser>,
    /// Mails, if the server sends any.
    mail: Option<MailPanel>,
    /// What was just done.
    pub said: Option<&'static str>,
    /// The error of the form.
    pub problem: Option<Problem>,
}

/// The values of the form.
#[derive(Debug)]
pub struct NotificationFields {
    /// Whether only while not connected.
    pub is_away_only: bool,
    /// `HH:MM`, or empty.
    pub quiet_from: String,
    /// `HH:MM`, or empty.
    pub quiet_until: String,
    /// Words between commas.
    pub keywords: String,
}

/// A browser that gets notifications.
#[derive(Debug)]
struct Browser {
    id: i64,
    device: String,
    is_this: bool,
    added_at: String,
    added: String,
}

impl NotificationsPage {
    /// The page of whoever has this session, as of now.
    pub fn new(
        layout: AppLayout,
        settings: &NotificationSettings,
        browsers: Vec<Subscription>,
        mail: Option<MailPanel>,
        session: &SessionKey,
        now: Millis,
    ) -> Self {
        let clock =
            |minute: Option<i64>| minute.map_or_else(String::new, |minute| format!("{:02}:{:02}", minute / 60, minute % 60));
        let fields = NotificationFields {
            is_away_only: settings.away_only,
            quiet_from: clock(settings.quiet_from),
            quiet_until: clock(settings.quiet_until),
            keywords: settings.keywords.join(", "),
        };
        let times = &layout.times;
        let silent_until = settings.silent_until.filter(|until| now < *until);
        let silent_until = silent_until.map(|until| (until.to_string(), times.moment(&times.at(until))));
        let browsers = browsers
            .into_iter()
            .map(|one| Browser {
                id: one.id,
                device: user_agent::name(&one.user_agent.unwrap_or_default()),
                is_this: one.session_key == session.as_str(),
                added_at: one.created_at.to_string(),
                added: moments::ago(one.created_at, now, times),
            })
            .collect();
        Self { layout, fields, silent_until, browsers, mail, said: None, problem: None }
    }

    /// Shows what was typed.
    pub fn typed(&mut self, fields: NotificationFields) {
        self.fields = fields;
    }

    fn silences(&self) -> [(i64, &'static str); 5] {
        SILENCES
    }

    fn mails(&self) -> [(&'static str, &'static str, bool); 4] {
        let chosen = self.mail.as_ref().map(|mail| mail.chosen).unwrap_or_default();
        When::ALL.map(|when| {
            let name = match when {
                When::Never => "Never",
                When::Soon => "After 10 minutes, if I haven’t been here since",
                When::Daily => "Once a day, at 7:00",
                When::Weekly => "Once a week, on Monday at 7:00",
            };
            (when.as_str(), name, chosen == when)
        })
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["quiet_from", "quiet_until", "keywords"])
    }
}
