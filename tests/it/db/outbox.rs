//! For whom too much waits.

use std::sync::Arc;

use parlor::model::UserId;
use parlor::security_log::{Action, Event, Source};
use serde_json::Value;

use super::store::{NOW, Store};
use crate::both;

/// The most rows that may wait.
const MOST: i64 = 100;

/// Adds rows that wait for the webhook.
async fn fill(store: &Store, count: u32) {
    let numbers =
        format!("(with recursive c(n) as (select 1 union all select n + 1 from c where n < {count}) select n from c) as c");
    let rows = "insert into outbox (kind, receiver, event, created_at, due_at) select 'webhook', 1, 'test', 1, 1 from";
    store.database.run(&format!("{rows} {numbers}")).await;
}

/// Adds the webhook.
async fn add(store: &Store) {
    let webhook = "insert into webhooks (url, events, rooms, secret, is_on, created_by, created_at)
         values ('https://x.example/', '[]', '[]', 'whsec_AA==', true, 'ruth', 1);
         insert into receivers (kind, id) values ('webhook', 1);";
    store.database.run(webhook).await;
}

/// Looks as the outbox does; returns those that are full from now on.
async fn look(store: &Store) -> Vec<i64> {
    let mut full = Vec::new();
    for id in store.list_filled("webhook", MOST).await.expect("it can be counted") {
        if store.note_full("webhook", id, MOST, NOW).await.expect("it can be written") {
            full.push(id);
        }
    }
    full
}

/// Has everything delivered again.
async fn again(store: &Store) -> bool {
    let event = Event::new(NOW, Action::Redeliver, &Source::default()).by(UserId(1), &Arc::from("ruth"));
    store.redeliver("webhook", 1, None, NOW, &event).await.expect("it can be written")
}

async fn full_at(store: &Store) -> Value {
    store.database.rows("receivers").await[0]["full_at"].clone()
}

#[apply(both)]
async fn only_what_was_added_since_somebody_turned_a_receiver_on_makes_it_full(store: &Store) {
    let look = async || look(store).await;
    let again = async || again(store).await;
    add(store).await;
    fill(store, 100).await;
    assert_eq!(look().await, Vec::<i64>::new());
    fill(store, 1).await;
    assert_eq!((look().await, full_at(store).await.is_null()), (vec![1], false));
    assert_eq!(look().await, Vec::<i64>::new(), "it is told once");
    assert!(!full_at(store).await.is_null());
    // It is asked for again: what waits does not count any more.
    assert!(again().await);
    assert_eq!((look().await, full_at(store).await.is_null()), (Vec::new(), true));
    fill(store, 100).await;
    assert_eq!(look().await, Vec::<i64>::new());
    fill(store, 1).await;
    assert_eq!(look().await, [1]);
    // So is all that was given up: as much as before does not make it full again.
    store.database.run("update outbox set dead_at = 9000000000000").await;
    assert!(again().await);
    assert_eq!((look().await, full_at(store).await.is_null()), (Vec::new(), true));
    assert_eq!(store.list_due(parlor::db::outbox::ReceiverId { kind: "webhook", id: 1 }, NOW, 1_000).await.unwrap().len(), 202);
    // It goes on once half is delivered.
    fill(store, 101).await;
    assert_eq!(look().await, [1]);
    let delete = "delete from outbox where id in (select id from outbox order by id limit";
    store.database.run(&format!("{delete} 252)")).await;
    assert_eq!((look().await, full_at(store).await.is_null()), (Vec::new(), false), "51 of the new ones are left");
    store.database.run(&format!("{delete} 1)")).await;
    assert_eq!((look().await, full_at(store).await.is_null()), (Vec::new(), true));
}

#[apply(both)]
async fn a_receiver_that_somebody_turns_on_while_it_is_counted_is_not_full(store: &Store) {
    add(store).await;
    fill(store, 101).await;
    let found = async || store.list_filled("webhook", MOST).await.expect("it can be counted");
    let note = async || store.note_full("webhook", 1, MOST, NOW).await.expect("it can be written");
    assert_eq!(found().await, [1]);
    assert!(again(store).await);
    assert!(!note().await && full_at(store).await.is_null(), "what happens now would be lost, though nothing counts");
    // Nor is one that is noted twice, by two nodes, full no more.
    fill(store, 101).await;
    assert_eq!(found().await, [1]);
    assert!(note().await && !note().await);
    assert!(!full_at(store).await.is_null());
}
