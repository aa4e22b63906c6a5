//! The disk has it before the acknowledgement says so. Killing proves little there, because the system's cache outlives the
//! program; the order of the system calls proves it.

use std::path::Path;

use proof::infra::strace::Strace;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};

use crate::db::following::waiting;
use crate::harness::app::Server;
use crate::harness::cluster::Cluster;
use crate::harness::process::{self, PROGRAM, Process};
use crate::harness::programs::{self, Program};
use crate::harness::{Database, Kind, on_threads_of, watchdog};
use crate::once;
use crate::retention::until;

/// The system calls that show when data reaches the disk and the network.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,sendto,sendmsg";

/// The server under strace, which writes what it sees to `trace`.
pub(super) async fn traced(database: &Database, trace: &Path, settings: &[(&str, &str)]) -> Process {
    let strace = programs::on_path("strace").expect("the test asked whether it is here");
    let trace = trace.to_str().expect("the test's folder has a plain name");
    let arguments = ["-f", "-s", "160", "-e", CALLS, "-o", trace, PROGRAM];
    Process::start(&strace, &arguments, database.folder(), database.url(), settings).await
}

#[apply(once)]
async fn no_post_is_acknowledged_before_it_is_on_the_disk(database: &Database) {
    if !Program::Strace.is_here_or_may_be_missing() {
        println!("left out: strace is not on this machine");
        return;
    }
    assert_eq!(database.kind, Kind::Sqlite);
    let trace = database.folder().join("trace");
    let server = traced(database, &trace, &[]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for number in 0..20 {
        if number % 4 == 3 {
            // It has the index catch up, which waits for no disk; what is said afterwards does.
            ada.get_json("/search?q=unmistakable").await.expect(200);
        }
        let before = std::fs::read_to_string(&trace).expect("strace writes").lines().count();
        let nonce = format!("unmistakable-{number}");
        socket.post("general", &nonce, &nonce).await;
        let seen = std::fs::read_to_string(&trace).expect("strace writes");
        let since: Vec<_> = seen.lines().skip(before).collect();
        is_synced_first(&since, |line| line.contains(&nonce) && (line.contains("43/chat,") || line.contains("42/chat,")));
    }
}

/// The same with Postgres: it syncs before it reports the commit. Its first process is traced with all that it starts.
#[test]
fn postgres_has_each_post_on_the_disk_before_it_reports_the_commit() {
    on_threads_of("postgres syncs", async {
        if ![Program::Postgres, Program::Strace].into_iter().all(Program::is_here_or_may_be_missing) {
            println!("left out: Postgres or strace is not on this machine");
            return;
        }
        let cluster = tokio::task::spawn_blocking(|| Cluster::start(&[])).await.expect("it starts");
        let folder = watchdog::folder();
        let trace = folder.path().join("trace");
        let (file, postmaster) = (trace.to_str().expect("a plain name"), cluster.postmaster().to_string());
        let Some(strace) = Strace::attach(&["-f", "-s", "160", "-e", CALLS, "-o", file, "-p", &postmaster]).await else {
            println!("left out: this machine lets nobody trace a running process");
            return;
        };
        let mut server = Server::start(&cluster.url("postgres"), &[]).await;
        let (socket, _) = server.register("ada").await.join("general").await;
        let post = async |nonce: &str| {
            let before = std::fs::read_to_string(&trace).expect("strace writes").lines().count();
            socket.post("general", nonce, nonce).await;
            let seen = std::fs::read(&trace).expect("strace writes");
            String::from_utf8_lossy(&seen).lines().skip(before).map(str::to_owned).collect::<Vec<_>>()
        };
        for number in 0..20 {
            let since = post(&format!("unmistakable-{number}")).await;
            is_synced_first(&since, |line| line.contains("sendto(") && line.contains("COMMIT"));
        }
        // The control: without `fsync` the same trace holds no sync.
        let database = Database::at(&cluster.url("postgres"));
        database.run("alter system set fsync = off").await;
        database.run("select pg_reload_conf()").await;
        let mut tries = 0;
        while post(&format!("control-{tries}")).await.iter().any(|line| is_sync(line)) {
            tries += 1;
            assert!(tries < 100, "Postgres syncs though it should not");
        }
        strace.end().await;
        server.stop().await;
    });
}

/// Asserts that a sync came before the first line that shows the acknowledgement.
fn is_synced_first(since: &[impl AsRef<str> + std::fmt::Debug], is_acknowledged: impl Fn(&str) -> bool) {
    let synced = since.iter().position(|line| is_sync(line.as_ref()));
    let acknowledged = since.iter().position(|line| !line.as_ref().contains("fsync") && is_acknowledged(line.as_ref()));
    assert!(synced.is_some(), "nothing was synced: {since:#?}");
    assert!(acknowledged.is_none_or(|acknowledged| synced < Some(acknowledged)), "acknowledged first: {since:#?}");
}

fn is_sync(line: &str) -> bool {
    (line.contains("fdatasync") || line.contains("fsync")) && line.trim_end().ends_with("= 0")
}

#[apply(once)]
async fn what_was_acknowledged_is_found_while_the_disk_fails_to_sync(database: &Database) {
    if !Program::Strace.is_here_or_may_be_missing() {
        println!("left out: strace is not on this machine");
        return;
    }
    let server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let Some(failing) = failing_disk(&server).await else {
        println!("left out: this machine lets nobody trace a running process");
        return;
    };
    failing.end().await;
    let mut other = SqliteConnectOptions::new().filename(database.file()).connect().await.expect("the file is there");
    let mut said = 0;
    // Nobody may write before the disk fails, and so the newest message is not in the index.
    loop {
        said += 1;
        socket.post("general", "a word", &format!("{said}")).await;
        other.execute("begin immediate").await.expect("nobody writes for long");
        if waiting(database).await > 0 {
            break;
        }
        other.execute("rollback").await.expect("it can let go");
    }
    let failing = failing_disk(&server).await.expect("it could be traced before");
    other.execute("rollback").await.expect("it can let go");
    let found = ada.get_json("/search?q=word").await.expect(200).json();
    assert_eq!(found["results"].as_array().map(Vec::len), Some(said), "{found}");
    assert_eq!(found["building"], serde_json::Value::Null);
    let refused = socket.ask("message", json!({ "room": "general", "body": "too early", "nonce": "no" })).await;
    assert_eq!(refused["error"]["code"], "unavailable", "acknowledged without a sync: {refused}");
    failing.end().await;
}

#[apply(once)]
async fn a_disk_that_fails_to_sync_gets_nothing_acknowledged_and_loses_nothing(database: &Database) {
    if !Program::Strace.is_here_or_may_be_missing() {
        println!("left out: strace is not on this machine");
        return;
    }
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for round in 0..3 {
        for number in 0..20 {
            let nonce = format!("{round}-{number}");
            acknowledged.push((socket.post("general", &nonce, &nonce).await["seq"].take(), nonce));
        }
        let Some(failing) = failing_disk(&server).await else {
            println!("left out: this machine lets nobody trace a running process");
            return;
        };
        // What is acknowledged is heard a moment later.
        until("all of it is heard", async || socket.peek_at("message").len() >= acknowledged.len()).await;
        let heard = socket.peek_at("message").len();
        for number in 20..30 {
            let nonce = format!("{round}-{number}");
            let answer = socket.ask("message", json!({ "room": "general", "body": nonce, "nonce": nonce })).await;
            assert_eq!(answer["error"]["code"], "unavailable", "acknowledged without a sync: {answer}");
            refused += 1;
        }
        ada.write("general", "by form").await.expect(503);
        ada.get("/rooms/general").await.expect(200);
        assert_eq!(socket.peek_at("message").len(), heard, "published without a sync");
        server.stranger().get("/healthz").await.expect(503);
        failing.end().await;
        server.stranger().get("/healthz").await.expect(200);
    }
    assert_eq!(refused, 30);
    socket.post("general", "the end", "end").await;
    server.kill().await;
    let server = process::start(database.folder(), database.url(), &[]).await;
    server.log_in("ada").await;
    for (seq, nonce) in acknowledged {
        let rows = database.query(&format!("select seq from messages where nonce = '{nonce}'")).await;
        assert_eq!(rows, [json!({ "seq": seq })], "{nonce}");
    }
    database.check_rooms().await;
}

/// From here on, until it is told to end, the server's disk fails to sync.
async fn failing_disk(server: &Process) -> Option<Strace> {
    let process = server.id().to_string();
    let inject = "inject=fdatasync,fsync:error=EIO";
    Strace::attach(&["-f", "-e", "trace=fdatasync,fsync", "-e", inject, "-p", &process, "-o", "/dev/null"]).await
}
