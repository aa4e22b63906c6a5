//! What would wait for a moment of a clock that was ahead, and what nodes know of each other's clocks.

use std::sync::Arc;

use parlor::clock::Clock;
use parlor::db::{Db, Purpose};
use parlor::timekeeping::Timekeeper;
use serde_json::Value;

use super::store::{NOW, Store};
use crate::both;
use crate::retention::until;

/// In milliseconds.
const MINUTE: i64 = 60 * 1000;
const YEAR: i64 = 365 * 24 * 60 * MINUTE;

/// What a row has in a column, by how it is called.
fn of<'a>(rows: &'a [Value], key: &str, name: &str, column: &str) -> &'a Value {
    &rows.iter().find(|row| row[key] == name).unwrap_or_else(|| panic!("{name} is there: {rows:?}"))[column]
}

#[apply(both)]
async fn jobs_and_blobs_of_a_wrong_moment_wait_for_it_no_longer(store: &Store) {
    let (now, later, claims, leaving) = (NOW.0, NOW.0 + 2 * YEAR, NOW.plus(60 * MINUTE), NOW.plus(2 * MINUTE));
    // Called by its payload: kind, due, claimed, why it failed, and when it is due then.
    let jobs = [
        ("failed", "preview", later, 0, "'no'", now),
        ("claimed", "preview", now, later, "null", now),
        ("chosen", "remind", later, 0, "null", later),
        ("reminder that failed", "remind", later, 0, "'no'", now),
        // Nobody said it: whoever was to, was killed.
        ("reminder that is claimed", "remind", now - MINUTE, later, "null", now - MINUTE),
        ("claimed early", "remind", now + YEAR, later, "null", now + YEAR),
        ("claimed now", "preview", now, now + MINUTE, "null", now),
    ];
    for (name, kind, due, claimed, why, _) in jobs {
        let insert = "insert into jobs (kind, payload, created_at, due_at, attempts, claimed_until, last_error) values";
        store.database.run(&format!("{insert} ('{kind}', '{name}', 1, {due}, 1, {claimed}, {why})")).await;
    }
    // Called by its hash: whether it is leaving, and until when it is held, before and then.
    let blobs = [
        ("stays", "false", 0, 0),
        ("stored now", "false", now + MINUTE, now + MINUTE),
        ("stored", "false", later, claims.0),
        ("leaves now", "true", now + MINUTE, now + MINUTE),
        ("leaves", "true", later, leaving.0),
    ];
    for (name, is_leaving, held, _) in blobs {
        let insert = "insert into blobs (hash, bytes, is_leaving, held_until) values";
        store.database.run(&format!("{insert} ('{name}', 1, {is_leaving}, {held})")).await;
    }
    store.end_waits(NOW, claims, leaving).await.expect("it can be written");
    let rows = store.database.rows("jobs").await;
    for (name, _, _, claimed, _, due) in jobs {
        let claimed = if claimed == later { 0 } else { claimed };
        assert_eq!(
            (of(&rows, "payload", name, "due_at"), of(&rows, "payload", name, "claimed_until")),
            (&due.into(), &claimed.into()),
            "{name}"
        );
    }
    let rows = store.database.rows("blobs").await;
    for (name, _, _, held) in blobs {
        assert_eq!(of(&rows, "hash", name, "held_until"), &Value::from(held), "{name}");
    }
}

/// A node that is ahead says so as long as it runs, whoever else starts; one that is gone is forgotten by those that run.
#[apply(both)]
async fn what_a_node_says_of_its_clock_stays_as_long_as_it_does(store: &Store) {
    let open = async || Arc::new(Db::open(store.database.url(), 2, Purpose::Visit).await.expect("it opens"));
    let (dbs, clocks) = ([open().await, open().await], [Clock::default(), Clock::default()]);
    let begin =
        async |node: usize| Timekeeper::begin(dbs[node].clone(), clocks[node].clone()).await.expect("the database answers");
    let known = async || store.clock_state().await.expect("it can be read");
    let ahead = tokio::spawn(begin(0).await.run(|| false));
    clocks[0].jump(2 * YEAR);
    until("it is noticed", async || known().await.doubt.is_some()).await;
    let noted = known().await;
    // Another one starts, knows the time, and cannot know whose clock that was.
    let right = tokio::spawn(begin(1).await.run(|| false));
    until("it is believed", async || known().await.at > noted.at).await;
    until("it is noted again", async || known().await.doubt == noted.doubt).await;
    assert!(clocks[0].believed().is_none() && clocks[1].believed().is_some());
    ahead.abort();
    until("nobody says so any more", async || {
        // Longer than it takes until it is renewed.
        clocks[1].shift(61 * MINUTE);
        known().await.doubt.is_none()
    })
    .await;
    assert!(clocks[1].believed().is_some());
    right.abort();
    for db in dbs {
        db.close().await;
    }
}
