//! A backup that did not come to its end, and goes on with its draft.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proof::infra::process::command;
use proof::infra::programs::on_path;
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use super::damage::noise;
use super::interrupted::signal;
use super::{empty, kinds, restore, said, text, verify};
use crate::files::{objects, send_one};
use crate::harness::process::{Ended, PROGRAM, run};
use crate::harness::{DEADLINE, Database, ObjectStorage, Server};
use crate::{both, once};

/// A server that has stopped, with files in object storage, where a backup can be made to wait.
struct Stopped {
    storage: ObjectStorage,
    room: String,
}

impl Stopped {
    async fn with_files(database: &Database, files: u8, bytes: usize) -> Self {
        let storage = ObjectStorage::start().await;
        let mut server = Server::start(database.url(), &storage.settings()).await;
        let ada = server.register("ada").await;
        let room = ada.create_room("Pictures", "private").await;
        let mut content = noise(bytes);
        for number in 0..files {
            content[0] = number;
            send_one(&ada, &room, &format!("{number}.bin"), &content).await;
        }
        server.stop().await;
        Self { storage, room }
    }

    fn settings<'a>(&'a self, database: &'a Database) -> Vec<(&'static str, &'a str)> {
        [self.storage.settings(), vec![("DATABASE_URL", database.url())]].concat()
    }

    /// Runs a command until it has read so many files and waits for the next one. Then something happens to it.
    async fn stopped_after(
        &self,
        files: usize,
        database: &Database,
        arguments: &[&str],
        happens: impl AsyncFnOnce(&tokio::process::Child),
    ) -> Ended {
        self.storage.hold("GET", "/blobs/", files);
        let settings = self.settings(database);
        let child = command(PROGRAM, database.folder(), &settings).args(arguments).spawn().expect("it was built");
        self.storage.waits().await;
        happens(&child).await;
        let output = timeout(DEADLINE, child.wait_with_output()).await.expect("it comes to an end").expect("it ran");
        self.storage.release();
        let said = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended { status: output.status.code(), stdout: said(output.stdout), stderr: said(output.stderr) }
    }
}

/// The only thing in a folder.
fn only(folder: &Path) -> PathBuf {
    let all: Vec<_> = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_iter().next().expect("one")
}

fn is_draft(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
    name.starts_with(".parlor-backup-parlor-2") && name.ends_with("Z.tar.gz.partial")
}

/// Asked to end, all that was read is kept; killed, what was in whole pieces. What is said afterwards is not of the moment of the backup.
#[apply(both)]
async fn an_interrupted_backup_goes_on_and_has_everything_of_its_moment(database: &Database) {
    // More than half a piece: each is in one of its own.
    let stopped = Stopped::with_files(database, 3, 9 << 20).await;
    let settings = stopped.settings(database);
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    for (name, already) in [("TERM", 2), ("KILL", 1)] {
        let messages = database.rows("messages").await.len();
        let arguments = ["backup", text(&folder), "--files"];
        let ended = stopped.stopped_after(2, database, &arguments, async |child| signal(name, child).await).await;
        let draft = only(&folder);
        assert!(is_draft(&draft), "{draft:?} {ended:?}");
        assert_eq!(fs::metadata(&draft).unwrap().permissions().mode() & 0o777, 0o600);
        if name == "TERM" {
            let told = format!("no backup was made: it was interrupted. What was written stays in {}", draft.display());
            assert!(ended.status == Some(1) && ended.stderr.contains(&told), "{ended:?}");
        } else {
            assert_eq!(ended.status, None, "{ended:?}");
        }
        let mut server = Server::start(database.url(), &stopped.storage.settings()).await;
        let ada = server.log_in("ada").await;
        ada.write(&stopped.room, "said afterwards").await.expect(303);
        server.stop().await;
        let resumed = run(database.folder(), &[&arguments[..], &["--resume", "--json"]].concat(), &settings, "").await;
        assert_eq!(resumed.status, Some(0), "{resumed:?}");
        let made = said(&resumed);
        assert_eq!((&made["files"], &made["files_already"], &made["left_out"]), (&json!(3), &json!(already), &json!([])));
        // It is called after the moment that it holds.
        let archive = only(&folder);
        assert_eq!(Some(text(&archive)), made["to"].as_str());
        let moment =
            draft.file_name().unwrap().to_str().unwrap().trim_start_matches(".parlor-backup-").trim_end_matches(".partial");
        assert_eq!(archive.file_name().unwrap().to_str(), Some(moment));
        let verified = verify(&archive, database.folder()).await;
        assert_eq!((verified.status, &said(&verified)["problems"]), (Some(0), &json!([])), "{verified:?}");
        for kind in kinds() {
            let copy = empty(kind).await;
            let (restored, files) = restore(&archive, &copy).await;
            assert_eq!((restored.status, &said(&restored)["files"]), (Some(0), &json!(3)), "{restored:?}");
            assert_eq!(copy.rows("messages").await.len(), messages);
            let settings = [("DATABASE_URL", copy.url()), ("FILES_URL", &*files)];
            let checked = run(copy.folder(), &["files", "check", "--content"], &settings, "").await;
            assert_eq!(checked.status, Some(0), "{checked:?}");
            copy.discard().await;
        }
        fs::remove_file(archive).unwrap();
    }
}

#[apply(once)]
async fn a_draft_is_gone_on_with_as_often_as_it_takes_and_as_far_as_it_is_good(database: &Database) {
    let stopped = Stopped::with_files(database, 4, 1000).await;
    let settings = stopped.settings(database);
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    let begin = ["backup", text(&folder), "--files"];
    let resume = [&begin[..], &["--resume", "--json"]].concat();
    let go_on = async |settings: &[(&str, &str)]| run(database.folder(), &resume, settings, "").await;
    let none = go_on(&settings).await;
    assert!(none.status == Some(1) && none.stderr.contains("there is no draft of a backup for"), "{none:?}");
    let without = run(database.folder(), &["backup", text(&folder), "--resume"], &settings, "").await;
    assert!(without.status == Some(2) && without.stderr.contains("--files"), "{without:?}");
    // Interrupted, and then cut off from its files.
    let interrupted = stopped.stopped_after(1, database, &begin, async |child| signal("INT", child).await).await;
    assert!(interrupted.stderr.contains("What was written stays in"), "{interrupted:?}");
    // As if it had been begun a year ago: what is begun anew in the same second has the same name, and replaces it.
    let draft = folder.join(".parlor-backup-parlor-20251122T084714Z.tar.gz.partial");
    fs::rename(only(&folder), &draft).unwrap();
    let one = fs::read(&draft).unwrap();
    let away = stopped.stopped_after(1, database, &resume, async |_| stopped.storage.stop()).await;
    stopped.storage.start_again().await;
    assert!(away.status == Some(1) && away.stderr.contains("FILES_URL") && away.stderr.contains("--resume"), "{away:?}");
    let two = fs::read(&draft).unwrap();
    assert!(is_draft(&draft) && two.len() > one.len() && two.starts_with(&one));

    // Of another database, while somebody writes it, or with rows that are damaged, it is refused, and stays.
    let other = format!("sqlite://{}", database.folder().join("other.db").display());
    let others = [&stopped.storage.settings()[..], &[("DATABASE_URL", &*other)]].concat();
    assert_eq!(run(database.folder(), &["migrate"], &others, "").await.status, Some(0));
    let refused = go_on(&others).await;
    assert!(refused.status == Some(1) && refused.stderr.contains("it is of another database"), "{refused:?}");
    assert!(!refused.stderr.contains("--resume"), "{refused:?}");
    let locked = fs::File::open(&draft).unwrap();
    locked.lock().unwrap();
    let refused = go_on(&settings).await;
    assert!(refused.status == Some(1) && refused.stderr.contains("somebody is writing it"), "{refused:?}");
    drop(locked);
    let mut damaged = two.clone();
    damaged[100] ^= 0x10;
    fs::write(&draft, &damaged).unwrap();
    let refused = go_on(&settings).await;
    assert!(refused.status == Some(1) && refused.stderr.contains("Delete it, and begin anew"), "{refused:?}");
    assert_eq!((fs::read(&draft).unwrap(), only(&folder)), (damaged, draft.clone()));

    // Whoever begins anew is told of it, and it stays.
    fs::write(&draft, &two).unwrap();
    let anew = run(database.folder(), &[&begin[..], &["--json"]].concat(), &settings, "").await;
    assert!(anew.status == Some(0) && anew.stderr.contains(&format!("{} is the draft", draft.display())), "{anew:?}");
    fs::remove_file(said(&anew)["to"].as_str().unwrap()).unwrap();
    assert_eq!(fs::read(only(&folder)).unwrap(), two);

    // Without its last piece, which is damaged, it is good.
    let mut damaged = two.clone();
    damaged[two.len() - 200] ^= 0x10;
    fs::write(&draft, &damaged).unwrap();
    let resumed = go_on(&settings).await;
    assert_eq!(resumed.status, Some(0), "{resumed:?}");
    assert_eq!((&said(&resumed)["files"], &said(&resumed)["files_already"]), (&json!(4), &json!(1)));
    let archive = only(&folder);
    assert_eq!(verify(&archive, database.folder()).await.status, Some(0));
    others_can_read(&archive, 4).await;
    // A person reads of which moment it is.
    fs::remove_file(&archive).unwrap();
    fs::write(&draft, &two).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
    let plain = run(database.folder(), &[&begin[..], &["--resume"]].concat(), &settings, "").await;
    assert!(plain.stdout.contains("when it was begun; 2 of its files were in the draft"), "{plain:?}");
}

/// Programs that know nothing of pieces unpack an archive as one.
async fn others_can_read(archive: &Path, files: usize) {
    let to = archive.with_file_name("unpacked");
    fs::create_dir(&to).unwrap();
    let tar = Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(&to).status().await.expect("it is on every machine");
    assert!(tar.success());
    assert!(to.join("manifest.json").exists() && to.join("tables/users/000001.jsonl").exists());
    assert_eq!(objects(&to.join("files")).len(), files);
    let all = objects(&to).len();
    fs::remove_dir_all(to).unwrap();
    if on_path("python3").is_some() {
        let script = "import sys, tarfile; print(sum(1 for one in tarfile.open(sys.argv[1]) if one.isfile()))";
        let python = Command::new("python3").args(["-c", script]).arg(archive).output().await.expect("it is here");
        assert_eq!(String::from_utf8_lossy(&python.stdout).trim(), all.to_string(), "{python:?}");
    }
}

/// A file that somebody deletes before the backup goes on is listed, as one that is deleted while it is made.
#[apply(once)]
async fn what_is_deleted_before_it_goes_on_is_left_out(database: &Database) {
    let stopped = Stopped::with_files(database, 2, 1000).await;
    let settings = stopped.settings(database);
    let to = database.folder().join("monday.tar.gz");
    let begin = ["backup", text(&to), "--files"];
    stopped.stopped_after(1, database, &begin, async |child| signal("TERM", child).await).await;
    assert!(!to.exists() && database.folder().join(".parlor-backup-monday.tar.gz.partial").exists());
    let mut server = Server::start(database.url(), &stopped.storage.settings()).await;
    let ada = server.log_in("ada").await;
    for row in database.query("select seq from files where room_id is not null").await {
        ada.post(&format!("/rooms/{}/{}/delete", stopped.room, row["seq"]), &[("", "")]).await.expect(303);
    }
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !objects(&stopped.storage.folder().join("blobs")).is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the files stay");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.stop().await;
    let resumed = run(database.folder(), &[&begin[..], &["--resume", "--json"]].concat(), &settings, "").await;
    assert_eq!(resumed.status, Some(3), "{resumed:?}");
    let made = said(&resumed);
    assert_eq!((&made["files"], &made["files_already"]), (&json!(1), &json!(1)));
    let left_out = made["left_out"].as_array().expect("a list");
    assert!(left_out.len() == 1 && left_out[0].as_str().is_some_and(|told| told.ends_with("was deleted meanwhile")), "{made}");
    let verified = verify(&to, database.folder()).await;
    assert_eq!((verified.status, &said(&verified)["problems"]), (Some(3), &json!([])), "{verified:?}");
}
