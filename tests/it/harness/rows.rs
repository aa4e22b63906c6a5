//! A look into a test's database from outside, past the server.
//!
//! Owns reading whole tables as JSON, and what must hold in them whatever happened. It writes only what no page can,
//! or what would take one thousands of requests.

use std::time::Instant;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::{DEADLINE, Database, Kind, Load};

impl Database {
    /// All rows of a table, each as an object.
    pub async fn rows(&self, table: &str) -> Vec<Value> {
        self.query(&format!("select * from {table}")).await
    }

    /// The rows of any query, each as an object.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        match self.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(self.url()).await.expect("Postgres answers");
                let query = format!("select to_jsonb(it)::text from ({query}) as it");
                let rows: Vec<String> =
                    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.expect("the query is right");
                rows.iter().map(|row| serde_json::from_str(row).expect("Postgres writes JSON")).collect()
            }
            Kind::Sqlite => {
                let options = SqliteConnectOptions::new().filename(self.file()).read_only(true);
                let mut connection = options.connect().await.expect("the file is there");
                let described = format!("create temp view it as {query}");
                sqlx::query(AssertSqlSafe(described)).execute(&mut connection).await.expect("the query is right");
                let columns: Vec<String> = sqlx::query_scalar("select name from pragma_table_info('it')")
                    .fetch_all(&mut connection)
                    .await
                    .expect("a view has columns");
                let pairs: Vec<_> = columns.iter().map(|name| format!("'{name}', \"{name}\"")).collect();
                let query = format!("select json_object({}) from it", pairs.join(", "));
                let rows: Vec<String> =
                    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.expect("the view is right");
                rows.iter().map(|row| serde_json::from_str(row).expect("SQLite writes JSON")).collect()
            }
        }
    }

    /// Waits until no connection of Postgres's sleeps in a transaction. One that was given up is rolled back behind the back of
    /// whoever gave it up, and the ledger's own sleeps between two statements.
    pub async fn has_no_open_transaction(&self) {
        const OPEN: &str =
            "select pid, query from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";
        if self.kind == Kind::Sqlite {
            return;
        }
        let deadline = Instant::now() + DEADLINE;
        loop {
            let open = self.query(OPEN).await;
            if open.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "a transaction was left open: {open:?}");
        }
    }

    /// Makes somebody an administrator, as the person at the command line can.
    pub async fn make_admin(&self, username: &str) {
        self.run(&format!("update users set is_admin = true where username = '{username}'")).await;
    }

    /// Runs a statement, as somebody with the database's own tools can.
    pub async fn run(&self, statement: &str) {
        let statement = statement.to_owned();
        match self.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(self.url()).await.expect("Postgres answers");
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("the statement is right");
            }
            Kind::Sqlite => {
                let options = SqliteConnectOptions::new().filename(self.file());
                let mut connection = options.connect().await.expect("the file is there");
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("the statement is right");
            }
        }
    }

    /// Lets everybody settle what they began; then the checker finds nothing, and neither does a look into the database.
    pub async fn check(&self, load: &mut Load) {
        let verdict = load.verdict().await;
        assert!(verdict.is_clean() && verdict.acknowledged > 0, "{verdict}");
        self.check_rooms().await;
    }

    /// Checks what must hold in every room: `seq` runs 1, 2, 3 … without gaps up to the room's own, no two messages share a
    /// `rev`, none is beyond the room's, and the latest change has it.
    pub async fn check_rooms(&self) {
        let rooms = self.rows("rooms").await;
        assert!(!rooms.is_empty(), "there is always a room");
        let messages = self.query("select room_id, seq, rev from messages order by room_id, seq").await;
        for room in rooms {
            let own: Vec<_> = messages.iter().filter(|message| message["room_id"] == room["id"]).collect();
            let seqs: Vec<_> = own.iter().map(|message| message["seq"].as_i64().expect("a number")).collect();
            let expected: Vec<_> = (1..=room["seq"].as_i64().expect("a number")).collect();
            assert_eq!(seqs, expected, "the seqs of {room}");
            let mut revs: Vec<_> = own.iter().map(|message| message["rev"].as_i64().expect("a number")).collect();
            revs.sort_unstable();
            assert!(revs.windows(2).all(|pair| pair[0] < pair[1]), "a rev twice in {room}: {revs:?}");
            assert_eq!(revs.last().copied().unwrap_or(0), room["rev"].as_i64().expect("a number"), "the last rev of {room}");
        }
    }
}
