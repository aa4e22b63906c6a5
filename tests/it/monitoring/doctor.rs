//! `parlor doctor` and its page: a healthy server is well, and each thing that is broken has its line, which says what to do.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::cluster::clocks::with_a_wrong_clock;
use crate::harness::process::{self, Ended};
use crate::harness::programs::Program;
use crate::harness::{Database, Kind, ObjectStorage, Server, TestApp, on_threads_of};
use crate::{both, once};

/// What a check found.
struct Found {
    state: String,
    found: String,
    advice: String,
}

/// The findings by their check; of several of one check the worst.
type Findings = BTreeMap<String, Found>;

fn read(report: &Value) -> Findings {
    let mut findings = Findings::new();
    let order = ["ok", "warning", "failed"];
    let rank = |state: &str| order.iter().position(|known| *known == state).expect("a known state");
    for check in report["checks"].as_array().expect("a list") {
        let text = |name: &str| check[name].as_str().expect("a text").to_owned();
        let found = Found { state: text("state"), found: text("found"), advice: text("advice") };
        assert!(!found.found.is_empty(), "{check}");
        assert_eq!(found.advice.is_empty(), found.state == "ok", "{check}: whatever is not well has advice");
        let known = findings.get(&text("check")).map_or(0, |known| rank(&known.state));
        if rank(&found.state) >= known {
            findings.insert(text("check"), found);
        }
    }
    findings
}

/// Runs `parlor doctor --json`.
async fn doctor(folder: &Path, settings: &[(&str, &str)]) -> (Ended, Findings) {
    let ended = process::run(folder, &["doctor", "--json"], settings, "").await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let findings = read(&report);
    let has_failed = findings.values().any(|found| found.state == "failed");
    assert_eq!((ended.status, report["state"] == "failed"), (Some(i32::from(has_failed)), has_failed), "{ended:?}");
    (ended, findings)
}

/// That nothing is worth a warning but the limits of this machine, and how fast it is.
fn are_well(findings: &Findings, ended: &Ended) {
    for (check, found) in findings {
        let is_of_machine = ["limits", "database", "sync"].contains(&&**check) && found.state == "warning";
        assert!(found.state == "ok" || is_of_machine, "{check}: {}\n{ended:?}", found.found);
    }
    for check in [
        "settings",
        "database",
        "migrations",
        "durability",
        "sync",
        "files",
        "clock",
        "search",
        "log",
        "jobs",
        "deliveries",
        "push",
        "backups",
        "storage",
        "mail",
        "address",
    ] {
        assert!(findings.contains_key(check), "{check} is missing: {ended:?}");
    }
}

#[apply(once)]
async fn a_healthy_server_on_sqlite_is_well(database: &Database) {
    let backups = database.folder().join("backups").display().to_string();
    std::fs::create_dir(&backups).expect("it is ours");
    set_mode(Path::new(&backups), 0o700);
    let server = process::start(database.folder(), database.url(), &[("BACKUP_TO", &backups), ("BACKUP_EVERY", "1h")]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    ada.write("general", "hello").await.expect(303);
    // Browsers reach it where it listens.
    let settings =
        [("DATABASE_URL", database.url()), ("PUBLIC_URL", &*server.origin), ("BACKUP_TO", &*backups), ("BACKUP_EVERY", "1h")];
    let (ended, findings) = doctor(database.folder(), &settings).await;
    are_well(&findings, &ended);
    let people = process::run(database.folder(), &["doctor"], &settings, "").await;
    assert_eq!(people.status, Some(0), "{people:?}");
    assert!(people.stdout.lines().any(|line| line.starts_with("ok       log ")), "{people:?}");
    assert!(people.stderr.contains(" ok"), "{people:?}");
    // The server noticed nothing of it: it serves, and no probe is left.
    ada.write("general", "still here").await.expect(303);
    let probes = database.folder().join("parlor-files/probes");
    assert!(!probes.exists() || std::fs::read_dir(probes).expect("a folder").next().is_none());
}

#[apply(once)]
async fn a_token_for_the_numbers_that_can_be_guessed_is_said_and_not_shown(database: &Database) {
    let settings = [("DATABASE_URL", database.url()), ("METRICS", "s3cret!")];
    assert_eq!(process::run(database.folder(), &["migrate"], &settings, "").await.status, Some(0));
    let (ended, findings) = doctor(database.folder(), &settings).await;
    let found = &findings["settings"];
    assert!(found.state == "warning" && found.found.starts_with("METRICS: "), "{ended:?}");
    assert!(!ended.stdout.contains("s3cret"), "{ended:?}");
}

#[test]
fn a_healthy_server_on_postgres_is_well() {
    if !Program::Postgres.is_here_or_may_be_missing() {
        return;
    }
    on_threads_of("a healthy Postgres", async {
        let cluster = crate::harness::cluster::Cluster::start(&["fsync=on"]);
        let folder = crate::harness::watchdog::folder();
        let url = cluster.url("postgres");
        let server = process::start(folder.path(), &url, &[]).await;
        let (ended, findings) = doctor(folder.path(), &[("DATABASE_URL", &*url), ("PUBLIC_URL", &*server.origin)]).await;
        are_well(&findings, &ended);
        assert!(findings["nodes"].found.contains("1 serve"), "{ended:?}");
    });
}

#[apply(both)]
async fn a_damaged_key_for_push_services_is_told(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    assert_eq!(process::run(database.folder(), &["migrate"], &settings, "").await.status, Some(0));
    // The first start makes it.
    let push = async || doctor(database.folder(), &settings).await.1.remove("push").expect("it is looked at");
    let found = push().await;
    assert!(found.state == "ok" && found.found.contains("no key"), "{}", found.found);
    let mut server = Server::start(database.url(), &[]).await;
    server.stop().await;
    let found = push().await;
    assert!(found.state == "ok" && found.found.contains("signs"), "{}", found.found);
    database.run("update meta set value = 'hunter2' where key = 'push_key'").await;
    let found = push().await;
    assert!(found.state == "failed" && found.advice.contains("push_key"), "{}", found.found);
    assert!(!found.found.contains("hunter2") && !found.advice.contains("hunter2"));
}

#[apply(once)]
async fn a_database_that_others_can_read_is_told(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    assert_eq!(process::run(database.folder(), &["migrate"], &settings, "").await.status, Some(0));
    let file = database.file();
    let mode = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("it is ours");
    mode(0o644);
    let (_, findings) = doctor(database.folder(), &settings).await;
    let found = &findings["files"];
    assert_eq!(found.state, "failed", "{}", found.found);
    assert!(found.found.contains("every user") && found.advice.starts_with("chmod 600 "), "{} {}", found.found, found.advice);
    mode(0o600);
    assert_eq!(doctor(database.folder(), &settings).await.1["files"].state, "ok");
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("it is ours");
}

#[apply(once)]
async fn settings_and_folders_that_others_can_read_are_told(database: &Database) {
    let (file, files, backups) =
        (database.folder().join("settings.env"), database.folder().join("files"), database.folder().join("backups"));
    std::fs::write(&file, "SERVER_NAME=Here\n").expect("it is ours");
    for folder in [&files, &backups] {
        std::fs::create_dir(folder).expect("it is ours");
    }
    let (url, to) = (format!("file://{}", files.display()), backups.display().to_string());
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*url), ("BACKUP_TO", &*to)];
    assert_eq!(process::run(database.folder(), &["migrate"], &settings, "").await.status, Some(0));
    let examine = async |modes: [u32; 3]| {
        for (path, mode) in [&file, &files, &backups].into_iter().zip(modes) {
            set_mode(path, mode);
        }
        let arguments = ["--env-file", file.to_str().expect("a plain path"), "doctor", "--json"];
        let ended = process::run(database.folder(), &arguments, &settings, "").await;
        read(&serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}")))
    };
    for (modes, state, part) in [
        ([0o600, 0o700, 0o700], "ok", "only Parlor’s user"),
        ([0o644, 0o700, 0o700], "failed", "settings.env is open to every user"),
        ([0o600, 0o755, 0o700], "warning", "files (mode 755)"),
        ([0o600, 0o700, 0o777], "failed", "backups (mode 777)"),
    ] {
        let found = &examine(modes).await["files"];
        assert_eq!(found.state, state, "{}", found.found);
        assert!(found.found.contains(part), "{}", found.found);
        assert!(found.state == "ok" || found.advice.starts_with("chmod "), "{}", found.advice);
    }
    // Backups that something else makes count.
    let before = examine([0o600, 0o700, 0o700]).await;
    assert_eq!(before["backups"].state, "warning", "{}", before["backups"].found);
    assert_eq!(process::run(database.folder(), &["backup", &to], &settings, "").await.status, Some(0));
    let after = examine([0o600, 0o700, 0o700]).await;
    assert_eq!(after["backups"].state, "ok", "{}", after["backups"].found);
}

/// A bucket into which something else puts backups counts as a folder does.
#[apply(once)]
async fn backups_in_object_storage_count(database: &Database) {
    let storage = ObjectStorage::start().await;
    let mut settings = storage.settings();
    settings.extend([("DATABASE_URL", database.url()), ("BACKUP_TO", "s3://parlor/backups")]);
    assert_eq!(process::run(database.folder(), &["migrate"], &settings, "").await.status, Some(0));
    let backups = async || doctor(database.folder(), &settings).await.1.remove("backups").expect("they are looked at");
    let none = backups().await;
    assert_eq!((&*none.state, &*none.found), ("warning", "there is none in s3://parlor/backups, and this server makes none"));
    // Neither a backup below another prefix nor something else is one of them.
    for elsewhere in ["s3://parlor/backups/old", "s3://parlor/backups/mine.tar.gz"] {
        assert_eq!(process::run(database.folder(), &["backup", elsewhere], &settings, "").await.status, Some(0));
    }
    assert_eq!(backups().await.found, none.found);
    assert_eq!(process::run(database.folder(), &["backup", "s3://parlor/backups"], &settings, "").await.status, Some(0));
    // However many objects are below: it asks once, which is for a thousand of them.
    let below = storage.folder().with_file_name("backups").join("blobs");
    std::fs::create_dir(&below).expect("it is ours");
    for number in 0..1001 {
        std::fs::write(below.join(number.to_string()), "").expect("it is ours");
    }
    storage.hold("GET", "prefix=backups", 1);
    let some = backups().await;
    storage.release();
    assert!(some.state == "ok" && some.found.starts_with("the last one is parlor-2"), "{}", some.found);
    // Why it cannot be listed is told, without what the storage says.
    for (name, value, expected) in [
        ("AWS_SECRET_ACCESS_KEY", "hunter2", "can’t use s3://parlor/backups: it refuses the keys, or they do not allow it"),
        ("BACKUP_TO", "s3://elsewhere/backups", "can’t use s3://elsewhere/backups: it has no such bucket"),
    ] {
        let mut wrong = settings.clone();
        wrong.retain(|(setting, _)| *setting != name);
        wrong.push((name, value));
        let refused = doctor(database.folder(), &wrong).await.1.remove("backups").expect("they are looked at");
        assert_eq!((&*refused.state, &*refused.found), ("failed", &*format!("BACKUP_TO: {expected}")));
    }
    storage.stop();
    let away = backups().await;
    assert_eq!(away.state, "failed", "{}", away.found);
    assert!(away.found.contains("it cannot be reached") || away.found.contains("10 seconds"), "{}", away.found);
    assert!(away.advice.contains("AWS_ENDPOINT_URL") || away.found.contains("10 seconds"), "{} {}", away.found, away.advice);
}

#[apply(once)]
async fn servers_that_do_not_answer_are_told_without_their_passwords(database: &Database) {
    let settings = [
        ("DATABASE_URL", database.url()),
        ("SMTP_URL", "smtp://parlor:hunter2@127.0.0.1:1?tls=off"),
        ("REDIS_URL", "redis://parlor:hunter2@127.0.0.1:1"),
        ("FILES_URL", "s3://parlor/files"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "parlor"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_REGION", "us-east-1"),
        ("PUBLIC_URL", "http://127.0.0.1:1"),
    ];
    assert_eq!(process::run(database.folder(), &["migrate"], &settings[..1], "").await.status, Some(0));
    let (ended, findings) = doctor(database.folder(), &settings).await;
    for (check, advice) in [("mail", "SMTP_URL"), ("redis", "REDIS_URL"), ("storage", "AWS_ENDPOINT_URL"), ("address", "proxy")] {
        let found = &findings[check];
        assert_eq!(found.state, "failed", "{check}: {}", found.found);
        assert!(found.advice.contains(advice) || found.found.contains("10 seconds"), "{check}: {}", found.advice);
    }
    assert_eq!(findings["log"].state, "ok");
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    assert!(ended.stderr.contains("failed (") && ended.stderr.contains("mail"), "{ended:?}");
}

#[apply(both)]
async fn a_message_that_is_missing_is_told(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (socket, _) = server.register("ada").await.join("general").await;
    for number in 0..4 {
        socket.post("general", &format!("number {number}"), &format!("n{number}")).await;
    }
    server.stop().await;
    let settings = [("DATABASE_URL", database.url())];
    assert_eq!(doctor(database.folder(), &settings).await.1["log"].state, "ok");
    database.run("delete from messages where seq = 2").await;
    let (_, findings) = doctor(database.folder(), &settings).await;
    let found = &findings["log"];
    assert_eq!(found.state, "failed", "{}", found.found);
    assert!(found.found.starts_with("room ") && found.advice.contains("backup"), "{} {}", found.found, found.advice);
}

#[apply(both)]
async fn migrations_that_differ_are_told(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    assert_eq!(process::run(database.folder(), &["migrate"], &settings, "").await.status, Some(0));
    database.run("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)").await;
    let (_, findings) = doctor(database.folder(), &settings).await;
    assert_eq!(findings["migrations"].state, "warning");
    assert!(findings["migrations"].found.contains("not applied yet"), "{}", findings["migrations"].found);
    database.run("update _sqlx_migrations set success = false where version = 1").await;
    assert_eq!(doctor(database.folder(), &settings).await.1["migrations"].state, "failed");
}

#[apply(both)]
async fn backups_that_fail_are_told(database: &Database) {
    // A file is no directory.
    std::fs::write(database.folder().join("taken"), "").expect("it is ours");
    let taken = database.folder().join("taken/backups").display().to_string();
    let every = [("BACKUP_TO", &*taken), ("BACKUP_EVERY", "1h")];
    let server = process::start(database.folder(), database.url(), &every).await;
    let settings = [&every[..], &[("DATABASE_URL", database.url())]].concat();
    let told = async {
        loop {
            let (_, findings) = doctor(database.folder(), &settings).await;
            let found = &findings["backups"];
            if found.state == "failed" {
                return found.found.clone();
            }
        }
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(60), told).await.expect("it is told in time");
    assert!(told.contains("the last attempt failed") && told.contains("there is none yet"), "{told}");
    drop(server);
    // Without backups of its own, SQLite's file is in danger; Postgres has tools of its own.
    let (_, findings) = doctor(database.folder(), &settings[2..]).await;
    let expected = if database.url().starts_with("sqlite") { "warning" } else { "ok" };
    assert_eq!(findings["backups"].state, expected, "{}", findings["backups"].found);
}

#[apply(once)]
async fn a_database_that_is_not_there_is_not_made(database: &Database) {
    let (_, findings) = doctor(database.folder(), &[("DATABASE_URL", "sqlite://nowhere.db")]).await;
    assert_eq!(findings["database"].state, "failed");
    assert!(findings["database"].found.contains("nowhere.db") && !findings.contains_key("log"));
    assert!(!database.folder().join("nowhere.db").exists());
    let wrong = process::run(database.folder(), &["doctor"], &[("LISTEN", "nowhere")], "").await;
    assert_eq!((wrong.status, &*wrong.stdout), (Some(2), ""), "{wrong:?}");
}

#[test]
fn a_postgres_that_does_not_sync_and_one_with_another_time_are_told() {
    on_threads_of("a Postgres that is not well", async {
        // The one that tests share does not sync, for speed.
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let url = with_a_wrong_clock(&database).await;
        let settings = [("DATABASE_URL", &*url)];
        assert_eq!(process::run(database.folder(), &["migrate"], &settings, "").await.status, Some(0));
        let (ended, findings) = doctor(database.folder(), &settings).await;
        assert_eq!(findings["durability"].state, "failed", "{ended:?}");
        assert!(findings["durability"].advice.contains("postgresql.conf"), "{}", findings["durability"].advice);
        assert_eq!(findings["clock"].state, "ok");
        for (seconds, state, words) in [(20, "warning", "behind"), (-20, "warning", "ahead of"), (40, "failed", "behind")] {
            database.run(&format!("update wrong set seconds = {seconds}")).await;
            let (_, findings) = doctor(database.folder(), &settings).await;
            let found = &findings["clock"];
            assert_eq!(found.state, state, "{seconds}: {}", found.found);
            assert!(found.found.contains(words) && found.advice.contains("NTP"), "{} {}", found.found, found.advice);
        }
        database.discard().await;
    });
}

#[apply(once)]
async fn a_proxy_that_lets_everybody_claim_an_address_is_told(database: &Database) {
    // Whoever asks is taken for a proxy.
    let server = process::start(database.folder(), database.url(), &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let settings = [("DATABASE_URL", database.url()), ("PUBLIC_URL", &*server.origin)];
    let (_, findings) = doctor(database.folder(), &settings).await;
    let found = &findings["address"];
    assert_eq!(found.state, "failed", "{}", found.found);
    assert!(found.advice.contains("X-Forwarded-For"), "{}", found.advice);
}

#[apply(both)]
async fn the_page_is_for_administrators(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    for accept in ["text/html", "application/json"] {
        let ask = eve.request(reqwest::Method::GET, "/admin/doctor").header("accept", accept);
        crate::harness::Answer::of(ask).await.expect(403);
    }
    let report = ada.get_json("/admin/doctor").await.expect(200).json();
    let findings = read(&report);
    for check in ["migrations", "log", "search", "storage"] {
        assert_eq!(findings[check].state, "ok", "{check}: {}", findings[check].found);
    }
    let page = ada.get("/admin/doctor").await;
    page.expect(200);
    assert!(page.body.contains("no room misses a message or a change"), "{}", page.body);
}
