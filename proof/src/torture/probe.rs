//! Somebody who sends every kind of request while a server has a fault, and measures the time.
//!
//! Owns what counts as a bounded, clear answer. What it posts goes into the journal of the load's witness, for the checker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::header::ACCEPT;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::Load;
use crate::client::person::Answer;
use crate::client::socket::Refusal;
use crate::client::{DEADLINE, Person};
use crate::infra::stalls;

/// How long `/healthz` may take: it asks the database for two seconds.
const HEALTH: Duration = Duration::from_secs(5);

/// How long any answer may take: the server gives up admitting a connection after 8 s, an event after 15 s.
pub const BOUND: Duration = Duration::from_secs(25);

pub struct Probe {
    person: Person,
    room: String,
    name: String,
    intended: Vec<String>,
    acknowledged: Vec<(String, Value)>,
    slowest: Duration,
    /// How often each answer was given: `way answer`.
    pub answers: BTreeMap<String, u32>,
}

impl Probe {
    /// The load's witness; `name` distinguishes its posts from those of other probes.
    pub fn new(load: &Load, name: &str) -> Self {
        let (person, room) = load.witness();
        let (intended, acknowledged) = (Vec::new(), Vec::new());
        Self { person, room, name: name.to_owned(), intended, acknowledged, slowest: Duration::ZERO, answers: BTreeMap::new() }
    }

    pub async fn ask_for(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.ask().await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks in every way once, all at the same time.
    pub async fn ask(&mut self) {
        let path = format!("/rooms/{}", self.room);
        let (by_form, by_socket) = (self.nonce(), self.nonce());
        let health = self.person.request(Method::GET, "/healthz").timeout(HEALTH);
        let page = self.person.request(Method::GET, &path).header(ACCEPT, "application/json");
        let form = self.person.form(&format!("{path}/messages"), &[("body", &by_form), ("nonce", &by_form)]);
        let event = json!({ "room": self.room, "body": by_socket, "nonce": by_socket });
        let (health, page, form, socket) = tokio::join!(
            timed(send(health)),
            timed(send(page)),
            timed(send(form.header(ACCEPT, "application/json"))),
            timed(post_anew(&self.person, event))
        );
        self.acknowledged.extend(form.0.1.clone().map(|message| (by_form, message)));
        self.acknowledged.extend(socket.0.1.clone().map(|message| (by_socket, message)));
        for (way, ((answer, _), took)) in [("healthz", health), ("page", page), ("form", form), ("socket", socket)] {
            let is_clear = ["200", "201", "503", "ok", "unavailable", "busy"].contains(&answer.as_str());
            assert!(is_clear, "{way} was answered with {answer} after {took:?}");
            assert!(took < BOUND, "{way} was answered only after {took:?}");
            self.slowest = self.slowest.max(took);
            *self.answers.entry(format!("{way} {answer}")).or_default() += 1;
        }
    }

    pub fn was_answered(&self, answer: &str) -> bool {
        self.answers.contains_key(answer)
    }

    /// Adds what it posted to the journal of the load's witness.
    pub fn record_in(&mut self, load: &mut Load) {
        let place = load.clients.len() - 2;
        let journal = &mut load.clients[place].journal;
        journal.intended.append(&mut self.intended);
        for (nonce, message) in self.acknowledged.drain(..) {
            journal.acknowledge(&nonce, &message);
        }
    }

    pub fn summary(&self) -> String {
        let answers: Vec<_> = self.answers.iter().map(|(answer, count)| format!("{answer} ×{count}")).collect();
        format!("the slowest answer took {:.1} s; {}", self.slowest.as_secs_f64(), answers.join(", "))
    }

    fn nonce(&mut self) -> String {
        let nonce = format!("{}-{}", self.name, self.intended.len() + 1);
        self.intended.push(nonce.clone());
        nonce
    }
}

async fn timed<T>(asking: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (asking.await, began.elapsed())
}

/// An answer in a word, and the message that it acknowledges.
type Said = (String, Option<Value>);

async fn send(request: RequestBuilder) -> Said {
    match Answer::try_of(request).await {
        Ok(answer) => (answer.status.to_string(), (answer.status == 201).then(|| answer.json()["message"].take())),
        Err(error) => (format!("nothing ({error})"), None),
    }
}

/// Posts over a new connection, and asks for history, which needs the database in another way.
async fn post_anew(person: &Person, event: Value) -> Said {
    let socket = match person.try_socket().await {
        Ok(socket) => socket,
        Err(Refusal::Http(status)) => return (status.to_string(), None),
        Err(refusal @ Refusal::ConnectError(_)) => return (refusal.message().to_owned(), None),
        Err(refusal) => return (format!("{refusal:?}"), None),
    };
    let history = socket.send("history", json!({ "room": event["room"], "around": 1 })).await;
    let post = socket.send("message", event).await;
    let (history, post) = tokio::join!(history.within(DEADLINE), post.within(DEADLINE));
    match history.and(post) {
        Some(mut answer) if answer["ok"] == json!(true) => ("ok".to_owned(), Some(answer["message"].take())),
        Some(answer) => (answer["error"]["code"].as_str().unwrap_or("an error without a code").to_owned(), None),
        None => ("nothing".to_owned(), None),
    }
}

/// Waits until a new connection receives a new message, and returns how long that took. Only while people write.
pub async fn until_live(load: &(Person, String), patience: Duration) -> Duration {
    let (person, room) = load;
    let began = Instant::now();
    let trying = async {
        loop {
            if let Ok(socket) = person.try_socket().await
                && let Some(joined) = socket.send("join", json!({ "room": room })).await.within(patience).await
                && joined["ok"] == json!(true)
            {
                while let Some((event, _)) = socket.next_any().await {
                    if event == "message" {
                        return;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = stalls::within(began, patience, trying).await;
    assert!(waited.is_some(), "nobody hears anybody again within {patience:?}");
    stalls::elapsed(began)
}
