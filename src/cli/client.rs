//! `parlor post` and `parlor tail`: a client of the API of a server that runs, here or elsewhere.
//!
//! Owns where that is and with which access token (`PARLOR_URL`, `PARLOR_TOKEN`), what is printed, and when a lost connection is tried again.
//! A token is never an argument: other users of the machine see those.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use clap::Args;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::output::{note, out};
use super::{Failure, failed};
use crate::encoding::{path_segment, random_hex};

/// How long a connection may take, and an answer.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);
/// After how much silence a stream is lost: the server says every 15 seconds that it is alive.
const SILENCE: Duration = Duration::from_secs(45);
/// How long to wait before the next attempt: the first time, and at most.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often a post is tried.
const ATTEMPTS: u32 = 5;
/// The longest line of a stream, in bytes.
const LONGEST_LINE: usize = 4 << 20;

/// Where the server is.
#[derive(Args)]
pub struct Server {
    /// The server's address; `PARLOR_URL` by default. `PARLOR_TOKEN` is the access token
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// What to post.
#[derive(Args)]
pub struct Post {
    /// The room, as in its address
    room: String,
    /// The message; `-` or nothing: what comes on standard input
    text: Option<String>,
    /// The number of the message that it replies to
    #[arg(long, value_name = "SEQ")]
    reply_to: Option<i64>,
    /// Print the message as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// What to follow.
#[derive(Args)]
pub struct Tail {
    /// The room, as in its address
    room: String,
    /// Also what changed after this `rev`; 0: everything
    #[arg(long, value_name = "REV")]
    after: Option<i64>,
    /// Print each message as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// A server and an access token.
struct Api {
    client: Client,
    url: String,
    token: String,
}

/// Why a request did not work.
enum Fault {
    /// Trying again may help.
    Lost(String),
    /// It does not.
    Refused(String),
    /// Whoever read what is printed has gone.
    Unread,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Lost(why) | Fault::Refused(why) => failed(why),
            Fault::Unread => failed("nobody reads what is printed"),
        }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        let why = match () {
            () if error.is_timeout() => "no answer in time",
            () if error.is_connect() => "no connection; with https, also if the certificate is not trusted",
            () => "the connection was lost",
        };
        Self::Lost(format!("Can’t reach the server: {why}"))
    }
}

impl Api {
    fn open(server: &Server) -> Result<Self, Failure> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let url = server.url.clone().or_else(|| set("PARLOR_URL"));
        let url = url.ok_or_else(|| (2, "PARLOR_URL: set the server’s address, or pass --url".to_owned()))?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err((2, "PARLOR_URL: the address begins with https:// or http://".to_owned()));
        }
        let token = set("PARLOR_TOKEN");
        let token = token.ok_or_else(|| (2, "PARLOR_TOKEN: set an access token; make one at /settings/tokens".to_owned()))?;
        let token = token.trim();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err((
                2,
                "PARLOR_TOKEN: that is no access token: it has a space, a line break or another odd character".to_owned(),
            ));
        }
        // An error means that there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT).build();
        let client =
            client.map_err(|_| failed("TLS does not work here: does this machine have the certificates of authorities?"))?;
        Ok(Self { client, url: url.trim().trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// The address of something in a room.
    fn room(&self, room: &str, what: &str) -> String {
        format!("{}/api/v1/rooms/{}/{what}", self.url, path_segment(room.trim_start_matches('#')))
    }

    /// Sends a request, and gives the answer in JSON.
    async fn ask(&self, request: RequestBuilder) -> Result<Value, Fault> {
        let response = self.send(request).await?;
        let body = timeout(ANSWER, response.bytes()).await;
        let body = body.map_err(|_| Fault::Lost("Can’t reach the server: no answer in time".into()))??;
        serde_json::from_slice(&body).map_err(|_| Fault::Lost("The server’s answer can’t be read: is it Parlor?".into()))
    }

    /// Sends a request; an answer that is an error is why.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let response = timeout(ANSWER, request.bearer_auth(&self.token).send()).await;
        let response = response.map_err(|_| Fault::Lost("Can’t reach the server: no answer in time".into()))??;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = timeout(ANSWER, response.bytes()).await.ok().and_then(Result::ok).unwrap_or_default();
        let said = serde_json::from_slice::<Value>(&body).ok();
        let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
        let message = message.map_or_else(|| format!("The server answered {status}"), ToOwned::to_owned);
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Fault::Lost(message),
            _ => Fault::Refused(message),
        })
    }
}

/// Posts a message, once: an attempt whose answer was lost is repeated with the same nonce.
pub async fn post(arguments: Post) -> Result<(), Failure> {
    let Post { room, text, reply_to, json, server } = arguments;
    let api = Api::open(&server)?;
    let body = match text.filter(|text| text != "-") {
        Some(text) => text,
        None => {
            let mut typed = String::new();
            let read = std::io::stdin().read_to_string(&mut typed);
            read.map_err(|error| failed(format!("standard input: {error}")))?;
            typed.trim_end_matches('\n').to_owned()
        }
    };
    let wanted = json!({ "body": body, "nonce": random_hex(), "reply_to": reply_to });
    let (mut wait, most) = WAITS;
    let mut attempt = 1;
    let answer = loop {
        let request =
            api.client.post(api.room(&room, "messages")).header(CONTENT_TYPE, "application/json").body(wanted.to_string());
        match api.ask(request).await {
            Ok(answer) => break answer,
            Err(Fault::Lost(_)) if attempt < ATTEMPTS => {
                attempt += 1;
                sleep(wait).await;
                wait = (2 * wait).min(most);
            }
            Err(fault) => return Err(fault.into()),
        }
    };
    let message = &answer["message"];
    if json { out!("{message}") } else { out!("{}/{}", message["room"].as_str().unwrap_or_default(), message["seq"]) }
}

/// Prints what is said in a room until it is interrupted, or the room or the token is lost.
pub async fn tail(arguments: Tail) -> Result<(), Failure> {
    let Tail { room, after, json, server } = arguments;
    let api = Api::open(&server)?;
    let mut stream = Stream { api, room, after, epoch: None, json };
    if stream.after.is_none() {
        // Where the room is now: a connection that is lost goes on there.
        let head = stream.head().await?;
        (stream.after, stream.epoch) = (head.rev, head.epoch);
    }
    let (first, most) = WAITS;
    let mut wait = first;
    loop {
        let before = stream.after;
        match stream.follow().await {
            // A server that stops ends its streams.
            Ok(()) => {}
            Err(Fault::Lost(why)) => note!("{why}; trying again"),
            Err(Fault::Unread) => return Ok(()),
            Err(Fault::Refused(why)) => return Err(failed(why)),
        }
        wait = if stream.after == before { (2 * wait).min(most) } else { first };
        sleep(wait).await;
    }
}

struct Stream {
    api: Api,
    room: String,
    /// The last `rev` that was printed; none: from now on.
    after: Option<i64>,
    /// The history in which that counts, once it is known.
    epoch: Option<String>,
    json: bool,
}

/// Where a room is.
struct Head {
    rev: Option<i64>,
    epoch: Option<String>,
}

impl Stream {
    /// Where the room is now.
    async fn head(&self) -> Result<Head, Fault> {
        let answer = self.api.ask(self.api.client.get(self.api.room(&self.room, "changes"))).await?;
        let head = &answer["head"];
        Ok(Head { rev: head["rev"].as_i64(), epoch: head["epoch"].as_str().map(ToOwned::to_owned) })
    }

    /// Whether the room has the history whose `rev` is known. If not, it says so, and goes on from where the room is now.
    fn continues_in(&mut self, head: Head) -> bool {
        if head.epoch.is_some() && self.epoch.is_some() && head.epoch != self.epoch {
            (self.after, self.epoch) = (head.rev, head.epoch);
            note!("The server has another history now, for example from a backup; going on from where the room is");
            return false;
        }
        self.epoch = self.epoch.take().or(head.epoch);
        true
    }

    /// Follows one stream to its end.
    async fn follow(&mut self) -> Result<(), Fault> {
        let mut url = self.api.room(&self.room, "changes");
        if let Some(after) = self.after {
            url = format!("{url}?after={after}");
        }
        let request = self.api.client.get(url).header(ACCEPT, "text/event-stream");
        let opened = self.api.send(request).await;
        // Asked after the stream was opened: it cannot be of a later history than this. Also asked if it was refused: a `rev` of another
        // history may be beyond the room's.
        let head = self.head().await?;
        if !self.continues_in(head) {
            return Ok(());
        }
        let mut response = opened?;
        let (mut lines, mut event) = (Vec::new(), Event::default());
        loop {
            let chunk = timeout(SILENCE, response.chunk()).await.map_err(|_| Fault::Lost("The server is silent".into()))?;
            let Some(chunk) = chunk? else { return Ok(()) };
            lines.extend_from_slice(&chunk);
            while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = lines.drain(..=end).collect();
                if let Some(event) = event.take_line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])) {
                    self.print(&event)?;
                }
            }
            if lines.len() > LONGEST_LINE {
                return Err(Fault::Refused("The server sends what is no stream of messages".into()));
            }
        }
    }

    fn print(&mut self, event: &Event) -> Result<(), Fault> {
        let data: Value = serde_json::from_str(&event.data).map_err(|_| Fault::Lost("The stream can’t be read".into()))?;
        if event.name == "end" {
            let why = data["error"]["message"].as_str().unwrap_or("The stream has ended").to_owned();
            let code = data["error"]["code"].as_str().unwrap_or_default();
            return Err(if matches!(code, "unavailable" | "busy") { Fault::Lost(why) } else { Fault::Refused(why) });
        }
        let line = if self.json { data.to_string() } else { line_of(&data) };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Fault::Unread,
            _ => Fault::Refused(format!("standard output: {error}")),
        })?;
        self.after = data["rev"].as_i64().or(self.after);
        Ok(())
    }
}

/// An event of a stream, as it comes line by line (HTML Standard, section 9.2.6).
#[derive(Debug, Default, PartialEq)]
struct Event {
    name: String,
    data: String,
}

impl Event {
    /// Takes in a line; the event, if that ended one.
    fn take_line(&mut self, line: &str) -> Option<Self> {
        if line.is_empty() {
            let event = std::mem::take(self);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => self.data = format!("{}\n{value}", self.data),
            _ => {}
        }
        None
    }
}

/// A message as a line for people: control characters would speak to the terminal.
fn line_of(message: &Value) -> String {
    let text = |field: &Value| -> String {
        let text = field.as_str().unwrap_or_default();
        text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
    };
    let at = message["created_at"].as_str().and_then(|at| at.get(..16)).unwrap_or_default().replace('T', " ");
    let what = match message["kind"].as_str() {
        _ if message["deleted_at"].is_string() => "(deleted)".to_owned(),
        Some("text") if message["edited_at"].is_string() => format!("{} (edited)", text(&message["body"])),
        Some("text") => text(&message["body"]),
        kind => format!("* {} {}", kind.unwrap_or_default(), text(&message["body"])).trim_end().to_owned(),
    };
    let files = message["attachments"].as_array().into_iter().flatten().map(|file| format!(" [{}]", text(&file["name"])));
    format!("{at} {}: {}{}", text(&message["author"]["username"]), what.replace('\n', "\n    "), files.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_line_by_line() {
        let mut event = Event::default();
        let lines = [": open", "retry: 2000", "", "event: message", "id: 7", "data: {\"a\":", "data:1}", "", "data: x", ""];
        let read: Vec<_> = lines.iter().filter_map(|line| event.take_line(line)).collect();
        let expected = [("message", "{\"a\":\n1}"), ("", "x")];
        assert_eq!(read, expected.map(|(name, data)| Event { name: name.into(), data: data.into() }));
    }

    #[test]
    fn a_message_is_a_line_that_does_not_speak_to_the_terminal() {
        let message = json!({ "kind": "text", "body": "one\ntwo\u{1b}[2J", "author": { "username": "ada" }, "created_at": "2026-11-29T20:15:00.000Z" });
        assert_eq!(line_of(&message), "2026-11-29 20:15 ada: one\n    two\u{fffd}[2J");
        let mut file = message.clone();
        file["body"] = "".into();
        file["attachments"] = json!([{ "name": "a.txt" }]);
        assert_eq!(line_of(&file), "2026-11-29 20:15 ada:  [a.txt]");
        let joined = json!({ "kind": "joined", "body": "", "author": { "username": "ada" } });
        assert_eq!(line_of(&joined), " ada: * joined");
    }
}
