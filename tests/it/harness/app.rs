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
use super::{Balancer, Fixture, Redis, Site};

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
        Self::start_at(url, settings, Clock::default()).await
    }

    async fn start_at(url: &str, settings: &[(&str, &str)], clock: Clock) -> Self {
        let lifted = ["POST_RATE", "ACT_RATE", "REGISTRATION_RATE", "SEARCH_TIME"].map(|name| (name, "off"));
        let mut all: Vec<_> =
            [("DATABASE_URL", url), ("DEFAULT_ROOMS", ""), ("DRAIN", "off")].into_iter().chain(lifted).collect();
        all.retain(|(name, _)| settings.iter().all(|(given, _)| given != name));
        all.extend(settings);
        let settings: Vec<_> = all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
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
        app.serve(listener, parlor::app::Shutdown { begin: stop, ..Default::default() }).await;
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

/// Two nodes on one Postgres and one Redis.
pub struct Nodes {
    /// One node.
    pub a: Server,
    /// The other one.
    pub b: Server,
    /// Their database.
    pub database: Database,
}

impl Nodes {
    /// Starts both with the same settings and one clock.
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let clock = Clock::default();
        let a = Server::start_at(database.url(), settings, clock.clone()).await;
        let b = Server::start_at(database.url(), settings, clock).await;
        Self { a, b, database }
    }
}

impl Fixture for Nodes {
    async fn set_up(database: Database) -> Self {
        let redis = Redis::shared_url().await;
        Self::start(database, &[("REDIS_URL", &*redis)]).await
    }

    async fn tear_down(self) -> Database {
        let Self { mut a, mut b, database } = self;
        tokio::join!(a.stop(), b.stop());
        database
    }
}

/// A running server with a database of its own: what most tests begin with. On two nodes, each connection goes to the other node.
pub struct TestApp {
    server: Server,
    second: Option<(Server, Balancer)>,
    /// Its database.
    pub database: Database,
}

impl Fixture for TestApp {
    async fn set_up(database: Database) -> Self {
        if !database.has_two_nodes {
            return Self { server: Server::start(database.url(), &[]).await, second: None, database };
        }
        let Nodes { mut a, b, database } = Nodes::set_up(database).await;
        let balancer = Balancer::before(vec![a.site.address, b.site.address]).await;
        a.site = balancer.clone();
        Self { server: a, second: Some((b, balancer)), database }
    }

    async fn tear_down(self) -> Database {
        let Self { mut server, second, database } = self;
        server.stop().await;
        if let Some((mut second, _)) = second {
            second.stop().await;
        }
        database
    }
}

impl Deref for TestApp {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}
