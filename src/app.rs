//! The application: builds its parts, serves, and stops.
//!
//! Owns the order in which the parts start and stop. It must not do the work of any of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::accounts::session::Store;
use crate::accounts::{Accounts, outside};
use crate::administration::Administration;
use crate::backup;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::cluster::{Cluster, nodes, skew};
use crate::config::Config;
use crate::db::{Db, Purpose};
use crate::error::Result;
use crate::events::Bus;
use crate::export::PersonalExports;
use crate::files::Files;
use crate::hooks::Hooks;
use crate::http::origin::Origins;
use crate::jobs::{Handlers, Jobs};
use crate::links::Links;
use crate::missed::MissedMails;
use crate::monitoring::{Monitoring, Parts};
use crate::outbox::{Deliverers, Outbox};
use crate::previews;
use crate::push::Notifications;
use crate::realtime::Realtime;
use crate::reminders;
use crate::retention::Retention;
use crate::server;
use crate::settings::Settings;
use crate::timekeeping::Timekeeper;
use crate::tls::{self, Tls};
use crate::web::assets::versions::OtherVersions;
use crate::web::state::AppState;
use crate::web::{assets, plain, router};
use crate::webhooks::Webhooks;

/// A whole Parlor, ready to serve.
pub struct App {
    state: AppState,
    sockets: socketioxide::layer::SocketIoLayer,
    sessions: Store,
    /// Ends what runs beside requests: a backup that is being made is given up, as is the deletion of what has expired.
    beside: DropGuard,
    backups: JoinHandle<()>,
    connections: server::Connections,
    deliverers: Deliverers,
}

impl App {
    /// Opens and migrates the database, and starts everything that runs behind the handlers.
    ///
    /// # Errors
    /// When the database cannot be opened or migrated; the text is for the person who starts Parlor.
    pub async fn start(config: Config, clock: Clock) -> std::result::Result<Self, crate::db::OpenError> {
        let db = Db::open_with(&config.database_url, config.database_connections, Purpose::Serve, config.checkpoints).await?;
        skew::check(&db).await?;
        db.migrate().await?;
        db.ensure(clock.now()).await?;
        let db = Arc::new(db);
        let jobs = Jobs::open(db.clone(), clock.clone());
        let files = Files::open(db.clone(), &config, clock.clone(), jobs.clone()).map_err(crate::db::OpenError::Unusable)?;
        let tls = Tls::open(&config, &db, clock.clone());
        let tls = tls.map_err(|problem| crate::db::OpenError::Unusable(problem.to_string()))?;
        Self::assemble(config, clock, db, jobs, files, tls)
            .await
            .map_err(|error| crate::db::OpenError::Unusable(error.to_string()))
    }

    async fn assemble(
        config: Config,
        clock: Clock,
        db: Arc<Db>,
        jobs: Jobs,
        files: Arc<Files>,
        tls: Option<Arc<Tls>>,
    ) -> Result<Self> {
        let timekeeper = Timekeeper::begin(db.clone(), clock.clone()).await?;
        let events = Bus::default();
        let settings = Settings::open(db.clone(), &config, clock.clone(), &events).await?;
        let accounts = Accounts::open(db.clone(), &config, clock.clone(), events.clone(), settings.clone()).await?;
        let accounts = Arc::new(accounts);
        let sessions = accounts.session_store();
        tokio::spawn(outside::watch(db.clone(), events.clone()));
        let outbox = Outbox::open(db.clone(), clock.clone());
        let (waking, outgoing) = (jobs.clone(), outbox.clone());
        let chat = Chat::open(db.clone(), &config, clock.clone(), events.clone(), settings.clone(), waking, outgoing).await?;
        let notifications = Notifications::open(db.clone(), chat.clone(), clock.clone(), outbox.clone(), &config).await?;
        let subscription = events.subscribe(|_| true);
        let node = Cluster::join(db.clone(), &config, chat.clone(), events).await?;
        let (sockets, realtime) = Realtime::start(
            &config,
            chat.clone(),
            accounts.clone(),
            notifications.clone(),
            clock.clone(),
            subscription,
            node.clone(),
        );
        tokio::spawn(nodes::keep(db.clone(), node.clone(), {
            let realtime = realtime.clone();
            move || realtime.sockets()
        }));
        // A digest of a key that stays when an old backup is put back, where the history gets another name.
        let digest = assets::digest(&["cookies", &db.device_key().await?]);
        let other_assets = OtherVersions::open(db.clone(), assets::version(), assets::named()).await;
        let origins = Arc::new(Origins::new(&config, &digest));
        let administration = Administration::open(db.clone(), &config, clock.clone());
        files.recover().await?;
        let links = Links::new(db.clone(), chat.clone(), files.clone(), settings.clone(), &config);
        let exports = PersonalExports::new(db.clone(), files.clone(), jobs.clone(), Arc::new(config.clone()), clock.clone());
        let handlers = accounts.handlers(exports.handlers(links.handlers(files.handlers(Handlers::default()))));
        let handlers = reminders::handlers(handlers, &db, &accounts, &chat);
        jobs.start(previews::handlers(handlers, &db, &files, &chat));
        let webhooks = Webhooks::new(db.clone(), accounts.clone(), chat.clone(), clock.clone(), outbox.clone(), &config);
        let missed = MissedMails::new(db.clone(), chat.clone(), accounts.clone(), clock.clone(), outbox.clone(), &config);
        let deliverers = accounts.deliverers(webhooks.deliverers(Deliverers::default()));
        let deliverers = missed.deliverers(notifications.deliverers(deliverers));
        let beside = CancellationToken::new();
        let (own, ended) = (node.clone(), beside.clone());
        let watching = timekeeper.run(move || own.skew().is_refused());
        tokio::spawn(async move { ended.run_until_cancelled_owned(watching).await });
        let backups = tokio::spawn(backup::run(db.clone(), config.clone(), clock.clone(), beside.clone()));
        let retention = Retention::start(db.clone(), chat.clone(), settings.clone(), clock.clone(), beside.clone()).await?;
        if let Some(tls) = tls.clone() {
            let kept = tls::keep(tls, db.clone(), config.clone(), clock.clone());
            let ended = beside.clone();
            tokio::spawn(async move { ended.run_until_cancelled_owned(kept).await });
        }
        let beside = beside.drop_guard();
        let connections = server::Connections::new(server::Limits::new(&config));
        let parts = Parts {
            db: db.clone(),
            chat: chat.clone(),
            accounts: accounts.clone(),
            realtime: realtime.clone(),
            node: node.clone(),
            connections: connections.clone(),
            tls: tls.clone(),
            clock: clock.clone(),
            retention: retention.clone(),
        };
        let monitoring = Arc::new(Monitoring::new(parts, &config));
        let watching = Arc::downgrade(&monitoring);
        tokio::spawn(Monitoring::watch(watching));
        let config = Arc::new(config);
        let hooks = Arc::new(Hooks::new(db.clone(), accounts.clone(), chat.clone(), clock.clone()));
        let state = AppState {
            config,
            settings,
            origins,
            db,
            accounts,
            chat,
            files,
            hooks,
            exports,
            administration,
            jobs,
            outbox,
            webhooks,
            notifications,
            missed,
            realtime,
            monitoring,
            retention,
            doctor: Arc::default(),
            node,
            other_assets,
            tls,
            clock,
        };
        Ok(Self { state, sockets, sessions, connections, beside, backups, deliverers })
    }

    /// What the handlers share.
    #[must_use]
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Serves until it is asked to stop. Then it drains, stops taking connections, commits, acknowledges and publishes what is queued,
    /// notifies the sockets and the other nodes, and returns.
    pub async fn serve(self, listeners: impl Into<Listeners>, shutdown: Shutdown) {
        let Self { state, sockets, sessions, connections, beside, backups, deliverers } = self;
        let Listeners { site, plain } = listeners.into();
        let port = site.local_addr().map_or(state.config.listen.port(), |address| {
            state.accounts.listens_at(state.config.own_scheme(), address);
            address.port()
        });
        // Now that mails know where the links in them lead to.
        state.outbox.start(deliverers);
        let service = router::service(state.clone(), sockets, sessions, connections.clone());
        let stop = CancellationToken::new();
        let stopping = {
            let (state, stop) = (state.clone(), stop.clone());
            tokio::spawn(async move {
                shutdown.begin.cancelled().await;
                state.node.begin_draining();
                shutdown.hurry.run_until_cancelled(drain(&state)).await;
                stop.cancel();
                drop(beside);
                let undone = tokio::time::timeout(LAST_BACKUP, backups);
                // Before the ledger closes, through which some end.
                let (.., undone) = tokio::join!(state.jobs.stop(LAST_JOBS), state.outbox.stop(LAST_JOBS), undone);
                if undone.is_err() {
                    tracing::warn!("a backup that was being made may leave something at its place");
                }
                state.chat.close();
                // Everything queued is committed, acknowledged and published before any socket is cut.
                let published = async {
                    state.chat.closed().await;
                    state.chat.events().flush().await;
                };
                if tokio::time::timeout(LAST_WORDS, published).await.is_err() {
                    tracing::warn!("the database did not take the last changes in time; their senders will retry");
                }
                state.realtime.stop();
                nodes::leave(&state.db, &state.node).await;
            })
        };
        let redirecting = async {
            let (Some(plain), Some(tls)) = (plain, &state.tls) else { return };
            tls.listens_for_http();
            let service = plain::service(&state.config, port, tls.clone());
            server::serve(plain, None, service, connections.clone(), stop.clone()).await;
        };
        let serving = server::serve(site, state.tls.clone(), service, connections.clone(), stop.clone());
        tokio::join!(serving, redirecting);
        stopping.await.ok();
        if tokio::time::timeout(CLOSING, state.db.close()).await.is_err() {
            tracing::warn!("the database does not answer; leaving it");
        }
    }
}

/// Where a Parlor listens.
#[derive(Debug)]
pub struct Listeners {
    /// For the site.
    pub site: TcpListener,
    /// With TLS: for plain HTTP, which is redirected.
    pub plain: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(site: TcpListener) -> Self {
        Self { site, plain: None }
    }
}

/// How a running Parlor is asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Cancelled to begin draining, then stop.
    pub begin: CancellationToken,
    /// Cancelled to end draining early.
    pub hurry: CancellationToken,
}

/// Keeps serving while load balancers notice that this node is not ready, then disconnects its sockets over time, so that they connect to
/// other nodes. Without other nodes it returns at once.
async fn drain(state: &AppState) {
    let time = state.config.drain;
    if time.is_zero() || state.realtime.sockets() == 0 {
        return;
    }
    let others = nodes::count_others(&state.db).await;
    if others == 0 {
        return;
    }
    tracing::info!(seconds = time.as_secs(), others, "draining: this node is not ready any more, and admits no sockets");
    tokio::time::sleep(time).await;
    state.realtime.stop_within(time).await;
}

/// How long running jobs may take when the server stops, before they are handed back to be done again.
const LAST_JOBS: Duration = Duration::from_secs(1);
/// How long a backup that is being made may take to be undone when the server stops: longer than object storage has for it.
const LAST_BACKUP: Duration = Duration::from_secs(6);
/// How long the last changes may take to be committed when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long the database's connections may take to close.
const CLOSING: Duration = Duration::from_millis(500);
