//! An old backup is put back.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use std::path::Path;
use std::process::Command;

use crate::checker::check;
use crate::infra::programs;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("old-backup", Db::BOTH, 6, 1, |fixture, rounds| Box::pin(old_backup(fixture, rounds)))
        .about("a backup made under load is put back while clients are ahead of it, as documented and, every other round, with the step forgotten: they begin afresh and have exactly what is there"),
];

const AHEAD: u32 = 30;

async fn old_backup(fixture: Fixture, rounds: u32) -> Played {
    let mut server = fixture.start(&[]).await;
    let address = server.address;
    let mut load = Load::gather(&server, 2).await;
    let mut outcome = Outcome::default();
    let (witness, room) = load.witness();
    let place = load.clients.len() - 2;
    for round in 1..=rounds {
        let is_documented = round % 2 == 1;
        let copy = fixture.folder().join(format!("copy-{round}"));
        load.during(async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            // While people write: that is what backups are made under.
            back_up(&fixture, &copy).await;
        })
        .await;
        outcome.add(load.verdict().await);
        let mut followers = [Follower::new(witness.clone(), &room), Follower::new(witness.clone(), &room)];
        let (socket, _) = witness.join(&room).await;
        for number in 1..=AHEAD {
            let nonce = format!("ahead-{round}-{number}");
            socket.post(&room, &nonce, &nonce).await;
        }
        for follower in &mut followers {
            follower.follow_to(head(&socket, &room).await).await;
        }
        server.kill().await;
        put_back(&fixture, &copy, is_documented).await;
        let (again, recovery) = fixture.start_again(address, &[]).await;
        server = again;
        outcome.recovered(recovery);
        let (socket, _) = witness.join(&room).await;
        if !is_documented {
            // Nothing but the number tells them: they must come before it is reached again.
            let ahead = head(&socket, &room).await;
            for follower in &mut followers {
                assert!(follower.journal.rev > ahead, "the clients are not ahead");
                follower.follow_to(ahead).await;
            }
        }
        // More than what was there: without a new epoch, a client's `rev` would pass for one that it knows.
        for number in 1..=AHEAD * 2 {
            let nonce = format!("behind-{round}-{number}");
            socket.post(&room, &nonce, &nonce).await;
        }
        for follower in &mut followers {
            follower.follow_to(head(&socket, &room).await).await;
            assert_eq!(follower.fresh_starts, 1, "a client did not begin afresh");
        }
        // What was said after the backup is gone, and that is what a backup means; the load begins its notes anew.
        let all = history(&witness, &room).await;
        let mut verdict = check(&followers.iter().map(|it| &it.journal).collect::<Vec<_>>(), &all);
        verdict.findings.retain(|finding| !finding.starts_with("nobody wrote"));
        verdict.invented = 0;
        outcome.add(verdict);
        for client in &mut load.clients {
            client.journal.stream.clear();
            client.journal.rev = 0;
            client.journal.acknowledged.clear();
        }
        let nonces = all.iter().filter_map(|message| message["nonce"].as_str()).map(ToOwned::to_owned);
        load.clients[place].journal.intended = nonces.collect();
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// As docs/database.md says.
async fn back_up(fixture: &Fixture, copy: &Path) {
    match fixture.db {
        Db::Sqlite => {
            let file = SqliteConnectOptions::new().filename(fixture.folder().join("parlor.db"));
            let mut other = file.connect().await.expect("the file is there");
            let statement = format!("vacuum into '{}'", copy.display());
            other.execute(AssertSqlSafe(statement)).await.expect("it may be copied");
            drop(other.close().await);
        }
        Db::Postgres => {
            let program = programs::postgres("pg_dump").expect("it is beside Postgres' other programs");
            let dump = tokio::process::Command::new(program).arg("--clean").arg("-f").arg(copy).arg(fixture.url()).status().await;
            assert!(dump.is_ok_and(|status| status.success()), "the database cannot be dumped");
        }
    }
}

async fn put_back(fixture: &Fixture, copy: &Path, is_documented: bool) {
    const NEW_ID: &str = "delete from meta where key = 'epoch'";
    match fixture.db {
        Db::Sqlite => {
            let file = fixture.folder().join("parlor.db");
            for rest in ["parlor.db-wal", "parlor.db-shm"] {
                drop(std::fs::remove_file(fixture.folder().join(rest)));
            }
            std::fs::copy(copy, &file).expect("it can be put back");
            if is_documented {
                let mut other = SqliteConnectOptions::new().filename(&file).connect().await.expect("the file is there");
                other.execute(NEW_ID).await.expect("the documented way");
                drop(other.close().await);
            }
        }
        Db::Postgres => {
            let program = programs::postgres("psql").expect("it is beside Postgres' other programs");
            let done = Command::new(program).args(["-q", "-o", "/dev/null", "-f"]).arg(copy).arg(fixture.url()).status();
            assert!(done.is_ok_and(|status| status.success()), "the dump cannot be put back");
            if is_documented {
                let mut other = PgConnection::connect(fixture.url()).await.expect("Postgres answers");
                other.execute(NEW_ID).await.expect("the documented way");
                drop(other.close().await);
            }
        }
    }
}
