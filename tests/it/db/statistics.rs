//! What a new Postgres knows of its tables, and what a post looks at in the meantime.

use std::time::{Duration, Instant};

use parlor::db::Db;
use parlor::db::ledger::{SnapshotKeys, Writes};
use parlor::model::{Author, RoomId};

use super::store::{Store, line};
use super::work::rows_read;
use crate::harness::{Kind, run};

/// How long a table may wait to be counted. Postgres itself takes one minute or two.
const DEADLINE: Duration = Duration::from_secs(30);

/// Posts a line, as the ledger does.
async fn post(db: &Store, room: RoomId, author: &Author, seq: i64) {
    let mut message = line(author, seq, format!("line {seq}"));
    let nonce = format!("nonce-{seq}");
    let wanted = SnapshotKeys {
        pairs: [(room, author.id)].into(),
        nonces: [(author.id, nonce.clone())].into(),
        ..SnapshotKeys::default()
    };
    message.nonce = Some(nonce);
    db.commit_batch(&wanted, |mut known| {
        let mut writes = Writes::default();
        known.messages.insert((room, seq), message.into());
        writes.set_message((room, seq), true);
        writes.rooms.insert(room);
        ((), known, writes)
    })
    .await
    .expect("it is stored");
}

#[test]
fn a_table_that_has_grown_is_counted_soon() {
    run(concat!(module_path!(), "::a_table_that_has_grown_is_counted_soon"), Kind::Postgres, async |db: &Store| {
        let Db::Postgres(postgres) = &**db else { unreachable!("it was asked for") };
        // Only Parlor counts it.
        db.run("alter table messages set (autovacuum_enabled = off)").await;
        let author = db.add("ada").await;
        db.say(db.general().await, author, 2_000).await;
        let deadline = Instant::now() + DEADLINE;
        loop {
            let rows: f32 = sqlx::query_scalar("select reltuples from pg_class where oid = 'messages'::regclass")
                .fetch_one(&postgres.read)
                .await
                .expect("Postgres answers");
            if rows >= 2_000.0 {
                break;
            }
            assert!(Instant::now() < deadline, "it has {rows} rows to Postgres");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

#[test]
fn a_post_looks_at_its_own_rows_however_small_the_tables_are() {
    run(
        concat!(module_path!(), "::a_post_looks_at_its_own_rows_however_small_the_tables_are"),
        Kind::Postgres,
        async |db: &Store| {
            let author = db.author("ada").await;
            let room = db.general().await;
            db.enter(room, author.id).await;
            db.say(room, author.id, 3_000).await;
            db.run("analyze").await;
            // After five runs Postgres may settle on one plan for all values.
            for seq in 3_001..3_009 {
                post(db, room, &author, seq).await;
            }
            let before = rows_read(db, &db.database).await;
            post(db, room, &author, 3_009).await;
            let read = rows_read(db, &db.database).await - before;
            assert!(read < 40, "{read} rows");
        },
    );
}
