//! A transaction whose owner goes away in the middle must not take a later write with it: sqlx hands its connection on, and what
//! is written there next would seem to succeed and never be committed.

use std::time::Duration;

use parlor::db::Db;
use parlor::db::users::Permit;

use super::store::{NOW, Store, person};
use crate::both;
use crate::harness::Kind;

/// How often it is tried, each time given up a little later: somewhere in between is the moment that hurts.
const ROUNDS: u64 = 60;

fn moment(round: u64) -> Duration {
    Duration::from_micros(round * 25)
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
            given_up += u32::from(tokio::time::timeout(moment(round), registering).await.is_err());
            db.insert_invite(&format!("t{round}"), None, NOW, NOW).await.expect("it is written");
        }
        assert!(given_up > 0, "nothing was given up");
        check(db).await;
    }

    async fn a_transaction_given_up_while_it_begins_takes_no_later_write_with_it(db: &Store) {
        let mut given_up = 0;
        for round in 0..ROUNDS {
            given_up += u32::from(match &**db {
                Db::Sqlite(sqlite) => tokio::time::timeout(moment(round), sqlite.write.begin()).await.is_err(),
                Db::Postgres(pool) => tokio::time::timeout(moment(round), pool.begin()).await.is_err(),
            });
            db.insert_invite(&format!("t{round}"), None, NOW, NOW).await.expect("it is written");
        }
        assert!(given_up > 0, "nothing was given up");
        check(db).await;
    }
}
