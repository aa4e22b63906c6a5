//! How long each read takes in a room with 1,000,000 messages: numbers for docs/measurements/database-reads.md, not a test that can fail.

use std::sync::Arc;
use std::time::Instant;

use super::store::{KEEN, LONG_AGO, NOW, ONE, Store, crowd};
use crate::harness::{self, Kind};

const MESSAGES: i64 = 1_000_000;
const PEOPLE: i64 = 10_000;
/// How often each is asked. What is told is what a tenth of the times, and half of them, stayed below.
const TIMES: usize = 1_000;

#[test]
#[ignore = "takes a minute and tells numbers: see docs/database.md"]
fn reading_a_million_messages() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        harness::run("a million messages", kind, async |db: &Store| measure(db).await);
    }
}

async fn measure(db: &Store) {
    crowd(db, PEOPLE, MESSAGES).await;
    db.run("analyze").await;
    let one = db.find_user_by_name(ONE).await.unwrap().expect("somebody").id;
    let keen = db.find_user_by_name(KEEN).await.unwrap().expect("somebody else").id;
    let general = db.general().await;
    let slug = Arc::from("general");
    macro_rules! time {
        ($about:literal, $call:expr) => {
            let mut took = Vec::new();
            for _ in 0..TIMES {
                let began = Instant::now();
                let _ = $call.await.unwrap();
                took.push(began.elapsed().as_micros());
            }
            took.sort_unstable();
            println!("{:?}: {:>5} {:>5} µs  {}", db.database.kind, took[TIMES / 10], took[TIMES / 2], $about);
        };
    }
    time!("whose a session is", db.find_session(ONE, NOW, LONG_AGO));
    time!("a room, for one of its 10,000 members", db.find_room("general", one));
    time!("one's own 61 rooms, with 100 of 1,000,000 unread", db.list_own_rooms(one));
    time!("one room, with 10 unread", db.list_own_rooms(keen));
    time!("all 251 rooms that one may see", db.list_rooms(one));
    time!("the last 50 messages", db.messages(general, &slug, MESSAGES - 49, MESSAGES, MESSAGES));
    time!("50 messages in the middle", db.messages(general, &slug, MESSAGES / 2, MESSAGES / 2 + 49, MESSAGES / 2 + 49));
    time!("200 messages in the middle", db.messages(general, &slug, MESSAGES / 2, MESSAGES / 2 + 199, MESSAGES / 2 + 199));
    time!("the last 50 changes", db.changes(general, &slug, MESSAGES - 50, 501));
    time!("the last change before the tail", db.highest_rev_before(general, MESSAGES - 49));
    time!("the first message on a day", db.first_on_or_after(general, NOW.plus(MESSAGES / 2 * 1000)));
    time!("how many are unread, of 1,000,000", db.unread(general, one));
    time!("how many are unread, of 10", db.unread(general, keen));
}
