//! What the security log says, and what it must never say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::both;
use crate::harness::process;
use crate::harness::site::PASSWORD;
use crate::harness::socket::Socket;
use crate::harness::{Answer, Database, Person};

const NEW: &str = "eleven slow lighthouses";
/// What people type into the wrong field.
const MISTYPED: &str = "correct.horse.battery";

/// The security log's lines among what a program said.
fn events(said: &str) -> Vec<Value> {
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "parlor::security").map(|line| line["fields"].clone()).collect()
}

/// What, by whom, about whom, and what else.
fn essence(event: &Value) -> [&str; 4] {
    ["action", "actor", "target", "detail"].map(|field| event[field].as_str().unwrap_or_default())
}

fn token<'a>(text: &'a str, link: &str) -> &'a str {
    let (_, rest) = text.split_once(link).expect("a link");
    rest.split(|c: char| !c.is_ascii_alphanumeric()).next().expect("a token")
}

async fn logs_in(person: &Person, username: &str, password: &str) -> u16 {
    person.post("/login", &[("username", username), ("password", password)]).await.status
}

#[apply(both)]
async fn each_event_is_told_once_with_its_source_and_without_a_secret(database: &Database) {
    let settings = [("REGISTRATION", "invite"), ("LOGIN_RATE", "2/min"), ("LOG_FORMAT", "json")];
    let mut server = process::start(database.folder(), database.url(), &settings).await;
    let said = server.stdout();
    let setup = token(&said, "/register?setup=");
    let root = server.stranger();
    root.post("/register", &[("username", "root"), ("password", PASSWORD), ("setup", "guessed")]).await.expect(403);
    root.post("/register", &[("username", "root"), ("password", PASSWORD), ("setup", setup)]).await.expect(303);
    let page = root.post("/invites", &[]).await;
    let invite = token(&page.expect(200).body, "/register?invite=").to_owned();
    let id = token(&page.body, "action=\"/invites/").to_owned();
    let ada = server.stranger();
    ada.post("/register", &[("username", "ada"), ("password", PASSWORD), ("invite", "made-up")]).await.expect(422);
    ada.post("/register", &[("username", "ada"), ("password", PASSWORD), ("invite", &invite)]).await.expect(303);
    let mut secrets = vec![setup.to_owned(), invite, ada.cookies(), root.cookies(), PASSWORD.into(), NEW.into(), MISTYPED.into()];
    ada.post("/logout", &[]).await.expect(303);
    let other = Person::from_address(server.site.clone(), "", Some([127, 0, 0, 7].into()));
    assert_eq!(logs_in(&other, "ada", MISTYPED).await, 401);
    assert_eq!(logs_in(&other, MISTYPED, PASSWORD).await, 401);
    assert_eq!(logs_in(&other, "ada", PASSWORD).await, 429);
    assert_eq!(logs_in(&other, "ada", PASSWORD).await, 429, "of many of these, the first is told");
    assert_eq!(logs_in(&ada, "ada", PASSWORD).await, 303);
    ada.post("/settings/password", &[("current", MISTYPED), ("password", NEW)]).await.expect(422);
    secrets.push(ada.cookies());
    ada.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    secrets.push(ada.cookies());
    let foreign = ada.request(reqwest::Method::POST, "/logout").header("origin", "https://evil.example");
    Answer::of(foreign).await.expect(403);
    let socket = Socket::open(&server, &ada.cookies(), Some("https://worse.example")).await.expect("the transport opens");
    socket.enter().await.expect_err("another site");
    root.post("/people/ada/ban", &[]).await.expect(303);
    assert_eq!(logs_in(&ada, "ada", NEW).await, 401);
    root.post("/people/ada/unban", &[]).await.expect(303);
    server.signal("TERM").await;
    server.end().await;

    let all = server.all_stderr().await;
    let told = events(&all);
    assert_eq!(
        told.iter().map(essence).collect::<Vec<_>>(),
        [
            ["setup.refused", "", "", ""],
            ["user.register", "root", "root", ""],
            ["setup.use", "root", "root", ""],
            ["invite.create", "root", &id, ""],
            ["invite.refused", "", "", ""],
            ["user.register", "ada", "ada", ""],
            ["invite.use", "ada", &id, ""],
            ["user.logout", "ada", "ada", ""],
            ["user.login_failed", "", "ada", ""],
            ["user.login_failed", "", "", ""],
            ["request.throttled", "", "ada", "log_in"],
            ["user.login", "ada", "ada", ""],
            ["user.password_check_failed", "ada", "ada", ""],
            ["user.password", "ada", "ada", ""],
            ["request.origin_refused", "", "", "form from https://evil.example"],
            ["request.origin_refused", "", "", "socket from https://worse.example"],
            ["user.ban", "root", "ada", ""],
            ["user.login_failed", "", "ada", "banned"],
            ["user.unban", "root", "ada", ""],
        ]
    );
    for event in &told {
        let is_elsewhere =
            matches!(event["action"].as_str(), Some("user.login_failed" | "request.throttled")) && event["detail"] != "banned";
        assert_eq!(event["address"], if is_elsewhere { "127.0.0.7" } else { "127.0.0.1" }, "{event}");
        assert!(event["at"].as_str().is_some_and(|at| at.len() == 24 && at.ends_with('Z')), "{event}");
    }
    let pages = told.iter().filter(|event| !event["detail"].as_str().is_some_and(|detail| detail.starts_with("socket")));
    let ids: BTreeSet<_> = pages.map(|event| event["request_id"].as_str().expect("a request's id")).collect();
    // Two of the requests had two events each.
    assert_eq!(ids.len(), told.len() - 3, "{told:#?}");
    for secret in
        secrets.iter().flat_map(|cookies| cookies.split("; ")).map(|it| it.split_once('=').map_or(it, |(_, value)| value))
    {
        assert!(!all.contains(secret), "{secret} is in the log:\n{all}");
    }
}

#[apply(both)]
async fn too_many_registrations_are_told_once(database: &Database) {
    let settings = [("REGISTRATION_RATE", "1/h"), ("LOG", "warn,parlor::security=info"), ("LOG_FORMAT", "json")];
    let mut server = process::start(database.folder(), database.url(), &settings).await;
    for (name, status) in [("ada", 303), ("grace", 429), ("mary", 429)] {
        server.stranger().post("/register", &[("username", name), ("password", PASSWORD)]).await.expect(status);
    }
    server.signal("TERM").await;
    server.end().await;
    let all = server.all_stderr().await;
    let told = events(&all);
    let expected = [["user.register", "ada", "ada", ""], ["request.throttled", "", "", "registration"]];
    assert_eq!(told.iter().map(essence).collect::<Vec<_>>(), expected);
    assert_eq!(
        told.len(),
        all.lines().filter(|line| line.contains("\"INFO\"")).count(),
        "the filter leaves nothing else:\n{all}"
    );
}

#[apply(both)]
async fn what_is_done_at_the_command_line_is_told_there(database: &Database) {
    let settings = [("DATABASE_URL", database.url()), ("LOG_FORMAT", "json")];
    let mut told = Vec::new();
    for arguments in [&["user", "add", "root", "--admin"][..], &["user", "add", "ada"], &["invite"]] {
        let ended = process::run(database.folder(), arguments, &settings, PASSWORD).await;
        assert!(!ended.stderr.contains(PASSWORD) && ended.status == Some(0), "{ended:?}");
        told.extend(events(&ended.stderr));
        if let Some((_, token)) = ended.stdout.trim().split_once("invite=") {
            assert!(!ended.stderr.contains(token), "{ended:?}");
        }
    }
    assert_eq!(
        told.iter().map(essence).collect::<Vec<_>>(),
        [
            ["user.add", "command line", "root", "administrator"],
            ["user.add", "command line", "ada", ""],
            ["invite.create", "command line", told[2]["target"].as_str().expect("its id"), ""],
        ]
    );
    assert!(told.iter().all(|event| event["address"] == json!(null)));
}
