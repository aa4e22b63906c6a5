//! Invitations, by an administrator's page and by hand.

use crate::both;
use crate::harness::process;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person};

/// The token of the invitation in some text.
fn token(text: &str) -> &str {
    let start = text.find("/register?invite=").expect("an invitation") + "/register?invite=".len();
    let rest = &text[start..];
    &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(rest.len())]
}

async fn registers(person: &Person, username: &str, invite: &str) -> Answer {
    person.post("/register", &[("username", username), ("password", PASSWORD), ("invite", invite)]).await
}

#[apply(both)]
async fn an_invitation_lets_one_person_in_once(database: &Database) {
    let settings = [("DATABASE_URL", database.url()), ("REGISTRATION", "invite")];
    let made = process::run(database.folder(), &["invite"], &settings, "").await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let invite = token(&made.stdout).to_owned();
    let server = process::start(database.folder(), database.url(), &[("REGISTRATION", "invite")]).await;
    let ada = server.stranger();
    let page = ada.get(&format!("/register?invite={invite}")).await;
    assert!(page.expect(200).body.contains(&invite), "the form carries it on");
    // A form that is refused for something else does not use it up.
    registers(&ada, "a b", &invite).await.expect(422);
    registers(&ada, "ada", &invite).await.expect(303);
    let second = registers(&server.stranger(), "eve", &invite).await.status;
    assert!((400..500).contains(&second), "{second}");
    assert!(!format!("{:?}", database.rows("invites").await).contains(&invite), "a backup would let somebody in");
}

#[apply(both)]
async fn of_two_who_use_one_invitation_at_once_one_gets_in(database: &Database) {
    let settings = [("DATABASE_URL", database.url()), ("REGISTRATION", "invite")];
    let made = process::run(database.folder(), &["invite"], &settings, "").await;
    let invite = token(&made.stdout);
    let server = process::start(database.folder(), database.url(), &[("REGISTRATION", "invite")]).await;
    let tries = (0..5).map(|number| {
        let stranger = server.stranger();
        async move { registers(&stranger, &format!("user{number}"), invite).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
}

#[apply(both)]
async fn only_an_administrator_can_invite(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    process::run(database.folder(), &["user", "add", "ada", "--admin"], &settings, PASSWORD).await;
    process::run(database.folder(), &["user", "add", "grace"], &settings, PASSWORD).await;
    let server = process::start(database.folder(), database.url(), &[("REGISTRATION", "invite")]).await;
    let (ada, grace) = (server.log_in("ada").await, server.log_in("grace").await);
    grace.post("/invites", &[]).await.expect(403);
    assert!(server.stranger().post("/invites", &[]).await.expect(303).location().starts_with("/login"));
    assert!(database.rows("invites").await.is_empty());
    let page = ada.post("/invites", &[]).await;
    let link = format!("http://{}/register?invite=", server.site.address);
    assert!(page.expect(200).body.contains(&link), "the whole link, to be copied: {}", page.body);
    registers(&server.stranger(), "mary", token(&page.body)).await.expect(303);
}
