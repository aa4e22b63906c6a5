//! Every way into a private room, tried by everybody who may not know of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Person, Socket};
use crate::ground::process::Process;
use crate::torture::load::history;
use crate::torture::watch::never_panicked;
use crate::torture::{Case, Db, Outcome, Played, Stage};

/// The cases about it.
pub const CASES: &[Case] = &[Case {
    name: "sweep",
    about: "every route and event that names a room, for outsiders, former members and strangers: word for word as for a room that never was",
    databases: Db::BOTH,
    rounds: 3,
    short: 1,
    needs: &[],
    run: |stage, rounds| Box::pin(sweep(stage, rounds)),
}];

/// A route of `docs/protocol.md`, and what a form would send there.
type Route = (Method, &'static str, &'static [(&'static str, &'static str)]);

/// Every route that names a room. `{seq}` is a message that is there, and one that never was.
const ROUTES: [Route; 34] = [
    (Method::GET, "/rooms/{slug}", &[]),
    (Method::GET, "/rooms/{slug}?before=2", &[]),
    (Method::GET, "/rooms/{slug}?after=0", &[]),
    (Method::GET, "/rooms/{slug}?around=1&limit=200", &[]),
    (Method::GET, "/rooms/{slug}?reply_to={seq}", &[]),
    (Method::GET, "/rooms/{slug}/{seq}", &[]),
    (Method::GET, "/rooms/{slug}/on/2001-01-01", &[]),
    (Method::GET, "/rooms/{slug}/on/2999-01-01?tz=Europe/Paris", &[]),
    (Method::GET, "/rooms/{slug}/{seq}/more", &[]),
    (Method::GET, "/rooms/{slug}/{seq}/history", &[]),
    (Method::GET, "/rooms/{slug}/{seq}/thread", &[]),
    (Method::GET, "/rooms/{slug}/pins", &[]),
    (Method::GET, "/rooms/{slug}/members", &[]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "mine")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "mine"), ("nonce", "member-1"), ("reply_to", "1")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "mine"), ("preview", "1")]),
    (Method::POST, "/rooms/{slug}/{seq}/edit", &[("body", "mine")]),
    (Method::POST, "/rooms/{slug}/{seq}/delete", &[]),
    (Method::POST, "/rooms/{slug}/{seq}/react", &[("emoji", "👍"), ("on", "true")]),
    (Method::POST, "/rooms/{slug}/{seq}/pin", &[("on", "true")]),
    (Method::POST, "/rooms/{slug}/{seq}/unread", &[]),
    (Method::POST, "/rooms/{slug}/read", &[]),
    (Method::POST, "/rooms/{slug}/read", &[("seq", "1")]),
    (Method::POST, "/rooms/{slug}/level", &[("level", "all")]),
    (Method::POST, "/rooms/{slug}/favorite", &[("on", "true")]),
    (Method::POST, "/rooms/{slug}/hide", &[("on", "true")]),
    (Method::POST, "/rooms/{slug}/join", &[]),
    (Method::POST, "/rooms/{slug}/leave", &[]),
    (Method::POST, "/rooms/{slug}/members", &[("username", "eve")]),
    (Method::POST, "/rooms/{slug}/members/{username}/remove", &[]),
    (Method::POST, "/rooms/{slug}/settings", &[("name", "Mine"), ("visibility", "public")]),
    (Method::POST, "/rooms/{slug}/settings", &[("visibility", "public"), ("confirm", "yes")]),
    (Method::POST, "/rooms/{slug}/settings", &[("topic", "mine")]),
    (Method::POST, "/rooms/{slug}/draft", &[("body", "mine")]),
];

/// Every event that names a room.
fn events(room: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("join", json!({ "room": room })),
        ("join", json!({ "room": room, "after": 0 })),
        ("join", json!({ "room": room, "after": 999 })),
        ("sync", json!({ "room": room, "after": 0 })),
        ("leave", json!({ "room": room })),
        ("message", json!({ "room": room, "body": "mine", "nonce": "1" })),
        ("message", json!({ "room": room, "body": "mine", "nonce": "member-1", "reply_to": 1 })),
        ("edit", json!({ "room": room, "seq": 2, "body": "mine" })),
        ("delete", json!({ "room": room, "seq": 2 })),
        ("react", json!({ "room": room, "seq": 2, "emoji": "👍", "on": true })),
        ("pin", json!({ "room": room, "seq": 2, "on": true })),
        ("pins", json!({ "room": room })),
        ("revisions", json!({ "room": room, "seq": 2 })),
        ("history", json!({ "room": room })),
        ("history", json!({ "room": room, "around": 1 })),
        ("typing", json!({ "room": room })),
        ("read", json!({ "room": room, "seq": 1 })),
        ("unread", json!({ "room": room, "seq": 1 })),
        ("level", json!({ "room": room, "level": "all" })),
        ("draft", json!({ "room": room, "body": "mine" })),
    ]
}

/// A private room, and everybody around it.
struct Circle {
    slug: String,
    ada: Person,
    eve: Person,
    mallory: Person,
    /// What a former member still has open from before.
    former: Socket,
}

async fn sweep(stage: Stage, rounds: u32) -> Played {
    let server = stage.start(&[]).await;
    let ada = server.register("ada").await;
    let mut tried = 0;
    for round in 1..=rounds {
        let circle = circle(&server, &ada, round).await;
        let before = history(&circle.ada, &circle.slug).await;
        tried += over_http(&server, &circle).await;
        assert_eq!(history(&circle.ada, &circle.slug).await, before, "somebody from outside changed the room by a form");
        tried += over_sockets(&circle).await;
        let after = history(&circle.ada, &circle.slug).await;
        assert_eq!(after[..before.len()], before, "somebody from outside changed the room over a socket");
        assert!(after[before.len()..].iter().all(|message| message["author"]["username"] == "ada"), "somebody wrote: {after:?}");
        let heard: Vec<_> = circle.former.peek().into_iter().filter(|(_, data)| data["room"] == json!(circle.slug)).collect();
        assert!(heard.is_empty(), "a former member heard {heard:?}");
    }
    never_panicked(&server);
    let mut outcome = Outcome::default();
    outcome.note(format!("{tried} refusals compared"));
    Ok(outcome)
}

async fn circle(server: &Process, ada: &Person, round: u32) -> Circle {
    let (outside, before) = (format!("eve{round}"), format!("mallory{round}"));
    let (eve, mallory) = (server.register(&outside).await, server.register(&before).await);
    let slug = ada.create_room(&format!("Secret circle {round}"), "private").await;
    let (socket, _) = ada.join(&slug).await;
    socket.post(&slug, "the password is swordfish", &format!("member-{round}")).await;
    ada.post(&format!("/rooms/{slug}/members"), &[("username", &before)]).await.expect(303);
    let (former, _) = mallory.join(&slug).await;
    former.post(&slug, "thank you", &format!("mallory-{round}")).await;
    ada.post(&format!("/rooms/{slug}/members/{before}/remove"), &[]).await.expect(303);
    former.next("removed").await;
    while !former.peek().is_empty() {
        let (event, _) = former.peek().remove(0);
        former.next(&event).await;
    }
    Circle { slug, ada: ada.clone(), eve, mallory, former }
}

/// An answer with nothing in it that tells one request from another: whose it is, and which room was asked for.
fn bare(answer: &Answer, person: &Person, slug: &str, path: &str) -> (u16, Vec<(String, String)>, String) {
    let plain = |text: &str| {
        let text = text.replace(path, "PATH").replace(slug, "SLUG");
        if person.username.is_empty() { text } else { text.replace(&person.username, "NAME") }
    };
    let told_apart = ["date", "x-request-id", "content-length"];
    let mut headers: Vec<_> = answer.headers.iter().filter(|(name, _)| !told_apart.contains(&name.as_str())).collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    let headers = headers.into_iter().map(|(name, value)| (name.to_string(), plain(&String::from_utf8_lossy(value.as_bytes()))));
    (answer.status, headers.collect(), plain(&answer.body))
}

async fn ask(person: &Person, (method, route, fields): &Route, slug: &str, seq: &str, accept: &str) -> (String, Answer) {
    let path = route.replace("{slug}", slug).replace("{seq}", seq).replace("{username}", "ada");
    let request = match *method {
        Method::POST => person.form(&path, fields),
        _ => person.request(Method::GET, &path),
    };
    let answer = Answer::of(request.header("accept", accept)).await;
    (path, answer)
}

/// A room of the same length that nobody ever made.
fn nowhere(slug: &str) -> String {
    slug.replace("secret", "nobody")
}

async fn over_http(server: &Process, circle: &Circle) -> usize {
    let stranger = server.stranger();
    let mut tried = 0;
    for route in &ROUTES {
        for accept in ["text/html", "application/json"] {
            for seq in ["2", "99"] {
                for person in [&circle.eve, &circle.mallory, &stranger] {
                    let missing = nowhere(&circle.slug);
                    let (path, answer) = ask(person, route, &missing, seq, accept).await;
                    let expected = bare(&answer, person, &missing, &path);
                    let statuses: &[u16] = if person.username.is_empty() { &[303, 401] } else { &[404] };
                    assert!(statuses.contains(&expected.0), "{route:?} of no room: {expected:?}");
                    let (path, answer) = ask(person, route, &circle.slug, seq, accept).await;
                    let who = if person.username.is_empty() { "a stranger" } else { &person.username };
                    assert_eq!(bare(&answer, person, &circle.slug, &path), expected, "{who} at {route:?} as {accept}");
                    tried += 1;
                }
            }
        }
    }
    // For who is in it, each of the pages is there: otherwise all this would compare nothing with nothing.
    for route in ROUTES.iter().filter(|route| route.0 == Method::GET) {
        let (path, answer) = ask(&circle.ada, route, &circle.slug, "1", "text/html").await;
        assert_eq!(answer.status, 200, "{path} for a member");
    }
    tried
}

async fn over_sockets(circle: &Circle) -> usize {
    let missing = nowhere(&circle.slug);
    let (outside, again) = (circle.eve.socket().await, circle.mallory.socket().await);
    let mut tried = 0;
    for socket in [&outside, &again, &circle.former] {
        for ((event, data), (_, of_no_room)) in events(&circle.slug).into_iter().zip(events(&missing)) {
            let expected = socket.ask(event, of_no_room).await;
            assert_eq!(expected["error"]["code"], "not_found", "{event}: {expected}");
            assert_eq!(socket.ask(event, data.clone()).await, expected, "{event} {data}");
            tried += 1;
        }
        let found = socket.ok("search", json!({ "q": format!("swordfish in:{}", circle.slug) })).await;
        assert_eq!(found, socket.ok("search", json!({ "q": format!("swordfish in:{missing}") })).await);
        assert_eq!(found["results"], json!([]), "a search finds it");
    }
    // What is said there goes on, and reaches none of them; something that all of them hear comes after it.
    let (writing, _) = circle.ada.join(&circle.slug).await;
    writing.ok("join", json!({ "room": "general" })).await;
    let nonce = |what: &str| format!("{what}-{}", circle.slug);
    for socket in [&outside, &again, &circle.former] {
        socket.ok("join", json!({ "room": "general" })).await;
        socket.ok("watch", json!({})).await;
    }
    let said = writing.post(&circle.slug, "still ours", &nonce("ours")).await;
    writing.ok("delete", json!({ "room": circle.slug, "seq": said["seq"] })).await;
    writing.post("general", &nonce("for all"), &nonce("all")).await;
    for socket in [&outside, &again, &circle.former] {
        socket.hears(&nonce("for all")).await;
        let heard: Vec<_> = socket.peek().into_iter().filter(|(_, data)| data.to_string().contains(&circle.slug)).collect();
        assert!(heard.is_empty(), "{heard:?}");
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A route or an event that somebody documents and nobody puts into the sweep would be a door without a guard.
    #[test]
    fn everything_that_is_documented_is_swept() {
        let protocol = include_str!("../../../../docs/protocol.md");
        let swept = |path: &str| ROUTES.iter().any(|(_, route, _)| route.split('?').next() == Some(path));
        let mut routes = 0;
        for line in
            protocol.lines().filter(|line| line.starts_with("| `GET /rooms/{slug}") || line.starts_with("| `POST /rooms/{slug}"))
        {
            let row = line.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
            let path = row.split('`').nth(1).and_then(|route| route.split(' ').nth(1)).unwrap_or_default();
            let path = path.split('?').next().unwrap_or_default().replace("{YYYY-MM-DD}", "2001-01-01");
            assert!(swept(&path), "{path} is not swept");
            routes += 1;
        }
        let known: Vec<_> = events("x").into_iter().map(|(event, _)| event).collect();
        let mut count = 0;
        for line in protocol
            .lines()
            .skip_while(|line| *line != "### What a client sends")
            .take_while(|line| *line != "### What the server sends")
        {
            let event = line.strip_prefix("| `").and_then(|line| line.split_once('`'));
            let Some((name, _)) = event.and_then(|(event, _)| event.split_once(" {room")) else { continue };
            assert!(known.contains(&name), "{name} is not swept");
            count += 1;
        }
        assert!(routes >= 12 && count >= 15, "{routes} routes and {count} events are documented: the tables look otherwise now");
    }
}
