//! What handlers share.
//!
//! Owns the struct only: `app` builds it.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::administration::Administration;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::cluster::node::Node;
use crate::config::Config;
use crate::db::Db;
use crate::doctor::Doctor;
use crate::export::PersonalExports;
use crate::files::Files;
use crate::hooks::Hooks;
use crate::http::origin::Origins;
use crate::jobs::Jobs;
use crate::missed::MissedMails;
use crate::monitoring::Monitoring;
use crate::outbox::Outbox;
use crate::push::Notifications;
use crate::realtime::Realtime;
use crate::retention::Retention;
use crate::settings::Settings;
use crate::tls::Tls;
use crate::web::assets::versions::OtherVersions;
use crate::webhooks::Webhooks;

/// The state of every handler.
#[derive(Clone)]
pub struct AppState {
    /// The settings of the environment.
    pub config: Arc<Config>,
    /// The settings that can change at run time.
    pub settings: Arc<Settings>,
    /// The allowed origins.
    pub origins: Arc<Origins>,
    /// The database; handlers only check its health.
    pub db: Arc<Db>,
    /// People and sessions.
    pub accounts: Arc<Accounts>,
    /// Rooms and messages.
    pub chat: Arc<Chat>,
    /// Files that people send.
    pub files: Arc<Files>,
    /// Incoming webhooks.
    pub hooks: Arc<Hooks>,
    /// The archives that people make of their own data.
    pub exports: Arc<PersonalExports>,
    /// What administrators see of the whole server.
    pub administration: Arc<Administration>,
    /// What is done in the background.
    pub jobs: Jobs,
    /// What leaves Parlor.
    pub outbox: Outbox,
    /// Who is told elsewhere what happens in rooms.
    pub webhooks: Arc<Webhooks>,
    /// Notifications to browsers.
    pub notifications: Arc<Notifications>,
    /// Mails about what people missed.
    pub missed: Arc<MissedMails>,
    /// The sockets.
    pub realtime: Arc<Realtime>,
    /// The numbers of all parts.
    pub monitoring: Arc<Monitoring>,
    /// What deletes what has expired, and legal holds.
    pub retention: Arc<Retention>,
    /// What looks for faults.
    pub doctor: Arc<Doctor>,
    /// This node among others.
    pub node: Arc<Node>,
    /// The static files of other versions.
    pub other_assets: Arc<OtherVersions>,
    /// The certificate, if Parlor itself speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// The time.
    pub clock: Clock,
}
