//! The database: does it answer, is it up to date, does it keep what it acknowledges, and what time is it there?

use std::time::Duration;

use super::Finding;
use crate::clock::Clock;
use crate::cluster::nodes::{GONE, Status};
use crate::cluster::skew;
use crate::db::Db;
use crate::db::clock::ClockState;
use crate::db::doctor::Migrations;
use crate::push::{self, Stored};
use crate::timekeeping;

/// A database that takes longer for a simple question makes people wait.
const SLOW: Duration = Duration::from_millis(50);
/// A clock that is further off is worth a warning, in milliseconds.
const SKEWED: i64 = 1_000;
/// A node whose clock is further off serves nobody, in milliseconds.
const REFUSED: i64 = 30_000;

/// A finding for a statement that failed.
pub(super) fn fault(check: &'static str, error: &sqlx::Error) -> Vec<Finding> {
    vec![Finding::failed(check, format!("the database refuses: {error}"), "Look at the database’s log.")]
}

/// Whether it answers, and how fast.
pub(super) async fn answers(db: &Db) -> Vec<Finding> {
    let engine = match db.engine().await {
        Ok(engine) => engine,
        Err(error) => return fault("database", &error),
    };
    let found = format!("{} {} answers in {} ms", engine.kind, engine.version, engine.took.as_millis().max(1));
    if engine.took < SLOW {
        return vec![Finding::ok("database", found)];
    }
    vec![Finding::warning(
        "database",
        found,
        "Is the machine busy, or is the database far away? Pages wait for several answers each.",
    )]
}

/// Whether its tables are those of this program.
pub(super) async fn migrations(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "migrations";
    let Migrations { applied, pending, unknown, changed, unfinished } = match db.migrations().await {
        Ok(found) => found,
        Err(error) => return fault(CHECK, &error),
    };
    let list = |versions: &[i64]| versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut findings = Vec::new();
    if !unfinished.is_empty() {
        let advice = "An upgrade was interrupted. Restore the backup from before it, and upgrade again.";
        findings.push(Finding::failed(CHECK, format!("not finished: {}", list(&unfinished)), advice));
    }
    if !changed.is_empty() {
        let advice = "Another program, or another build of Parlor, has changed this database. Run the Parlor that did.";
        findings.push(Finding::failed(CHECK, format!("not the same as here: {}", list(&changed)), advice));
    }
    if !unknown.is_empty() {
        let advice = "A newer Parlor has upgraded the database. Run that one everywhere; this one serves beside it only if the newer one allows that.";
        findings.push(Finding::warning(CHECK, format!("unknown here: {}", list(&unknown)), advice));
    }
    if !pending.is_empty() {
        let advice = "The next start of Parlor applies them, or `parlor migrate`. Back up before.";
        findings.push(Finding::warning(CHECK, format!("not applied yet: {}", list(&pending)), advice));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("all {applied} are applied")));
    }
    findings
}

/// Whether what is acknowledged survives a power failure.
pub(super) async fn durability(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "durability";
    let settings = match db.durability().await {
        Ok(settings) => settings,
        Err(error) => return fault(CHECK, &error),
    };
    let shown = settings.iter().map(|setting| format!("{} = {}", setting.name, setting.value)).collect::<Vec<_>>().join(", ");
    let weak: Vec<_> = settings.iter().filter(|setting| !setting.is_safe).collect();
    if weak.is_empty() {
        return vec![Finding::ok(CHECK, shown)];
    }
    let advice = |name: &str| match name {
        "fsync" | "full_page_writes" => {
            format!("Set {name} = on in postgresql.conf and reload: a power failure can destroy the database.")
        }
        _ => format!("Set {name} back: a power failure can lose acknowledged messages."),
    };
    weak.iter()
        .map(|setting| Finding::failed(CHECK, format!("{} = {}", setting.name, setting.value), advice(setting.name)))
        .collect()
}

/// Whether servers believe their clock, and this machine and the database agree on the time.
pub(super) async fn clock(db: &Db, clock: &Clock) -> Vec<Finding> {
    const CHECK: &str = "clock";
    match db.clock_state().await {
        Ok(ClockState { doubt: Some(doubt), .. }) => {
            let advice = "Set the clock, for example with NTP. If it is right, for example because the machine was paused for long, run `parlor clock confirm`.";
            return vec![Finding::failed(CHECK, timekeeping::said(doubt), advice)];
        }
        Ok(_) => {}
        Err(error) => return fault(CHECK, &error),
    }
    let ahead = match skew::measure(db, clock).await {
        Ok(None) => return vec![Finding::ok(CHECK, "the database is on this machine")],
        Ok(Some(ahead)) => ahead,
        Err(error) => return fault(CHECK, &error),
    };
    if ahead.abs() <= SKEWED {
        return vec![Finding::ok(CHECK, "this machine and the database agree to a second")];
    }
    let found = skew::said(ahead);
    let advice = "Set both clocks, for example with NTP. Sessions and invitations end too early or too late.";
    if ahead.abs() > REFUSED {
        return vec![Finding::failed(CHECK, found, format!("{advice} Beyond 30 seconds Parlor does not start."))];
    }
    vec![Finding::warning(CHECK, found, advice)]
}

/// How the nodes are, as the database knows them.
pub(super) async fn nodes(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "nodes";
    let Some(postgres) = db.shared() else { return Vec::new() };
    let rows = match postgres.list_nodes().await {
        Ok(rows) => rows,
        Err(error) => return fault(CHECK, &error),
    };
    let gone = i64::try_from(GONE.as_millis()).unwrap_or(i64::MAX);
    let (mut findings, mut well) = (Vec::new(), 0);
    for row in rows {
        let reasons = serde_json::from_str::<Status>(&row.status).unwrap_or_default().reasons;
        if row.silent_ms > gone {
            let found = format!("{} was not heard of for {} seconds", row.name, row.silent_ms / 1000);
            let advice = "It was killed, cut off or frozen. Start it again, or ignore it: it is forgotten after a day.";
            findings.push(Finding::warning(CHECK, found, advice));
        } else if !reasons.is_empty() {
            let advice = if reasons.iter().any(|reason| reason == "clock") {
                "Set its clock, for example with NTP."
            } else {
                "If it is not about to stop, look at its log, and at its way to Postgres."
            };
            findings.push(Finding::warning(CHECK, format!("{} is not ready: {}", row.name, reasons.join(", ")), advice));
        } else {
            well += 1;
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("{well} serve")));
    }
    findings
}
/// Whether browsers can be notified: push services take only what the server's key has signed.
pub(super) async fn push(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "push";
    match push::stored(db).await {
        Ok(Stored::Good) => vec![Finding::ok(CHECK, "the key for push services signs")],
        Ok(Stored::Missing) => {
            vec![Finding::ok(CHECK, "there is no key for push services yet: the server makes one when it starts")]
        }
        Ok(Stored::Damaged) => {
            let advice = "The server does not start with it. Restore the database, or delete the row `push_key` of the table `meta`: \
                 the server makes another key, and people turn notifications on again on their devices.";
            vec![Finding::failed(CHECK, "the key for push services is damaged", advice)]
        }
        Err(error) => fault(CHECK, &error),
    }
}
