//! What search's index costs a commit on SQLite.

use std::ops::Range;

use parlor::model::{Author, RoomId};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::store::{Store, line, word};
use crate::harness::{DEADLINE, Database, TestApp};
use crate::once;

/// Writes so many messages all at once, and has them indexed; how many pages of the file that changed.
async fn pages_of(db: &Store, file: &mut SqliteConnection, author: &Author, room: RoomId, seqs: Range<i64>) -> i64 {
    let messages = seqs.map(|seq| {
        // Some words are in many messages, most in few.
        let words: Vec<_> = (0..20).map(|nth| format!("{:x}", (seq * 7_919 + nth * nth * 104_729) % (20 << nth))).collect();
        line(author, seq, words.join(" "))
    });
    db.write(room, messages.collect()).await.expect("there is room");
    db.catch_up().await.expect("there is room");
    // All of the write-ahead log goes into the file, so that it begins anew with the next commit.
    let (_, pages, _): (i64, i64, i64) =
        sqlx::query_as("pragma wal_checkpoint(passive)").fetch_one(&mut *file).await.expect("it can be done");
    // A reader may have kept it from its end: then the next commit would count these pages too.
    while sqlx::query_as::<_, (i64, i64, i64)>("pragma wal_checkpoint(truncate)")
        .fetch_one(&mut *file)
        .await
        .expect("it can be done")
        .0
        != 0
    {}
    pages
}

/// In how many parts the index is: the second number of FTS5's record of them, behind four bytes of something else.
async fn parts(database: &Database) -> i64 {
    let record = database.query("select substr(hex(block), 11, 2) as parts from words_data where id = 10").await;
    i64::from_str_radix(record[0]["parts"].as_str().expect("a number"), 16).expect("fewer than 128")
}

#[apply(once)]
async fn in_quiet_times_the_index_is_merged_by_itself(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for nth in 0..20 {
        socket.post("general", &format!("a lamp {nth}"), &format!("{nth}")).await;
        // Indexed by itself, and so a part by itself.
        ada.get_json("/search?q=lamp").await.expect(200);
    }
    assert!(parts(&app.database).await > 3);
    let merged = async {
        while parts(&app.database).await > 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, merged).await.expect("it is merged");
    assert_eq!(ada.get_json("/search?q=lamp").await.expect(200).json()["results"].as_array().map(Vec::len), Some(20));
}

#[apply(once)]
async fn merging_goes_on_in_small_steps_until_there_is_nothing_to_merge(db: &Store) {
    let author = db.author("ada").await;
    let room = db.general().await;
    let mut file = SqliteConnectOptions::new().filename(db.database.file()).connect().await.expect("the file is there");
    for first in (1..6_000).step_by(250) {
        pages_of(db, &mut file, &author, room, first..first + 250).await;
    }
    let before = parts(&db.database).await;
    let find = async || db.search(&word(author.id, "7"), i64::MAX, 10_000, None).await.expect("it can be asked").hits;
    let found = find().await;
    assert!(before > 3 && !found.is_empty());
    // A step, and a new message between it and the next ones: the order does not matter.
    assert!(db.merge_further().await.expect("there is room"));
    pages_of(db, &mut file, &author, room, 7_000..7_001).await;
    let mut most = 0;
    for step in 0.. {
        assert!(step < 1_000, "it never ends");
        let more = db.merge_further().await.expect("there is room");
        let (_, pages, _): (i64, i64, i64) =
            sqlx::query_as("pragma wal_checkpoint(passive)").fetch_one(&mut file).await.expect("it can be done");
        most = most.max(pages);
        if !more {
            break;
        }
    }
    assert!(most < 256, "one step changed {most} pages");
    assert!(parts(&db.database).await < before.min(5));
    assert!(!db.merge_further().await.expect("there is room"), "it is done");
    assert!(find().await.ends_with(&found), "nothing was lost");
    let kept = db.database.query("select v from words_config where k = 'usermerge'").await;
    assert_eq!(kept[0]["v"], 8, "messages that come are merged as before");
    db.run("insert into words (words) values ('integrity-check')").await;
}

#[apply(once)]
async fn no_post_waits_while_much_of_the_index_is_merged(db: &Store) {
    const MANY: i64 = 20_000;
    const AT_ONCE: i64 = 250;
    let author = db.author("ada").await;
    let room = db.general().await;
    let mut file = SqliteConnectOptions::new().filename(db.database.file()).connect().await.expect("the file is there");
    for first in (1..MANY).step_by(AT_ONCE as usize) {
        pages_of(db, &mut file, &author, room, first..first + AT_ONCE).await;
    }
    let mut most = 0;
    for seq in MANY + 1..MANY + 1_000 {
        most = most.max(pages_of(db, &mut file, &author, room, seq..seq + 1).await);
    }
    // FTS5 by itself changes more than 500 pages in every 64th of these commits.
    assert!(most < 256, "one commit changed {most} pages");
}
