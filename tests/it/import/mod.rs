//! Imports: from exports that are made here, in the formats that their programs publish.

mod campfire;
mod damage;
mod interrupted;
mod mattermost;
mod parlor;
mod people;
mod round_trip;
mod slack;
mod sources;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::Deref;
use std::path::Path;

use ::parlor::db::{Db, Purpose};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::harness::process::{Ended, run};
use crate::harness::{Database, Fixture, Server};

/// A database in which the migrations have run: most tests run several commands.
struct Migrated(Database);

impl Deref for Migrated {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.0
    }
}

impl Fixture for Migrated {
    async fn set_up(database: Database) -> Self {
        Self(database)
    }

    async fn tear_down(self) -> Database {
        self.0
    }
}

/// Where the files of a database's server are.
fn files_url(database: &Database) -> String {
    format!("file://{}", database.folder().join("files").display())
}

/// Runs `parlor import`.
async fn import(database: &Database, arguments: &[&str]) -> Ended {
    let files = files_url(database);
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*files), ("LOG", "error")];
    let arguments: Vec<_> = ["import"].into_iter().chain(arguments.iter().copied()).chain(["--json"]).collect();
    run(database.folder(), &arguments, &settings, "").await
}

/// The report of an import that ended so.
#[track_caller]
fn report(ended: &Ended, status: i32) -> Value {
    assert_eq!(ended.status, Some(status), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// Sees that an import is refused, writes nothing on standard output, and says why in one line.
#[track_caller]
fn refused(ended: &Ended, status: i32, why: &str) {
    assert!(ended.status == Some(status) && ended.stdout.is_empty(), "{ended:?}");
    let said: Vec<_> = ended.stderr.lines().filter(|line| !line.starts_with("import: ")).collect();
    assert!(said.len() == 1 && said[0].contains(why), "{ended:?}");
}

/// Sees that what must hold in every database holds.
async fn is_whole(database: &Database) {
    let db = Db::open(database.url(), 2, Purpose::Visit).await.expect("a database");
    let broken = db.broken_invariants().await.expect("it can be looked through");
    db.close().await;
    assert!(broken.is_empty(), "{broken:#?}");
    let unread =
        database.query("select count(*) as unread from memberships join rooms on rooms.id = room_id where read_seq < seq").await;
    assert_eq!(unread[0]["unread"], json!(0), "nobody has anything to read");
}

/// A server on the database, with the files.
async fn serve(database: &Database) -> Server {
    Server::start(database.url(), &[("FILES_URL", &files_url(database))]).await
}

/// The messages of a room, in their order.
async fn log(database: &Database, room: &str) -> Vec<Value> {
    let statement = format!(
        "select messages.seq, kind, username as author, body, html, messages.created_at, edited_at, deleted_at, reply_to, thread, pinned_by,
                attachments
         from messages join rooms on rooms.id = messages.room_id join users on users.id = author_id
         where rooms.slug = '{room}' or rooms.name = '{room}' order by messages.seq"
    );
    database.query(&statement).await
}

/// One field of each.
fn each<'v>(rows: &'v [Value], field: &str) -> Vec<&'v str> {
    rows.iter().map(|row| row[field].as_str().unwrap_or_default()).collect()
}

/// How many rows a table has.
async fn count(database: &Database, table: &str) -> i64 {
    database.query(&format!("select count(*) as count from {table}")).await[0]["count"].as_i64().expect("a number")
}

/// The names of the members of a room, each with their role.
async fn members(database: &Database, room: &str) -> Vec<String> {
    let statement = format!(
        "select username || ' ' || role as member from memberships join rooms on rooms.id = room_id join users on users.id = user_id
         where slug = '{room}' or rooms.name = '{room}' order by username"
    );
    each(&database.query(&statement).await, "member").into_iter().map(ToOwned::to_owned).collect()
}

/// The messages of conversations, each once for everybody who can read it.
async fn companions(database: &Database) -> Vec<String> {
    let statement = "select body || ' ' || username as reads from messages join rooms on rooms.id = messages.room_id
         join memberships on memberships.room_id = rooms.id join users on users.id = memberships.user_id
         where direct_key is not null order by body, username";
    each(&database.query(statement).await, "reads").into_iter().map(ToOwned::to_owned).collect()
}

/// Writes a zip.
fn zip(path: &Path, entries: &BTreeMap<String, Vec<u8>>) {
    let mut zip = ZipWriter::new(File::create(path).expect("a file"));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).expect("an entry");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.finish().expect("a zip");
}

/// An export of Slack's, to be filled.
#[derive(Clone, Default)]
struct Slack(BTreeMap<String, Vec<u8>>);

impl Slack {
    fn put(&mut self, name: &str, value: &Value) -> &mut Self {
        self.0.insert(name.to_owned(), value.to_string().into_bytes());
        self
    }

    /// Two people in one channel, with so many messages.
    fn small(messages: usize) -> Self {
        let mut export = Self::default();
        export.put(
            "users.json",
            &json!([
                { "id": "U1", "team_id": "T1", "name": "ada", "profile": { "real_name": "Ada Lovelace", "email": "ada@example.com" } },
                { "id": "U2", "team_id": "T1", "name": "grace", "profile": { "real_name": "Grace Hopper" } },
            ]),
        );
        export.put(
            "channels.json",
            &json!([{ "id": "C1", "name": "engines", "created": 1_600_000_000, "creator": "U1", "members": ["U1", "U2"] }]),
        );
        for (day, start) in (0..messages).step_by(100).enumerate() {
            let of_day = start..messages.min(start + 100);
            let messages = of_day.map(|number| {
                let ts = format!("{}.000100", 1_600_000_000 + number * 10);
                json!({ "type": "message", "user": if number % 2 == 0 { "U1" } else { "U2" }, "text": format!("message {number}"), "ts": ts })
            });
            export.put(&format!("engines/2020-09-{:02}.json", day + 1), &json!(messages.collect::<Vec<_>>()));
        }
        export
    }

    /// Writes it into the folder of a test; returns its path.
    fn write(&self, database: &Database, name: &str) -> String {
        let path = database.folder().join(name);
        zip(&path, &self.0);
        path.to_str().expect("tests have plain paths").to_owned()
    }
}
