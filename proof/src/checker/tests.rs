//! Journals of every fault, each of which must be found, and of a correct server.

use serde_json::{Value, json};

use super::{Journal, Standing, Verdict, check};

fn message(seq: i64, nonce: &str) -> Value {
    json!({ "seq": seq, "rev": seq, "kind": "text", "nonce": nonce, "body": nonce })
}

/// Three messages of ada's, which bob hears live and a stranger does not.
fn truth() -> (Journal, Journal, Journal, Vec<Value>) {
    let history: Vec<_> = [(1, "a"), (2, "b"), (3, "c")].map(|(seq, nonce)| message(seq, nonce)).into();
    let mut ada = Journal::new("ada", Standing::Member);
    let mut bob = Journal::new("bob", Standing::Member);
    for message in &history {
        let nonce = message["nonce"].as_str().expect("a nonce");
        ada.intended.push(nonce.to_owned());
        ada.acknowledge(nonce, message);
        ada.learn(message.clone());
        bob.hear(1, message.clone());
    }
    (ada, bob, Journal::new("mallory", Standing::Stranger), history)
}

fn judged(change: impl FnOnce(&mut Journal, &mut Journal, &mut Journal, &mut Vec<Value>)) -> Verdict {
    let (mut ada, mut bob, mut mallory, mut history) = truth();
    change(&mut ada, &mut bob, &mut mallory, &mut history);
    check(&[&ada, &bob, &mallory], &history)
}

#[test]
fn the_truth_is_clean() {
    let verdict = judged(|_, _, _, _| {});
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.acknowledged, 3);
}

#[test]
fn what_was_not_acknowledged_may_be_there_or_not() {
    assert!(judged(|ada, _, _, _| ada.acknowledged.retain(|nonce, _| nonce != "b")).is_clean());
    assert!(judged(|ada, _, _, _| ada.intended.push("d".into())).is_clean());
}

#[test]
fn an_acknowledged_message_that_is_gone_is_lost() {
    let verdict = judged(|ada, bob, _, history| {
        history.pop();
        ada.stream.remove(&3);
        bob.stream.remove(&3);
    });
    assert!(verdict.lost >= 1, "{verdict}");
}

#[test]
fn a_message_that_one_member_never_got_is_lost() {
    assert_eq!(judged(|_, bob, _, _| drop(bob.stream.remove(&2))).lost, 1);
}

#[test]
fn a_message_kept_twice_is_doubled() {
    let verdict = judged(|ada, bob, _, history| {
        history.push(message(4, "c"));
        ada.learn(message(4, "c"));
        bob.learn(message(4, "c"));
    });
    assert_eq!(verdict.doubled, 3, "{verdict}");
}

#[test]
fn a_message_told_twice_is_doubled() {
    assert_eq!(judged(|_, bob, _, _| bob.live.insert(2, bob.live[1])).doubled, 1);
}

#[test]
fn a_message_acknowledged_at_two_places_is_doubled() {
    assert!(judged(|ada, _, _, _| ada.acknowledge("c", &message(4, "c"))).doubled >= 1);
}

#[test]
fn another_order_is_found_live_and_in_the_streams() {
    assert_eq!(judged(|_, bob, _, _| bob.live.swap(0, 1)).out_of_order, 1);
    let verdict = judged(|_, bob, _, _| {
        bob.stream.insert(1, message(1, "b"));
        bob.stream.insert(2, message(2, "a"));
    });
    assert!(verdict.out_of_order >= 1, "{verdict}");
}

#[test]
fn a_gap_is_out_of_order() {
    let verdict = judged(|_, _, _, history| history[2]["seq"] = json!(4));
    assert!(verdict.out_of_order >= 1, "{verdict}");
}

#[test]
fn whatever_a_stranger_gets_is_seen() {
    assert_eq!(judged(|_, _, mallory, _| mallory.hear(1, message(1, "a"))).seen_by_strangers, 1);
    assert_eq!(judged(|_, _, mallory, _| mallory.overheard.push("the history".into())).seen_by_strangers, 1);
}

#[test]
fn what_nobody_wrote_is_invented() {
    assert!(judged(|ada, _, _, _| drop(ada.intended.pop())).invented >= 1);
    assert!(judged(|_, _, _, history| history[0]["body"] = json!("other words")).invented >= 1);
}
