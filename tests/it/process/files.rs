//! The files that the program makes: nobody else reads them, and what was deleted is in none of them.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::harness::Database;
use crate::harness::process::{self, PROGRAM, Process};
use crate::harness::programs::{self, Program};
use crate::harness::site::PASSWORD;
use crate::once;

/// So many letters do not come together by chance.
const PART: usize = 9;

fn mode(path: &Path) -> u32 {
    path.metadata().expect("it is there").permissions().mode() & 0o777
}

/// Every file in a folder, with what it holds.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    // One that goes while we look holds nothing.
    entries.filter_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes))).collect()
}

/// Words that have nothing in common, so that the index of search keeps each whole.
fn word(number: u64) -> String {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..2 * PART)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'a' + (state % 26) as u8)
        })
        .collect()
}

/// Which of these words stand in a file, whole or by half.
fn found(folder: &Path, words: &[String]) -> BTreeSet<String> {
    let parts: HashSet<&[u8]> = words.iter().flat_map(|word| [&word[..PART], &word[PART..]]).map(str::as_bytes).collect();
    // Most places in a file are none where a part begins: their first letters tell.
    let begins: HashSet<[u8; 4]> = parts.iter().map(|part| [part[0], part[1], part[2], part[3]]).collect();
    let mut found = BTreeSet::new();
    for (path, bytes) in files(folder) {
        let name = path.file_name().unwrap_or_default().display();
        for part in bytes.windows(PART).filter(|part| part[3].is_ascii_lowercase() && part[0].is_ascii_lowercase()) {
            if begins.contains(&part[..4]) && parts.contains(part) {
                found.insert(format!("{} in {name}", String::from_utf8_lossy(part)));
            }
        }
    }
    found
}

#[apply(once)]
async fn a_file_is_the_servers_own_from_its_first_byte(database: &Database) {
    if !Program::Strace.is_here_or_may_be_missing() {
        println!("left out: strace is not on this machine");
        return;
    }
    let strace = programs::on_path("strace").expect("the test asked whether it is here");
    let trace = database.folder().join("trace");
    let script = "umask 0; exec \"$@\"";
    let watched = [
        "-c",
        script,
        "sh",
        strace.to_str().expect("a plain path"),
        "-f",
        "-e",
        "trace=open,openat,openat2,creat,mkdir,mkdirat",
        "-o",
        trace.to_str().expect("a plain path"),
        PROGRAM,
    ];
    let mut server = Process::start(Path::new("sh"), &watched, database.folder(), database.url(), &[]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    ada.write("general", "something").await.expect(303);
    let modes: Vec<_> =
        ["", "-wal", "-shm", ".lock"].map(|end| mode(Path::new(&format!("{}{end}", database.file().display())))).into();
    assert_eq!(modes, [0o600; 4]);
    server.kill().await;
    let trace = fs::read_to_string(trace).expect("strace writes");
    let made: Vec<_> =
        trace.lines().filter(|line| line.contains("O_CREAT") || line.contains("creat(") || line.contains("mkdir")).collect();
    assert!(made.len() >= 3, "{trace}");
    for line in made {
        let mode = if line.contains("mkdir") { ", 0700" } else { ", 0600" };
        // A call of another thread may begin before this one ends.
        let ends = [")", " <unfinished"].map(|end| format!("{mode}{end}"));
        assert!(ends.iter().any(|end| line.contains(end)), "{line}");
    }
}

#[apply(once)]
async fn the_command_line_makes_files_that_are_its_own(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    let script = "umask 0; exec \"$@\"";
    let added = ["-c", script, "sh", PROGRAM, "user", "add", "ada"];
    let ended = proof::infra::process::run(Path::new("sh"), database.folder(), &added, &settings, PASSWORD).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for (path, _) in files(database.folder()) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[apply(once)]
async fn a_file_that_others_can_read_is_told_with_the_way_out_and_left_as_it_is(database: &Database) {
    let mut quiet = process::start(database.folder(), database.url(), &[]).await;
    assert!(!quiet.stderr().contains("chmod"), "{}", quiet.stderr());
    quiet.kill().await;
    let file = database.file();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("it is ours");
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let told = server.stderr();
    let line = told.lines().find(|line| line.contains("chmod 600 ")).unwrap_or_else(|| panic!("nothing is told: {told}"));
    assert!(line.contains(&file.display().to_string()) && !line.contains(".lock"), "{line}");
    assert_eq!(mode(&file), 0o640, "an operator may have meant it");
    server.kill().await;
    // What the line says, done.
    let command = line.split_once("chmod").expect("it was found").1;
    let done = std::process::Command::new("sh").args(["-c", &format!("chmod{command}")]).status().expect("a shell");
    assert!(done.success());
    let server = process::start(database.folder(), database.url(), &[]).await;
    assert!(!server.stderr().contains("chmod"), "{}", server.stderr());
}

#[apply(once)]
async fn what_was_deleted_is_in_no_file_within_a_minute(database: &Database) {
    let folder = database.folder();
    let server = process::start(folder, database.url(), &[]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let (mut gone, mut kept, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..90_u64 {
        let words: Vec<_> = (0..[2, 20, 200][(number % 3) as usize]).map(|nth| word(number * 1_000 + nth)).collect();
        let said = socket.post("general", &words.join(" "), &format!("n{number}")).await;
        if number % 2 == 0 {
            gone.extend(words);
            seqs.push(said["seq"].clone());
        } else {
            kept.extend(words);
        }
        if number % 20 == 0 {
            // Older words are words of the message, too.
            let last = word(number * 1_000 + 999);
            socket.ok("edit", json!({ "room": "general", "seq": said["seq"], "body": last })).await;
            gone.push(last);
        }
        if number % 25 == 0 {
            ada.get_json("/search?q=nothing").await.expect(200);
        }
    }
    ada.get_json("/search?q=nothing").await.expect(200);
    assert!(!found(folder, &gone).is_empty());
    for seq in seqs {
        socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    }
    let mut left = found(folder, &gone);
    let within = async {
        // The log is looked after every ten seconds.
        let mut again = tokio::time::interval(Duration::from_millis(500));
        while !left.is_empty() {
            again.tick().await;
            left = found(folder, &gone);
        }
    };
    if tokio::time::timeout(Duration::from_secs(75), within).await.is_err() {
        panic!("{} are left: {:#?}", left.len(), left.iter().take(20).collect::<Vec<_>>());
    }
    assert!(!found(folder, &kept).is_empty(), "the test would see nothing");
    assert!(ada.get("/rooms/general").await.expect(200).body.contains(&kept[kept.len() - 1]));
}
