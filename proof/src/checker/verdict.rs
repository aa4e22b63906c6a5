//! The verdict over the journals of everybody in one room.
//!
//! Owns what counts as lost, doubled, out of order, seen by strangers and invented; each finding says in words what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Journal, Standing};

/// How many findings are described; all are counted.
const WORDS: usize = 12;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How many messages were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged messages that are missing from the history, or from a member's stream.
    pub lost: u64,
    /// Messages that are there twice: in the history, in a stream, or live on one connection.
    pub doubled: u64,
    /// Messages out of the room's order, gaps in `seq`, and members whose streams differ.
    pub out_of_order: u64,
    /// What somebody received of a room that they are not in.
    pub seen_by_strangers: u64,
    /// Messages that nobody wrote, or that have different text.
    pub invented: u64,
    /// The first findings, in words.
    pub findings: Vec<String>,
}

impl Verdict {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.out_of_order + self.seen_by_strangers + self.invented == 0
    }

    fn find(&mut self, count: impl Fn(&mut Self) -> &mut u64, words: String) {
        *count(self) += 1;
        if self.findings.len() < WORDS {
            self.findings.push(words);
        }
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.seen_by_strangers += other.seen_by_strangers;
        self.invented += other.invented;
        self.findings.extend(other.findings);
        self.findings.truncate(WORDS);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, lost, doubled, out_of_order, seen_by_strangers, invented, .. } = self;
        write!(
            f,
            "{acknowledged} acknowledged, {lost} lost, {doubled} doubled, {out_of_order} out of order, {seen_by_strangers} seen by \
             strangers, {invented} invented"
        )?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

/// Checks everybody's journals of one room against its whole history, oldest first, as the server returns it afterwards.
pub fn check(journals: &[&Journal], history: &[Value]) -> Verdict {
    let mut verdict = Verdict::default();
    let places = places(history.iter());
    check_history(&mut verdict, history);
    let intended: BTreeSet<&str> = journals.iter().flat_map(|journal| &journal.intended).map(String::as_str).collect();
    for (nonce, seqs) in &places {
        if !intended.contains(nonce) {
            verdict.find(|it| &mut it.invented, format!("nobody wrote {nonce}, which is at {seqs:?}"));
        }
        if seqs.len() > 1 {
            verdict.find(|it| &mut it.doubled, format!("{nonce} is at {seqs:?}"));
        }
    }
    for journal in journals {
        check_author(&mut verdict, journal, &places);
        match journal.standing {
            Standing::Member => {
                check_stream(&mut verdict, journal, journals, history);
                check_live(&mut verdict, journal);
            }
            Standing::Stranger => {
                for what in &journal.overheard {
                    verdict.find(|it| &mut it.seen_by_strangers, format!("{} saw {what}", journal.who));
                }
                for heard in &journal.live {
                    verdict.find(|it| &mut it.seen_by_strangers, format!("{} heard {heard:?}", journal.who));
                }
            }
        }
    }
    verdict
}

/// The `seq`s of each message, by nonce.
fn places<'a>(messages: impl Iterator<Item = &'a Value>) -> BTreeMap<&'a str, Vec<i64>> {
    let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages.filter(|message| message["kind"] == "text") {
        let nonce = message["nonce"].as_str().unwrap_or_default();
        places.entry(nonce).or_default().push(message["seq"].as_i64().unwrap_or_default());
    }
    places
}

fn check_history(verdict: &mut Verdict, history: &[Value]) {
    for (message, expected) in history.iter().zip(1_i64..) {
        if message["seq"] != expected {
            verdict.find(|it| &mut it.out_of_order, format!("place {expected} of the history holds {}", message["seq"]));
            break;
        }
    }
    let mut revs = BTreeSet::new();
    for message in history {
        if !revs.insert(message["rev"].as_i64()) {
            verdict.find(|it| &mut it.out_of_order, format!("two messages have rev {}", message["rev"]));
        }
        if message["kind"] == "text" && message["body"] != message["nonce"] {
            verdict.find(|it| &mut it.invented, format!("{} has the text {}", message["nonce"], message["body"]));
        }
    }
}

fn check_author(verdict: &mut Verdict, journal: &Journal, places: &BTreeMap<&str, Vec<i64>>) {
    verdict.acknowledged += journal.acknowledged.len() as u64;
    for contradiction in &journal.contradictions {
        verdict.find(|it| &mut it.doubled, contradiction.clone());
    }
    for (nonce, seq) in &journal.acknowledged {
        match places.get(nonce.as_str()) {
            None => verdict.find(|it| &mut it.lost, format!("{nonce} was acknowledged at {seq} and is not in the history")),
            Some(seqs) if !seqs.contains(seq) => {
                verdict.find(|it| &mut it.out_of_order, format!("{nonce} was acknowledged at {seq} and is at {seqs:?}"));
            }
            Some(_) => {}
        }
    }
}

/// After catching up, a member's stream equals the history.
fn check_stream(verdict: &mut Verdict, journal: &Journal, journals: &[&Journal], history: &[Value]) {
    let who = &journal.who;
    let places = places(journal.stream.values());
    for (nonce, seqs) in places.iter().filter(|(_, seqs)| seqs.len() > 1) {
        verdict.find(|it| &mut it.doubled, format!("{who} has {nonce} at {seqs:?}"));
    }
    for (nonce, seq) in journals.iter().flat_map(|journal| &journal.acknowledged) {
        if !places.contains_key(nonce.as_str()) {
            verdict.find(|it| &mut it.lost, format!("{who} never got {nonce}, acknowledged at {seq}"));
        }
    }
    let differs = history.iter().find(|message| {
        let known = message["seq"].as_i64().and_then(|seq| journal.stream.get(&seq));
        known.is_none_or(|known| {
            known["rev"] != message["rev"] || known["body"] != message["body"] || known["kind"] != message["kind"]
        })
    });
    if let Some(message) = differs {
        verdict.find(|it| &mut it.out_of_order, format!("{who} and the history differ from seq {} on", message["seq"]));
    } else if let Some(seq) = journal.stream.keys().find(|seq| **seq > history.len() as i64) {
        verdict.find(|it| &mut it.invented, format!("{who} has seq {seq}, beyond the history"));
    }
}

/// Whether what each member heard live on one connection is the log, without a gap. Only for a room of which each change is a message.
pub fn check_gapless(journals: &[&Journal]) -> Verdict {
    let mut verdict = Verdict::default();
    for journal in journals.iter().filter(|journal| journal.standing == Standing::Member) {
        for pair in journal.live.windows(2).filter(|pair| pair[0].connection == pair[1].connection) {
            if pair[1].rev > pair[0].rev + 1 {
                let who = &journal.who;
                verdict
                    .find(|it| &mut it.lost, format!("{who} heard rev {} after {}, on one connection", pair[1].rev, pair[0].rev));
            }
        }
    }
    verdict
}

/// Live messages of one connection come in the order of their `rev`, each once.
fn check_live(verdict: &mut Verdict, journal: &Journal) {
    for pair in journal.live.windows(2).filter(|pair| pair[0].connection == pair[1].connection) {
        let who = &journal.who;
        if pair[1] == pair[0] {
            verdict.find(|it| &mut it.doubled, format!("{who} heard seq {} twice", pair[1].seq));
        } else if pair[1].rev <= pair[0].rev {
            verdict.find(|it| &mut it.out_of_order, format!("{who} heard rev {} after {}", pair[1].rev, pair[0].rev));
        }
    }
}
