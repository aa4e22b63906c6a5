//! What every test stands on: a server with a database of its own, people, their sockets and their browsers.
//!
//! Owns how tests are started, on each database, and what they leave behind (nothing). It must not test anything itself.

pub mod app;
pub mod axe;
pub mod browser;
pub mod database;
pub mod follower;
pub mod object_storage;
pub mod panics;
pub mod pebble;
pub mod process;
pub mod rows;
pub mod secure;
pub mod web_pages;

use std::future::Future;
use std::time::Duration;

pub use app::{Nodes, Server, TestApp};
pub use database::{Database, Kind};
pub use object_storage::ObjectStorage;
pub use proof::client::{Answer, DEADLINE, Person, Site, Socket, packet, polling, site, socket};
pub use proof::faults::balancer::Balancer;
pub use proof::faults::{Proxy, latency_proxy, malformed, tcp_proxy};
pub use proof::infra::redis::Redis;
pub use proof::infra::{cluster, programs, servers, watchdog};
pub use proof::torture::{Load, head, history};

/// What a test of [`both!`] can ask for: made from its database, taken down after it.
pub trait Fixture: Sized {
    /// Whether the migrations have run in its database.
    const IS_MIGRATED: bool = true;

    /// A database for it; nothing where Postgres is not on this machine and may be missing.
    fn database(kind: Kind) -> impl Future<Output = Option<Database>> {
        async move { if Self::IS_MIGRATED { Database::migrated(kind).await } else { Database::fresh(kind).await } }
    }

    /// Makes it.
    fn set_up(database: Database) -> impl Future<Output = Self>;
    /// Ends it; the database is handed back to be dropped.
    fn tear_down(self) -> impl Future<Output = Database>;
}

impl Fixture for Database {
    const IS_MIGRATED: bool = false;

    async fn set_up(database: Database) -> Self {
        database
    }

    async fn tear_down(self) -> Database {
        self
    }
}

/// Runs one test on one database. It passes when the body returns and nothing panicked in the server.
pub fn run<F: Fixture>(test: &str, kind: Kind, body: impl AsyncFnOnce(&F)) {
    on_threads_of(&format!("{test} on {kind:?}"), async {
        let Some(mut database) = F::database(kind).await else {
            println!("left out: Postgres is not on this machine");
            return;
        };
        // For a run of all tests on two nodes.
        database.has_two_nodes = kind == Kind::Postgres && std::env::var_os("PARLOR_TESTS_ON_TWO_NODES").is_some();
        let fixture = F::set_up(database).await;
        body(&fixture).await;
        fixture.tear_down().await.discard().await;
    });
}

/// Runs one test on two nodes, if this machine has Redis.
pub fn run_on_two_nodes<F: Fixture>(test: &str, body: impl AsyncFnOnce(&F)) {
    if !programs::Program::Redis.is_here_or_may_be_missing() {
        println!("left out: Redis is not on this machine");
        return;
    }
    on_threads_of(&format!("{test} on two nodes"), async {
        let Some(mut database) = F::database(Kind::Postgres).await else {
            println!("left out: Postgres is not on this machine");
            return;
        };
        database.has_two_nodes = true;
        let fixture = F::set_up(database).await;
        body(&fixture).await;
        fixture.tear_down().await.discard().await;
    });
}

/// Runs a test that needs a real browser, with a server on SQLite; left out where there is none.
pub fn in_browser(test: &str, body: impl AsyncFnOnce(&TestApp)) {
    if programs::Program::Browser.is_here_or_may_be_missing() {
        run(test, Kind::Sqlite, body);
    } else {
        println!("left out: there is no browser on this machine");
    }
}

/// Runs a test's future on a runtime of its own, whose threads are known to be the server's.
pub fn on_threads_of(test: &str, body: impl Future<Output = ()>) {
    panics::watch();
    let name = panics::thread_name(test);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(&name)
        .enable_all()
        .build()
        .expect("a runtime for the test");
    runtime.block_on(body);
    // Tasks that a test left behind end here, and not during the next one.
    runtime.shutdown_timeout(Duration::from_secs(5));
    let panics = panics::of(&name);
    assert!(panics.is_empty(), "the server panicked: {panics:#?}");
}

/// A test for each database: `#[apply(both)] async fn somebody_can_do_it(app: &TestApp) { … }` makes one for SQLite and one for Postgres.
/// The parameter is a [`TestApp`], which is a running server, or a bare [`Database`].
#[macro_export]
macro_rules! both {
    ($(#[$about:meta])* async fn $name:ident($fixture:ident: &$kind:ty) $body:block $($more:item)*) => {
        $(#[$about])*
        mod $name {
            #[allow(unused_imports, reason = "a body may need nothing but its fixture")]
            use super::*;

            async fn body($fixture: &$kind) $body

            #[test]
            fn on_sqlite() {
                $crate::harness::run(module_path!(), $crate::harness::Kind::Sqlite, async |it: &$kind| body(it).await);
            }

            #[test]
            fn on_postgres() {
                $crate::harness::run(module_path!(), $crate::harness::Kind::Postgres, async |it: &$kind| body(it).await);
            }

            $($more)*
        }
    };
}

/// `#[apply(everywhere)]`: as `both`, and a third time on two nodes with Redis between them, where every other connection of everybody
/// goes to another node.
#[macro_export]
macro_rules! everywhere {
    ($($test:tt)*) => {
        $crate::both! {
            $($test)*

            #[test]
            fn on_two_nodes() {
                $crate::harness::run_on_two_nodes(module_path!(), async |it| body(it).await);
            }
        }
    };
}

/// `#[apply(nodes)]`: a test that is given two nodes, on one Postgres and one Redis.
#[macro_export]
macro_rules! nodes {
    ($(#[$about:meta])* async fn $name:ident($fixture:ident: &$kind:ty) $body:block) => {
        $(#[$about])*
        #[test]
        fn $name() {
            async fn body($fixture: &$kind) $body
            let name = concat!(module_path!(), "::", stringify!($name));
            $crate::harness::run_on_two_nodes(name, async |it: &$kind| body(it).await);
        }
    };
}

/// `#[apply(once)]`: a test that is not about what is stored and needs no second database. It runs on SQLite.
#[macro_export]
macro_rules! once {
    ($(#[$about:meta])* async fn $name:ident($fixture:ident: &$kind:ty) $body:block) => {
        $(#[$about])*
        #[test]
        fn $name() {
            async fn body($fixture: &$kind) $body
            let name = concat!(module_path!(), "::", stringify!($name));
            $crate::harness::run(name, $crate::harness::Kind::Sqlite, async |it: &$kind| body(it).await);
        }
    };
}
