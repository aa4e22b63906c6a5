//! Starting.

use std::path::Path;

use crate::both;
use crate::harness::process;
use crate::harness::{Database, Kind};

#[apply(both)]
async fn it_says_where_it_listens_when_it_is_ready(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    assert_ne!(server.address.port(), 0);
    assert_eq!(server.stranger().get("/healthz").await.expect(200).body.trim(), "ok");
    let lines = server.stdout();
    assert_eq!(lines.lines().last(), Some(format!("listening on {}", server.origin).as_str()));
    assert_eq!(lines.matches("listening on").count(), 1);
}

#[apply(both)]
async fn an_address_that_is_taken_is_a_clear_failure(database: &Database) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = taken.local_addr().expect("an address").to_string();
    let settings = [("DATABASE_URL", database.url()), ("LISTEN", &*listen)];
    let ended = process::run(database.folder(), &[], &settings, "").await;
    assert!(ended.status.is_some_and(|status| status != 0), "{ended:?}");
    assert!(ended.stderr.contains(&listen) && !ended.stderr.contains("panicked"), "{ended:?}");
}

#[apply(both)]
async fn a_database_that_cannot_be_opened_is_a_clear_failure(database: &Database) {
    let nowhere = match database.kind {
        Kind::Sqlite => "sqlite:///proc/nowhere/parlor.db".to_owned(),
        Kind::Postgres => database.url().replace("/parlor_", "/no_such_"),
    };
    let settings = [("DATABASE_URL", &*nowhere), ("LISTEN", "127.0.0.1:0")];
    let ended = process::run(database.folder(), &[], &settings, "").await;
    assert!(ended.status.is_some_and(|status| status != 0), "{ended:?}");
    assert!(!ended.stderr.is_empty() && !ended.stderr.contains("panicked") && !ended.stdout.contains("listening"), "{ended:?}");
}

#[apply(both)]
async fn migrating_makes_the_tables_and_does_no_more(database: &Database) {
    for _ in 0..2 {
        let ended = process::run(database.folder(), &["migrate"], &[("DATABASE_URL", database.url())], "").await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
        assert!(!ended.stdout.contains("listening"));
        assert!(database.rows("messages").await.is_empty());
    }
    let server = process::start(database.folder(), database.url(), &[]).await;
    server.register("ada").await;
}

#[apply(both)]
async fn what_was_said_is_there_after_a_restart_and_people_stay_signed_in(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let mut ada = server.register("ada").await;
    ada.enter("general").await;
    ada.write("general", "remember me").await.expect(303);
    server.signal("TERM").await;
    assert_eq!(server.end().await.code(), Some(0));
    let server = process::start(database.folder(), database.url(), &[]).await;
    ada.site = server.site.clone();
    assert!(ada.get("/rooms/general").await.expect(200).body.contains("remember me"));
}

#[apply(both)]
async fn a_second_server_on_one_sqlite_file_refuses_to_start(database: &Database) {
    let mut first = process::start(database.folder(), database.url(), &[]).await;
    first.register("ada").await;
    if database.kind == Kind::Sqlite {
        let settings = [("DATABASE_URL", database.url()), ("LISTEN", "127.0.0.1:0")];
        for folder in [database.folder(), Path::new("/")] {
            let second = process::run(folder, &[], &settings, "").await;
            assert!(second.status.is_some_and(|status| status != 0), "{second:?}");
            assert!(!second.stdout.contains("listening") && second.stderr.contains("in use by another Parlor"), "{second:?}");
            first.stranger().get("/healthz").await.expect(200);
        }
    }
    // A lock that outlives its server would lock out the next one.
    first.kill().await;
    process::start(database.folder(), database.url(), &[]).await.log_in("ada").await;
}

#[apply(both)]
async fn logs_can_be_for_machines(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[("LOG_FORMAT", "json"), ("LOG", "debug")]).await;
    server.register("ada").await;
    server.signal("TERM").await;
    server.end().await;
    let stderr = server.stderr();
    assert!(stderr.lines().count() > 1);
    for line in stderr.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["level"].is_string(), "{line}");
    }
    assert!(!stderr.contains(crate::harness::site::PASSWORD) && !stderr.contains("argon2id$"), "a secret in the log");
}
