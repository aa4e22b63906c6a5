//! `parlor post` and `parlor tail`, and the examples in the documentation, as other processes.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::accounts::tokens::secret;
use crate::harness::programs::Program;
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{DEADLINE, Database, Person, Server, TestApp};
use crate::{both, once};

/// Somebody in `general` with a token.
async fn somebody(app: &TestApp, username: &str) -> (Person, String) {
    let person = app.register(username).await;
    person.enter("general").await;
    let secret = secret(&person, "write").await;
    (person, secret)
}

fn command(app: &TestApp, program: &str, token: &str, arguments: &[&str]) -> Command {
    command_for(app, &app.database, program, token, arguments)
}

fn command_for(server: &Server, database: &Database, program: &str, token: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("PARLOR_URL", &server.origin).env("PARLOR_TOKEN", token).kill_on_drop(true);
    command.current_dir(database.folder()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn parlor(app: &TestApp, token: &str, arguments: &[&str]) -> Command {
    command(app, env!("CARGO_BIN_EXE_parlor"), token, arguments)
}

/// What a command printed, with its exit status.
async fn ended(mut command: Command) -> (i32, String, String) {
    let output = tokio::time::timeout(DEADLINE, command.output()).await.expect("it ends").expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A command that goes on, and what it prints.
struct Running {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let errors = BufReader::new(child.stderr.take().expect("its errors")).lines();
        Self { _child: child, lines, errors }
    }

    /// Waits until it says this on standard error.
    async fn complains(&mut self, of: &str) {
        let heard = async {
            while let Some(line) = self.errors.next_line().await.expect("readable") {
                if line.contains(of) {
                    return;
                }
            }
            panic!("it ended without a word of {of}");
        };
        tokio::time::timeout(DEADLINE, heard).await.expect("a word of it");
    }

    async fn next(&mut self) -> String {
        let line = tokio::time::timeout(DEADLINE, self.lines.next_line()).await.expect("a line");
        line.expect("readable").expect("it goes on")
    }
}

#[apply(both)]
async fn a_message_is_posted_from_the_command_line(app: &TestApp) {
    let (_, token) = somebody(app, "ada").await;
    let (listener, _) = app.register("grace").await.join("general").await;
    let (status, out, err) = ended(parlor(app, &token, &["post", "general", "from a shell"])).await;
    assert_eq!((status, err.as_str()), (0, ""));
    listener.hears("from a shell").await;
    let seq = out.trim().strip_prefix("general/").expect("the place of the message");
    let (status, out, _) = ended(parlor(app, &token, &["post", "#general", "a reply", "--reply-to", seq, "--json"])).await;
    let message: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((status, message["reply_to"].to_string()), (0, seq.to_owned()));
    let mut piped = parlor(app, &token, &["post", "general"]);
    let mut child = piped.stdin(Stdio::piped()).spawn().expect("it starts");
    {
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all("two\nlines\n".as_bytes()).await.expect("it reads");
    }
    assert!(tokio::time::timeout(DEADLINE, child.wait()).await.expect("it ends").expect("a status").success());
    listener.hears("two\nlines").await;
    for (token, arguments, status, said) in [
        (&*token, &["post", "nowhere", "x"][..], 1, "room"),
        (&*token, &["post", "general", " "], 1, "empty"),
        ("parlor_x", &["post", "general", "x"], 1, "token"),
        ("", &["post", "general", "x"], 2, "PARLOR_TOKEN"),
        ("parlor_a\nb", &["post", "general", "x"], 2, "PARLOR_TOKEN"),
        (&*token, &["post"], 2, "ROOM"),
        (&*token, &["post", "general", "x", "--url", "chat.example"], 2, "PARLOR_URL"),
        (&*token, &["tail", "nowhere"], 1, "room"),
        ("parlor_x", &["tail", "general"], 1, "token"),
    ] {
        let (code, out, err) = ended(parlor(app, token, arguments)).await;
        assert_eq!((code, out.as_str()), (status, ""), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
}

/// As with `head`.
#[apply(both)]
async fn whoever_reads_no_more_ends_a_tail_without_a_complaint(app: &TestApp) {
    let (ada, token) = somebody(app, "ada").await;
    let mut child = parlor(app, &token, &["tail", "general", "--after", "0"]).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = tokio::time::timeout(DEADLINE, lines.next_line()).await.expect("a line").expect("readable");
    assert!(line.is_some());
    drop(lines);
    ada.write("general", "unread").await.expect(303);
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.expect("it ends").expect("its output");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// The message is stored, and its sender never hears of it.
#[apply(both)]
async fn a_message_whose_answer_is_lost_is_posted_once(app: &TestApp) {
    let (_, token) = somebody(app, "ada").await;
    let (listener, _) = app.register("grace").await.join("general").await;
    let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
    proxy.drop_replies();
    let mut command = parlor(app, &token, &["post", "general", "once and only once"]);
    command.env("PARLOR_URL", format!("http://{}", proxy.site.address));
    let posting = tokio::spawn(ended(command));
    let heard = listener.hears("once and only once").await;
    proxy.cut();
    proxy.restore();
    let (status, out, err) = posting.await.expect("it ends");
    assert_eq!((status, out.trim(), err.as_str()), (0, &*format!("general/{}", heard["seq"]), ""));
    let stored = app.database.query("select count(*) as count from messages where body = 'once and only once'").await;
    assert_eq!(stored, [json!({ "count": 1 })]);
}

/// As a proxy that dies: the head of an answer came, and not the rest.
#[apply(once)]
async fn an_answer_that_breaks_off_is_asked_for_again_with_the_same_nonce(database: &Database) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    command.args(["post", "general", "hello"]).env("PARLOR_URL", origin).env("PARLOR_TOKEN", "parlor_x").kill_on_drop(true);
    command.current_dir(database.folder()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let posting = tokio::spawn(ended(command));
    let whole = r#"{"message": {"room": "general", "seq": 7}}"#;
    let mut nonces = Vec::new();
    for answer in [&whole[..20], whole] {
        let (mut stream, _) = tokio::time::timeout(DEADLINE, listener.accept()).await.expect("it asks").expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            request.push(stream.read_u8().await.expect("a request"));
        }
        let request = String::from_utf8(request).expect("text");
        let body: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
        nonces.push(body["nonce"].as_str().expect("a nonce").to_owned());
        let head = format!("HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", whole.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).await.expect("it reads");
    }
    assert_eq!(posting.await.expect("it ends"), (0, "general/7\n".to_owned(), String::new()));
    assert_eq!(nonces[0], nonces[1]);
}

#[apply(both)]
async fn a_room_is_followed_from_the_command_line(app: &TestApp) {
    let (ada, token) = somebody(app, "ada").await;
    ada.write("general", "before").await.expect(303);
    let mut all = Running::start(parlor(app, &token, &["tail", "general", "--after", "0"]));
    while !all.next().await.ends_with("ada: before") {}
    let mut json = Running::start(parlor(app, &token, &["tail", "general", "--after", "0", "--json"]));
    loop {
        let message: Value = serde_json::from_str(&json.next().await).expect("JSON");
        if message["body"] == json!("before") {
            break;
        }
    }
    ada.write("general", "two\nlines").await.expect(303);
    assert!(all.next().await.ends_with("ada: two"));
    assert_eq!(all.next().await, "    lines");
    let message: Value = serde_json::from_str(&json.next().await).expect("JSON");
    assert_eq!(message["body"], "two\nlines");
}

/// A `rev` of before counts in another history.
#[apply(both)]
async fn whoever_follows_a_room_notices_that_the_server_was_restored(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    let token = secret(&ada, "write").await;
    ada.write("general", "before").await.expect(303);
    let program = env!("CARGO_BIN_EXE_parlor");
    let tail = command_for(&server, database, program, &token, &["tail", "general", "--after", "0"]);
    let mut tail = Running::start(tail);
    while !tail.next().await.ends_with("ada: before") {}
    server.stop().await;
    // As a restore does.
    database.run("delete from meta where key = 'epoch'").await;
    server.start_again().await;
    tail.complains("another history").await;
    ada.write("general", "afterwards").await.expect(303);
    assert!(tail.next().await.ends_with("ada: afterwards"));
    server.stop().await;
}

/// Starts an example and asks it something until it answers: nobody knows when it listens.
async fn answers(app: &TestApp, program: &str, file: &str, answer: &str) {
    if !Program::Examples.is_here_or_may_be_missing() {
        return;
    }
    let (_, token) = somebody(app, "robot").await;
    let (person, _) = app.register("ada").await.join("general").await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(file);
    let mut bot = command(app, program, &token, &[path.to_str().expect("text"), "general"]);
    let mut child = bot.stderr(Stdio::inherit()).spawn().expect("it starts");
    let mut asked = 0;
    let said = loop {
        asked += 1;
        person.post("general", "!ping", &format!("ping-{asked}")).await;
        let heard = tokio::time::timeout(std::time::Duration::from_secs(1), person.hears(answer)).await;
        if heard.is_ok() {
            break true;
        }
        if asked > 30 || child.try_wait().expect("a status").is_some() {
            break false;
        }
    };
    assert!(said, "{file} did not answer");
}

#[apply(both)]
async fn the_example_in_shell_answers(app: &TestApp) {
    answers(app, "sh", "bot.sh", "pong, says the shell").await;
}

#[apply(both)]
async fn the_example_in_python_answers(app: &TestApp) {
    answers(app, "python3", "bot.py", "pong, says Python").await;
}

#[apply(both)]
async fn the_example_in_javascript_answers(app: &TestApp) {
    answers(app, "node", "bot.mjs", "pong, says JavaScript").await;
}
