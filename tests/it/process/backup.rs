//! An old backup is restored while clients know more than it holds.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use proof::checker::check;

use crate::both;
use crate::harness::follower::Follower;
use crate::harness::{Database, Kind, Load, Person, head, history, process, programs};

/// How many messages clients have that the backup does not.
const AHEAD: u32 = 30;

/// As documented; and with the documented step forgotten, when only their `rev` shows clients that they are ahead.
#[apply(both)]
async fn clients_that_are_ahead_of_a_restored_backup_begin_afresh(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let listen = server.address.to_string();
    let mut load = Load::gather(&server, 2).await;
    let (witness, room) = load.witness();
    for is_documented in [true, false] {
        let copy = database.folder().join(format!("copy-{is_documented}"));
        load.during(async {
            witness.join(&room).await.0.first(20, "message").await;
            back_up(database, &copy).await;
        })
        .await;
        database.check(&mut load).await;
        let mut followers = [Follower::new(witness.clone(), &room), Follower::new(witness.clone(), &room)];
        follow(&mut followers, &witness, &room, &format!("ahead-{is_documented}"), AHEAD).await;
        server.kill().await;
        restore(database, &copy, is_documented).await;
        server = process::start(database.folder(), database.url(), &[("LISTEN", &listen)]).await;
        if !is_documented {
            let restored = head(&witness.socket().await, &room).await;
            for follower in &mut followers {
                assert!(follower.journal.rev > restored, "the clients are not ahead");
                follower.follow_to(restored).await;
            }
        }
        // More than before: without a new epoch, a client's `rev` would look like a known one.
        follow(&mut followers, &witness, &room, &format!("behind-{is_documented}"), AHEAD * 2).await;
        // What was written after the backup is gone, and its journals with it.
        let all = history(&witness, &room).await;
        let nonces = all.iter().filter_map(|message| message["nonce"].as_str()).map(ToOwned::to_owned);
        followers[0].journal.intended = nonces.clone().collect();
        let verdict = check(&followers.each_ref().map(|it| &it.journal), &all);
        assert!(verdict.is_clean(), "{verdict}");
        for follower in &followers {
            assert_eq!(follower.fresh_starts, 1, "a client did not begin afresh");
        }
        for client in &mut load.clients {
            client.journal.stream.clear();
            client.journal.rev = 0;
            client.journal.acknowledged.clear();
        }
        let owner = load.clients.len() - 2;
        load.clients[owner].journal.intended = nonces.collect();
    }
    load.during(tokio::time::sleep(Duration::from_millis(200))).await;
    database.check(&mut load).await;
}

/// Posts so many messages, which the followers then have.
async fn follow(followers: &mut [Follower], writer: &Person, room: &str, name: &str, count: u32) {
    let (socket, _) = writer.join(room).await;
    for number in 0..count {
        let nonce = format!("{name}-{number}");
        socket.post(room, &nonce, &nonce).await;
    }
    for follower in followers {
        follower.follow_to(head(&socket, room).await).await;
    }
}

/// As docs/database.md says.
async fn back_up(database: &Database, copy: &Path) {
    match database.kind {
        Kind::Sqlite => database.run(&format!("vacuum into '{}'", copy.display())).await,
        Kind::Postgres => {
            let program = programs::postgres("pg_dump").expect("it is beside Postgres' other programs");
            let dump = Command::new(program).arg("--clean").arg("-f").arg(copy).arg(database.url()).status();
            assert!(dump.is_ok_and(|status| status.success()), "the database cannot be dumped");
        }
    }
}

async fn restore(database: &Database, copy: &Path, is_documented: bool) {
    match database.kind {
        Kind::Sqlite => {
            for rest in ["parlor.db-wal", "parlor.db-shm"] {
                drop(std::fs::remove_file(database.folder().join(rest)));
            }
            std::fs::copy(copy, database.file()).expect("it can be restored");
        }
        Kind::Postgres => {
            let program = programs::postgres("psql").expect("it is beside Postgres' other programs");
            let done = Command::new(program).args(["-q", "-o", "/dev/null", "-f"]).arg(copy).arg(database.url()).status();
            assert!(done.is_ok_and(|status| status.success()), "the dump cannot be restored");
        }
    }
    if is_documented {
        database.run("delete from meta where key = 'epoch'").await;
    }
}
