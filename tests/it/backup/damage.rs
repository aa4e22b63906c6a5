//! What is no backup, or no whole one, is refused, and leaves nothing behind.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use proof::infra::process::command;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{Origin, empty, kinds, restore, text, verify};
use crate::files::{objects, send_one};
use crate::harness::process::{Ended, PROGRAM, limited, run};
use crate::harness::{Database, Kind, Server, history};
use crate::{both, once};

/// A server's backup with a file in it.
async fn archive(database: &Database) -> PathBuf {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    send_one(&ada, &room, "noise.bin", &noise(300_000)).await;
    origin.server.stop().await;
    origin.back_up(database, "backup.tar.gz").await
}

/// Bytes that do not get smaller.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tar with these members.
pub(super) fn tar(path: &Path, members: &[(&str, &[u8])]) {
    let out = GzEncoder::new(fs::File::create(path).expect("a new file"), Compression::fast());
    let mut archive = tar::Builder::new(out);
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, *content).expect("it can be written");
    }
    archive.into_inner().and_then(GzEncoder::finish).expect("it can be written");
}

/// A member's name and content.
type Member = (String, Vec<u8>);

/// The members of a backup.
pub(super) fn members(path: &Path) -> Vec<Member> {
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(fs::File::open(path).expect("it is there")));
    let entries = archive.entries().expect("a tar");
    let read = entries.map(|entry| {
        let mut entry = entry.expect("a member");
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("it can be read");
        (String::from_utf8(entry.path_bytes().into_owned()).expect("a plain name"), content)
    });
    read.collect()
}

/// Nothing accepts it, and nothing is left: no database, no file, no object.
async fn is_refused(path: &Path, why: &str) {
    is_refused_by(&[Kind::Sqlite], path, why).await;
}

async fn is_refused_by(kinds: &[Kind], path: &Path, why: &str) {
    for &kind in kinds {
        let target = empty(kind).await;
        let (refused, _) = restore(path, &target).await;
        assert!(refused.status == Some(1) && refused.stderr.contains(why), "{}: {refused:?}", path.display());
        assert_eq!(objects(&target.folder().join("restored-files")), Vec::<String>::new(), "{}", path.display());
        if kind == Kind::Sqlite {
            let left: Vec<_> = objects(target.folder());
            assert!(left.is_empty(), "{left:?}");
        } else {
            let tables =
                target.query("select table_name from information_schema.tables where table_schema = current_schema()").await;
            if !tables.is_empty() {
                assert!(target.rows("users").await.is_empty() && target.rows("messages").await.is_empty());
            }
        }
        target.discard().await;
    }
    let folder = path.parent().expect("it is in a folder");
    let verified = verify(path, folder).await;
    assert!(verified.status == Some(1) && verified.stderr.contains(why), "{}: {verified:?}", path.display());
}

#[apply(once)]
async fn a_damaged_or_truncated_backup_is_refused(database: &Database) {
    let whole = archive(database).await;
    let bytes = fs::read(&whole).expect("it was made");
    let path = database.folder().join("broken.tar.gz");
    for share in [50, 99] {
        fs::write(&path, &bytes[..bytes.len() * share / 100]).unwrap();
        is_refused(&path, "the backup is damaged or incomplete").await;
    }
    // On Postgres, too: by then everything was loaded, and is not committed.
    fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    is_refused_by(&kinds(), &path, "the backup is damaged or incomplete").await;
    for place in [bytes.len() / 2, bytes.len() - 7] {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x10;
        fs::write(&path, flipped).unwrap();
        is_refused(&path, "the backup is damaged or incomplete").await;
    }
}

/// Somebody packed it again, and changed something: each member is what its checksum says, or the backup is refused.
#[apply(once)]
async fn a_backup_whose_members_were_changed_is_refused(database: &Database) {
    let whole = archive(database).await;
    let all = members(&whole);
    let path = database.folder().join("changed.tar.gz");
    let written = |change: &dyn Fn(&mut Vec<Member>)| {
        let mut members = all.clone();
        change(&mut members);
        tar(&path, &members.iter().map(|(name, content)| (&**name, &**content)).collect::<Vec<_>>());
    };
    let at = |part: &str| all.iter().position(|(name, _)| name.contains(part)).expect("such a member");
    let (users, file, last) = (at("tables/users/"), at("files/"), all.len() - 1);
    written(&|_| {});
    assert_eq!(verify(&path, database.folder()).await.status, Some(0), "unchanged, it is good");
    let damaged = "the backup is damaged or incomplete";
    written(&|members| {
        let text = String::from_utf8(members[users].1.clone()).unwrap();
        members[users].1 = text.replace("\"is_admin\":false", "\"is_admin\":true ").into_bytes();
    });
    is_refused(&path, damaged).await;
    written(&|members| members[file].1[100] ^= 1);
    is_refused(&path, damaged).await;
    written(&|members| drop(members.remove(users)));
    is_refused(&path, damaged).await;
    written(&|members| drop(members.remove(last)));
    is_refused(&path, "it ends before its manifest").await;
    written(&|members| members.push(("tables/users/000002.jsonl".into(), b"{}\n".to_vec())));
    is_refused(&path, damaged).await;
    written(&|members| members.insert(1, ("etc/passwd".into(), b"root".to_vec())));
    is_refused(&path, damaged).await;
    written(&|members| {
        let text = String::from_utf8(members[0].1.clone()).unwrap();
        members[0].1 = text.replace("\"version\": 2", "\"version\": 7").into_bytes();
    });
    is_refused(&path, "which is newer").await;
    // The first version, in one piece as this one is, can be read.
    written(&|members| {
        let text = String::from_utf8(members[0].1.clone()).unwrap();
        members[0].1 = text.replace("\"version\": 2", "\"version\": 1").into_bytes();
        let manifest = String::from_utf8(members[last].1.clone()).unwrap();
        let digest = |content: &[u8]| hex(&Sha256::digest(content));
        members[last].1 = manifest.replace(&digest(text.as_bytes()), &digest(&members[0].1)).into_bytes();
    });
    assert_eq!(verify(&path, database.folder()).await.status, Some(0));
}

/// Headers that say the name of the next member can be as long as somebody likes: they are not read.
#[apply(once)]
async fn a_backup_with_headers_of_other_tars_is_refused_before_they_are_read(database: &Database) {
    const CLAIMED: u64 = 20 << 30;
    let all = members(&archive(database).await);
    let path = database.folder().join("hostile.tar.gz");
    let hostile = |kind: tar::EntryType, at: usize| {
        let out = GzEncoder::new(fs::File::create(&path).expect("a new file"), Compression::fast());
        let mut archive = tar::Builder::new(out);
        for (name, content) in &all[..at] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, name, &content[..]).expect("it can be written");
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_path("a long name").expect("a name");
        header.set_size(CLAIMED);
        header.set_cksum();
        // The rest is missing: whoever looks for it says that instead.
        archive.append(&header, &[b'a'; 4096][..]).expect("it can be written");
        archive.into_inner().and_then(GzEncoder::finish).expect("it can be written");
    };
    for kind in [
        tar::EntryType::GNULongName,
        tar::EntryType::GNULongLink,
        tar::EntryType::XHeader,
        tar::EntryType::XGlobalHeader,
        tar::EntryType::GNUSparse,
        tar::EntryType::Symlink,
        tar::EntryType::Directory,
    ] {
        hostile(kind, 0);
        is_refused(&path, "this isn’t a backup of Parlor’s: it begins with").await;
        hostile(kind, 2);
        is_refused(&path, "the backup is damaged or incomplete: a long name is not a file").await;
    }
}

#[apply(once)]
async fn what_is_no_backup_is_refused(database: &Database) {
    let path = database.folder().join("foreign.tar.gz");
    let foreign = "this isn’t a backup of Parlor’s";
    fs::write(&path, "a letter to a friend").unwrap();
    is_refused(&path, foreign).await;
    fs::write(&path, "").unwrap();
    is_refused(&path, foreign).await;
    tar(&path, &[("export/users.json", b"[]")]);
    is_refused(&path, foreign).await;
    let mut out = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    out.write_all(&noise(5_000)).unwrap();
    out.finish().unwrap();
    is_refused(&path, foreign).await;
    fs::remove_file(&path).unwrap();
    // One that is not there is a wrong argument.
    let nowhere = verify(&path, database.folder()).await;
    assert!(nowhere.status == Some(2) && nowhere.stderr.contains("there is no backup there"), "{nowhere:?}");
}

#[apply(both)]
async fn a_full_disk_leaves_nothing_half_done(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    send_one(&ada, &room, "noise.bin", &noise(4_300_000)).await;
    origin.server.stop().await;
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*origin.files)];
    let Ended { status, stderr: said, .. } =
        limited(database.folder(), 1000, &["backup", text(&folder), "--files"], &settings).await;
    assert!(status == Some(1) && said.contains("no backup was made: can’t use"), "{said}");
    // There was room for the rows: once there is for the files, it goes on.
    let drafts = objects(&folder);
    assert!(drafts.len() == 1 && drafts[0].ends_with(".partial") && said.contains(&drafts[0]), "{drafts:?} {said}");
    // What was half-written takes no room.
    assert!(fs::metadata(folder.join(&drafts[0])).expect("it is there").len() < 500_000);
    let whole = run(database.folder(), &["backup", text(&folder), "--files", "--resume"], &settings, "").await;
    assert_eq!((whole.status, objects(&folder).len()), (Some(0), 1), "{whole:?}");
    // Without room for the rows, nothing stays.
    origin.server.start_again().await;
    let ada = origin.server.log_in("ada").await;
    for piece in noise(120_000).chunks(2000) {
        ada.write(&room, &hex(piece)).await.expect(303);
    }
    origin.server.stop().await;
    let rows = database.folder().join("rows");
    fs::create_dir(&rows).unwrap();
    let Ended { status, stderr: said, .. } =
        limited(database.folder(), 128, &["backup", text(&rows), "--files"], &settings).await;
    assert!(status == Some(1) && said.contains("no backup was made: can’t use") && !said.contains("--resume"), "{said}");
    assert_eq!(objects(&rows), Vec::<String>::new());

    let target = empty(Kind::Sqlite).await;
    let files = format!("file://{}", target.folder().join("restored-files").display());
    let settings = [("DATABASE_URL", target.url()), ("FILES_URL", &files)];
    // There is room for the rows, and not for the file.
    let Ended { status, stderr: said, .. } = limited(target.folder(), 4000, &["restore", text(&folder)], &settings).await;
    assert!(status == Some(1) && said.contains("nothing was restored"), "{said}");
    assert!(!said.contains("damaged"), "{said}");
    assert_eq!(objects(target.folder()), Vec::<String>::new());
    target.discard().await;
}

/// What fails behind the commit leaves everything there, and says which command finishes it.
#[apply(both)]
async fn a_restore_that_fails_behind_its_commit_says_that_everything_is_there(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    send_one(&ada, &room, "noise.bin", &noise(1_000)).await;
    origin.server.stop().await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    let target = Database::migrated(database.kind).await.expect("the test began on this kind of database");
    // Triggers are off while rows are loaded: this one refuses what the search index needs afterwards.
    let (refuse, relent) = match database.kind {
        Kind::Sqlite => (
            "create trigger refuse before update on meta when new.key = 'search_version' and new.value <> '0'
             begin select raise(abort, 'no'); end",
            "drop trigger refuse",
        ),
        Kind::Postgres => (
            "create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end';
             create trigger refuse before update on meta for each row when (new.key = 'search_version' and new.value <> '0')
             execute function refuse()",
            "drop trigger refuse on meta; drop function refuse()",
        ),
    };
    target.run(refuse).await;
    let (refused, files) = restore(&archive, &target).await;
    assert!(refused.status == Some(1) && refused.stderr.contains("parlor migrate finishes it"), "{refused:?}");
    assert!(!refused.stderr.contains("nothing was restored"), "{refused:?}");
    target.run(relent).await;
    let settings = [("DATABASE_URL", target.url()), ("FILES_URL", &*files)];
    let finished = run(target.folder(), &["migrate"], &settings, "").await;
    assert_eq!(finished.status, Some(0), "{finished:?}");
    let checked = run(target.folder(), &["files", "check"], &settings, "").await;
    assert_eq!(checked.status, Some(0), "{checked:?}");
    let mut server = Server::start(target.url(), &settings[1..]).await;
    let ada = server.log_in("ada").await;
    assert_eq!(history(&ada, &room).await.last().expect("a message")["attachments"][0]["name"], "noise.bin");
    server.stop().await;
    target.discard().await;
}

/// A check says how far it is, and leaves no copy of the messages behind when it is interrupted.
#[apply(once)]
async fn an_interrupted_check_leaves_no_scratch_database(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    ada.enter("general").await;
    for number in 0..20 {
        ada.write("general", &format!("message {number}")).await.expect(303);
    }
    origin.server.stop().await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    let scratch = database.folder().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let settings = [("TMPDIR", text(&scratch))];
    let whole = run(database.folder(), &["verify", text(&archive)], &settings, "").await;
    assert!(whole.status == Some(0) && whole.stderr.contains("check: 50%"), "{whole:?}");
    assert_eq!(objects(&scratch), Vec::<String>::new());
    for moment in ["index: 100%", "check: 10%", "check: 50%"] {
        let mut command = command(PROGRAM, database.folder(), &settings);
        let mut child = command.args(["verify", text(&archive)]).stdout(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut last = String::new();
        while let Some(line) = said.next_line().await.unwrap() {
            if line == moment {
                // It may have ended by itself.
                let id = child.id().expect("nobody has waited for it").to_string();
                Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status().await.unwrap();
            }
            last = line;
        }
        match child.wait().await.unwrap().code() {
            Some(1) => assert_eq!(last, "it was interrupted"),
            Some(0) => assert!(last.starts_with("check: "), "{last}"),
            other => panic!("{other:?}, {last}"),
        }
        assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "{moment}");
    }
}

/// A backup that is interrupted is whole or not there, and goes on with what is there.
#[apply(once)]
async fn an_interrupted_backup_is_whole_or_not_there(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for number in 0..20 {
        let mut content = noise(500_000);
        content[0] = number;
        send_one(&ada, &room, "noise.bin", &content).await;
    }
    origin.server.stop().await;
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*origin.files)];
    let mut command = command(PROGRAM, database.folder(), &settings);
    let mut child = command.args(["backup", text(&folder), "--files"]).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(line) = said.next_line().await.unwrap() {
        if line.starts_with("files: 10%") {
            let id = child.id().expect("it runs").to_string();
            assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        }
    }
    let status = child.wait().await.unwrap().code();
    let left = objects(&folder);
    assert!(left.len() == 1 && matches!(status, Some(0 | 1)), "{status:?} {left:?}");
    assert_eq!(left[0].ends_with(".partial"), status == Some(1), "{left:?}");
    if status == Some(1) {
        let resumed = run(database.folder(), &["backup", text(&folder), "--files", "--resume"], &settings, "").await;
        assert_eq!(resumed.status, Some(0), "{resumed:?}");
    }
    let left = objects(&folder);
    assert_eq!((left.len(), verify(Path::new(&left[0]), database.folder()).await.status), (1, Some(0)), "{left:?}");
}
