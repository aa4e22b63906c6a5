//! What search's index costs a commit on SQLite.

use std::ops::Range;

use parlor::chat::types::{Author, RoomId};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::store::{Store, line};
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
        sqlx::query_as("pragma wal_checkpoint(passive)").fetch_one(file).await.expect("it can be done");
    pages
}

once! {
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
}
