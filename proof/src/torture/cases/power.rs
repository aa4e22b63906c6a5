//! The power goes, and disks that do not keep what they are given.
//!
//! Killing a process proves little there, because the system's cache outlives it: the order of the system calls proves it.

use sqlx::{Connection, Executor, PgConnection};
use std::path::{Path, PathBuf};

use crate::infra::strace::Strace;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("power-loss", Db::BOTH, 10, 1, |fixture, rounds| Box::pin(power_loss(fixture, rounds)))
        .about("system calls are watched: before each acknowledgement (on Postgres: before it says that it has committed) comes a sync to disk")
        .needs(&[Need::Strace]),
    Case::new("sync-fails", Db::SQLITE, 10, 1, |fixture, rounds| Box::pin(sync_fails(fixture, rounds)))
        .about("every sync to disk fails for a while: nothing is acknowledged or told, not healthy meanwhile, well again by itself afterwards")
        .needs(&[Need::Strace]),
];

/// How many posts of a round are looked at, one by one.
const POSTS: usize = 20;

async fn power_loss(fixture: Fixture, rounds: u32) -> Played {
    let trace = fixture.folder().join("trace");
    let calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg";
    let file = trace.to_str().expect("a plain path").to_owned();
    let arguments = ["-f", "-s", "160", "-e", calls, "-o", &file];
    // On Postgres it is Postgres that must sync: its first process is watched with all that it starts, so also those that serve us.
    let mut watching = None;
    let server = match fixture.db {
        Db::Sqlite => {
            let program = fixture.program.to_str().expect("a plain path").to_owned();
            let strace = crate::infra::programs::on_path("strace").expect("it was asked for");
            let arguments: Vec<_> = arguments.into_iter().chain([program.as_str()]).collect();
            Process::start(&strace, &arguments, fixture.folder(), fixture.url(), &[]).await
        }
        Db::Postgres => {
            let postmaster = postmaster(&fixture).to_string();
            let arguments: Vec<_> = arguments.into_iter().chain(["-p", postmaster.as_str()]).collect();
            match Strace::attach(&arguments).await {
                Some(strace) => watching = Some(strace),
                None => return Err(NotRun("this machine lets nobody trace a running process".to_owned())),
            }
            fixture.start(&[]).await
        }
    };
    let mut load = Load::gather(&server, 2).await;
    let mut outcome = Outcome::default();
    let (witness, room) = load.witness();
    let (socket, _) = witness.join(&room).await;
    let place = load.clients.len() - 2;
    for post in 0..POSTS * rounds as usize {
        let nonce = format!("unmistakable-{post}");
        load.clients[place].journal.intended.push(nonce.clone());
        let before = lines(&trace).len();
        let message = socket.post(&room, &nonce, &nonce).await;
        load.clients[place].journal.acknowledge(&nonce, &message);
        let seen = lines(&trace);
        let since = &seen[before..];
        let synced = since.iter().position(|line| is_sync(line));
        assert!(synced.is_some(), "nothing was synced for {nonce}: {since:#?}");
        let told = since.iter().position(|line| match fixture.db {
            Db::Sqlite => is_told(line, &nonce),
            Db::Postgres => line.contains("sendto(") && line.contains("COMMIT"),
        });
        assert!(told.is_none_or(|told| synced < Some(told)), "{nonce} was told first: {since:#?}");
    }
    outcome.note(format_args!("{} posts were looked at one by one", POSTS * rounds as usize));
    if fixture.db == Db::Postgres {
        // What this sees is not there where Postgres does not sync: so it does see.
        set_fsync(&fixture, "off").await;
        let before = lines(&trace).len();
        let nonce = "the-control";
        load.clients[place].journal.intended.push(nonce.to_owned());
        socket.post(&room, nonce, nonce).await;
        let since = &lines(&trace)[before..];
        assert!(!since.iter().any(|line| is_sync(line)), "Postgres synced though it was told not to: {since:#?}");
        set_fsync(&fixture, "on").await;
        outcome.note("with `fsync = off` in Postgres the same look finds no sync");
    }
    if let Some(strace) = watching {
        strace.end().await;
    }
    load.during(tokio::time::sleep(Duration::from_millis(300))).await;
    outcome.add(load.verdict().await);
    Ok(outcome)
}

fn lines(trace: &Path) -> Vec<String> {
    let text = std::fs::read(trace).expect("strace writes");
    String::from_utf8_lossy(&text).lines().map(ToOwned::to_owned).collect()
}

fn is_sync(line: &str) -> bool {
    (line.contains("fdatasync") || line.contains("fsync")) && line.trim_end().ends_with("= 0")
}

/// Whether a line shows that a message with this nonce left the server.
fn is_told(line: &str, nonce: &str) -> bool {
    line.contains(nonce) && (line.contains("43/chat,") || line.contains("42/chat,"))
}

fn postmaster(fixture: &Fixture) -> u32 {
    let folder = fixture.cluster().socket().parent().map(PathBuf::from).expect("a socket is in a folder");
    let file = std::fs::read_to_string(folder.join("data/postmaster.pid")).expect("it runs");
    file.lines().next().and_then(|line| line.trim().parse().ok()).expect("its first line is its number")
}

async fn set_fsync(fixture: &Fixture, value: &str) {
    let mut connection = PgConnection::connect(fixture.url()).await.expect("Postgres answers");
    connection.execute(sqlx::AssertSqlSafe(format!("alter system set fsync = {value}"))).await.expect("a superuser may");
    connection.execute("select pg_reload_conf()").await.expect("a superuser may");
    // Each process takes it in when it begins its next statement; ours is one that says when that is.
    while sqlx::query_scalar::<_, String>("show fsync").fetch_one(&mut connection).await.expect("it answers") != value {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(connection.close().await);
}

async fn sync_fails(fixture: Fixture, rounds: u32) -> Played {
    let mut server = fixture.start(&[]).await;
    let address = server.address;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let mut probe = Probe::new(&load, &format!("probe{round}"));
        let (witness, room) = load.witness();
        let process = server.id().to_string();
        let site = server.site.clone();
        let tried = load
            .during(async {
                let listener = witness.join(&room).await.0;
                listener.first(30, "message").await;
                let inject = "inject=fdatasync,fsync:error=EIO";
                let arguments = ["-f", "-e", "trace=fdatasync,fsync", "-e", inject, "-p", &process, "-o", "/dev/null"];
                let strace = Strace::attach(&arguments).await?;
                // What was synced just before is still told.
                tokio::time::sleep(Duration::from_millis(500)).await;
                let told = listener.peek_at("message").len();
                probe.ask_for(Duration::from_secs(2)).await;
                assert_eq!(listener.peek_at("message").len(), told, "messages were told without a sync");
                assert!(!is_well(&site).await, "it says that it is well, while nothing can be stored: {:?}", probe.answers);
                assert!(
                    !probe.was_told("socket ok") && !probe.was_told("form 201"),
                    "acknowledged without a sync: {:?}",
                    probe.answers
                );
                assert!(probe.was_told("page 200"), "nothing can be read: {:?}", probe.answers);
                strace.end().await;
                let recovery = until_well(&site, Duration::from_secs(5)).await;
                Some(recovery + until_live(&(witness.clone(), room.clone()), Duration::from_secs(10)).await)
            })
            .await;
        let Some(recovery) = tried else {
            return Err(NotRun("this machine lets nobody trace a running process".to_owned()));
        };
        outcome.recovered(recovery);
        outcome.note(format_args!("round {round}: {}", probe.summary()));
        probe.confess(&mut load);
    }
    // What was acknowledged must be in the file, and not only in the memory of a server that has forgotten to write it.
    server.kill().await;
    drop(server);
    let _server = fixture.start_again(address, &[]).await;
    outcome.add(load.verdict().await);
    Ok(outcome)
}
