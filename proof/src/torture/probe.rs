//! Somebody who asks for everything while a server is unwell, and takes the time.
//!
//! Owns what counts as a bounded, clear answer. What it posts goes into the notes of the load's witness, so that the checker knows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use super::Load;
use crate::client::person::Answer;
use crate::client::socket::Refusal;
use crate::client::{DEADLINE, Person};

/// How long `/healthz` may take: it asks the database for two seconds.
const HEALTH: Duration = Duration::from_secs(5);

/// How long any answer may take: letting a connection in is given up after 8 s, an event after 15 s.
pub const BOUND: Duration = Duration::from_secs(25);

pub struct Probe {
    person: Person,
    room: String,
    name: String,
    intended: Vec<String>,
    acknowledged: Vec<(String, Value)>,
    pub slowest: BTreeMap<&'static str, Duration>,
    /// How often each answer was given: `way answer`.
    pub answers: BTreeMap<String, u32>,
}

impl Probe {
    /// The load's witness, asking; `name` tells its posts from those of other probes.
    pub fn new(load: &Load, name: &str) -> Self {
        let (person, room) = load.witness();
        let (intended, acknowledged) = (Vec::new(), Vec::new());
        Self { person, room, name: name.to_owned(), intended, acknowledged, slowest: BTreeMap::new(), answers: BTreeMap::new() }
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
        let health = timed(Answer::try_of(self.person.request(Method::GET, "/healthz").timeout(HEALTH)));
        let path = format!("/rooms/{}", self.room);
        let page = timed(Answer::try_of(self.person.request(Method::GET, &path).header(ACCEPT, "application/json")));
        let by_form = self.nonce();
        let form = self.person.form(&format!("{path}/messages"), &[("body", &by_form), ("nonce", &by_form)]);
        let form = timed(Answer::try_of(form.header(ACCEPT, "application/json")));
        let by_socket = self.nonce();
        let event = json!({ "room": self.room, "body": by_socket, "nonce": by_socket });
        let socket = timed(post_anew(&self.person, event));
        let (health, page, form, socket) = tokio::join!(health, page, form, socket);
        self.note("healthz", health.1, status(&health.0));
        self.note("page", page.1, status(&page.0));
        self.note("form", form.1, status(&form.0));
        if let Ok(answer) = form.0
            && answer.status == 201
        {
            self.acknowledged.push((by_form, answer.json()["message"].take()));
        }
        self.note("socket", socket.1, said(&socket.0));
        if let Ok(Some(mut answer)) = socket.0
            && answer["ok"] == json!(true)
        {
            self.acknowledged.push((by_socket, answer["message"].take()));
        }
    }

    pub fn was_told(&self, answer: &str) -> bool {
        self.answers.contains_key(answer)
    }

    /// Adds what it posted to the journal of the load's witness.
    pub fn confess(&mut self, load: &mut Load) {
        let place = load.clients.len() - 2;
        let journal = &mut load.clients[place].journal;
        journal.intended.append(&mut self.intended);
        for (nonce, message) in self.acknowledged.drain(..) {
            journal.acknowledge(&nonce, &message);
        }
    }

    pub fn summary(&self) -> String {
        let slowest = self.slowest.values().max().copied().unwrap_or_default();
        let answers: Vec<_> = self.answers.iter().map(|(answer, count)| format!("{answer} ×{count}")).collect();
        format!("the slowest answer took {:.1} s; {}", slowest.as_secs_f64(), answers.join(", "))
    }

    fn nonce(&mut self) -> String {
        let nonce = format!("{}-{}", self.name, self.intended.len() + 1);
        self.intended.push(nonce.clone());
        nonce
    }

    fn note(&mut self, way: &'static str, time: Duration, answer: String) {
        let is_clear = ["200", "201", "503", "ok", "unavailable", "busy"].contains(&answer.as_str());
        assert!(is_clear, "{way} was answered with {answer} after {time:?}");
        assert!(time < BOUND, "{way} was answered only after {time:?}");
        let slowest = self.slowest.entry(way).or_default();
        *slowest = time.max(*slowest);
        *self.answers.entry(format!("{way} {answer}")).or_default() += 1;
    }
}

async fn timed<T>(asking: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (asking.await, began.elapsed())
}

fn status(answer: &reqwest::Result<Answer>) -> String {
    match answer {
        Ok(answer) => answer.status.to_string(),
        Err(error) => format!("nothing ({error})"),
    }
}

/// Posts over a new connection, and asks for history, which needs the database in another way; the answer to the post, or nothing when it
/// ended without one.
async fn post_anew(person: &Person, event: Value) -> Result<Option<Value>, Refusal> {
    let socket = person.try_socket().await?;
    let history = socket.send("history", json!({ "room": event["room"], "around": 1 })).await;
    let post = socket.send("message", event).await;
    let (history, post) = tokio::join!(history.within(DEADLINE), post.within(DEADLINE));
    Ok(history.and(post))
}

fn said(answer: &Result<Option<Value>, Refusal>) -> String {
    match answer {
        Ok(Some(answer)) if answer["ok"] == json!(true) => "ok".to_owned(),
        Ok(Some(answer)) => answer["error"]["code"].as_str().unwrap_or("an error without a code").to_owned(),
        Ok(None) => "nothing".to_owned(),
        Err(Refusal::Http(status)) => status.to_string(),
        Err(refusal @ Refusal::ConnectError(_)) => refusal.message().to_owned(),
        Err(refusal) => format!("{refusal:?}"),
    }
}

/// Waits until somebody who connects anew hears a message that was written from now on; how long that took. To be used while people
/// write.
pub async fn until_live(load: &(Person, String), patience: Duration) -> Duration {
    let (person, room) = load;
    let began = Instant::now();
    let trying = async {
        loop {
            if let Ok(socket) = person.try_socket().await
                && let Some(joined) = socket.send("join", json!({ "room": room })).await.within(patience).await
                && joined["ok"] == json!(true)
                && let Ok(Some(_)) = tokio::time::timeout(patience, next_message(&socket)).await
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(patience, trying).await;
    assert!(waited.is_ok(), "nobody is heard again within {patience:?}");
    began.elapsed()
}

async fn next_message(socket: &crate::client::Socket) -> Option<Value> {
    loop {
        let (event, data) = socket.next_any().await?;
        if event == "message" {
            return Some(data);
        }
    }
}
