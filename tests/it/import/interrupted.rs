//! Killed, or asked to stop, and run again.

use std::path::Path;
use std::process::Stdio;

use proof::infra::process::command;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{Migrated, Slack, count, files_url, import, is_whole, log, report};
use crate::both;
use crate::harness::Database;
use crate::harness::process::PROGRAM;

/// Runs an import until it has said that so much is done, and sends it a signal then.
async fn until(database: &Database, from: &str, percent: u32, signal: i32) {
    let files = files_url(database);
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*files)];
    let mut child = command(Path::new(PROGRAM), database.folder(), &settings)
        .args(["import", "slack", from])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    while let Some(line) = lines.next_line().await.expect("it can be read") {
        if line == format!("import: {percent}%") {
            let id = i32::try_from(child.id().expect("it runs")).unwrap();
            let id = rustix::process::Pid::from_raw(id).expect("a process");
            let signal = if signal == 9 { rustix::process::Signal::KILL } else { rustix::process::Signal::TERM };
            // It may have ended by itself.
            rustix::process::kill_process(id, signal).ok();
        }
    }
    child.wait().await.expect("it ends");
}

#[apply(both)]
async fn an_import_that_is_killed_goes_on_where_it_was(database: &Migrated) {
    const MESSAGES: usize = 9_000;
    let from = Slack::small(MESSAGES).write(database, "export.zip");
    let mut counts = vec![0];
    for (percent, signal) in [(30, 9), (60, 15), (80, 9)] {
        until(database, &from, percent, signal).await;
        counts.push(count(database, "messages").await);
    }
    assert!(counts.windows(2).all(|pair| pair[0] <= pair[1]) && counts[1] < MESSAGES as i64, "{counts:?}");
    let done = report(&import(database, &["slack", &from]).await, 0);
    let sum = done["messages"].as_i64().unwrap() + done["messages_already"].as_i64().unwrap();
    assert_eq!((sum, &done["people"]["already"]), (MESSAGES as i64, &json!(2)), "{counts:?} {done}");
    let log = log(database, "engines").await;
    assert_eq!(log.len(), MESSAGES);
    for (number, message) in log.iter().enumerate() {
        assert_eq!(message["body"], json!(format!("message {number}")));
    }
    is_whole(database).await;
}
