//! Connections are lent to one at a time, and one that was given up or has died is nobody's any more.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::poll;
use parlor::db::{Connections, Db, Guard, Postgres};
use proof::client::DEADLINE;
use sqlx::{Connection, Database, PgConnection};
use tokio::time::timeout;

use super::store::Store;
use crate::both;
use crate::harness::{Kind, run};

/// The one that the test asked for.
fn postgres(db: &Store) -> &Postgres {
    let Db::Postgres(postgres) = &**db else { unreachable!("it was asked for") };
    postgres
}

/// All of them at once.
async fn acquire_all<D: Database>(connections: &Connections<D>) -> Vec<Guard<'_, D>> {
    let mut all = Vec::new();
    for _ in 0..connections.count() {
        all.push(connections.acquire().await.expect("it is free"));
    }
    all
}

/// Which of Postgres's processes one talks to.
async fn pid(guard: &mut Guard<'_, sqlx::Postgres>) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut **guard).await.expect("it answers")
}

/// Who finds none waits, for one that comes back in either way.
async fn wait_in_line<D: Database>(connections: &Connections<D>) {
    let mut all = acquire_all(connections).await;
    let mut first = pin!(connections.acquire());
    let mut second = pin!(connections.acquire());
    assert!(poll!(first.as_mut()).is_pending() && poll!(second.as_mut()).is_pending(), "there is none");
    let used = all.pop().expect("there is one");
    used.release();
    let first = timeout(DEADLINE, first).await.expect("one came back").expect("it is good");
    assert!(poll!(second.as_mut()).is_pending(), "only one came back");
    drop(all.pop().expect("there are two"));
    let second = timeout(DEADLINE, second).await.expect("another came back").expect("it is good");
    all.extend([first, second]);
    let mut one_more = pin!(connections.acquire());
    assert!(poll!(one_more.as_mut()).is_pending(), "there are no more than before");
}

/// Closing waits for whoever has one; then nobody gets one.
async fn close<D: Database>(connections: &Connections<D>) {
    let mut all = acquire_all(connections).await;
    let (one, other) = (all.pop().expect("there is one"), all.pop().expect("there are two"));
    all.into_iter().for_each(Guard::release);
    let mut closing = pin!(connections.close());
    assert!(poll!(closing.as_mut()).is_pending(), "two are in use");
    assert!(matches!(connections.acquire().await, Err(sqlx::Error::PoolClosed)));
    one.release();
    drop(other);
    timeout(DEADLINE, closing).await.expect("all came back");
    assert!(matches!(connections.acquire().await, Err(sqlx::Error::PoolClosed)));
}

#[apply(both)]
async fn who_finds_no_connection_waits_for_one(db: &Store) {
    match &**db {
        Db::Sqlite(sqlite) => wait_in_line(&sqlite.read).await,
        Db::Postgres(postgres) => wait_in_line(&postgres.read).await,
    }
}

#[apply(both)]
async fn connections_are_closed_when_their_work_is_done(db: &Store) {
    match &**db {
        Db::Sqlite(sqlite) => close(&sqlite.read).await,
        Db::Postgres(postgres) => close(&postgres.read).await,
    }
}

#[test]
fn what_is_given_up_keeps_nobody_waiting() {
    run(concat!(module_path!(), "::what_is_given_up_keeps_nobody_waiting"), Kind::Postgres, async |db: &Store| {
        let read = &postgres(db).read;
        acquire_all(read).await.into_iter().for_each(Guard::release);
        let mut outside = PgConnection::connect(db.database.url()).await.expect("it answers");
        let busy = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and wait_event = 'PgSleep'
                    and datname = current_database()";
        // It sleeps: a statement that is only being parsed is active, too, and would end with the one who gave it up.
        let begun = async { while sqlx::query_scalar::<_, i64>(busy).fetch_one(&mut outside).await.expect("it answers") == 0 {} };
        // Postgres is not told that nobody waits any more, so the connection is busy until its statement ends or is stopped.
        tokio::select! {
            ended = sqlx::query("select pg_sleep(600)").execute(read) => panic!("it did not last: {ended:?}"),
            begun = timeout(DEADLINE, begun) => begun.expect("it began"),
        }
        for _ in 0..20 {
            let meanwhile: i64 = sqlx::query_scalar(busy).fetch_one(read).await.expect("another connection answers");
            assert_eq!(meanwhile, 1, "it was waited for");
        }
        let stopped =
            "select count(pg_cancel_backend(pid)) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'
                       and datname = current_database()";
        assert_eq!(sqlx::query_scalar::<_, i64>(stopped).fetch_one(&mut outside).await.expect("it may"), 1);
    });
}

#[test]
fn a_dead_connection_fails_once_and_is_replaced() {
    run(concat!(module_path!(), "::a_dead_connection_fails_once_and_is_replaced"), Kind::Postgres, async |db: &Store| {
        let read = &postgres(db).read;
        let (mut all, mut killed) = (acquire_all(read).await, HashSet::new());
        for guard in &mut all {
            killed.insert(pid(guard).await);
        }
        all.into_iter().for_each(Guard::release);
        let mut outside = PgConnection::connect(db.database.url()).await.expect("it answers");
        for pid in &killed {
            // With the time that it may take, so that it has ended by then.
            sqlx::query("select pg_terminate_backend($1, 10000)").bind(pid).execute(&mut outside).await.expect("it may");
        }
        let ask = async || timeout(DEADLINE, sqlx::query("select 1").execute(read)).await.expect("nobody waits for the dead");
        let mut failed = 0;
        for _ in 0..3 * killed.len() {
            failed += usize::from(ask().await.is_err());
        }
        assert!(failed <= killed.len(), "{failed} times");
        for mut guard in acquire_all(read).await {
            assert!(!killed.contains(&pid(&mut guard).await));
        }
    });
}

#[test]
fn one_that_was_idle_is_asked_before_it_is_lent() {
    run(concat!(module_path!(), "::one_that_was_idle_is_asked_before_it_is_lent"), Kind::Postgres, async |db: &Store| {
        let read = &postgres(db).read;
        let mut guard = read.acquire().await.expect("it is free");
        let dead = pid(&mut guard).await;
        guard.release();
        let mut outside = PgConnection::connect(db.database.url()).await.expect("it answers");
        sqlx::query("select pg_terminate_backend($1, 10000)").bind(dead).execute(&mut outside).await.expect("it may");
        // Nothing happens that could be waited for: that is what makes it idle.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        sqlx::query("select 1").execute(read).await.expect("it is noticed before");
    });
}
