//! Following a room without a socket: what changed, waiting for it, and as a stream.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Program, writer};
use crate::harness::{DEADLINE, TestApp};
use crate::{both, everywhere};

/// A stream of events, as it is read.
struct Events {
    response: reqwest::Response,
    read: String,
}

/// One event: its name, its id and its data.
type Event = (String, String, Value);

impl Events {
    async fn open(program: &Program, path: &str, last: Option<i64>) -> Self {
        let mut request = program.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert!(response.headers()["content-type"].to_str().is_ok_and(|kind| kind.starts_with("text/event-stream")));
        Self { response, read: String::new() }
    }

    /// The next event; none at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((frame, rest)) = self.read.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| {
                    let line = frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    line.map(|value| value.trim_start().to_owned())
                };
                if let Some(data) = field("data") {
                    let data = serde_json::from_str(&data).expect("JSON");
                    return Some((field("event").unwrap_or_default(), field("id").unwrap_or_default(), data));
                }
            }
            let chunk = tokio::time::timeout(DEADLINE, self.response.chunk()).await.expect("something comes").ok()??;
            self.read.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    async fn hears(&mut self, body: &str) -> i64 {
        loop {
            let (event, id, message) = self.next().await.expect("the stream goes on");
            assert_eq!((event.as_str(), &id), ("message", &message["rev"].to_string()));
            if message["body"] == body {
                return message["rev"].as_i64().expect("a number");
            }
        }
    }
}

async fn changes(program: &Program, query: &str) -> Value {
    program.get(&format!("/rooms/general/changes?{query}")).await.expect(200).json()
}

fn bodies(changes: &Value) -> Vec<&str> {
    changes["messages"].as_array().expect("a list").iter().filter_map(|message| message["body"].as_str()).collect()
}

#[apply(everywhere)]
async fn what_changed_since_a_rev_is_answered_at_once(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    let first = program.say("general", "first").await;
    let rev = first["rev"].as_i64().expect("a number");
    program.say("general", "second").await;
    let path = format!("/rooms/general/messages/{}", first["seq"]);
    program.patch(&path, json!({ "body": "first, changed" })).await.expect(200);
    let answer = changes(&program, &format!("after={rev}")).await;
    assert_eq!(bodies(&answer), ["second", "first, changed"]);
    assert_eq!((&answer["complete"], &answer["head"]["rev"]), (&json!(true), &json!(rev + 2)));
    assert!(answer["head"]["epoch"].is_string(), "{answer}");
    assert_eq!(changes(&program, &format!("after={}", rev + 2)).await["messages"], json!([]));
    let all = changes(&program, "after=0").await;
    assert_eq!(bodies(&all).last(), Some(&"first, changed"));
    for query in ["after=x", "after=-1", "after=999999", "after=0&wait=soon", "after=0&wait=-1"] {
        let refused = program.get(&format!("/rooms/general/changes?{query}")).await;
        assert_eq!(refused.expect(422).code(), "invalid", "{query}");
    }
}

#[apply(everywhere)]
async fn a_request_waits_until_something_changes(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    let rev = program.say("general", "before").await["rev"].as_i64().expect("a number");
    let nothing = changes(&program, &format!("after={rev}&wait=0.1")).await;
    assert_eq!((&nothing["messages"], &nothing["complete"]), (&json!([]), &json!(true)));
    let query = format!("after={rev}&wait=30");
    let (waited, said) = tokio::join!(changes(&program, &query), async {
        // Whether it waits already or not, it misses nothing.
        tokio::task::yield_now().await;
        program.say("general", "after").await
    });
    assert_eq!(bodies(&waited), ["after"]);
    assert_eq!(waited["head"]["rev"], said["rev"]);
}

#[apply(everywhere)]
async fn a_stream_tells_what_changes_and_goes_on_where_it_was(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    let (_, other) = writer(app, "grace").await;
    let rev = program.say("general", "before").await["rev"].as_i64().expect("a number");
    let mut events = Events::open(&program, &format!("/rooms/general/changes?after={}", rev - 1), None).await;
    assert_eq!(events.hears("before").await, rev);
    let one = other.say("general", "one").await;
    events.hears("one").await;
    other.patch(&format!("/rooms/general/messages/{}", one["seq"]), json!({ "body": "one, changed" })).await.expect(200);
    let last = events.hears("one, changed").await;
    drop(events);
    other.say("general", "meanwhile").await;
    let mut events = Events::open(&program, "/rooms/general/changes?after=0", Some(last)).await;
    let (_, id, message) = events.next().await.expect("an event");
    assert_eq!((message["body"].as_str(), id), (Some("meanwhile"), (last + 1).to_string()));
    // Without a number, what comes from now on.
    let mut fresh = Events::open(&program, "/rooms/general/changes", None).await;
    other.say("general", "now").await;
    assert_eq!(fresh.next().await.expect("an event").2["body"], "now");
    events.hears("now").await;
}

#[apply(both)]
async fn whoever_prefers_json_gets_no_stream(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    for (accepted, kind) in [
        ("TEXT/EVENT-STREAM", "text/event-stream"),
        ("application/json, text/event-stream", "text/event-stream"),
        ("application/json, text/event-stream;q=0", "application/json"),
        ("application/json;q=0.9, text/event-stream;q=0.8", "application/json"),
        ("text/event-streamer", "application/json"),
    ] {
        let request = program.request(Method::GET, "/rooms/general/changes?after=0").header("accept", accepted);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{accepted}");
        let answered = response.headers()["content-type"].to_str().expect("a text");
        assert!(answered.starts_with(kind), "{accepted}: {answered}");
    }
}

#[apply(everywhere)]
async fn a_stream_ends_with_the_access(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Secret circle", "private").await;
    let owner = Program::of(app, &ada, "write").await;
    let eve = app.register("eve").await;
    owner.post(&format!("/rooms/{room}/members"), json!({ "username": "eve" })).await.expect(204);
    let path = format!("/rooms/{room}/changes");
    let member = Program::of(app, &eve, "read").await;
    let mut lost = Events::open(&member, &path, None).await;
    owner.say(&room, "for all").await;
    lost.hears("for all").await;
    owner.delete(&format!("/rooms/{room}/members/eve")).await.expect(204);
    owner.say(&room, "not for eve").await;
    let mut last = lost.next().await;
    // That she was removed may still have come, or not.
    while let Some((event, _, data)) = &last
        && event == "message"
    {
        assert_eq!(data["kind"], "left", "{data}");
        last = lost.next().await;
    }
    let (event, _, data) = last.expect("a last event");
    assert_eq!((event.as_str(), &data["error"]["code"]), ("end", &json!("not_found")));
    assert_eq!(lost.next().await, None);
    member.get(&path).await.expect(404);
    // A revoked token.
    let token = crate::accounts::tokens::create(&ada, "read").await;
    let reader = Program { stranger: app.stranger(), secret: token["secret"].as_str().expect("a secret").to_owned() };
    let mut ended = Events::open(&reader, &path, None).await;
    let revoke = format!("/settings/tokens/{}/revoke", token["id"].as_str().expect("an id"));
    ada.post(&revoke, &[]).await.expect(303);
    let (event, _, data) = ended.next().await.expect("a last event");
    assert_eq!((event.as_str(), &data["error"]["code"]), ("end", &json!("unauthenticated")));
    assert_eq!(ended.next().await, None);
}

/// Whether the request waits already when the token is revoked, or has not come yet: the answer says that it is the token.
#[apply(everywhere)]
async fn a_request_whose_token_is_revoked_meanwhile_is_challenged(app: &TestApp) {
    let (ada, program) = writer(app, "ada").await;
    let rev = program.say("general", "before").await["rev"].as_i64().expect("a number");
    let path = format!("/rooms/general/changes?after={rev}&wait=30");
    for steps in [16, 32] {
        let token = crate::accounts::tokens::create(&ada, "read").await;
        let reader = Program { stranger: app.stranger(), secret: token["secret"].as_str().expect("a secret").to_owned() };
        let (answer, ()) = tokio::join!(reader.get(&path), async {
            for _ in 0..steps {
                app.stranger().get("/healthz").await.expect(200);
            }
            let revoke = format!("/settings/tokens/{}/revoke", token["id"].as_str().expect("an id"));
            ada.post(&revoke, &[]).await.expect(303);
        });
        let challenge = answer.expect(401).header("www-authenticate");
        assert_eq!(challenge, "Bearer error=\"invalid_token\"", "after {steps} steps: {answer:?}");
    }
}

/// A token that expires does so without an event.
#[apply(both)]
async fn who_waits_learns_that_their_token_has_expired(app: &TestApp) {
    let (ada, program) = writer(app, "ada").await;
    let rev = program.say("general", "before").await["rev"].as_i64().expect("a number");
    let path = format!("/rooms/general/changes?after={rev}");
    for is_stream in [false, true] {
        let token = crate::accounts::tokens::create(&ada, "read").await;
        let reader = Program { stranger: app.stranger(), secret: token["secret"].as_str().expect("a secret").to_owned() };
        // It is used once first: it has not expired before it waits.
        reader.get("/me").await.expect(200);
        let id = token["id"].as_str().expect("an id");
        app.database.run(&format!("update sessions set expires_at = created_at + 5000 where substr(key, 1, 16) = '{id}'")).await;
        if is_stream {
            let mut events = Events::open(&reader, &path, None).await;
            let (event, _, data) = events.next().await.expect("a last event");
            assert_eq!((event.as_str(), &data["error"]["code"]), ("end", &json!("unauthenticated")));
            assert_eq!(events.next().await, None);
        } else {
            let answer = reader.get(&format!("{path}&wait=30")).await;
            assert_eq!(answer.expect(401).header("www-authenticate"), "Bearer error=\"invalid_token\"");
        }
    }
}

#[apply(everywhere)]
async fn a_person_has_a_bounded_number_of_streams(app: &TestApp) {
    if app.has_two_nodes() {
        return; // Each node counts by itself.
    }
    let (_, program) = writer(app, "ada").await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Events::open(&program, "/rooms/general/changes", None).await);
    }
    let busy = program.get("/rooms/general/changes?wait=1").await;
    assert_eq!(busy.expect(503).code(), "busy");
    changes(&program, "after=0").await;
    drop(open);
    let deadline = tokio::time::Instant::now() + DEADLINE;
    // The server notices at its next write, or when the connection closes.
    while program.get("/rooms/general/changes?wait=0.01").await.status != 200 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
