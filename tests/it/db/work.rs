//! How much the database does for a page: the same in a room with many messages and members as in a small one.
//!
//! Plans are not compared as text. The work itself is counted while Parlor's own statements run: on SQLite the instructions of its
//! virtual machine, on Postgres the rows that were looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parlor::db::{Db, Purpose};
use parlor::model::pagination::{PageRequest, RoomOrder, RoomPageRequest, RoomScope};
use sqlx::{Connection, Executor, PgConnection};

use super::store::{KEEN, LONG_AGO, NOW, ONE, Store, crowd};
use crate::both;
use crate::harness::{Database, Fixture, Kind};

const MESSAGES: i64 = 20_000;
const PEOPLE: i64 = 3_000;
/// Somebody who is in 3,000 more rooms.
const MANY: &str = "u7";
/// How many instructions of SQLite there are between two counts.
const STEP: i32 = 10;

/// A big database, and what counts the work in it.
struct Metered {
    db: Db,
    database: Database,
    steps: Arc<AtomicU64>,
}

impl Fixture for Metered {
    async fn set_up(database: Database) -> Self {
        let database_is_postgres = database.kind == Kind::Postgres;
        let store = Store::set_up(database).await;
        crowd(&store, PEOPLE, MESSAGES).await;
        // Postgres gathers statistics within a minute; SQLite may never do, as long as the server runs.
        if database_is_postgres {
            store.run("analyze").await;
        }
        let database = store.tear_down().await;
        // With one reader, whatever is read is read where it is counted.
        let db = Db::open(database.url(), 1, Purpose::Serve).await.expect("it opens");
        let steps = Arc::new(AtomicU64::new(0));
        if let Db::Sqlite(sqlite) = &db {
            let mut reader = sqlite.read.acquire().await.expect("it is free");
            let counter = steps.clone();
            reader.lock_handle().await.expect("it is open").set_progress_handler(STEP, move || {
                counter.fetch_add(1, Ordering::Relaxed);
                true
            });
            // Handed on as it is: the pool would take the counter away.
            reader.release();
        }
        Self { db, database, steps }
    }

    async fn tear_down(self) -> Database {
        self.db.close().await;
        self.database
    }
}

impl Metered {
    /// All the work up to now.
    async fn count(&self) -> u64 {
        match &self.db {
            Db::Sqlite(_) => self.steps.load(Ordering::Relaxed) * u64::from(STEP.unsigned_abs()),
            Db::Postgres(_) => rows_read(&self.db, &self.database).await,
        }
    }

    /// Does each thing that a page or a join asks for, and tells what was too much work.
    async fn too_much(&self) -> Vec<String> {
        let db = &self.db;
        let one = db.find_user_by_name(ONE).await.unwrap().expect("somebody").id;
        let keen = db.find_user_by_name(KEEN).await.unwrap().expect("somebody else").id;
        let view = db.find_room("general", one).await.unwrap().expect("it is always there");
        let general = view.room.id;
        let slug = Arc::from("general");
        let (first, middle) = (MESSAGES - 49, MESSAGES / 2);
        let mut too_much = Vec::new();
        // Instructions of SQLite, and rows of Postgres: about three times what it takes.
        macro_rules! at_most {
            ($instructions:literal, $rows:literal, $call:expr) => {
                // After five runs Postgres may settle on one plan for all values.
                for _ in 0..8 {
                    let _ = $call.await.unwrap();
                }
                let before = self.count().await;
                let _ = $call.await.unwrap();
                let work = self.count().await - before;
                let limit = if matches!(db, Db::Sqlite(_)) { $instructions } else { $rows };
                println!("{work:>8} of {limit:>6}  {}", stringify!($call));
                if work > limit {
                    too_much.push(format!("{work} instead of {limit} at most for {}", stringify!($call)));
                }
            };
        }
        at_most!(150, 20, db.find_session(ONE, NOW, LONG_AGO));
        at_most!(150, 20, db.find_room("general", one));
        at_most!(150, 20, db.head(general));
        at_most!(17_000, 1_000, db.list_own_rooms(one));
        at_most!(2_000, 60, db.list_own_rooms(keen));
        at_most!(1_500, 60, db.unread(general, keen));
        at_most!(8_000, 350, db.messages(general, &slug, first, MESSAGES, MESSAGES));
        at_most!(8_000, 350, db.messages(general, &slug, middle, middle + 49, middle + 49));
        at_most!(8_000, 350, db.changes(general, &slug, MESSAGES - 50, 501));
        at_most!(8_000, 350, db.changes(general, &slug, 0, 50));
        at_most!(900, 150, db.highest_rev_before(general, first));
        at_most!(150, 20, db.first_on_or_after(general, NOW.plus(middle * 1000)));
        at_most!(150, 20, db.find_user(one));
        at_most!(900, 60, db.waiting_mentions(general, keen));
        at_most!(40_000, 3_000, db.waiting_mentions(general, one));
        at_most!(12_000, 1_000, db.list_mentions(keen, i64::MAX, 50));
        at_most!(12_000, 1_000, db.list_mentions(keen, MESSAGES / 2, 50));
        at_most!(200, 40, db.count_pins(general));
        at_most!(2_500, 80, db.list_pins(general, &slug, None));
        at_most!(150, 20, db.thread_of(general, middle));
        at_most!(8_000, 350, db.list_replies(general, &slug, 1, 0, 50));
        at_most!(8_000, 350, db.list_replies(general, &slug, 1, middle, 50));
        at_most!(2_500, 80, db.list_replies(general, &slug, 2, 0, 50));
        at_most!(20_000, 3_000, db.count_replies(general, 1));
        at_most!(400, 40, db.count_replies(general, 2));
        at_most!(15_000, 1_000, db.list_participants(one));
        at_most!(17_000, 1_000, db.sidebar_rooms(one, "general", &[]));
        at_most!(2_500, 400, db.list_shared_rooms(one, keen));
        at_most!(40_000, 3_000, db.unread(general, one));
        let (everybody, later) = (PageRequest::default(), PageRequest { after: "u2500".to_owned(), ..PageRequest::default() });
        at_most!(3_000, 160, db.list_people(&everybody, 51));
        at_most!(3_000, 160, db.list_people(&later, 51));
        at_most!(8_000, 900, db.list_members((view.room.id, view.members), &everybody, 51));
        at_most!(8_000, 900, db.list_members((view.room.id, view.members), &later, 51));
        assert!(self.count().await > 0, "nothing was counted");
        too_much
    }
}

/// How many rows Postgres has looked at up to now.
pub async fn rows_read(db: &Db, database: &Database) -> u64 {
    let Db::Postgres(postgres) = db else { unreachable!("only Postgres counts them") };
    // Each connection keeps its counts to itself for a second, unless told not to.
    let mut all = Vec::new();
    for pool in [&postgres.write, &postgres.read] {
        for _ in 0..pool.count() {
            all.push(pool.acquire().await.expect("it is free"));
        }
    }
    for connection in &mut all {
        connection.execute("select pg_stat_force_next_flush()").await.expect("Postgres 15 has it");
        connection.execute("select 1").await.expect("it answers");
    }
    drop(all);
    let mut outside = PgConnection::connect(database.url()).await.expect("it answers");
    let rows: i64 = sqlx::query_scalar(
        "select cast((select sum(seq_tup_read) from pg_stat_user_tables) + (select sum(idx_tup_read) from pg_stat_user_indexes) as bigint)",
    )
    .fetch_one(&mut outside)
    .await
    .expect("it counts");
    drop(outside.close().await);
    u64::try_from(rows).expect("a count")
}

#[apply(both)]
async fn what_waits_is_counted_up_to_a_limit(it: &Metered) {
    let db = &it.db;
    let waiting = async |username: &str| {
        let who = db.find_user_by_name(username).await.unwrap().expect("somebody").id;
        let rooms = db.list_own_rooms(who).await.unwrap();
        let general = rooms.iter().find(|listed| &*listed.room.slug == "general").expect("a member's room");
        let (unread, mentions) = (db.unread(general.room.id, who), db.waiting_mentions(general.room.id, who));
        (general.unread, general.mentions, unread.await.unwrap(), mentions.await.unwrap())
    };
    // One said everything, and half of it to themselves.
    assert_eq!(waiting(ONE).await, (0, 100, 0, 1_000));
    assert_eq!(waiting(KEEN).await, (10, 5, 10, 5));
    assert_eq!(waiting("u3").await, (100, 0, 1_000, 0));
}

#[apply(both)]
async fn somebody_in_thousands_of_rooms_costs_one_look_at_each_and_what_is_shown(it: &Metered) {
    it.database.fill_rooms(MANY, KEEN, 3_000).await;
    if it.database.kind == Kind::Postgres {
        it.database.run("analyze").await;
    }
    let db = &it.db;
    let many = db.find_user_by_name(MANY).await.unwrap().expect("somebody").id;
    let general = db.find_room("general", many).await.unwrap().expect("it is always there").room.id;
    let own = RoomPageRequest { scope: RoomScope::Own, ..RoomPageRequest::default() };
    let all = RoomPageRequest::default();
    let favorites: Vec<_> = (1..=20).map(|number| format!("many-29{number:02}").into()).collect();
    let mut too_much = Vec::new();
    // Instructions of SQLite, and rows of Postgres.
    macro_rules! at_most {
        ($instructions:literal, $rows:literal, $call:expr) => {
            for _ in 0..8 {
                let _ = $call.await.unwrap();
            }
            let before = it.count().await;
            let _ = $call.await.unwrap();
            let work = it.count().await - before;
            let limit = if matches!(db, Db::Sqlite(_)) { $instructions } else { $rows };
            println!("{work:>8} of {limit:>6}  {}", stringify!($call));
            if work > limit {
                too_much.push(format!("{work} instead of {limit} at most for {}", stringify!($call)));
            }
        };
    }
    at_most!(900_000, 30_000, db.sidebar_rooms(many, "many-2999", &favorites));
    at_most!(900_000, 30_000, db.list_own_rooms_behind(many, "many-1500", 201));
    at_most!(6_000, 500, db.find_own_room(many, general));
    at_most!(900_000, 30_000, db.list_directory(many, &own, 51));
    at_most!(900_000, 30_000, db.list_directory(many, &all, 51));
    let lively = RoomPageRequest { order: RoomOrder::Activity, ..RoomPageRequest::default() };
    at_most!(1_800_000, 60_000, db.list_directory(many, &lively, 51));
    at_most!(900_000, 30_000, db.list_conversations(many, (i64::MAX, ""), 51));
    assert!(too_much.is_empty(), "{too_much:#?}");
}

#[apply(both)]
async fn a_page_costs_the_same_in_a_big_room_as_in_a_small_one(it: &Metered) {
    let too_much = it.too_much().await;
    assert!(too_much.is_empty(), "{too_much:#?}");
    if let Db::Sqlite(sqlite) = &it.db {
        sqlite.write.execute("analyze").await.expect("it may");
        let too_much = it.too_much().await;
        assert!(too_much.is_empty(), "with statistics: {too_much:#?}");
    }
}
