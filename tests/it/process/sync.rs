//! The disk has it before the acknowledgement says so. Killing proves little there, because the system's cache outlives the
//! program; the order of the system calls proves it.

use std::path::Path;

use proof::infra::strace::Strace;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};

use crate::db::following::waiting;
use crate::harness::process::{self, PROGRAM, Process};
use crate::harness::programs::{self, Program};
use crate::harness::{Database, Kind};
use crate::once;

/// The server under strace, which writes what it sees to `trace`.
pub(super) async fn traced(database: &Database, trace: &Path, settings: &[(&str, &str)]) -> Process {
    let strace = programs::on_path("strace").expect("the test asked whether it is here");
    let trace = trace.to_str().expect("the test's folder has a plain name");
    let arguments = ["-f", "-s", "160", "-e", "trace=fsync,fdatasync,write,writev,sendto,sendmsg", "-o", trace, PROGRAM];
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
        let is_sync = |line: &&str| (line.contains("fdatasync") || line.contains("fsync")) && line.trim_end().ends_with("= 0");
        let is_told = |line: &&str| !line.contains("fsync") && line.contains(&nonce);
        let synced = since.iter().position(is_sync);
        let told = since.iter().position(|line| is_told(line) && (line.contains("43/chat,") || line.contains("42/chat,")));
        assert!(synced.is_some(), "nothing was synced for {nonce}: {since:#?}");
        assert!(told.is_none_or(|told| synced < Some(told)), "{nonce} was told first: {since:#?}");
    }
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
        for number in 20..30 {
            let nonce = format!("{round}-{number}");
            let answer = socket.ask("message", json!({ "room": "general", "body": nonce, "nonce": nonce })).await;
            assert_eq!(answer["error"]["code"], "unavailable", "acknowledged without a sync: {answer}");
            refused += 1;
        }
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
