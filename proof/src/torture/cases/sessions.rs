//! Sessions and origins: what runs out, races, is planted or comes from elsewhere.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::sync::mpsc;

use crate::client::person::Answer;
use crate::client::site::PASSWORD;
use crate::client::{Person, Socket};
use crate::ground::process::Process;
use crate::torture::{Case, Db, Outcome, Played, Stage};

/// The cases about it.
pub const CASES: &[Case] = &[
    Case {
        name: "session-expires",
        about: "sessions of a few seconds run out under open sockets, a quiet one and one that posts: closed within 60 s",
        databases: Db::BOTH,
        rounds: 2,
        short: 0,
        needs: &[],
        run: |stage, rounds| Box::pin(session_expires(stage, rounds)),
    },
    Case {
        name: "logout-race",
        about: "requests and sockets of every kind are under way while their person logs out: they stay logged out",
        databases: Db::BOTH,
        rounds: 50,
        short: 3,
        needs: &[],
        run: |stage, rounds| Box::pin(logout_race(stage, rounds)),
    },
    Case {
        name: "session-fixation",
        about: "a cookie was planted before the log-in, another's or an invented one: a new session, and the planted one is dead",
        databases: Db::BOTH,
        rounds: 5,
        short: 1,
        needs: &[],
        run: |stage, rounds| Box::pin(session_fixation(stage, rounds)),
    },
    Case {
        name: "foreign-origin",
        about: "forms and sockets from a foreign origin, from `null`, and from look-alikes, with a good cookie: each refused",
        databases: Db::SQLITE,
        rounds: 1,
        short: 1,
        needs: &[],
        run: |stage, rounds| Box::pin(foreign_origin(stage, rounds)),
    },
];

/// By when a socket must be closed after its session has run out.
const CLOSED: Duration = Duration::from_secs(60);

async fn session_expires(stage: Stage, rounds: u32) -> Played {
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        // The one is not used, the other has lived long enough: whichever comes first.
        for (setting, settings) in [
            ("SESSION_IDLE", [("SESSION_IDLE", "5s"), ("SESSION_LIFETIME", "1h")]),
            ("SESSION_LIFETIME", [("SESSION_IDLE", "5s"), ("SESSION_LIFETIME", "10s")]),
        ] {
            let mut server = stage.start(&settings).await;
            let person = server.register(&format!("person{round}{}", setting.len())).await;
            let (quiet, _) = person.join("general").await;
            let (busy, _) = person.join("general").await;
            let began = Instant::now();
            let posting = async {
                let mut count = 0;
                loop {
                    let data = json!({ "room": "general", "body": "here", "nonce": format!("{round}-{setting}-{count}") });
                    match busy.send("message", data).await.within(Duration::from_secs(5)).await {
                        Some(answer) if answer["ok"] == json!(true) => count += 1,
                        Some(answer) => assert_eq!(answer["error"]["code"], "unauthenticated", "{answer}"),
                        None => return count,
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let closing = async { tokio::join!(quiet.end(), posting).1 };
            let said = tokio::time::timeout(CLOSED + Duration::from_secs(10), closing).await.expect("the sockets are closed");
            let took = began.elapsed();
            assert!(took >= Duration::from_secs(4), "closed after {took:?}, before the session had run out");
            person.get("/rooms").await.expect(303);
            assert_eq!(person.try_socket().await.expect_err("the session is over").message(), "unauthenticated");
            outcome.note(format_args!("{setting}: closed {:.0} s after the log-in, {said} posts later", took.as_secs_f64()));
            server.signal("TERM").await;
            server.end().await;
        }
    }
    Ok(outcome)
}

async fn logout_race(stage: Stage, rounds: u32) -> Played {
    let server = stage.start(&[("LOGIN_RATE", "off")]).await;
    server.register("ada").await;
    let mut outcome = Outcome::default();
    let (mut before, mut after) = (0, 0);
    for round in 0..rounds {
        let ada = server.log_in("ada").await;
        let cookies = ada.cookies();
        let (socket, _) = ada.join("general").await;
        let (answered, mut answers) = mpsc::unbounded_channel();
        // Some browsers' tabs, each with one request after the other.
        let requests = join_all((0..8).map(|tab| {
            let (ada, answered) = (&ada, answered.clone());
            async move {
                let mut were_in = Vec::new();
                for nth in 0..6 {
                    let nonce = format!("race-{round}-{tab}-{nth}");
                    let form = [("body", nonce.as_str()), ("nonce", nonce.as_str())];
                    let request = match nth % 4 {
                        0 => ada.form("/rooms/general/messages", &form),
                        1 => ada.request(Method::GET, "/rooms"),
                        2 => ada.form("/settings", &[("status", "racing")]),
                        _ => ada.form("/rooms/general/read", &[]),
                    };
                    were_in.push(Answer::try_of(request).await.is_ok_and(|answer| !leads_to_login(&answer)));
                    // Nobody counts any more once she has left.
                    answered.send(()).ok();
                }
                were_in
            }
        }));
        let sockets = join_all((0..6).map(|_| ada.try_socket()));
        let leaving = async {
            // In the midst of them, each time a little later.
            for _ in 0..=(round % 10) * 3 {
                answers.recv().await;
            }
            ada.post("/logout", &[]).await.expect(303);
        };
        let (were_in, sockets, ()) = tokio::join!(requests, sockets, leaving);
        before += were_in.iter().flatten().filter(|was_in| **was_in).count();
        after += were_in.iter().flatten().filter(|was_in| !**was_in).count();
        is_dead(&server, &cookies).await;
        socket.is_cut().await;
        for socket in sockets.into_iter().flatten() {
            socket.is_cut().await;
        }
        // Later, too: nothing that was under way has brought it back.
        is_dead(&server, &cookies).await;
    }
    outcome.note(format_args!("{before} requests were answered as hers, {after} as a stranger's"));
    assert!(before > 0 && after > 0, "nothing raced");
    Ok(outcome)
}

/// Whether a page is one for strangers.
fn leads_to_login(answer: &Answer) -> bool {
    answer.status == 401 || answer.header("location").starts_with("/login")
}

/// The cookie is worth nothing, on a page and at a socket.
async fn is_dead(server: &Process, cookies: &str) {
    let page = server.stranger().request(Method::GET, "/rooms").header("cookie", cookies);
    assert!(leads_to_login(&Answer::of(page).await), "the session lives");
    let socket = Socket::open(&server.site, cookies, None).await.expect("the transport opens");
    assert_eq!(socket.enter().await.expect_err("the session lives").message(), "unauthenticated");
}

async fn session_fixation(stage: Stage, rounds: u32) -> Played {
    let server = stage.start(&[("LOGIN_RATE", "off")]).await;
    server.register("ada").await;
    for round in 0..rounds {
        let attacker = server.register(&format!("mallory{round}")).await;
        let (theirs, _) = attacker.join("general").await;
        let own = attacker.session_cookie();
        let (name, _) = own.split_once('=').expect("a cookie has a name");
        for planted in [own.clone(), format!("{name}=AAAAAAAAAAAAAAAAAAAAAA"), server.log_in("ada").await.session_cookie()] {
            let victim = server.stranger();
            victim.plant_cookie(&format!("{planted}; Path=/"));
            victim.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
            assert_ne!(victim.session_cookie(), planted, "the log-in kept a planted session");
            let (socket, _) = victim.join("general").await;
            let nonce = format!("{round}-{}", planted.get(7..20).unwrap_or_default());
            assert_eq!(socket.post("general", "mine", &nonce).await["author"]["username"], "ada");
            is_dead(&server, &planted).await;
        }
        // What the attacker had open with what they planted ends with it.
        theirs.is_cut().await;
        // Registering is a change of who one is, as well.
        let planted = server.log_in("ada").await.session_cookie();
        let newcomer = server.stranger();
        newcomer.plant_cookie(&format!("{planted}; Path=/"));
        let name = format!("newcomer{round}");
        newcomer.post("/register", &[("username", &name), ("password", PASSWORD)]).await.expect(303);
        assert_ne!(newcomer.session_cookie(), planted, "the registration kept a planted session");
    }
    Ok(Outcome::default())
}

/// Where a page that means harm may come from. `HOST` stands for the server's own address.
const FOREIGN: [&str; 8] = [
    "null",
    "http://evil.example",
    "https://HOST",
    "http://HOST.evil.example",
    "http://evil.example#HOST",
    "http://evil@HOST",
    "http://localhost",
    "file://",
];

/// A form that changes something, on each side of the session.
const FORMS: [(&str, &str, &str); 7] = [
    ("/login", "username", "ada"),
    ("/register", "username", "eve"),
    ("/logout", "x", "x"),
    ("/rooms", "name", "Foreign"),
    ("/rooms/general/messages", "body", "foreign"),
    ("/settings", "status", "foreign"),
    ("/settings/password", "current", PASSWORD),
];

async fn foreign_origin(stage: Stage, _rounds: u32) -> Played {
    let mut outcome = Outcome::default();
    let mut refused = 0;
    for public in [None, Some("https://chat.example")] {
        let settings: Vec<_> = public.map(|url| ("PUBLIC_URL", url)).into_iter().collect();
        let mut server = stage.start(&settings).await;
        let host = server.address.to_string();
        let ada = if public.is_none() { server.register("ada").await } else { Person::new(server.site.clone(), "ada") };
        let mut foreign: Vec<String> = FOREIGN.iter().map(|origin| origin.replace("HOST", &host)).collect();
        if public.is_some() {
            // With an address for everybody, the server's own is a foreign one.
            foreign.extend([
                format!("http://{host}"),
                "http://chat.example".to_owned(),
                "https://chat.example.evil.example".to_owned(),
            ]);
        }
        for origin in &foreign {
            for (path, field, value) in FORMS {
                let form = || ada.request(Method::POST, path).form(&[(field, value), ("password", PASSWORD)]);
                Answer::of(form().header("origin", origin)).await.expect(403);
                for site in ["cross-site", "same-site"] {
                    Answer::of(form().header("origin", origin).header("sec-fetch-site", site)).await.expect(403);
                }
                refused += 3;
            }
            let socket = Socket::open(&server.site, &ada.cookies(), Some(origin)).await;
            match socket {
                Ok(socket) => assert_eq!(socket.enter().await.expect_err(origin).message(), "forbidden_origin", "{origin}"),
                Err(refusal) => assert!(matches!(refusal, crate::client::socket::Refusal::Http(403)), "{origin}: {refusal:?}"),
            }
            refused += 1;
        }
        if public.is_none() {
            ada.get("/rooms").await.expect(200);
            ada.socket().await;
            assert!(!ada.get("/rooms/general").await.body.contains(">foreign<"), "a foreign form posted");
        }
        server.signal("TERM").await;
        server.end().await;
    }
    outcome.note(format_args!("{refused} refused"));
    Ok(outcome)
}
