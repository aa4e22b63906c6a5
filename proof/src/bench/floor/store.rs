//! The bare insert: one table, one statement, one transaction for a batch.

use rusqlite::{Connection, params};

use crate::bench::Result;
use crate::bench::sender::BODY;

pub struct Store {
    database: Connection,
    count: i64,
}

impl Store {
    pub fn open(file: &str) -> Result<Self> {
        let database = Connection::open(file)?;
        database.execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full;
             create table if not exists messages (room_id integer, seq integer, author_id integer, body text, nonce text, created_at integer,
                                    primary key (room_id, seq), unique (author_id, nonce)) without rowid;",
        )?;
        Ok(Self { database, count: 0 })
    }

    /// Returns when the messages are on the disk.
    pub fn insert(&mut self, posts: usize) -> Result<()> {
        let transaction = self.database.transaction()?;
        {
            let mut insert = transaction.prepare_cached("insert into messages values (1, ?1, 1, ?2, ?3, ?4)")?;
            for _ in 0..posts {
                self.count += 1;
                insert.execute(params![self.count, BODY, format!("sender0-{}", self.count), 1_700_000_000_000_i64])?;
            }
        }
        Ok(transaction.commit()?)
    }
}
