//! A town that has talked a great deal: made-up words, as common and as rare as words are.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};

use crate::harness::{Database, Kind};

const WORDS: usize = 50_000;
const PEOPLE: u64 = 200;
const ROOMS: u64 = 60;
const BATCH: i64 = 5_000;
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

impl Default for Town {
    fn default() -> Self {
        let mut town = Self { words: Vec::new(), state: 0x9E37_79B9_7F4A_7C15 };
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
        let numbers = if database.kind == Kind::Sqlite {
            "with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n < 199)"
        } else {
            "with numbers as (select n from generate_series(0, 199) as n)"
        };
        run(database, &format!("{numbers} insert into users (username, name, password_hash, created_at) select 'p' || n, 'P', 'x', 0 from numbers where true"), None).await;
        run(
            database,
            &format!(
                "{numbers} insert into rooms (slug, name, visibility, created_at)
             select 'r' || n, 'r' || n, case when n >= 55 then 'public' else 'private' end, 0 from numbers where n < 60"
            ),
            None,
        )
        .await;
        run(database, "insert into memberships (room_id, user_id, joined_at) select rooms.id, users.id, 0 from rooms, users where username = 'ada' and slug like 'r%'", None).await;
        let mut next = 1;
        while next <= messages {
            let rows: Vec<Value> = (next..=messages.min(next + BATCH - 1))
                .map(|number| {
                    // Few rooms hold most of it.
                    let room = self.rank(ROOMS as usize);
                    let body = self.message();
                    let html = if body.contains("https://") { "<a href=\"https://example.com\">" } else { "" };
                    json!({ "number": number, "room": format!("r{room}"), "author": format!("p{}", self.below(PEOPLE)), "body": body,
                            "html": format!("<p>{body}</p>{html}"), "at": begin + number * (YEAR / messages), "nonce": format!("n{number}") })
                })
                .collect();
            let given = if database.kind == Kind::Sqlite {
                "with given as (select value->>'number' as number, value->>'room' as room, value->>'author' as author, value->>'body' as body,
                 value->>'html' as html, value->>'at' as at, value->>'nonce' as nonce from jsonb_each($1))"
            } else {
                "with given as (select * from json_to_recordset(cast($1 as json)) as given(number bigint, room text, author text, body text,
                 html text, at bigint, nonce text))"
            };
            let insert = format!(
                "{given} insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, created_at)
                 select rooms.id, number, number, 'text', users.id, body, html, nonce, at
                 from given cross join rooms cross join users where slug = room and username = author order by number"
            );
            run(database, &insert, Some(Value::from(rows).to_string())).await;
            next += BATCH;
        }
        run(
            database,
            "update rooms set seq = count, rev = count from (select room_id, count(*) as count from messages group by room_id) as counted
             where counted.room_id = rooms.id",
            None,
        )
        .await;
        run(database, "update meta set value = '0' where key = 'search_version'", None).await;
        let mentions = "insert into mentions (user_id, message_id, room_id, seq) select users.id, messages.id, room_id, seq from users, messages
                        where username in ('ada', 'eve') and messages.id % 500 = 0";
        run(database, mentions, None).await;
        run(database, "update messages set mentions = '[\"ada\",\"eve\"]' where id % 500 = 0", None).await;
    }

    /// Lets the database do what it does when it has time.
    pub async fn rest(&self, database: &Database) {
        if database.kind == Kind::Postgres {
            run(database, "vacuum analyze", None).await;
            let size = "select pg_size_pretty(pg_relation_size('words_by_word')) as index, pg_size_pretty(pg_total_relation_size('words')) as words,
                        pg_size_pretty(pg_total_relation_size('messages')) as messages";
            println!("{:?}", database.query(size).await);
        } else {
            println!("{} MB in the file", std::fs::metadata(database.file()).map_or(0, |file| file.len() / 1_000_000));
        }
    }
}

async fn run(database: &Database, statement: &str, given: Option<String>) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    // What has nothing bound to it is sent as it is: `vacuum` takes no other way.
    macro_rules! execute {
        ($connection:expr) => {{
            let mut connection = $connection.expect("it opens");
            let done = match given {
                Some(given) => sqlx::query(statement).bind(given).execute(&mut connection).await.map(|_| ()),
                None => connection.execute(statement).await.map(|_| ()),
            };
            done.expect("the statement is right");
            connection.close().await.expect("it closes");
        }};
    }
    match database.kind {
        Kind::Sqlite => execute!(SqliteConnectOptions::new().filename(database.file()).connect().await),
        Kind::Postgres => execute!(PgConnection::connect(database.url()).await),
    }
}
