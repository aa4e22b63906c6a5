//! Messages as heavy as they can be, and what it costs a server to send them.
//!
//! Owns filling rooms with them, measuring memory and latency meanwhile, and a client that pages until it has everything. Cases decide
//! what is requested, and by whom.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::case::Outcome;
use super::latency_probe::{Latencies, LatencyProbe};
use crate::client::{Answer, Person, Socket};
use crate::infra::process::Process;
use crate::infra::watch::peak_during;

/// How much memory the server may take beyond its configured limit, in MiB.
pub const EXTRA: u64 = 64;
/// How many bytes of messages an answer may hold; one more message may follow.
pub const ANSWER: usize = 1 << 20;
const FRAME: usize = 16 * 1024;
const WRITERS: usize = 8;

/// The text that becomes the most HTML: 82 KB of links from 8,000 characters.
pub fn links(nth: usize) -> String {
    format!("{nth:05} {}", "[](b.co)".repeat(999))
}

/// Text that is rendered quickly and long as JSON, where each character takes six.
pub fn escapes(nth: usize) -> String {
    format!("{nth:05} {}", "\u{1}".repeat(7_990))
}

/// Posts `count` messages into each of these rooms, over several sockets of their owner.
pub async fn fill(owner: &Person, rooms: &[String], count: usize, words: fn(usize) -> String) {
    join_all((0..WRITERS).map(async |first| {
        let socket = owner.socket().await;
        for (room, nth) in rooms.iter().flat_map(|room| (first..count).step_by(WRITERS).map(move |nth| (room, nth))) {
            let body = words(nth);
            // A room may be filled with text of several kinds.
            socket.post(room, &body, &format!("{room}-{}-{nth}", body.len())).await;
        }
    }))
    .await;
}

/// How much memory the server took for something, in MiB, and what others noticed meanwhile.
pub struct Cost {
    grown: f64,
    latencies: Latencies,
}

impl Cost {
    /// Runs `work` on a server that had `before` bytes.
    pub async fn of<T>(server: &Process, before: u64, latency: &mut LatencyProbe, work: impl Future<Output = T>) -> (T, Self) {
        let ((done, peak), latencies) = latency.during(peak_during(server, work)).await;
        (done, Self { grown: peak.mebibytes() - before as f64 / 1_048_576.0, latencies })
    }

    /// Asserts that it was at most so many MiB, and that others hardly noticed.
    pub fn assert_held(&self, calm: &Latencies, what: &str, limit: u64) {
        self.latencies.assert_held(calm, what);
        assert!(self.grown <= limit as f64, "{what}: the server grew by {:.0} MiB; {limit} are allowed", self.grown);
    }

    /// Notes it, and fails the case where it is more than so many MiB, or where others waited.
    pub fn settle(&self, what: impl fmt::Display, outcome: &mut Outcome, limit: u64, calm: &Latencies) {
        outcome.note(format_args!("{what}: {self} (before: {calm})"));
        let (waited, allowed) = (self.latencies.share(0.99), calm.most_felt());
        if self.grown > limit as f64 {
            fail(outcome, format_args!("{what}: the server grew by {:.0} MiB; {limit} are allowed", self.grown));
        } else if waited > allowed {
            fail(outcome, format_args!("{what}: others waited {waited:.0?} at p99; {allowed:.0?} are allowed"));
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:.0} MiB; {}", self.grown, self.latencies)
    }
}

/// Notes the first reason why a case failed; the rest of it still runs.
pub fn fail(outcome: &mut Outcome, why: impl fmt::Display) {
    outcome.failure.get_or_insert_with(|| why.to_string());
}

/// Somebody who reads everything in a room, and measures how heavy the answers are.
pub struct Reader<'a> {
    person: &'a Person,
    socket: Socket,
    room: &'a str,
    message: usize,
    answer: (usize, String),
}

impl<'a> Reader<'a> {
    pub async fn new(person: &'a Person, room: &'a str) -> Self {
        Self { person, socket: person.socket().await, room, message: 0, answer: (0, String::new()) }
    }

    /// Repeats the event while the server is busy.
    pub async fn ask(&mut self, event: &str, data: Value) -> Value {
        loop {
            let answer = self.socket.ask(event, data.clone()).await;
            if !is_refused_for_now(&answer) {
                assert_eq!(answer["ok"], json!(true), "{event} {data}: {answer}");
                self.weigh(&answer, answer.to_string().len(), event);
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Requests a page as JSON until the server is not busy.
    pub async fn get(&mut self, path: &str) -> Value {
        loop {
            let answer: Answer = self.person.get_json(path).await;
            if !matches!(answer.status, 429 | 503) {
                let page = answer.expect(200).json();
                self.weigh(&page, answer.body.len(), path);
                return page;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    fn weigh(&mut self, answer: &Value, bytes: usize, what: &str) {
        for list in ["messages", "revisions"] {
            for item in answer[list].as_array().into_iter().flatten() {
                self.message = self.message.max(item.to_string().len());
            }
        }
        if bytes > self.answer.0 {
            self.answer = (bytes, what.to_owned());
        }
    }

    /// The `seq` of every message, by joining from the beginning and going on with `sync`.
    pub async fn by_sync(&mut self) -> Vec<i64> {
        let mut seqs = Vec::new();
        let mut answer = self.ask("join", json!({ "room": self.room, "after": 0 })).await;
        loop {
            seqs.extend(places(&answer, "seq"));
            let last = places(&answer, "rev").last().copied();
            if answer["complete"] == json!(true) {
                return seqs;
            }
            let last = last.expect("an answer that is not complete holds at least one message");
            answer = self.ask("sync", json!({ "room": self.room, "after": last })).await;
        }
    }

    pub async fn backwards(&mut self) -> Vec<i64> {
        let mut answer = self.ask("join", json!({ "room": self.room })).await;
        let mut more = answer["more"] == json!(true);
        let mut seqs = Vec::new();
        loop {
            let page = places(&answer, "seq");
            let first = page.first().copied();
            seqs.extend(page.into_iter().rev());
            if !more {
                return seqs;
            }
            let before = first.expect("where there is more, there is something");
            answer = self.ask("history", json!({ "room": self.room, "before": before, "limit": 200 })).await;
            more = answer["more_before"] == json!(true);
        }
    }

    pub async fn forwards(&mut self) -> Vec<i64> {
        let mut seqs = Vec::new();
        loop {
            let after = seqs.last().copied().unwrap_or(0);
            let page = self.get(&format!("/rooms/{}?after={after}&limit=200", self.room)).await;
            seqs.extend(places(&page, "seq"));
            if page["more_after"] != json!(true) {
                return seqs;
            }
            assert!(seqs.last().is_some_and(|last| *last > after), "a page that goes on, and holds nothing");
        }
    }

    pub async fn pins(&mut self) -> Vec<i64> {
        let mut seqs = Vec::new();
        let mut before = Value::Null;
        loop {
            let answer = self.ask("pins", json!({ "room": self.room, "before": before })).await;
            seqs.extend(places(&answer, "seq"));
            if answer["more"] != json!(true) {
                return seqs;
            }
            before = answer["next"].clone();
        }
    }

    /// Notes the heaviest answer, and fails the case when it was too heavy.
    pub fn settle(&self, outcome: &mut Outcome) {
        let (bytes, what) = &self.answer;
        let most = ANSWER + self.message + FRAME;
        outcome.note(format_args!("the heaviest answer was to {what}: {bytes} bytes; the heaviest message {}", self.message));
        if *bytes > most {
            fail(outcome, format_args!("the answer to {what} has {bytes} bytes; {most} are allowed"));
        }
    }
}

pub fn is_all(seqs: &[i64], last: i64) -> bool {
    let known: BTreeSet<_> = seqs.iter().copied().collect();
    known.len() == seqs.len() && known.iter().copied().eq(1..=last)
}

pub fn is_refused_for_now(answer: &Value) -> bool {
    ["busy", "rate_limited"].iter().any(|code| answer["error"]["code"] == json!(code))
}

fn places(answer: &Value, field: &str) -> Vec<i64> {
    let messages = answer["messages"].as_array().unwrap_or_else(|| panic!("no messages: {answer}"));
    messages.iter().map(|message| message[field].as_i64().expect("a number")).collect()
}

#[test]
fn the_heaviest_words_fit_into_a_message() {
    for words in [links(99_999), escapes(99_999)] {
        assert!((7_900..=8_000).contains(&words.chars().count()));
    }
    assert!(is_all(&[3, 1, 2], 3) && !is_all(&[1, 2, 2, 3], 3) && !is_all(&[1, 3], 3) && is_all(&[], 0));
}
