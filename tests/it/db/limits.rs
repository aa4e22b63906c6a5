//! A search whose time is up ends, with what it has found, and leaves nothing behind.

use std::time::{Duration, Instant};

use parlor::clock::Millis;
use parlor::db::search::SearchQuery;

use super::store::{NOW, Store, word};
use crate::both;
use crate::harness::DEADLINE;

/// How many messages there are.
const MANY: i64 = 10_000;

#[apply(both)]
async fn a_search_ends_when_its_time_is_up(db: &Store) {
    let ada = db.add("ada").await;
    db.say(db.general().await, ada, MANY).await;
    db.run("update meta set value = '0' where key = 'search_version'").await;
    db.prepare_index().await.expect("it can be emptied");
    while db.index_older().await.expect("it can be written") {}
    db.open_connections().await;
    // The last five, behind which it looks at all the others: each has the word, and was said on the same day.
    let wanted = SearchQuery { since: Some(Millis(NOW.0 + (MANY - 4) * 1_000)), ..word(ada, "words") };
    let all = db.search(&wanted, i64::MAX, 9, None).await.expect("it can be asked");
    assert_eq!((all.hits.len(), all.is_limited), (5, false));
    let within = |time| db.search(&wanted, i64::MAX, 9, Some(Instant::now() + Duration::from_millis(time)));
    let (began, mut time) = (Instant::now(), 0);
    loop {
        assert!(began.elapsed() < DEADLINE, "it never found anything in time");
        time += 1;
        let found = within(time).await.expect("a limit is no failure");
        assert_eq!(found.hits, all.hits[..found.hits.len()]);
        if !found.is_limited {
            // It has looked at everything; in less time it does not.
            assert!(time > 1 && found == all);
            time = 0;
            continue;
        }
        // One that is given up on the way.
        drop(tokio::time::timeout(Duration::from_millis(1), within(60_000)).await);
        if found.hits == all.hits {
            break;
        }
    }
    // Nobody is stopped by somebody else's limit, on any connection, and no transaction is left open.
    let unlimited = || async { db.search(&wanted, i64::MAX, 9, None).await.expect("it can be asked") };
    for found in futures_util::future::join_all((0..12).map(|_| unlimited())).await {
        assert_eq!(found, all);
    }
    db.database.has_no_open_transaction().await;
}
