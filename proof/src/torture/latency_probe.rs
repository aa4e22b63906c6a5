//! The latency of a server: two people write slowly, and the time from the one to the other is measured.
//!
//! Owns measuring what others notice while somebody misbehaves. A message that is lost or refused fails its case.

use std::fmt;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::client::{DEADLINE, Site, Socket};
use crate::infra::stalls;
use crate::quantile;

const PAUSE: Duration = Duration::from_millis(10);

/// How long others may wait, at the 99th percentile, on two processors that all clients share with the server.
const ALLOWED: Duration = Duration::from_millis(250);
/// How much longer than before others may wait for an unoptimized build, as in CI. It says nothing about speed, and its machine may be busy
/// with something else: only whoever makes others wait for seconds is found.
const UNOPTIMIZED: Duration = Duration::from_secs(2);

/// The two have a thread of their own, so that they do not measure the other clients of this process.
pub struct LatencyProbe {
    switch: watch::Sender<bool>,
    measured: mpsc::Receiver<Latencies>,
    thread: Option<JoinHandle<()>>,
}

impl LatencyProbe {
    /// Two new people, in a private room.
    pub async fn begin(site: &Site) -> Self {
        Self::start(site, true).await
    }

    /// The same two, after the server was started again.
    pub async fn resume(site: &Site) -> Self {
        Self::start(site, false).await
    }

    async fn start(site: &Site, are_new: bool) -> Self {
        let (switch, switched) = watch::channel(false);
        let (sender, measured) = mpsc::channel(1);
        let site = site.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(talk(&site, are_new, switched, &sender));
        });
        let mut latency = Self { switch, measured, thread: Some(thread) };
        latency.result().await;
        latency
    }

    pub async fn measure(&mut self, time: Duration) -> Latencies {
        self.during(tokio::time::sleep(time)).await.1
    }

    /// Measures until something else is over. What is in flight then counts too: it may be the one that hangs.
    pub async fn during<T>(&mut self, what: impl Future<Output = T>) -> (T, Latencies) {
        self.switch.send_replace(true);
        let done = what.await;
        self.switch.send_replace(false);
        (done, self.result().await)
    }

    /// The next measurement of the thread, or its panic.
    async fn result(&mut self) -> Latencies {
        match (self.measured.recv().await, self.thread.take()) {
            (Some(latencies), thread) => {
                self.thread = thread;
                latencies
            }
            (None, Some(thread)) => std::panic::resume_unwind(thread.join().expect_err("it ends only when it failed")),
            (None, None) => panic!("the latency was lost before"),
        }
    }
}

/// Reports once when it is ready, and then at the end of each measurement.
async fn talk(site: &Site, are_new: bool, mut switched: watch::Receiver<bool>, measured: &mpsc::Sender<Latencies>) {
    let mut talk = Talk::begin(site, are_new).await;
    let mut latencies = Latencies::default();
    // Once at least, also when what was to be measured is over already.
    while measured.send(std::mem::take(&mut latencies)).await.is_ok() && switched.changed().await.is_ok() {
        loop {
            latencies.0.push(talk.once().await);
            tokio::time::sleep(PAUSE).await;
            if !*switched.borrow_and_update() {
                break;
            }
        }
    }
}

struct Talk {
    speaker: Socket,
    listener: Socket,
    room: String,
    said: u64,
}

impl Talk {
    async fn begin(site: &Site, are_new: bool) -> Self {
        let [speaker, listener] = ["latency", "latency-listener"];
        let (speaker, listener) = if are_new {
            (site.register(speaker).await, site.register(listener).await)
        } else {
            (site.log_in(speaker).await, site.log_in(listener).await)
        };
        // Names of rooms are unique, and after a restart there is one already; a session is new each time.
        let session = speaker.session_cookie();
        let name = format!("Latency {}", session.split_at(session.len().saturating_sub(12)).1);
        let room = speaker.create_room(&name, "private").await;
        speaker.post(&format!("/rooms/{room}/members"), &[("username", "latency-listener")]).await.expect(303);
        let ((speaker, _), (listener, _)) = (speaker.join(&room).await, listener.join(&room).await);
        Self { speaker, listener, room, said: 0 }
    }

    async fn once(&mut self) -> Duration {
        self.said += 1;
        let nonce = format!("{}-{}", self.room, self.said);
        let began = Instant::now();
        let data = json!({ "room": self.room, "body": nonce, "nonce": nonce });
        let said = self.speaker.send("message", data).await.within(DEADLINE).await;
        assert!(said.as_ref().is_some_and(|it| it["ok"] == json!(true)), "somebody calm was not served: {said:?}");
        self.listener.hears(&nonce).await;
        // Of few latencies the 99th percentile is the longest.
        let took = stalls::elapsed(began);
        self.speaker.hears(&nonce).await;
        took
    }
}

#[derive(Debug, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn share(&self, share: f64) -> Duration {
        quantile(&mut self.0.clone(), share)
    }

    /// How long others may wait at the 99th percentile when these were measured before.
    pub fn most_felt(&self) -> Duration {
        if cfg!(debug_assertions) { self.share(0.99) * 2 + UNOPTIMIZED } else { ALLOWED }
    }

    /// Asserts that others hardly noticed what somebody did.
    pub fn assert_held(&self, before: &Self, what: &str) {
        let most = before.most_felt();
        assert!(self.share(0.99) <= most, "{what}: others noticed: {most:?} are allowed at p99 ({self}; before: {before})");
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |share| self.share(share).as_secs_f64() * 1000.0;
        let (half, most, worst) = (milliseconds(0.5), milliseconds(0.99), milliseconds(1.0));
        write!(f, "{} latencies, p50 {half:.1} ms, p99 {most:.1} ms, worst {worst:.1} ms", self.0.len())
    }
}
