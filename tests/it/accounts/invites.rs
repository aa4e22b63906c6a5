//! What an invitation's link says when it is opened.

use std::time::Duration;

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person};

/// The token of a new invitation of an administrator's.
async fn invited(root: &Person) -> String {
    let page = root.post("/invites", &[]).await.expect(200).body.clone();
    let link = page.split("/register?invite=").nth(1).expect("a link");
    link.chars().take_while(char::is_ascii_hexdigit).collect()
}

async fn opens(stranger: &Person, invite: &str) -> Answer {
    stranger.get(&format!("/register?invite={invite}")).await
}

/// A server that takes an invitation, with its administrator.
async fn by_invitation(database: &Database, rate: &str) -> (Server, Person) {
    let mut open = Server::start(database.url(), &[]).await;
    open.register("ruth").await.post("/settings", &[("name", "Ruth O.")]).await.expect(303);
    database.make_admin("ruth").await;
    open.stop().await;
    let server = Server::start(database.url(), &[("REGISTRATION", "invite"), ("LOGIN_RATE", rate)]).await;
    let root = server.log_in("ruth").await;
    (server, root)
}

#[apply(both)]
async fn a_link_that_is_used_or_expired_says_so_at_once(database: &Database) {
    let (server, root) = by_invitation(database, "10/min").await;
    let (invite, late) = (invited(&root).await, invited(&root).await);
    let ada = server.stranger();
    assert!(opens(&ada, &invite).await.expect(200).body.contains("Create your account"));
    ada.post("/register", &[("username", "ada"), ("password", PASSWORD), ("invite", &invite)]).await.expect(303);
    let used = opens(&server.stranger(), &invite).await;
    assert!(used.expect(404).body.contains("This invite has already been used"), "{}", used.body);
    assert!(used.body.contains("Ruth O.") && used.body.contains("href=\"/login\""), "{}", used.body);
    assert!(!used.body.contains("name=\"password\""), "nothing to fill in for nothing");
    server.pass(Duration::from_secs(8 * 24 * 60 * 60));
    let expired = opens(&server.stranger(), &late).await;
    assert!(expired.expect(404).body.contains("This invite has expired") && expired.body.contains("Ruth O."), "{}", expired.body);
    let invented = opens(&server.stranger(), "0123456789abcdef0123456789abcdef").await;
    assert!(invented.expect(404).body.contains("This invite link doesn’t work"), "{}", invented.body);
    assert!(!invented.body.contains("Ruth"), "{}", invented.body);
}

#[apply(both)]
async fn links_cannot_be_guessed_without_end(database: &Database) {
    let (server, root) = by_invitation(database, "3/min").await;
    let invite = invited(&root).await;
    let eve = server.stranger();
    for guess in ["1", "2"] {
        opens(&eve, guess).await.expect(404);
    }
    let tried = eve.post("/register", &[("username", "eve"), ("password", PASSWORD), ("invite", "3")]).await;
    tried.expect(422);
    let refused = opens(&eve, &invite).await;
    assert!(refused.expect(429).header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    server.pass(Duration::from_secs(60));
    opens(&eve, &invite).await.expect(200);
}

#[apply(both)]
async fn where_everybody_may_register_a_link_keeps_nobody_out(database: &Database) {
    let server = Server::start(database.url(), &[]).await;
    assert!(opens(&server.stranger(), "anything").await.expect(200).body.contains("Create your account"));
}
