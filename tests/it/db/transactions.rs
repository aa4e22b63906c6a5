//! A transaction whose owner goes away in the middle must not take a later write with it: sqlx hands its connection on, and what
//! is written there next would seem to succeed and never be committed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use parlor::db::Db;
use parlor::db::users::Permit;

use super::store::{NOW, Store, person};
use crate::both;
use crate::harness::Kind;

/// How often it is tried.
const ROUNDS: u64 = 60;

/// Lets something go on `steps` times and then drops it where it stands; `true` if it had not ended by then.
async fn is_given_up<T>(steps: u64, doing: impl Future<Output = T>) -> bool {
    let mut doing = pin!(doing);
    let mut left = steps;
    poll_fn(|context| {
        left -= 1;
        match doing.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending if left == 0 => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Whether every write of the rounds is there, for a stranger to see, and no connection sleeps in a transaction.
async fn check(db: &Store) {
    assert_eq!(db.database.rows("invites").await.len() as u64, ROUNDS);
    if db.database.kind == Kind::Postgres {
        let asleep = "select pid from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";
        assert!(db.database.query(asleep).await.is_empty());
    }
}

both! {
    async fn a_registration_that_nobody_waits_for_takes_no_later_write_with_it(db: &Store) {
        let mut given_up = 0;
        for round in 0..ROUNDS {
            let registering = db.register(person(&format!("p{round}")), Permit::Open);
            given_up += u32::from(is_given_up(1 + round % 6, registering).await);
            db.insert_invite(&format!("t{round}"), None, NOW, NOW).await.expect("it is written");
        }
        assert!(given_up > 0, "nothing was given up");
        check(db).await;
    }

    async fn a_transaction_given_up_while_it_begins_takes_no_later_write_with_it(db: &Store) {
        let mut given_up = 0;
        for round in 0..ROUNDS {
            given_up += u32::from(match &**db {
                Db::Sqlite(sqlite) => is_given_up(1 + round % 6, sqlite.write.begin()).await,
                Db::Postgres(pool) => is_given_up(1 + round % 6, pool.begin()).await,
            });
            db.insert_invite(&format!("t{round}"), None, NOW, NOW).await.expect("it is written");
        }
        assert!(given_up > 0, "nothing was given up");
        check(db).await;
    }
}
