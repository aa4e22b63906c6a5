//! The server's own backups.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::damage::noise;
use super::{text, verify};
use crate::files::{objects, send_one};
use crate::harness::process::run;
use crate::harness::{DEADLINE, Database, Kind, ObjectStorage, Person, Server};
use crate::retention::until;
use crate::{both, once};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The dated backups in a folder, the oldest first.
fn backups(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("parlor-2")).collect();
    names.sort();
    names
}

/// What the server notes of its backups.
async fn state(database: &Database) -> Value {
    let state = database.query("select value from meta where key = 'backups'").await;
    let state = state.first().map_or("{}", |row| row["value"].as_str().expect("a text"));
    serde_json::from_str(state).expect("it is JSON")
}

/// Waits until the overview is like that. It is up to a minute old.
async fn overview(server: &Server, admin: &Person, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + DEADLINE;
    loop {
        server.pass(Duration::from_secs(61));
        let overview = admin.get_json("/admin").await.expect(200).json();
        if is_so(&overview) {
            return overview;
        }
        assert!(Instant::now() < deadline, "{overview}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn has_warning(overview: &Value, code: &str) -> bool {
    overview["warnings"].as_array().is_some_and(|warnings| warnings.iter().any(|warning| warning["code"] == code))
}

/// Waits for a backup after this one.
async fn newer_than(folder: &Path, last: Option<&String>) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(name) = backups(folder).pop().filter(|name| Some(name) > last) {
            return name;
        }
        assert!(Instant::now() < deadline, "there is no new backup: {:?}", backups(folder));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[apply(once)]
async fn what_a_backup_that_died_has_left_is_deleted_also_where_all_are_kept(database: &Database) {
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    let begun = |name: &str, age: Duration| {
        let path = folder.join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - age).unwrap();
        path
    };
    let dead = begun(".parlor-backup-dead.partial", 25 * HOUR);
    let others = [begun(".parlor-backup-alive.partial", HOUR), begun("mine.partial", 25 * HOUR)];
    let settings = [("BACKUP_TO", text(&folder)), ("BACKUP_EVERY", "6h"), ("BACKUP_KEEP", "off")];
    let mut server = Server::start(database.url(), &settings).await;
    newer_than(&folder, None).await;
    assert!(!dead.exists() && others.iter().all(|path| path.exists()));
    server.stop().await;
}

#[apply(both)]
async fn the_server_makes_backups_keeps_some_and_says_how_they_are(database: &Database) {
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    fs::write(folder.join("parlor-important.tar.gz"), "mine, too").unwrap();
    let settings = [("BACKUP_TO", text(&folder)), ("BACKUP_EVERY", "6h"), ("BACKUP_KEEP", "2")];
    let mut server = Server::start(database.url(), &settings).await;
    // On Postgres there is another node: one of them makes each backup.
    let mut other = match database.kind {
        Kind::Postgres => Some(Server::start(database.url(), &settings).await),
        Kind::Sqlite => None,
    };
    let ada = server.register("ada").await;
    database.make_admin("ada").await;
    let mut all = vec![newer_than(&folder, None).await];
    for _ in 0..3 {
        // Its file is there a little before it is noted.
        until("it is noted", async || state(database).await["last"]["name"] == **all.last().expect("some")).await;
        for node in other.iter().chain([&server]) {
            node.pass(6 * HOUR + Duration::from_secs(2));
        }
        all.push(newer_than(&folder, all.last()).await);
    }
    let told = overview(&server, &ada, |overview| overview["backups"]["name"] == **all.last().expect("some")).await;
    assert!(told["backups"]["bytes"].as_i64() > Some(0) && told["backups"]["is_late"] == json!(false), "{told}");
    assert!(told["backups"]["problem"].is_null() && !has_warning(&told, "backup_late"), "{told}");
    assert_eq!(backups(&folder), all[2..], "of four, two are kept");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4, "what is not a backup of the server’s stays");
    let page = ada.get("/admin").await.expect(200).body.clone();
    assert!(page.contains("Last backup"), "{page}");
    assert_eq!(verify(&folder.join(&all[3]), database.folder()).await.status, Some(0));

    // The place is gone: administrators hear of it, and later that the last one is old.
    let away = database.folder().join("away");
    fs::rename(&folder, &away).unwrap();
    for node in other.iter().chain([&server]) {
        node.pass(6 * HOUR + Duration::from_secs(2));
    }
    let failed = overview(&server, &ada, |overview| has_warning(overview, "backup_failed")).await;
    assert!(failed["backups"]["problem"].as_str().is_some_and(|why| why.contains(text(&folder))), "{failed}");
    assert!(!has_warning(&failed, "backup_late"), "{failed}");
    server.pass(6 * HOUR);
    let late = overview(&server, &ada, |overview| has_warning(overview, "backup_late")).await;
    assert_eq!(late["backups"]["is_late"], json!(true), "{late}");
    // It is there again: so are backups.
    fs::rename(&away, &folder).unwrap();
    for node in other.iter().chain([&server]) {
        node.pass(HOUR);
    }
    newer_than(&folder, all.last()).await;
    let well = overview(&server, &ada, |overview| !has_warning(overview, "backup_failed")).await;
    assert!(!has_warning(&well, "backup_late"), "{well}");
    if let Some(other) = &mut other {
        other.stop().await;
    }
    server.stop().await;
}

/// Object storage keeps the parts of an upload until it is told: a server that stops in the middle of one tells it. The next start begins anew.
#[apply(both)]
async fn a_server_that_stops_while_it_sends_a_backup_leaves_no_part_of_it(database: &Database) {
    let storage = ObjectStorage::start().await;
    let files = format!("file://{}", database.folder().join("files").display());
    let mut settings = storage.settings();
    settings.retain(|(name, _)| *name != "FILES_URL");
    settings.push(("FILES_URL", &files));
    let mut server = Server::start(database.url(), &settings).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for number in 0..2 {
        let mut content = noise(9 << 20);
        content[0] = number;
        send_one(&ada, &room, "noise.bin", &content).await;
    }
    server.stop().await;

    settings.extend([("BACKUP_TO", "s3://parlor/files/backups"), ("BACKUP_EVERY", "6h"), ("BACKUP_FILES", "on")]);
    storage.hold("PUT", "partNumber=", 1);
    let mut server = Server::start(database.url(), &settings).await;
    storage.waits().await;
    assert!(storage.parts().iter().any(|name| name.contains("part-1")), "{:?}", storage.parts());
    server.stop().await;
    assert_eq!((storage.parts(), objects(&storage.folder())), (Vec::<String>::new(), Vec::<String>::new()));
    // Nobody hears of a failure, and nothing holds up the next one.
    let stopped = state(database).await;
    assert!(stopped["claim"].is_null() && stopped["failed"].is_null() && stopped["last"].is_null(), "{stopped}");
    storage.release();
    server.start_again().await;
    let deadline = Instant::now() + DEADLINE;
    while state(database).await["last"].is_null() {
        assert!(Instant::now() < deadline, "no backup is made: {}", state(database).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop().await;
    let mut settings = storage.settings();
    settings.push(("DATABASE_URL", "sqlite://unused.db"));
    let verified = run(database.folder(), &["verify", "s3://parlor/files/backups"], &settings, "").await;
    assert_eq!(verified.status, Some(0), "{verified:?}");
}
