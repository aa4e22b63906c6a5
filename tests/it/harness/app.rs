//! A server inside the test process.
//!
//! Owns starting and stopping it. The clock is the test's to move; everything else is as it is outside: the server listens
//! on a port of its own, and the tests reach it only through that.

use std::fmt::Debug;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use parlor::clock::Clock;
use parlor::config::Config;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::database::Database;
use super::tcp_proxy::Target;
use super::{Balancer, Fixture, ObjectStorage, Person, Proxy, Redis, Site, Socket, latency_proxy, watchdog, web_pages};

/// A running server.
pub struct Server {
    /// What its people see of it.
    pub site: Site,
    /// Its time.
    pub clock: Clock,
    settings: Vec<(String, String)>,
    shutdown: CancellationToken,
    serving: Option<JoinHandle<()>>,
    /// Where its files are, unless the settings say otherwise.
    pub files: tempfile::TempDir,
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
        let mut all: Vec<_> = [
            ("DATABASE_URL", url),
            ("DEFAULT_ROOMS", ""),
            ("DRAIN", "off"),
            ("WEBHOOK_PRIVATE_ADDRESSES", "127.0.0.1"),
            ("PUSH_PRIVATE_ADDRESSES", "127.0.0.1"),
        ]
        .into_iter()
        .chain(lifted)
        .collect();
        // Without Redis it is a node by itself, with files in a folder of its own.
        let files = watchdog::folder();
        let files_url = format!("file://{}", files.path().display());
        if settings.iter().all(|(given, _)| *given != "REDIS_URL") {
            all.push(("FILES_URL", &files_url));
        }
        all.retain(|(name, _)| settings.iter().all(|(given, _)| given != name));
        all.extend(settings);
        let settings: Vec<_> = all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (site, shutdown, serving) = serve(&settings, clock.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await;
        Self { site, clock, settings, shutdown, serving: Some(serving), files }
    }

    /// One of its settings, which it has.
    pub fn setting(&self, name: &str) -> &str {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| &**value).expect("it is set")
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
    pub fn pass(&self, time: Duration) {
        self.clock.shift(i64::try_from(time.as_millis()).expect("tests do not pass that much time"));
    }
}

/// Listens at an address. One that was given up a moment ago may be another test's for a while.
pub async fn bind(address: SocketAddr) -> TcpListener {
    let deadline = tokio::time::Instant::now() + super::DEADLINE;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            bound => return bound.expect("a free port"),
        }
    }
}

async fn serve(settings: &[(String, String)], clock: Clock, address: SocketAddr) -> (Site, CancellationToken, JoinHandle<()>) {
    let mut config = Config::from_env(settings.iter().cloned()).expect("the tests' settings are right");
    config.link_hosts = web_pages::hosts();
    config.picture_program = Some(super::process::PROGRAM.into());
    // What the server spawns runs on the runtime's own threads, whose panics are counted.
    let starting = tokio::spawn(async move { parlor::App::start(config, clock).await });
    let app = starting.await.expect("the server starts without a panic").expect("the server starts");
    let listener = bind(address).await;
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

/// How long Redis takes, each way. What one node tells the other always comes later than the next request, so a test that does not wait
/// for it fails each time and not sometimes.
const REDIS_DELAY: Duration = Duration::from_millis(20);

/// Two nodes on one Postgres and one Redis.
pub struct Nodes {
    /// One node.
    pub a: Server,
    /// The other one.
    pub b: Server,
    /// Their database.
    pub database: Database,
    redis: Option<Proxy>,
    /// Where their files are.
    pub storage: Option<ObjectStorage>,
}

impl Nodes {
    /// Starts both with the same settings and one clock.
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let clock = Clock::default();
        let a = Server::start_at(database.url(), settings, clock.clone()).await;
        let b = Server::start_at(database.url(), settings, clock).await;
        Self { a, b, database, redis: None, storage: None }
    }
}

impl Fixture for Nodes {
    async fn set_up(database: Database) -> Self {
        let redis = latency_proxy::start(Target::Unix(Redis::shared_socket().await), REDIS_DELAY).await;
        let storage = ObjectStorage::start().await;
        let redis_url = format!("redis://{}", redis.site.address);
        let mut settings = vec![("REDIS_URL", &*redis_url)];
        settings.extend(storage.settings());
        let nodes = Self::start(database, &settings).await;
        Self { redis: Some(redis), storage: Some(storage), ..nodes }
    }

    async fn tear_down(self) -> Database {
        let Self { mut a, mut b, database, redis, storage } = self;
        tokio::join!(a.stop(), b.stop());
        drop((redis, storage));
        database
    }
}

/// A running server with a database of its own: what most tests begin with. On two nodes, each connection goes to the other node.
pub struct TestApp {
    server: Server,
    second: Option<Second>,
    /// Its database.
    pub database: Database,
}

/// The other node, and what is between.
struct Second {
    server: Server,
    _balancer: Balancer,
    _redis: Option<Proxy>,
    _storage: Option<ObjectStorage>,
}

impl Fixture for TestApp {
    async fn set_up(database: Database) -> Self {
        if !database.has_two_nodes {
            return Self { server: Server::start(database.url(), &[]).await, second: None, database };
        }
        let Nodes { mut a, b, database, redis, storage } = Nodes::set_up(database).await;
        let balancer = Balancer::before(vec![a.site.address, b.site.address]).await;
        a.site = balancer.clone();
        Self { server: a, second: Some(Second { server: b, _balancer: balancer, _redis: redis, _storage: storage }), database }
    }

    async fn tear_down(self) -> Database {
        let Self { mut server, second, database } = self;
        server.stop().await;
        if let Some(mut second) = second {
            second.server.stop().await;
        }
        database
    }
}

impl TestApp {
    /// Whether it is two nodes.
    pub fn has_two_nodes(&self) -> bool {
        self.second.is_some()
    }

    /// Asserts that the answer to a request is as expected: at once on one node, and on two as soon as both know it, which two right answers
    /// in succession show.
    pub async fn comes_to<T: PartialEq + Debug>(&self, expected: T, ask: impl AsyncFn() -> T) {
        let deadline = tokio::time::Instant::now() + super::DEADLINE;
        let (mut right, enough) = (0, if self.has_two_nodes() { 2 } else { 1 });
        while right < enough {
            let answer = ask().await;
            right = if answer == expected { right + 1 } else { 0 };
            if right == 0 && (!self.has_two_nodes() || tokio::time::Instant::now() > deadline) {
                assert_eq!(answer, expected);
            }
        }
    }

    /// Joins a room on a new connection, and is told that exactly these people are online there.
    pub async fn joins_with(&self, person: &Person, room: &str, users: &[&str]) -> Socket {
        let socket = person.socket().await;
        let online = json!({ "count": users.len(), "users": users });
        self.comes_to(online, async || socket.ok("join", json!({ "room": room })).await["online"].clone()).await;
        socket
    }
}

impl Deref for TestApp {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}
