//! Backups that are made while people write, and restored.

use crate::infra::process::run;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[Case::new("backup", Db::BOTH, 20, 2, |fixture, rounds| Box::pin(backup(fixture, rounds))).about(
    "backed up under load, checked and restored: the copy is a prefix of the log with all that was acknowledged before, and can be written to",
)];

async fn backup(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let (witness, room) = load.witness();
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let before = history(&witness, &room).await;
        let archive = fixture.folder().join(format!("backup-{round}.tar.gz"));
        let archive = archive.to_str().expect("a plain path");
        let began = Instant::now();
        load.during(async {
            // Somebody writes before it and after it.
            witness.join(&room).await.0.first(20, "message").await;
            parlor(&fixture, &["backup", archive], fixture.url()).await;
            witness.join(&room).await.0.first(20, "message").await;
        })
        .await;
        let took = began.elapsed();
        let url = match &fixture {
            fixture if fixture.url().starts_with("sqlite:") => {
                format!("sqlite://{}", fixture.folder().join(format!("copy-{round}.db")).display())
            }
            fixture => fixture.postgres().url(&fixture.postgres().create_database().await),
        };
        parlor(&fixture, &["verify", archive], fixture.url()).await;
        parlor(&fixture, &["restore", archive], &url).await;
        let copy = fixture.start_on(&url, &[]).await;
        // Sessions are not in a backup.
        let again = copy.log_in(&witness.username).await;
        let (then, now) = (history(&again, &room).await, history(&witness, &room).await);
        let is_between = then.len() >= before.len() && then.len() < now.len();
        assert!(is_between, "{} messages before the backup, {} in it, {} now", before.len(), then.len(), now.len());
        for (nth, (then, now)) in then.iter().zip(&now).enumerate() {
            assert_eq!((&then["seq"], &then["nonce"]), (&now["seq"], &now["nonce"]), "message {nth} of the copy");
            assert_eq!(then["seq"], nth + 1, "the copy’s log has a gap");
        }
        let (socket, _) = again.join(&room).await;
        let next = socket.post(&room, "it goes on", "after-the-backup").await;
        assert_eq!(next["seq"], then.len() + 1, "the copy goes on elsewhere");
        outcome.note(format_args!(
            "round {round}: {} messages in the copy, {:.1} s with the load",
            then.len(),
            took.as_secs_f64()
        ));
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// Runs a command on a database; it must succeed.
async fn parlor(fixture: &Fixture, arguments: &[&str], url: &str) {
    let ended = run(&fixture.program, fixture.folder(), arguments, &[("DATABASE_URL", url)], "").await;
    assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
}
