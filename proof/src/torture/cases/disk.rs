//! A SQLite file on a disk that fills up.

use std::path::PathBuf;
use std::process::Command;

use crate::infra::watchdog::Watchdog;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("disk-full", Db::SQLITE, 5, 1, |fixture, rounds| Box::pin(disk_full(fixture, rounds)))
        .about("the database is on a small disk, which fills up under load: posts fail clearly, reads go on, and all is well when there is room")
        .needs(&[Need::Root]),
];

/// A small tmpfs.
pub(super) struct Disk {
    pub folder: PathBuf,
    _watchdog: Watchdog,
}

impl Disk {
    pub fn mount(folder: PathBuf, size: u64) -> Option<Self> {
        std::fs::create_dir(&folder).expect("the case's own folder");
        let text = folder.to_str().expect("a plain path").to_owned();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "parlor-torture", &text]).status();
        if !done.is_ok_and(|status| status.success()) {
            return None;
        }
        // Unmounts it even if this process is killed.
        let watchdog = Watchdog::new("umount -l \"$1\"", &[&text]).expect("a watchdog");
        Some(Self { folder, _watchdog: watchdog })
    }

    fn set_size(&self, size: u64) {
        let done = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(&self.folder).status();
        assert!(done.is_ok_and(|status| status.success()), "the disk cannot be given {size} bytes");
    }

    /// How many bytes are taken.
    fn used(&self) -> u64 {
        let files = std::fs::read_dir(&self.folder).expect("it is mounted").flatten();
        files.filter_map(|file| file.metadata().ok()).map(|it| std::os::unix::fs::MetadataExt::blocks(&it) * 512).sum()
    }
}

/// Enough for an empty database and its log, which hold the schema.
const SMALL: u64 = 4 << 20;

async fn disk_full(fixture: Fixture, rounds: u32) -> CaseResult {
    let Some(disk) = Disk::mount(fixture.folder().join("small"), SMALL) else {
        return Err(NotRun("no file system can be mounted here".to_owned()));
    };
    let url = format!("sqlite://{}", disk.folder.join("parlor.db").display());
    let mut server = Process::start(&fixture.program, &[], fixture.folder(), &url, &[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let mut probe = Probe::new(&load, &format!("probe{round}"));
        let witness = load.witness();
        let site = server.site.clone();
        let recovery = load
            .during(async {
                let began = Instant::now();
                while !(probe.was_answered("socket unavailable") && probe.was_answered("healthz 503")) {
                    probe.ask().await;
                    assert!(
                        began.elapsed() < Duration::from_secs(60),
                        "the disk does not fill up: {} bytes, {:?}",
                        disk.used(),
                        probe.answers
                    );
                }
                probe.ask_for(Duration::from_secs(3)).await;
                assert!(probe.was_answered("form 503"), "a form was not refused: {:?}", probe.answers);
                assert!(
                    probe.was_answered("page 200") && !probe.was_answered("page 503"),
                    "reads do not go on: {:?}",
                    probe.answers
                );
                disk.set_size(64 << 20);
                let recovery = until_well(&site, Duration::from_secs(5)).await;
                recovery + until_live(&witness, Duration::from_secs(10)).await
            })
            .await;
        outcome.recovered(recovery);
        outcome.note(format_args!("round {round}: {}", probe.summary()));
        probe.record_in(&mut load);
        if round < rounds {
            disk.set_size(disk.used() + (256 << 10));
        }
    }
    server.kill().await;
    let address = server.address.to_string();
    let server = Process::start(&fixture.program, &[], fixture.folder(), &url, &[("LISTEN", &address)]).await;
    outcome.add(load.verdict().await);
    drop(server);
    Ok(outcome)
}
