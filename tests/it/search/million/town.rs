//! A town that has talked a great deal: made-up words, as common and as rare as words are.

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};

use crate::harness::{Database, Kind};

const WORDS: usize = 50_000;
const PEOPLE: u64 = 200;
const ROOMS: u64 = 60;
const BATCH: i64 = 10_000;
/// A year in milliseconds.
const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
const BEGINNINGS: [&str; 16] = ["b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "w", "st", "pr"];
const MIDDLES: [&str; 8] = ["a", "e", "i", "o", "u", "ea", "ou", "er"];
const ENDS: [&str; 8] = ["", "n", "r", "s", "t", "l", "nd", "ck"];

/// A kind of query: what it is, the order of its results, and one of them.
pub type Asked = (&'static str, &'static str, fn(&mut Town) -> String);

/// The kinds of queries.
pub const QUERIES: [Asked; 19] = [
    ("a rare word", "newest", |town| town.exact(20_000, 50_000)),
    ("a word", "newest", |town| town.word(300, 3_000)),
    ("a common word", "newest", |town| town.exact(0, 20)),
    ("two words", "newest", |town| format!("{} {}", town.word(100, 1_000), town.word(100, 1_000))),
    ("a common and a rare word", "newest", |town| format!("{} {}", town.word(0, 20), town.word(5_000, 20_000))),
    ("a phrase", "newest", |town| format!("\"{} {}\"", town.plain(0, 50), town.plain(0, 300))),
    ("the beginning of a word", "newest", |town| town.beginning()),
    ("the beginning of common words", "newest", |town| town.word(0, 20)),
    ("a word without another", "newest", |town| format!("{} -{}", town.word(100, 1_000), town.exact(0, 20))),
    ("two characters of Chinese", "newest", |town| town.chinese(2)),
    ("one character of Chinese", "newest", |town| town.chinese(1)),
    ("from: and a word", "newest", |town| format!("from:p{} {}", town.below(PEOPLE), town.word(50, 500))),
    ("in: and a word", "newest", |town| format!("in:r{} {}", town.below(ROOMS), town.word(50, 500))),
    ("on: a day, and a word", "newest", |town| {
        format!("on:2025-{:02}-{:02} {}", 1 + town.below(12), 1 + town.below(28), town.word(0, 100))
    }),
    ("before: a day, and a word", "newest", |town| format!("before:2025-{:02}-15 {}", 2 + town.below(11), town.word(0, 500))),
    ("has:link and a word", "newest", |town| format!("has:link {}", town.word(50, 500))),
    ("mentions:me", "newest", |_| "mentions:me".to_owned()),
    ("nothing", "newest", |town| format!("{}zzz {}", town.plain(0, 50), town.word(0, 50))),
    ("a word, best first", "best", |town| town.word(100, 3_000)),
];

/// What it talks with. The same each time.
pub struct Town {
    words: Vec<String>,
    state: u64,
}

/// Where its numbers begin.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

impl Default for Town {
    fn default() -> Self {
        let mut town = Self { words: Vec::new(), state: SEED };
        let mut known = std::collections::HashSet::new();
        while town.words.len() < WORDS {
            let syllables = match town.words.len() {
                0..50 => 1,
                50..1_000 => 1 + town.below(2),
                _ => 2 + town.below(3),
            };
            let mut word = String::new();
            for _ in 0..syllables {
                for part in [&BEGINNINGS[..], &MIDDLES[..], &ENDS[..]] {
                    word += part[town.below(part.len() as u64) as usize];
                }
            }
            if known.insert(word.clone()) {
                town.words.push(word);
            }
        }
        town
    }
}

impl Town {
    /// Begins its numbers again, so that the same is asked of a database that was filled before.
    pub fn begin_again(&mut self) {
        self.state = SEED;
    }

    /// A number below another.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % bound
    }

    /// A word of a rank between these.
    fn plain(&mut self, from: usize, to: usize) -> String {
        let rank = from + self.below((to - from) as u64) as usize;
        self.words[rank].clone()
    }

    fn word(&mut self, from: usize, to: usize) -> String {
        self.plain(from, to)
    }

    fn exact(&mut self, from: usize, to: usize) -> String {
        format!("\"{}\"", self.plain(from, to))
    }

    fn beginning(&mut self) -> String {
        let word = self.plain(50, 20_000);
        let length = 3 + self.below(5) as usize;
        word[..length.min(word.len())].to_owned()
    }

    fn chinese(&mut self, length: usize) -> String {
        (0..length).map(|_| self.character()).collect()
    }

    fn character(&mut self) -> char {
        let rank = self.rank(3_000);
        char::from_u32(0x4E00 + rank as u32).expect("a character")
    }

    /// A rank as words have it: the first is said most, the second half as often, and so on.
    fn rank(&mut self, of: usize) -> usize {
        let share = self.below(1 << 40) as f64 / (1_u64 << 40) as f64;
        ((((of as f64 + 2.7) / 2.7).powf(share) * 2.7 - 2.7) as usize).min(of - 1)
    }

    fn message(&mut self) -> String {
        let length = 2 + self.below(20);
        match self.below(100) {
            0..5 => (0..length * 2).map(|_| self.character()).collect(),
            kind => {
                let ranks: Vec<_> = (0..length).map(|_| self.rank(WORDS)).collect();
                let mut words: Vec<_> = ranks.into_iter().map(|rank| self.words[rank].clone()).collect();
                if kind < 8 {
                    words.push(format!("https://example.com/{}", self.below(1000)));
                }
                words.join(" ")
            }
        }
    }

    /// Fills the database of a stopped server: the rooms are private but for a few, `ada` is in all of them, and `eve` in none.
    pub async fn settle(&mut self, database: &Database, messages: i64) {
        let begin = 1_735_689_600_000; // 2025-01-01
        let mut connection = Open::at(database).await;
        let numbers = if database.kind == Kind::Sqlite {
            "with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n < 199)"
        } else {
            "with numbers as (select n from generate_series(0, 199) as n)"
        };
        for statement in [
            &*format!(
                "{numbers} insert into users (username, name, password_hash, created_at) select 'p' || n, 'P', 'x', 0 from numbers where true"
            ),
            &format!(
                "{numbers} insert into rooms (slug, name, visibility, created_at)
                 select 'r' || n, 'r' || n, case when n >= 55 then 'public' else 'private' end, 0 from numbers where n < 60"
            ),
            "insert into memberships (room_id, user_id, joined_at) select rooms.id, users.id, 0 from rooms, users
             where username = 'ada' and slug like 'r%'",
        ] {
            connection.run(statement, None).await;
        }
        let given = if database.kind == Kind::Sqlite {
            "with given as (select value->>'number' as number, value->>'room' as room, value->>'author' as author, value->>'body' as body,
             value->>'html' as html, value->>'at' as at, value->>'nonce' as nonce, value->>'mentions' as mentions from jsonb_each($1))"
        } else {
            "with given as (select * from json_to_recordset(cast($1 as json)) as given(number bigint, room text, author text, body text,
             html text, at bigint, nonce text, mentions text))"
        };
        let insert = format!(
            "{given} insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, mentions, created_at)
             select rooms.id, number, number, 'text', users.id, body, html, nonce, mentions, at
             from given cross join rooms cross join users where slug = room and username = author order by number"
        );
        let mut next = 1;
        while next <= messages {
            let rows: Vec<Value> = (next..=messages.min(next + BATCH - 1))
                .map(|number| {
                    // Few rooms hold most of it.
                    let room = self.rank(ROOMS as usize);
                    let body = self.message();
                    let html = if body.contains("https://") { "<a href=\"https://example.com\">" } else { "" };
                    json!({ "number": number, "room": format!("r{room}"), "author": format!("p{}", self.below(PEOPLE)), "body": body,
                            "html": format!("<p>{body}</p>{html}"), "at": begin + number * (YEAR / messages), "nonce": format!("n{number}"),
                            "mentions": (number % 500 == 0).then_some("[\"ada\",\"eve\"]") })
                })
                .collect();
            connection.run(&insert, Some(Value::from(rows).to_string())).await;
            next += BATCH;
        }
        for statement in [
            "update rooms set seq = count, rev = count from (select room_id, count(*) as count from messages group by room_id) as counted
             where counted.room_id = rooms.id",
            "update meta set value = '0' where key = 'search_version'",
            "insert into mentions (user_id, message_id, room_id, seq) select users.id, messages.id, room_id, seq from users, messages
             where username in ('ada', 'eve') and messages.mentions is not null",
        ] {
            connection.run(statement, None).await;
        }
        connection.close().await;
    }

    /// Lets the database do what it does when it has time.
    pub async fn rest(&self, database: &Database) {
        if database.kind == Kind::Postgres {
            let mut connection = Open::at(database).await;
            connection.run("vacuum analyze", None).await;
            connection.close().await;
            let size = "select pg_size_pretty(pg_relation_size('words_by_word')) as index, pg_size_pretty(pg_total_relation_size('words')) as words,
                        pg_size_pretty(pg_total_relation_size('messages')) as messages";
            println!("{:?}", database.query(size).await);
        } else {
            println!("{} MB in the file", std::fs::metadata(database.file()).map_or(0, |file| file.len() / 1_000_000));
        }
    }
}

/// A connection beside the server's.
enum Open {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Open {
    async fn at(database: &Database) -> Self {
        match database.kind {
            Kind::Sqlite => {
                // Nothing here must survive the loss of power.
                let options = SqliteConnectOptions::new()
                    .filename(database.file())
                    .synchronous(SqliteSynchronous::Off)
                    .pragma("cache_size", "-200000")
                    .pragma("wal_autocheckpoint", "20000");
                Self::Sqlite(options.connect().await.expect("the file is there"))
            }
            Kind::Postgres => Self::Postgres(PgConnection::connect(database.url()).await.expect("Postgres is there")),
        }
    }

    async fn run(&mut self, statement: &str, given: Option<String>) {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        // What has nothing bound to it is sent as it is: `vacuum` takes no other way.
        macro_rules! execute {
            ($connection:expr) => {
                match given {
                    Some(given) => sqlx::query(statement).bind(given).execute(&mut *$connection).await.map(|_| ()),
                    None => $connection.execute(statement).await.map(|_| ()),
                }
            };
        }
        let done = match self {
            Self::Sqlite(connection) => execute!(connection),
            Self::Postgres(connection) => execute!(connection),
        };
        done.expect("the statement is right");
    }

    async fn close(self) {
        let closed = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
        closed.expect("it closes");
    }
}
