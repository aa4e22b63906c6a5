//! Whether the checker notices faults: the load talks to a small chat in memory that has one known fault.
//!
//! Owns a server that speaks as much of the protocol as [`Load`] needs. Without a fault it is correct, and the checker must find nothing.

mod events;
mod pages;
mod rooms;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::serve::ListenerExt;
use proof::checker::Verdict;
use proof::client::Site;
use proof::torture::Load;
use tokio::net::TcpListener;

use self::rooms::Rooms;

const POSTS: usize = 300;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// One message in seven is acknowledged and not stored.
    Lose,
    /// One message in seven is stored, and sent to nobody; replays hold it for its author only.
    Withhold,
    /// One message in seven is stored twice.
    Double,
    /// One message in seven is sent twice.
    Repeat,
    /// Each seventh message is sent after the next one.
    Reorder,
    /// Messages of every room are sent to everybody who is connected.
    Leak,
    /// Whoever knows a private room's slug may read it.
    Open,
}

type IsFound = fn(&Verdict) -> bool;

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_found_and_a_correct_server_is_clean() {
    let expected: [(Fault, IsFound); 8] = [
        (Fault::None, Verdict::is_clean),
        (Fault::Lose, |it| it.lost > 0),
        (Fault::Withhold, |it| it.lost > 0),
        (Fault::Double, |it| it.doubled > 0),
        (Fault::Repeat, |it| it.doubled > 0),
        (Fault::Reorder, |it| it.out_of_order > 0),
        (Fault::Leak, |it| it.seen_by_strangers > 0),
        (Fault::Open, |it| it.seen_by_strangers > 0),
    ];
    for (fault, is_found) in expected {
        let mut load = Load::gather(&start(fault).await, 3).await;
        let (listener, room) = load.witness();
        load.during(async { listener.join(&room).await.0.first(POSTS, "message").await }).await;
        let verdict = load.verdict().await;
        assert!(is_found(&verdict) && verdict.acknowledged > 0, "{fault:?}: {verdict}");
    }
}

/// The server's state.
#[derive(Clone)]
struct Shared(Arc<Mutex<Rooms>>);

impl Shared {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts it; it ends with the test.
async fn start(fault: Fault) -> Site {
    let shared = Shared(Arc::new(Mutex::new(Rooms::new(fault))));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let site = Site::at(listener.local_addr().expect("an address"));
    // Several small writes in a row would wait for the peer's delayed acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let router = pages::router(shared.clone()).layer(events::layer(shared));
    tokio::spawn(async move { axum::serve(listener, router).await });
    site
}
