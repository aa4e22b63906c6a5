//! The system's clock jumps.

use std::path::{Path, PathBuf};

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("clock-jumps", Db::BOTH, 5, 0, |fixture, rounds| Box::pin(jumps(fixture, rounds)))
        .about("the server's clock jumps an hour forth and two back under load: order is by seq, nobody is cut, logged out or locked out")
        .needs(&[Need::Program("faketime")]),
];

const LIVE: Duration = Duration::from_secs(10);

async fn jumps(fixture: Fixture, rounds: u32) -> CaseResult {
    let Some(library) = library() else { return Err(NotRun("libfaketime is not where Debian has it".to_owned())) };
    let clock = fixture.folder().join("clock");
    set(&clock, "+0");
    let settings = [
        ("LD_PRELOAD", library.to_str().expect("a plain path")),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("a plain path")),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        // With rate limits: one that depends on the clock could lock everybody out.
        ("POST_RATE", "100/s"),
    ];
    let server = fixture.start(&settings).await;
    let mut load = Load::gather(&server, 3).await;
    let (witness, room) = load.witness();
    let mut outcome = Outcome::default();
    let still = witness.join(&room).await.0;
    let listening = (witness.clone(), room.clone());
    load.during(async {
        until_live(&listening, LIVE).await;
        for _ in 0..rounds {
            for offset in ["+3600", "-3600", "+0"] {
                try_in_vain(&server.stranger()).await;
                set(&clock, offset);
                outcome.recovered(until_live(&listening, LIVE).await);
                witness.get("/rooms").await.expect(200);
                // Failures with a time in the future count, but only for seconds.
                log_in(&server).await;
                assert!(!still.has_ended(), "a socket was cut: {:?}", still.peek().last());
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    })
    .await;
    assert!(still.peek_at("signed_out").is_empty(), "somebody was logged out");
    outcome.add(load.verdict().await);
    let all = history(&witness, &room).await;
    let times: Vec<_> = all.iter().filter_map(|message| message["created_at"].as_str()).collect();
    let back = times.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(back >= rounds as usize, "the clock did not jump: this proves nothing");
    outcome.note(format_args!("{back} messages are older by their time than the one before them; order is by seq all the same"));
    Ok(outcome)
}

async fn log_in(site: &Site) {
    let trying = async {
        while site.try_log_in("writer1").await.is_none() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    assert!(tokio::time::timeout(LIVE, trying).await.is_ok(), "somebody is locked out");
}

/// Two wrong passwords, so that the throttle has something to remember.
async fn try_in_vain(stranger: &Person) {
    for _ in 0..2 {
        let fields = [("username", "writer1"), ("password", "not this one, surely")];
        assert_ne!(fields[1].1, PASSWORD);
        let status = stranger.post("/login", &fields).await.status;
        assert!([401, 429].contains(&status), "a wrong password was answered with {status}");
    }
}

/// Sets the server's clock, in seconds from the true time. The file is replaced, so that nobody reads half of it.
fn set(clock: &Path, offset: &str) {
    let next = clock.with_extension("next");
    std::fs::write(&next, offset).expect("the case's own folder");
    std::fs::rename(&next, clock).expect("the case's own folder");
}

/// The library that is preloaded into the server and fakes its clock.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found.find(|library| library.exists())
}
