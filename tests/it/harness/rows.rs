//! A look into a test's database from outside, past the server.
//!
//! Owns reading whole tables as JSON, and what must hold in them whatever happened. It writes only what no page can,
//! or what would take one thousands of requests.

use std::time::Instant;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use super::cluster::Cluster;
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
                break;
            }
            assert!(Instant::now() < deadline, "a transaction was left open: {open:?}");
        }
        // Postgres warns of a transaction that is begun within another one. The log is that of all tests.
        let log = Cluster::shared().log().expect("Postgres has a log");
        assert!(!log.contains("already a transaction in progress"), "{log}");
    }

    /// Makes somebody an administrator, as the person at the command line can.
    pub async fn make_admin(&self, username: &str) {
        self.run(&format!("update users set is_admin = true where username = '{username}'")).await;
    }

    /// Makes somebody a member of so many new public rooms that making them by form would take too long: `many-0001` and so on. In every
    /// hundredth, from the hundredth on, somebody else has written a line that they have not read.
    pub async fn fill_rooms(&self, username: &str, writer: &str, count: u32) {
        let (numbers, padded) = match self.kind {
            Kind::Sqlite => (
                format!(
                    "(with recursive c(n) as (select 1 union all select n + 1 from c where n < {count}) select n from c) as c"
                ),
                "substr('000' || n, -4)",
            ),
            Kind::Postgres => (format!("generate_series(1, {count}) as c(n)"), "lpad(n::text, 4, '0')"),
        };
        self.run(&format!(
            "insert into rooms (slug, name, visibility, created_at, seq, rev, talk_seq)
             select 'many-' || {padded}, 'Many ' || {padded}, 'public', 0, s, s, s
             from (select n, case when n % 100 = 0 then 1 else 0 end as s from {numbers}) as numbered;
             insert into memberships (room_id, user_id, joined_at) select rooms.id, users.id, 0 from rooms, users
             where slug like 'many-%' and username = '{username}';
             insert into messages (room_id, seq, rev, kind, author_id, body, html, created_at)
             select rooms.id, 1, 1, 'text', users.id, 'news', 'news', 0 from rooms, users
             where slug like 'many-__00' and username = '{writer}'"
        ))
        .await;
    }

    /// Runs statements, as somebody with the database's own tools can.
    pub async fn run(&self, statements: &str) {
        let statements = AssertSqlSafe(statements.to_owned());
        match self.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(self.url()).await.expect("Postgres answers");
                connection.execute(statements).await.expect("the statements are right");
            }
            Kind::Sqlite => {
                let options = SqliteConnectOptions::new().filename(self.file());
                let mut connection = options.connect().await.expect("the file is there");
                connection.execute(statements).await.expect("the statements are right");
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
