//! A server that is killed right before each of the system calls with which it stores and deletes files.

use std::collections::BTreeSet;
use std::time::Duration;

use proof::infra::strace::Strace;
use reqwest::{Method, RequestBuilder};

use super::{form, objects};
use crate::both;
use crate::harness::database::Kind;
use crate::harness::process::{self, Process};
use crate::harness::programs::Program;
use crate::harness::{Answer, DEADLINE, Database, Person};

/// The calls, each with how often it goes well before the server is killed. What happens to rows happens at a commit: `fdatasync` on
/// SQLite, and in between on Postgres.
const STEPS: [(&str, u32); 5] = [("linkat", 2), ("fsync", 3), ("unlink", 3), ("mkdir", 2), ("fdatasync", 6)];

/// What somebody did, as far as it was acknowledged.
#[derive(Default)]
struct Diary {
    sent: Vec<(String, Vec<u8>)>,
    deleted: Vec<String>,
}

async fn ask(request: RequestBuilder) -> Option<Answer> {
    Answer::try_of(request).await.ok()
}

fn tus(person: &Person, method: Method, path: &str) -> RequestBuilder {
    person.request(method, path).header("tus-resumable", "1.0.0").header("origin", &person.site.origin)
}

/// Sends, uploads in parts, gives up and deletes; stops where the server does.
async fn busy(ada: &Person, room: &str, round: usize, diary: &mut Diary) -> Option<()> {
    let request = |content: &str| {
        let request = ada.request(Method::POST, &format!("/rooms/{room}/files")).header("accept", "application/json");
        request.header("origin", &ada.site.origin).multipart(form(&[("a.txt", content.as_bytes())]))
    };
    for content in [format!("stays {round}"), format!("goes {round}")] {
        let message = ask(request(&content)).await?.expect(201).json()["message"].clone();
        let url = message["attachments"][0]["url"].as_str().expect("an address").to_owned();
        if content.starts_with("stays") {
            diary.sent.push((url, content.into_bytes()));
        } else {
            let delete = ada.request(Method::POST, &format!("/rooms/{room}/{}/delete", message["seq"]));
            ask(delete.header("origin", &ada.site.origin).form(&[("", "")])).await?.expect(303);
            diary.deleted.push(url);
        }
    }
    for (is_whole, is_given_up) in [(true, true), (true, false), (false, true), (false, false)] {
        let path = ask(tus(ada, Method::POST, "/uploads").header("upload-length", 8)).await?.expect(201).location();
        for (offset, part) in [(0, format!("{:04}", round)), (4, format!("{is_whole:.4}"))] {
            if offset == 0 || is_whole {
                let patch = tus(ada, Method::PATCH, &path).header("upload-offset", offset);
                ask(patch.header("content-type", "application/offset+octet-stream").body(part)).await?.expect(204);
            }
        }
        if is_given_up {
            ask(tus(ada, Method::DELETE, &path)).await?.expect(204);
        }
    }
    Some(())
}

/// Waits until there is nothing to do any more, or nobody who does it.
async fn until_settled(database: &Database, server: Option<&Person>) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !database.query("select id from jobs").await.is_empty() {
        if let Some(ada) = server
            && ask(ada.request(Method::GET, "/healthz")).await.is_none()
        {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{:?} are still to be done", database.rows("jobs").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn kills(server: &Process, call: &str, nth: u32) -> Option<Strace> {
    let (process, trace) = (server.id().to_string(), format!("trace={call}"));
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    Strace::attach(&["-f", "-e", &trace, "-e", &inject, "-p", &process, "-o", "/dev/null"]).await
}

#[apply(both)]
async fn wherever_the_server_is_killed_nothing_dangles(database: &Database) {
    if !Program::Strace.is_here_or_may_be_missing() {
        println!("left out: strace is not on this machine");
        return;
    }
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let listen = server.address.to_string();
    let settings = [("LISTEN", &*listen)];
    let ada = server.register("ada").await;
    let room = ada.create_room("Files", "private").await;
    let (mut diary, mut kills_at) = (Diary::default(), BTreeSet::new());
    let steps = STEPS.iter().filter(|(call, _)| database.kind == Kind::Sqlite || *call != "fdatasync");
    let steps = steps.flat_map(|(call, most)| (1..=*most).map(move |nth| (*call, nth)));
    for (round, (call, nth)) in steps.enumerate() {
        let Some(strace) = kills(&server, call, nth).await else {
            println!("left out: this machine lets nobody trace a running process");
            return;
        };
        busy(&ada, &room, round, &mut diary).await;
        until_settled(database, Some(&ada)).await;
        if ask(ada.request(Method::GET, "/healthz")).await.is_none() {
            kills_at.insert(call);
        }
        drop(strace);
        server.kill().await;
        server = process::start(database.folder(), database.url(), &settings).await;
    }
    assert!(kills_at.len() >= 3, "killed at {kills_at:?} only: this proves little");
    // What nobody took expires, and so does what the kills left held.
    database.run("update files set expires_at = 1 where expires_at is not null").await;
    database.run("update blobs set held_until = 1 where held_until > 0").await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !database.query("select id from files where expires_at is not null").await.is_empty()
        || !database.query("select hash from blobs where held_until > 0").await.is_empty()
    {
        assert!(tokio::time::Instant::now() < deadline, "something does not expire");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    database.run("update jobs set due_at = 0, claimed_until = 0").await;
    until_settled(database, None).await;
    for (url, content) in &diary.sent {
        assert!(ada.get(url).await.expect(200).body.as_bytes() == content, "other bytes came back");
    }
    for url in &diary.deleted {
        ada.get(url).await.expect(404);
    }
    let folder = database.folder().join("parlor-files");
    assert_eq!(objects(&folder.join("uploads")), Vec::<String>::new(), "parts of uploads that are gone");
    let stored: BTreeSet<String> =
        objects(&folder.join("blobs")).iter().map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect();
    let column = |rows: Vec<serde_json::Value>| -> BTreeSet<String> {
        rows.iter().map(|row| row["hash"].as_str().expect("a hash").to_owned()).collect()
    };
    assert_eq!(column(database.rows("blobs").await), stored, "what is known, and what is there");
    assert_eq!(column(database.rows("files").await), stored, "what is referred to, and what is there");
    // A message has each of them.
    assert_eq!(database.query("select id from files where room_id is null").await.len(), 0);
    server.kill().await;
}
