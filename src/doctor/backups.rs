//! Backups: are there any, did the server's last one succeed, and how old is it?

use super::Finding;
use super::database::fault;
use crate::clock::{Clock, Millis, is_ahead};
use crate::config::{Config, Place};
use crate::db::Db;
use crate::db::backup::state::BackupState;

const CHECK: &str = "backups";

/// A backup that was made by hand, or by somebody else's clock, is old after two days, in milliseconds.
const OLD: i64 = 2 * 24 * 60 * 60 * 1000;

/// Whether the server makes backups, and how that goes; if it makes none, whether somebody puts them into `BACKUP_TO`.
pub(super) async fn check(db: &Db, config: &Config, clock: &Clock) -> Vec<Finding> {
    let Some(every) = config.backup_every.filter(|_| config.backup_to.is_some()) else {
        return match &config.backup_to {
            Some(place) => vec![of_place(place, config, clock.now()).await],
            None => vec![of_none(db, config)],
        };
    };
    match db.backup_state().await {
        Ok(state) => vec![of_state(&state, i64::try_from(every.as_millis()).unwrap_or(i64::MAX), clock.now())],
        Err(error) => fault(CHECK, &error),
    }
}

/// The archives of a place into which something else puts them.
async fn of_place(place: &Place, config: &Config, now: Millis) -> Finding {
    let advice = "Run `parlor backup` at intervals with this place, or set BACKUP_EVERY and the server does: a disk that fails takes everything along.";
    match place.latest(config, now).await {
        Err(error) => {
            let advice = match place {
                Place::Path(_) => advice,
                Place::S3 { .. } => {
                    "Check BACKUP_TO, AWS_ENDPOINT_URL, AWS_REGION and the keys, and that they may list the bucket."
                }
            };
            Finding::failed(CHECK, format!("BACKUP_TO: {error}"), advice)
        }
        Ok(None) => Finding::warning(CHECK, format!("there is none in {place}, and this server makes none"), advice),
        Ok(Some((name, at))) if is_ahead(at, now) => {
            let advice = "Set the clock, and delete or rename those whose date has not come yet: nobody knows how old they are.";
            Finding::warning(CHECK, format!("the last one is {name}, made while the clock was ahead"), advice)
        }
        Ok(Some((name, at))) => {
            let found = format!("the last one is {name}, {} old", age(now.0 - at.0));
            if now.0 - at.0 > OLD { Finding::warning(CHECK, found, advice) } else { Finding::ok(CHECK, found) }
        }
    }
}

/// Postgres has tools of its own, and without checkpoints Litestream copies a SQLite file.
fn of_none(db: &Db, config: &Config) -> Finding {
    if !matches!(db, Db::Sqlite(_)) || !config.checkpoints {
        return Finding::ok(CHECK, "this server makes none itself: something else must");
    }
    let advice = "Set BACKUP_TO and BACKUP_EVERY, or run `parlor backup` at intervals: a disk that fails takes everything along.";
    Finding::warning(CHECK, "this server makes none", advice)
}

fn of_state(state: &BackupState, every: i64, now: Millis) -> Finding {
    let last = match &state.last {
        Some(last) if is_ahead(last.at, now) => format!("the last one is {}, made while the clock was ahead", last.name),
        Some(last) => format!("the last one is {}, {} old", last.name, age(now.0 - last.at.0)),
        None => "there is none yet".to_owned(),
    };
    if let Some(failed) = &state.failed {
        let advice = "The server tries again within five minutes. Is there room, and may Parlor write to BACKUP_TO?";
        return Finding::failed(CHECK, format!("the last attempt failed: {}; {last}", failed.why), advice);
    }
    if state.is_late(every, now) {
        return Finding::failed(
            CHECK,
            format!("one is overdue: {last}"),
            "Is a server running with BACKUP_EVERY? Its log says more.",
        );
    }
    match &state.last {
        Some(made) if made.left_out > 0 => {
            let advice = "`parlor files check` says which, and `parlor verify` checks the backup.";
            Finding::warning(CHECK, format!("{last}; {} files are not in it", made.left_out), advice)
        }
        _ => Finding::ok(CHECK, last),
    }
}

/// A time in words, roughly.
fn age(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    let (count, unit) = match minutes {
        ..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::db::backup::state::{FailedBackup, LastBackup};

    #[tokio::test]
    async fn what_others_put_into_the_folder_counts() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().to_owned());
        // 22 November 2025, 08:47:14 UTC.
        let now = Millis(1_763_801_234_000);
        let config = Config::default();
        let of = || of_place(&place, &config, now);
        assert_eq!(of().await.state, State::Warning);
        let put = |name: &str| std::fs::write(folder.path().join(name), "an archive").unwrap();
        put("parlor-20251119T084714Z.tar.gz");
        put("notes.txt");
        let found = of().await;
        assert_eq!((found.state, &*found.found), (State::Warning, "the last one is parlor-20251119T084714Z.tar.gz, 3 days old"));
        put("parlor-20251122T074714Z.tar.gz");
        put("parlor-20991122T074714Z.tar.gz");
        let found = of().await;
        assert_eq!((found.state, &*found.found), (State::Ok, "the last one is parlor-20251122T074714Z.tar.gz, 60 minutes old"));
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(of().await.state, State::Failed);
    }

    #[test]
    fn a_backup_that_failed_is_late_or_lacks_files_is_told() {
        const HOUR: i64 = 3_600_000;
        let now = Millis(100 * HOUR);
        let last = |hours: i64, left_out| LastBackup { at: now.plus(-hours * HOUR), name: "b.tar.gz".into(), bytes: 1, left_out };
        let state = |last: Option<LastBackup>| BackupState { last, ..BackupState::default() };
        let of = |state: &BackupState| of_state(state, 6 * HOUR, now).state;
        assert_eq!(of(&state(None)), State::Ok);
        assert_eq!(of(&state(Some(last(12, 0)))), State::Ok);
        assert_eq!(of(&state(Some(last(13, 0)))), State::Failed);
        assert_eq!(of(&state(Some(last(1, 2)))), State::Warning);
        let ahead = of_state(&state(Some(last(-24, 0))), 6 * HOUR, now);
        assert_eq!(
            (ahead.state, &*ahead.found),
            (State::Failed, "one is overdue: the last one is b.tar.gz, made while the clock was ahead")
        );
        let failed = FailedBackup { at: now, why: "no room".into() };
        let failing = BackupState { failed: Some(failed), ..state(Some(last(1, 0))) };
        let finding = of_state(&failing, 6 * HOUR, now);
        assert_eq!(finding.state, State::Failed);
        assert_eq!(finding.found, "the last attempt failed: no room; the last one is b.tar.gz, 60 minutes old");
    }
}
