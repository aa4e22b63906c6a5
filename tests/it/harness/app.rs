//! A server inside the test process.
//!
//! Owns starting and stopping it. The clock is the test's to move; everything else is as it is outside: the server listens
//! on a port of its own, and the tests reach it only through that.

use std::net::SocketAddr;
use std::ops::Deref;

use parlor::clock::Clock;
use parlor::config::Config;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::database::Database;
use super::{Fixture, Site};

/// A running server.
pub struct Server {
    /// What its people see of it.
    pub site: Site,
    /// Its time.
    pub clock: Clock,
    settings: Vec<(String, String)>,
    shutdown: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one on the database at `url`. `settings` are as the environment would hold them; posts, registrations and
    /// other acts are not limited unless they say so, because most tests are faster than people, and everybody comes from one address,
    /// nor is the time of a search, because the machine may be slow. Nobody is a member of anything before they join it, because most
    /// tests count what a room records; `accounts/newcomers.rs` and the tests of the real program have the default.
    pub async fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        let lifted = ["POST_RATE", "ACT_RATE", "REGISTRATION_RATE", "SEARCH_TIME"].map(|name| (name, "off"));
        let mut all: Vec<_> = [("DATABASE_URL", url), ("DEFAULT_ROOMS", "")].into_iter().chain(lifted).collect();
        all.retain(|(name, _)| settings.iter().all(|(given, _)| given != name));
        all.extend(settings);
        let settings: Vec<_> = all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let clock = Clock::default();
        let (site, shutdown, serving) = serve(&settings, clock.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await;
        Self { site, clock, settings, shutdown, serving: Some(serving) }
    }

    /// Stops it as a signal would, and waits for the end.
    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(serving) = self.serving.take() {
            let ended = tokio::time::timeout(super::DEADLINE, serving).await;
            ended.expect("the server stops when asked").expect("the server stops without a panic");
        }
    }

    /// Starts it again at the same address, with the same settings and database.
    pub async fn start_again(&mut self) {
        assert!(self.serving.is_none(), "only a server that was stopped can be started again");
        let (site, shutdown, serving) = serve(&self.settings, self.clock.clone(), self.site.address).await;
        self.site = site;
        self.shutdown = shutdown;
        self.serving = Some(serving);
    }

    /// Moves its clock forward.
    pub fn pass(&self, time: std::time::Duration) {
        self.clock.shift(i64::try_from(time.as_millis()).expect("tests do not pass that much time"));
    }
}

async fn serve(settings: &[(String, String)], clock: Clock, address: SocketAddr) -> (Site, CancellationToken, JoinHandle<()>) {
    let config = Config::from_env(settings.iter().cloned()).expect("the tests' settings are right");
    // What the server spawns runs on the runtime's own threads, whose panics are counted.
    let starting = tokio::spawn(async move { parlor::App::start(config, clock).await });
    let app = starting.await.expect("the server starts without a panic").expect("the server starts");
    let listener = TcpListener::bind(address).await.expect("a free port");
    let site = Site::at(listener.local_addr().expect("a bound listener has an address"));
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let serving = tokio::spawn(async move {
        app.serve(listener, stop).await;
    });
    (site, shutdown, serving)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Deref for Server {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// A running server with a database of its own: what most tests begin with.
pub struct TestApp {
    server: Server,
    /// Its database.
    pub database: Database,
}

impl Fixture for TestApp {
    async fn set_up(database: Database) -> Self {
        Self { server: Server::start(database.url(), &[]).await, database }
    }

    async fn tear_down(self) -> Database {
        let Self { mut server, database } = self;
        server.stop().await;
        database
    }
}

impl Deref for TestApp {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}
