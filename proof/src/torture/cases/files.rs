//! Files under faults: a killed server, a full disk, uploads that nobody ends.
//!
//! Owns the check that neither a row without bytes nor bytes without a row is left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::RngExt;

use super::disk::Disk;
use crate::infra::process;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("files-kill9", Db::BOTH, 30, 4, |fixture, rounds| Box::pin(kill9(fixture, rounds)))
        .about("killed with SIGKILL while people send, delete and give up files: each file of an acknowledged message is whole, and nothing dangles"),
    Case::new("files-disk-full", Db::SQLITE, 3, 1, |fixture, rounds| Box::pin(disk_full(fixture, rounds)))
        .about("the storage is a small disk that fills up: files are refused clearly, messages and reads go on, and nothing is left of what was refused")
        .needs(&[Need::Root]),
    Case::new("files-abandoned", Db::SQLITE, 10_000, 500, |fixture, uploads| Box::pin(abandoned(fixture, uploads)))
        .about("10,000 uploads are begun and left: at most 64 MiB more memory, pages as fast as before, and all bytes go when they expire"),
];

/// A file of a message that was acknowledged.
struct Sent {
    seq: i64,
    url: String,
    content: Vec<u8>,
}

/// What somebody did, as far as it was acknowledged.
#[derive(Default)]
struct Diary {
    sent: Vec<Sent>,
    deleted: Vec<String>,
    /// Whose deletion was under way: either is right.
    unsure: Vec<String>,
}

/// The request of a message with one file.
pub(super) fn message(person: &Person, room: &str, content: &[u8]) -> reqwest::RequestBuilder {
    const BOUNDARY: &str = "a-boundary-of-tests";
    let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n");
    let body = [head.as_bytes(), content, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    let request = person.request(Method::POST, &format!("/rooms/{room}/files")).header("accept", "application/json");
    request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}")).body(body)
}

fn tus(person: &Person, method: Method, path: &str) -> reqwest::RequestBuilder {
    person.request(method, path).header("tus-resumable", "1.0.0")
}

/// Begins an upload and sends a part of it; its path, if that worked.
async fn begin(person: &Person, bytes: usize, part: &[u8]) -> Option<String> {
    let begun = tus(person, Method::POST, "/uploads").header("upload-length", bytes).send().await.ok()?;
    let path = begun.headers().get("location")?.to_str().ok()?.to_owned();
    let patch = tus(person, Method::PATCH, &path).header("upload-offset", 0);
    let patch = patch.header("content-type", "application/offset+octet-stream").body(part.to_vec()).send().await.ok()?;
    (patch.status() == 204).then_some(path)
}

/// Bytes that differ each time, or, now and then, some that others have too.
fn content() -> Vec<u8> {
    let mut random = rand::rng();
    let size = if random.random_bool(0.1) { 300_000 } else { random.random_range(1..20_000) };
    match random.random_range(0..4) {
        0 => vec![random.random_range(0..3); 1_000],
        _ => (0..size).map(|_| random.random()).collect(),
    }
}

/// Sends, deletes and gives up files until it is told to stop.
async fn busy(person: Person, room: String, is_over: Arc<AtomicBool>) -> Diary {
    let mut diary = Diary::default();
    while !is_over.load(Ordering::Acquire) {
        // A server that is down refuses at once.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let deed = rand::rng().random_range(0..6);
        match deed {
            0..3 => {
                let content = content();
                let Ok(answer) = Answer::try_of(message(&person, &room, &content)).await else { continue };
                if answer.status == 201 {
                    let sent = &answer.json()["message"];
                    let url = sent["attachments"][0]["url"].as_str().expect("a file has an address").to_owned();
                    diary.sent.push(Sent { seq: sent["seq"].as_i64().expect("a number"), url, content });
                }
            }
            3 => {
                let (part, is_given_up) = (content(), rand::rng().random_bool(0.5));
                if let Some(path) = begin(&person, 400_000, &part).await
                    && is_given_up
                {
                    tus(&person, Method::DELETE, &path).send().await.ok();
                }
            }
            _ => {
                let Some(sent) = diary.sent.pop() else { continue };
                let request = person.form(&format!("/rooms/{room}/{}/delete", sent.seq), &[]);
                match Answer::try_of(request).await {
                    Ok(answer) if answer.status == 303 => diary.deleted.push(sent.url),
                    _ => diary.unsure.push(sent.url),
                }
            }
        }
    }
    diary
}

async fn kill9(fixture: Fixture, rounds: u32) -> CaseResult {
    const PEOPLE: usize = 4;
    let mut server = fixture.start(&[]).await;
    let address = server.address;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut people = Vec::new();
    let mut working = Vec::new();
    for n in 0..PEOPLE {
        let person = server.register(&format!("sender{n}")).await;
        let room = person.create_room(&format!("Files {n}"), "private").await;
        working.push(tokio::spawn(busy(person.clone(), room, is_over.clone())));
        people.push(person);
    }
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        let moment = Duration::from_millis(rand::rng().random_range(50..800));
        // At a random moment: this does not wait for a result.
        tokio::time::sleep(moment).await;
        server.kill().await;
        let (again, recovery) = fixture.start_again(address, &[]).await;
        server = again;
        outcome.recovered(recovery);
    }
    is_over.store(true, Ordering::Release);
    let (mut sent, mut deleted, mut unsure) = (0, 0, 0);
    for (person, diary) in people.iter().zip(join_all(working).await) {
        let diary = diary.expect("nobody panics");
        for file in &diary.sent {
            let answer = person.request(Method::GET, &file.url).send().await.expect("the server runs");
            assert_eq!(answer.status(), 200, "a file of an acknowledged message is gone");
            assert!(answer.bytes().await.expect("a body") == file.content, "a file has other bytes");
        }
        for url in &diary.deleted {
            person.get(url).await.expect(404);
        }
        sent += diary.sent.len();
        deleted += diary.deleted.len();
        unsure += diary.unsure.len();
    }
    assert!(sent > 0 && deleted > 0, "next to nothing was sent: this proves little");
    server.kill().await;
    // As if an hour had passed: on Postgres, what a killed server had claimed or held is for other nodes only after its time.
    for passed in ["update jobs set claimed_until = 0, due_at = 0", "update blobs set held_until = 1 where held_until > 0"] {
        fixture.change(passed).await;
    }
    let (mut server, _) = fixture.start_again(address, &[]).await;
    until_settled(&fixture).await;
    server.kill().await;
    nothing_dangles(&fixture, &[]).await;
    outcome.note(format_args!(
        "{sent} files are whole, {deleted} were deleted, {unsure} were being deleted at a kill; nothing dangles"
    ));
    Ok(outcome)
}

/// Waits until all jobs are done that delete bytes, also those of holds that ended (the server marks them with 1).
async fn until_settled(fixture: &Fixture) {
    const LEFT: &str = "select (select count(*) from jobs) + (select count(*) from blobs where held_until = 1)";
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        let left = fixture.count(LEFT).await;
        if left == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{left} jobs and blobs still wait for the end of a deletion");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Compares the database with the storage.
async fn nothing_dangles(fixture: &Fixture, settings: &[(&str, &str)]) {
    // What is young is not looked at, because a server may be writing it.
    age(&fixture.folder().join("parlor-files"));
    let mut all = vec![("DATABASE_URL", fixture.url())];
    all.extend(settings);
    let checked = process::run(&fixture.program, fixture.folder(), &["files", "check", "--content"], &all, "").await;
    assert_eq!(checked.status, Some(0), "{}\n{}", checked.stdout, checked.stderr);
}

/// Makes all files of a folder two hours old.
fn age(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            age(&path);
        } else if let Ok(file) = std::fs::File::options().write(true).open(&path) {
            let made_at = file.metadata().and_then(|about| about.modified()).expect("our own file");
            file.set_modified(made_at - Duration::from_secs(7_200)).expect("our own file");
        }
    }
}

async fn disk_full(fixture: Fixture, rounds: u32) -> CaseResult {
    /// More than what a disk keeps free, and a little.
    const SMALL: u64 = 150 << 20;
    let Some(disk) = Disk::mount(fixture.folder().join("small"), SMALL) else {
        return Err(NotRun("no file system can be mounted here".to_owned()));
    };
    let url = format!("file://{}", disk.folder.display());
    let server = fixture.start(&[("FILES_URL", &url)]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Files", "private").await;
    let kept = Answer::of(message(&ada, &room, b"before")).await;
    let kept = kept.expect(201).json()["message"]["attachments"][0]["url"].as_str().expect("an address").to_owned();
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        // Eight at once are more than the disk: some fail while they are written.
        let large: Vec<_> = (0..8u8).map(|n| vec![n ^ round as u8; 16 << 20]).collect();
        let answers = join_all(large.iter().map(|content| Answer::of(message(&ada, &room, content).timeout(3 * DEADLINE)))).await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert!(statuses.contains(&507) && statuses.iter().all(|status| matches!(status, 201 | 507)), "{statuses:?}");
        let refused = answers.iter().find(|answer| answer.status == 507).expect("one was refused").json();
        assert_eq!(refused["error"]["code"], "unavailable");
        assert_eq!(ada.get(&kept).await.expect(200).body, "before");
        ada.write(&room, "only words").await.expect(303);
        let sent = answers.iter().filter(|answer| answer.status == 201);
        for seq in sent.map(|answer| answer.json()["message"]["seq"].clone()) {
            ada.post(&format!("/rooms/{room}/{seq}/delete"), &[]).await.expect(303);
        }
        until_settled(&fixture).await;
        outcome.note(format_args!("round {round}: {statuses:?}"));
    }
    Answer::of(message(&ada, &room, b"after")).await.expect(201);
    until_settled(&fixture).await;
    let left: u64 = disk_usage(&disk.folder);
    assert!(left < 1 << 20, "{left} bytes are left of what was refused or deleted");
    drop(server);
    nothing_dangles(&fixture, &[("FILES_URL", &url)]).await;
    Ok(outcome)
}

fn disk_usage(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.map(|path| if path.is_dir() { disk_usage(&path) } else { path.metadata().map_or(0, |about| about.len()) }).sum()
}

async fn abandoned(fixture: Fixture, uploads: u32) -> CaseResult {
    /// What one person may begin.
    const EACH: u32 = 100;
    let server = fixture.start(&[]).await;
    let reader = server.register("reader").await;
    let mut people = Vec::new();
    for n in 0..uploads.div_ceil(EACH) {
        people.push(server.register(&format!("sender{n}")).await);
    }
    let before = server.stats();
    let mut slowest = Duration::ZERO;
    let (begun, peak) = peak_during(&server, async {
        let mut begun = 0;
        for four in people.chunks(4) {
            let each = four.iter().map(async |person| {
                let mut begun = 0;
                for _ in 0..EACH {
                    begun += u32::from(begin(person, 1 << 20, &[7; 1_000]).await.is_some());
                }
                assert!(begin(person, 1 << 20, &[7; 1_000]).await.is_none(), "more uploads than one person may have");
                begun
            });
            begun += join_all(each).await.into_iter().sum::<u32>();
            let asked = Instant::now();
            reader.get("/rooms").await.expect(200);
            slowest = slowest.max(asked.elapsed());
        }
        begun
    })
    .await;
    assert_eq!(begun, people.len() as u32 * EACH);
    let growth = peak.memory.saturating_sub(before.memory) >> 20;
    assert!(growth < 64, "{growth} MiB more memory");
    fixture.change("update files set expires_at = 1").await;
    let began = Instant::now();
    let folder = fixture.folder().join("parlor-files/uploads");
    while disk_usage(&folder) > 0 {
        assert!(began.elapsed() < Duration::from_secs(600), "bytes of abandoned uploads stay");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let took = began.elapsed();
    until_settled(&fixture).await;
    drop(server);
    nothing_dangles(&fixture, &[]).await;
    let mut outcome = Outcome::default();
    outcome.note(format_args!("{begun} uploads: {growth} MiB more memory, the slowest page meanwhile {slowest:?}, their bytes gone {took:?} after they expired"));
    Ok(outcome)
}
