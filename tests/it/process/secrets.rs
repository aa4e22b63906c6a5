//! What people say and what lets them in is in no line of the program's, whatever it is asked to log.

use proof::client::Person;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::json;

use super::admin::setup_token;
use crate::harness::process::{self, Process};
use crate::harness::{Answer, Database, Kind};
use crate::{both, once};

/// In every secret of these tests, and in nothing else.
const MARK: &str = "q7zmark";
/// Asks each library for everything by its name.
const EVERYTHING: &str = "trace,sqlx=trace,socketioxide=trace,engineioxide=trace,tungstenite=trace,tokio_tungstenite=trace,\
                          hyper=trace,hyper_util=trace,axum=trace,tower_http=trace,tower_sessions=trace,tower_sessions_core=trace,\
                          html5ever=trace,rustls=trace,log=trace";

fn marked(what: &str) -> String {
    format!("{what} {MARK}")
}

/// Does everything that carries somebody's words or a key; gives the secrets that cannot be marked.
async fn live(server: &Process) -> Vec<String> {
    let password = marked("seven quiet harbours");
    let token = setup_token(&server.stdout()).expect("there is no administrator yet");
    let ada = server.stranger();
    let fields = [("username", "ada"), ("password", &password), ("name", &marked("Ada")), ("setup", &token)];
    ada.post("/register", &fields).await.expect(303);
    ada.post("/login", &[("username", "ada"), ("password", &marked("a wrong guess"))]).await.expect(401);
    let invitation = ada.post("/invites", &[]).await.expect(200).body.clone();
    let invitation = invitation.split("/register?invite=").nth(1).expect("a link").split('"').next().expect("its end").to_owned();
    let invitation: String = invitation.chars().take_while(char::is_ascii_alphanumeric).collect();
    server.register("grace").await;

    let room = ada.create_room(&marked("Vault"), "private").await;
    ada.post(&format!("/rooms/{room}/settings"), &[("topic", &marked("plans"))]).await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await;
    let (socket, _) = ada.join(&room).await;
    let seq = socket.post(&room, &marked("a *word*"), &marked("nonce")).await["seq"].clone();
    socket.ok("edit", json!({ "room": room, "seq": seq, "body": marked("other words") })).await;
    socket.ask("message", json!({ "room": [MARK], "body": { "a": MARK }, "nonce": 1 })).await;
    socket.ask("search", json!({ "q": marked("word") })).await;
    socket.ok("delete", json!({ "room": room, "seq": seq })).await;
    ada.write(&room, &marked("by a form")).await.expect(303);
    ada.write(&room, &format!("{MARK}\0")).await;
    ada.write(&room, &MARK.repeat(2_000)).await.expect(422);
    ada.post("/preview", &[("body", &marked("**bold**"))]).await;
    ada.post("/people/grace/message", &[("body", &marked("between us"))]).await;
    ada.post("/settings", &[("status", &marked("away"))]).await;
    for path in ["/search?q=", "/login?next=/", "/nowhere/", "/people?q=", "/rooms/general?before="] {
        ada.get(&format!("{path}{MARK}")).await;
        ada.get_json(&format!("{path}{MARK}")).await;
    }
    ada.get(&format!("/rooms/{room}")).await.expect(200);
    let malformed = ada.form("/preview", &[]).header(CONTENT_TYPE, "application/json").body(format!("{{\"{MARK}"));
    Answer::of(malformed).await;
    let sid = poll(&ada).await;
    ada.post("/settings/password", &[("current", &password), ("password", &marked("other quiet harbours"))]).await.expect(303);
    let planted = ada.cookies();
    let cookie = planted.split_once('=').expect("she is signed in").1.to_owned();
    ada.post("/logout", &[]).await.expect(303);
    ada.plant_cookie(&planted);
    ada.get("/rooms").await.expect(303);
    vec![token, invitation, cookie, sid]
}

/// Connects by polling; gives the id of the socket, which is as good as a key.
async fn poll(ada: &Person) -> String {
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = Answer::of(ada.request(Method::GET, path).header(ACCEPT, "*/*")).await;
    let opened: serde_json::Value = serde_json::from_str(&opened.expect(200).body[1..]).expect("an open packet");
    let sid = opened["sid"].as_str().expect("a string").to_owned();
    let packet = format!("42/chat,[\"message\",{{\"body\":\"{MARK}\"}}]");
    Answer::of(ada.request(Method::POST, &format!("{path}&sid={sid}")).body("40/chat,")).await;
    Answer::of(ada.request(Method::POST, &format!("{path}&sid={sid}")).body(packet)).await;
    sid
}

#[apply(both)]
async fn no_level_logs_what_people_say_or_what_lets_them_in(database: &Database) {
    let (url, format) = match database.kind {
        Kind::Sqlite => (database.url().to_owned(), "text"),
        Kind::Postgres => {
            let sign = if database.url().contains('?') { '&' } else { '?' };
            (format!("{}{sign}password={MARK}", database.url()), "json")
        }
    };
    let settings = [("LOG", EVERYTHING), ("LOG_FORMAT", format), ("TRANSPORTS", "websocket,polling")];
    let mut server = process::start(database.folder(), &url, &settings).await;
    let secrets = live(&server).await;
    server.signal("TERM").await;
    assert_eq!(server.end().await.code(), Some(0));
    let log = server.stderr();
    assert!(log.contains("/rooms/{slug}/messages") && log.contains("stopping"), "it logs: {log}");
    for secret in secrets.iter().map(String::as_str).chain([MARK, "argon2id$"]) {
        assert!(secret.len() > 6, "nothing to look for: {secret:?}");
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret}");
    }
}

#[apply(once)]
async fn a_database_that_is_not_there_is_told_without_its_password(database: &Database) {
    let url = format!("postgres://parlor:{MARK}@127.0.0.1:1/parlor");
    for command in ["serve", "migrate", "invite"] {
        let settings = [("DATABASE_URL", &*url), ("LISTEN", "127.0.0.1:0"), ("LOG", "trace")];
        let ended = process::run(database.folder(), &[command], &settings, "").await;
        assert_eq!(ended.status, Some(1), "{ended:?}");
        assert!(!ended.stderr.is_empty() && !format!("{ended:?}").contains(MARK), "{ended:?}");
    }
}

#[apply(once)]
async fn a_faulty_settings_file_is_told_by_its_line_and_not_by_its_words(database: &Database) {
    let file = database.folder().join(".env");
    for (text, line) in [
        (format!("LISTEN=127.0.0.1:0\n# The next one lost its sign.\nDATABASE_URL postgres://parlor:{MARK}@db/parlor\n"), 3),
        (format!("DATABASE_URL=postgres://parlor:{MARK} with spaces@db/parlor\n"), 1),
        (format!("\nDATABASE_URL=\"postgres://parlor:{MARK}\n"), 2),
    ] {
        std::fs::write(&file, text).expect("a file");
        let ended = process::run(database.folder(), &[], &[], "").await;
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(&format!(".env, line {line}:")), "{ended:?}");
        assert!(!ended.stderr.contains(MARK) && !ended.stdout.contains(MARK), "{ended:?}");
    }
    // In the wrong place, or with a misspelt parameter.
    for (name, value) in [
        ("LISTEN", "postgres://parlor:q7zmark@db/parlor"),
        ("PUBLIC_URL", "https://parlor:q7zmark@chat.example"),
        ("LOG", "q7zmark=q7zmark"),
        ("REGISTRATION", "q7zmark"),
        ("DATABASE_URL", "q7zmark://q7zmark"),
        ("DATABASE_URL", "postgres://parlor@db/parlor?passwort=q7zmark"),
        ("DATABASE_URL", "postgres://parlor:1?q7zmark@db/parlor"),
    ] {
        std::fs::write(&file, "").expect("a file");
        let ended = process::run(database.folder(), &[], &[(name, value)], "").await;
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(name) && !ended.stderr.contains(MARK), "{ended:?}");
    }
}
