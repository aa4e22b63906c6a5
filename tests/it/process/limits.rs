//! The machine's own limits: a full disk, no descriptors left, and everybody at the door at once.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::process::{PROGRAM, Process};
use crate::harness::{Answer, DEADLINE, Database, Load};
use crate::{both, once};

/// The server with a limit of the shell's. A file that may not grow fails as a full disk does, and not with a signal.
async fn limited(database: &Database, limit: &str) -> Process {
    let script = format!("trap '' XFSZ; ulimit -S {limit} && exec \"$1\"");
    Process::start(Path::new("sh"), &["-c", &script, "sh", PROGRAM], database.folder(), database.url(), &[]).await
}

#[apply(once)]
async fn when_the_disk_is_full_posts_fail_clearly_reads_go_on_and_it_recovers(database: &Database) {
    // In blocks of 512 or of 1,024 bytes, as the shell likes: some megabytes.
    let server = limited(database, "-f 8000").await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let body = "x".repeat(7_000);
    let (mut acknowledged, mut refused) = (0, 0);
    for number in 0..1_000 {
        let post = json!({ "room": "general", "body": body, "nonce": format!("n{number}") });
        let answer = socket.ask("message", post).await;
        if answer["ok"] == json!(true) {
            acknowledged += 1;
        } else {
            assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
            refused += 1;
            if refused == 10 {
                break;
            }
        }
    }
    assert_eq!(refused, 10, "it never filled");
    assert!(acknowledged > 0);
    ada.get("/rooms/general").await.expect(200);
    let history = socket.ok("history", json!({ "room": "general" })).await;
    assert_eq!(history["messages"].as_array().map(Vec::len), Some((acknowledged + 1).min(50)));
    // Room is made.
    let raised = Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid", &server.id().to_string()])
        .stderr(Stdio::null())
        .status()
        .await;
    if !raised.is_ok_and(|status| status.success()) {
        println!("left out: the recovery, because prlimit is not on this machine");
        return;
    }
    for number in 0..20 {
        socket.post("general", "room again", &format!("again-{number}")).await;
    }
    let rows = database.query("select seq from messages where kind = 'text'").await;
    assert_eq!(rows.len(), acknowledged + 20);
    database.check_rooms().await;
}

#[apply(both)]
async fn when_descriptors_run_out_it_goes_on_once_there_are_some_again(database: &Database) {
    const DESCRIPTORS: usize = 256;
    let server = limited(database, &format!("-n {DESCRIPTORS}")).await;
    let mut load = Load::gather(&server, 2).await;
    let (witness, room) = load.witness();
    load.during(async {
        let (socket, _) = witness.join(&room).await;
        socket.first(20, "message").await;
        let mut held = Vec::new();
        for _ in 0..400 {
            // The system accepts connections for the server, up to its backlog.
            match timeout(Duration::from_millis(200), TcpStream::connect(server.address)).await {
                Ok(Ok(stream)) => held.push(stream),
                _ => break,
            }
        }
        // Until the server has taken as many of them as it can.
        let taking = async {
            while server.stats().descriptors < DESCRIPTORS - 8 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(DEADLINE, taking).await.unwrap_or_else(|_| panic!("{} of {} connections", server.stats(), held.len()));
        // Those who are connected go on.
        let heard = socket.peek_at("message").len();
        socket.first(heard + 20, "message").await;
    })
    .await;
    let trying = async {
        while Answer::try_of(server.stranger().request(reqwest::Method::GET, "/healthz")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, trying).await.expect("it takes connections again");
    database.check(&mut load).await;
}

/// The system lets people in up to a number, for the server to find when it looks. Who comes behind that is turned away without a
/// word or, worse, takes themselves for connected, and the server will never know of them.
#[apply(once)]
async fn who_comes_while_the_server_is_busy_is_served_when_it_looks(database: &Database) {
    let server = Process::start(Path::new(PROGRAM), &[], database.folder(), database.url(), &[]).await;
    server.signal("STOP").await;
    let waiting = timeout(DEADLINE, try_join_all((0..500).map(|_| TcpStream::connect(server.address)))).await;
    server.signal("CONT").await;
    let waiting = waiting.expect("there is room for all of them").expect("nobody is refused");
    let answers = waiting.into_iter().map(|mut stream| async move {
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map(|_| answer)
    });
    let answers = timeout(DEADLINE, try_join_all(answers)).await.expect("all of them are answered").expect("nobody is cut off");
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.0 200")), "{answers:?}");
}
