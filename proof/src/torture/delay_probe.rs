//! The delay from node to node: somebody posts on one at a steady pace, and somebody listens on another.
//!
//! Owns measuring it, without waiting for one message before the next is sent. A message that is lost or refused fails its case.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::client::{DEADLINE, Person, Site, Socket};
use crate::quantile;

const PACE: Duration = Duration::from_millis(20);

/// The two have a thread of their own, so that they do not measure the other clients of this process.
pub struct DelayProbe {
    switch: watch::Sender<bool>,
    measured: mpsc::Receiver<Delays>,
}

/// From sending until it was acknowledged, and until it was heard.
#[derive(Debug, Default)]
pub struct Delays {
    pub acknowledged: Vec<Duration>,
    pub heard: Vec<Duration>,
}

impl DelayProbe {
    /// Two new people in a private room of theirs.
    pub async fn between(from: &Site, to: &Site) -> Self {
        let speaker = from.register("speaker").await;
        from.register("hearer").await;
        let room = speaker.create_room("From node to node", "private").await;
        speaker.post(&format!("/rooms/{room}/members"), &[("username", "hearer")]).await.expect(303);
        let hearer = to.log_in("hearer").await;
        let (switch, switched) = watch::channel(false);
        let (sender, measured) = mpsc::channel(1);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(talk(&speaker, &hearer, &room, switched, &sender));
        });
        let mut probe = Self { switch, measured };
        probe.result().await;
        probe
    }

    /// Measures until something else is over, and then until all that was sent has been heard.
    pub async fn during<T>(&mut self, what: impl Future<Output = T>) -> (T, Delays) {
        self.switch.send_replace(true);
        let done = what.await;
        self.switch.send_replace(false);
        (done, self.result().await)
    }

    async fn result(&mut self) -> Delays {
        self.measured.recv().await.expect("the two can talk from node to node")
    }
}

/// Reports once when it is ready, and then at the end of each measurement.
async fn talk(speaker: &Person, hearer: &Person, room: &str, mut on: watch::Receiver<bool>, measured: &mpsc::Sender<Delays>) {
    let ((speaker, _), (hearer, _)) = (speaker.join(room).await, hearer.join(room).await);
    let mut said = 0;
    let mut delays = Delays::default();
    while measured.send(std::mem::take(&mut delays)).await.is_ok() && on.wait_for(|on| *on).await.is_ok() {
        let (count, counted) = watch::channel(None);
        let (sent, heard) = tokio::join!(speak(&speaker, room, said, &on, &count), hear(&hearer, said, counted));
        said += sent.len();
        delays.acknowledged = sent.iter().map(|(_, took)| *took).collect();
        delays.heard = heard.iter().zip(&sent).map(|(heard, (sent, _))| *heard - *sent).collect();
    }
}

/// Posts until it is switched off; returns when each was sent, and how long the acknowledgement took.
async fn speak(
    socket: &Socket,
    room: &str,
    from: usize,
    on: &watch::Receiver<bool>,
    count: &watch::Sender<Option<usize>>,
) -> Vec<(Instant, Duration)> {
    let mut pace = tokio::time::interval(PACE);
    let mut posts = Vec::new();
    while *on.borrow() {
        pace.tick().await;
        let nonce = (from + posts.len()).to_string();
        let sent = Instant::now();
        let pending = socket.send("message", json!({ "room": room, "body": nonce, "nonce": nonce })).await;
        posts.push(tokio::spawn(async move {
            let answer = pending.within(DEADLINE).await;
            assert!(answer.as_ref().is_some_and(|it| it["ok"] == json!(true)), "somebody calm was not served: {answer:?}");
            (sent, sent.elapsed())
        }));
    }
    count.send_replace(Some(posts.len()));
    let mut all = Vec::new();
    for post in posts {
        all.push(post.await.expect("each is acknowledged"));
    }
    all
}

/// Hears them in order; returns when each came.
async fn hear(socket: &Socket, from: usize, mut counted: watch::Receiver<Option<usize>>) -> Vec<Instant> {
    let mut heard = Vec::new();
    loop {
        let all = tokio::select! {
            message = socket.next_where("message", |it| it["kind"] == "text") => {
                assert_eq!(message["body"], (from + heard.len()).to_string(), "in order, each once");
                heard.push(Instant::now());
                *counted.borrow()
            }
            _ = counted.changed() => *counted.borrow_and_update(),
        };
        if all.is_some_and(|all| heard.len() >= all) {
            return heard;
        }
    }
}

impl Delays {
    pub fn extend(&mut self, more: Self) {
        self.acknowledged.extend(more.acknowledged);
        self.heard.extend(more.heard);
    }

    /// A quantile of the time until one was acknowledged.
    pub fn acknowledged(&self, share: f64) -> Duration {
        quantile(&mut self.acknowledged.clone(), share)
    }

    /// The longest time until one was heard.
    pub fn longest(&self) -> Duration {
        self.heard.iter().max().copied().unwrap_or_default()
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |of: &[Duration], share| quantile(&mut of.to_vec(), share).as_secs_f64() * 1000.0;
        let [half, most, worst] = [0.5, 0.99, 1.0].map(|share| milliseconds(&self.heard, share));
        let [acknowledged, slowest] = [0.99, 1.0].map(|share| milliseconds(&self.acknowledged, share));
        write!(
            f,
            "{} heard on the other node after p50 {half:.1} ms, p99 {most:.1} ms, worst {worst:.0} ms; acknowledged after p99 \
             {acknowledged:.1} ms, worst {slowest:.0} ms",
            self.heard.len()
        )
    }
}
