//! The disk has it before the acknowledgement says so. Killing proves little there, because the system's cache outlives the
//! program; the order of the system calls proves it.

use std::path::Path;

use serde_json::json;

use crate::harness::process::{PROGRAM, Process};
use crate::harness::programs::{self, Program};
use crate::harness::{Database, Kind};
use crate::once;

/// The server under strace, which writes what it sees to `trace`.
async fn traced(database: &Database, trace: &Path, more: &[&str]) -> Process {
    let strace = programs::on_path("strace").expect("the test asked whether it is here");
    let trace = trace.to_str().expect("the test's folder has a plain name");
    let mut arguments = vec!["-f", "-s", "160", "-e", "trace=fsync,fdatasync,write,writev,sendto,sendmsg", "-o", trace];
    arguments.extend(more);
    arguments.push(PROGRAM);
    Process::start_by(&strace, &arguments, database.folder(), database.url(), &[]).await
}

once! {
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

    async fn a_disk_that_fails_to_sync_gets_nothing_acknowledged_and_loses_nothing(database: &Database) {
        if !Program::Strace.is_here_or_may_be_missing() {
            println!("left out: strace is not on this machine");
            return;
        }
        let trace = database.folder().join("trace");
        let mut server = traced(database, &trace, &["-e", "inject=fdatasync,fsync:error=EIO:when=60+"]).await;
        let ada = server.register("ada").await;
        let (socket, _) = ada.join("general").await;
        let (mut acknowledged, mut refused) = (Vec::new(), 0);
        for number in 0..400 {
            let nonce = format!("n{number}");
            let answer = socket.ask("message", json!({ "room": "general", "body": nonce, "nonce": nonce })).await;
            if answer["ok"] == json!(true) {
                assert_eq!(refused, 0, "acknowledged after the disk had failed");
                acknowledged.push((nonce, answer["message"]["seq"].clone()));
            } else {
                assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
                refused += 1;
                if refused == 20 {
                    break;
                }
            }
        }
        assert!(refused == 20 && !acknowledged.is_empty(), "{} acknowledged, {refused} refused", acknowledged.len());
        server.kill_group().await;
        let server = Process::start(database.folder(), database.url(), &[]).await;
        server.log_in("ada").await;
        for (nonce, seq) in acknowledged {
            let rows = database.query(&format!("select seq from messages where nonce = '{nonce}'")).await;
            assert_eq!(rows, [json!({ "seq": seq })], "{nonce}");
        }
        database.check_rooms().await;
    }
}
