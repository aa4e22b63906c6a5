//! The first administrator, and those made by hand.

use serde_json::json;

use crate::both;
use crate::harness::process;
use crate::harness::site::PASSWORD;
use crate::harness::{Database, Person};

/// The token of the link that the start prints while there is no administrator.
pub(super) fn setup_token(stdout: &str) -> Option<String> {
    let line = stdout.lines().find(|line| line.contains("/register?setup="))?;
    let token = line.split("/register?setup=").nth(1)?;
    Some(token.split_whitespace().next()?.to_owned())
}

/// Whether somebody may do what only administrators may: delete in a room that nobody made.
async fn is_admin(person: &Person, witness: &Person) -> bool {
    let (writing, _) = witness.join("general").await;
    let nonce = format!("for {}", person.username);
    let seq = writing.post("general", "may you delete this?", &nonce).await["seq"].take();
    let (socket, _) = person.join("general").await;
    socket.ask("delete", json!({ "room": "general", "seq": seq })).await["ok"] == json!(true)
}

#[apply(both)]
async fn the_printed_link_makes_one_administrator_and_no_second(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[("REGISTRATION", "closed")]).await;
    let token = setup_token(&server.stdout()).expect("a link while there is no administrator");
    assert!(token.len() >= 22, "a token that can be guessed: {token}");
    let ada = server.stranger();
    let page = ada.get(&format!("/register?setup={token}")).await;
    assert!(page.expect(200).body.contains(&token), "the form carries the token on");
    let wrong = format!("{}A", &token[1..]);
    let status = ada.post("/register", &[("username", "eve"), ("password", PASSWORD), ("setup", &wrong)]).await.status;
    assert!((400..500).contains(&status), "{status}");
    ada.post("/register", &[("username", "ada"), ("password", PASSWORD), ("setup", &token)]).await.expect(303);
    let second = server.stranger();
    let status = second.post("/register", &[("username", "eve"), ("password", PASSWORD), ("setup", &token)]).await.status;
    assert!((400..500).contains(&status), "a token of one use was used twice: {status}");
    server.signal("TERM").await;
    server.end().await;
    let server = process::start(database.folder(), database.url(), &[]).await;
    assert_eq!(setup_token(&server.stdout()), None, "there is an administrator now");
    let (ada, grace) = (server.log_in("ada").await, server.register("grace").await);
    assert!(is_admin(&ada, &grace).await);
    assert!(!is_admin(&grace, &ada).await);
}

#[apply(both)]
async fn the_first_visitor_is_nobody_special(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let (first, second) = (server.register("first").await, server.register("second").await);
    assert!(!is_admin(&first, &second).await);
    assert!(setup_token(&server.stdout()).is_some());
}

#[apply(both)]
async fn people_can_be_added_by_hand_with_the_password_on_standard_input(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    let folder = database.folder();
    let added = process::run(folder, &["user", "add", "ada", "--admin"], &settings, &format!("{PASSWORD}\n")).await;
    assert_eq!(added.status, Some(0), "{added:?}");
    let added = process::run(folder, &["user", "add", "grace"], &settings, PASSWORD).await;
    assert_eq!(added.status, Some(0), "{added:?}");
    for (name, password) in [("ada", PASSWORD), ("a b", PASSWORD), ("mary", "short"), ("mary", ""), ("mary", "password")] {
        let refused = process::run(folder, &["user", "add", name], &settings, password).await;
        assert!(refused.status.is_some_and(|status| status != 0), "{name} {password}: {refused:?}");
        assert!(!refused.stderr.is_empty() && !refused.stderr.contains("panicked"), "{refused:?}");
    }
    let server = process::start(folder, database.url(), &[]).await;
    assert_eq!(setup_token(&server.stdout()), None);
    let (ada, grace) = (server.log_in("ada").await, server.log_in("grace").await);
    assert!(is_admin(&ada, &grace).await);
    assert!(!is_admin(&grace, &ada).await);
}
