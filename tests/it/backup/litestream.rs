//! Litestream beside a server that makes no checkpoints, as docs/backup.md describes it.

use std::process::Stdio;

use proof::infra::process::signal;
use proof::infra::programs;
use proof::infra::watchdog::Watchdog;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::process;
use crate::harness::programs::Program;
use crate::harness::{DEADLINE, Database};
use crate::once;

#[apply(once)]
async fn what_litestream_copied_is_whole_after_a_kill(database: &Database) {
    if !Program::Litestream.is_here_or_may_be_missing() {
        return;
    }
    let (folder, file) = (database.folder(), database.file());
    let program = programs::tool("litestream").expect("it is here");
    let replica = format!("file://{}", folder.join("replica").display());
    let log = std::fs::File::create(folder.join("litestream.log")).expect("it is ours");
    let said = || std::fs::read_to_string(folder.join("litestream.log")).unwrap_or_default();
    let mut litestream = Command::new(&program)
        .arg("replicate")
        .arg(&file)
        .arg(&replica)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("it is open"))
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .expect("it can be run");
    let _watchdog = Watchdog::over_group(litestream.id().expect("it has just been started")).expect("a watchdog");

    let mut server = process::start(folder, database.url(), &[("CHECKPOINTS", "off")]).await;
    let (socket, _) = server.register("ada").await.join("general").await;
    // The log of SQLite grows beyond the size at which it would make a checkpoint.
    let long = "many words ".repeat(300);
    for number in 0..400 {
        socket.post("general", &format!("{number} {long}"), &format!("n{number}")).await;
    }
    server.kill().await;
    // It copies what is left before it ends.
    signal("TERM", &litestream.id().expect("it runs").to_string()).await;
    timeout(DEADLINE, litestream.wait()).await.unwrap_or_else(|_| panic!("it does not end:\n{}", said())).expect("it ran");

    let copy = folder.join("copy.db");
    let restored =
        Command::new(&program).arg("restore").arg("-o").arg(&copy).arg(&replica).output().await.expect("it can be run");
    assert!(restored.status.success(), "{restored:?}\n{}", said());
    let url = format!("sqlite://{}", copy.display());
    Database::at(&url).run("delete from meta where key = 'epoch'").await;
    let server = process::start(folder, &url, &[]).await;
    let ada = server.log_in("ada").await;
    let history = ada.get_json("/rooms/general?limit=1").await.expect(200).json();
    let last = history["messages"].as_array().expect("a list").last().expect("a message").clone();
    assert!(last["body"].as_str().expect("a text").starts_with("399 "), "{last}");
    let doctor = process::run(folder, &["doctor"], &[("DATABASE_URL", &url)], "").await;
    assert!(doctor.stdout.contains("no room misses a message or a change"), "{doctor:?}");
}
