//! What an invitation's link says when it is opened.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, TestApp};
use crate::{both, everywhere};

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

/// Creates an invitation; the answer's `invite`.
async fn create(person: &Person, fields: &[(&str, &str)]) -> Value {
    let answer = Answer::of(person.form("/invites", fields).header("accept", "application/json")).await;
    answer.expect(201).json()["invite"].clone()
}

/// Registers with the token of an invitation.
async fn joins(app: &TestApp, invite: &Value, username: &str) -> Person {
    let url = invite["url"].as_str().expect("a link");
    let token = url.strip_prefix(&format!("{}/register?invite=", app.origin)).expect("an absolute link");
    let mut person = app.stranger();
    let fields = [("username", username), ("password", PASSWORD), ("invite", token)];
    person.post("/register", &fields).await.expect(303);
    person.username = username.into();
    person
}

async fn listed(person: &Person, path: &str) -> Vec<Value> {
    person.get_json(path).await.expect(200).json()["invites"].as_array().expect("a list").clone()
}

#[apply(everywhere)]
async fn an_invitation_is_created_listed_used_and_revoked(app: &TestApp) {
    let (ada, ruth, eve) = (app.register("ada").await, app.register("ruth").await, app.register("eve").await);
    app.database.run("update users set is_admin = true where username <> 'eve'").await;
    let invite = create(&ada, &[("uses", "2"), ("days", "3"), ("note", " for the <team> ")]).await;
    let id = invite["id"].as_str().expect("an id");
    assert_eq!((&invite["uses"], &invite["left"], &invite["note"]), (&json!(2), &json!(2), &json!("for the <team>")));
    joins(app, &invite, "grace").await;
    let own = listed(&ada, "/invites").await;
    assert_eq!((own.len(), &own[0]["left"], &own[0]["state"]), (1, &json!(1), &json!("open")), "{own:?}");
    assert_eq!((&own[0]["used_by"][0]["username"], &own[0]["created_by"]), (&json!("grace"), &json!("ada")));
    assert!(own[0]["used_by"][0]["at"].is_string() && own[0].get("url").is_none(), "{own:?}");
    assert_eq!(listed(&ruth, "/invites").await, [] as [Value; 0], "each sees their own");
    assert_eq!(listed(&ruth, "/admin/invites").await, own);
    for (person, path) in [(&ada, "/invites"), (&ruth, "/admin/invites")] {
        let page = person.get(path).await;
        let body = &page.expect(200).body;
        assert!(body.contains("for the &#60;team&#62;") && body.contains("@grace") && body.contains(id), "{body}");
        assert!(!body.contains("/register?invite="), "a link is shown once");
    }
    let page = ada.post("/invites", &[]).await;
    let link = format!("{}/register?invite=", app.origin);
    assert!(page.expect(200).body.contains(&link) && page.body.contains("isn’t shown again"), "{}", page.body);

    // Who may not, may not.
    eve.get("/invites").await.expect(403);
    assert_eq!(eve.get_json("/admin/invites").await.expect(403).code(), "forbidden");
    eve.post("/invites", &[]).await.expect(403);
    eve.post(&format!("/invites/{id}/revoke"), &[]).await.expect(404);
    ruth.post("/invites/0123456789abcdef/revoke", &[]).await.expect(404);
    assert_eq!(ruth.post(&format!("/invites/{id}/revoke"), &[("from", "admin")]).await.expect(303).location(), "/admin/invites");
    let revoked = listed(&ada, "/invites").await;
    let revoked = revoked.iter().find(|invite| invite["id"] == id).expect("it is listed");
    assert_eq!((&revoked["state"], &revoked["left"]), (&json!("revoked"), &json!(1)));
    assert!(revoked["revoked_at"].is_string());
    // Once more changes nothing.
    ada.post(&format!("/invites/{id}/revoke"), &[]).await.expect(303);
    assert_eq!(app.database.query("select 1 as found from invite_uses").await.len(), 1);

    let log = ada.get_json(&format!("/admin/audit?target={id}")).await.expect(200).json();
    let actions: Vec<_> = log["entries"].as_array().expect("a list").iter().map(|it| (&it["action"], &it["actor"])).collect();
    let expected = [("invite.revoke", "ruth"), ("invite.use", "grace"), ("invite.create", "ada")];
    assert_eq!(
        actions,
        expected.map(|(action, actor)| (json!(action), json!(actor))).iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()
    );
    assert_eq!(log["entries"][1]["detail"], json!({ "after": { "invited_by": "ada" } }));
}

#[apply(everywhere)]
async fn terms_have_bounds(app: &TestApp) {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    app.register("grace").await.create_room("Vault", "private").await;
    let long = "x".repeat(201);
    for (field, value) in [
        ("uses", "0"),
        ("uses", "101"),
        ("uses", "many"),
        ("days", "0"),
        ("days", "31"),
        ("note", &long),
        ("rooms", "vault"),
        ("rooms", "nowhere"),
        ("rooms", "a b c d e f g h i j k l m n o p q r s t u"),
        ("role", "admin"),
    ] {
        let answer = Answer::of(ada.form("/invites", &[(field, value)]).header("accept", "application/json")).await;
        assert_eq!(answer.expect(422).json()["error"]["field"], field, "{value}");
        ada.post("/invites", &[(field, value)]).await.expect(422);
    }
    assert!(app.database.rows("invites").await.is_empty());
    let (now, ada_id) = (9_000_000_000_000_000_i64, "(select id from users where username = 'ada')");
    let rows: Vec<_> = (0..100).map(|nth| format!("('hash-of-{nth}', {ada_id}, {nth}, {now})")).collect();
    app.database
        .run(&format!("insert into invites (token_hash, created_by, created_at, expires_at) values {}", rows.join(", ")))
        .await;
    assert_eq!(ada.post("/invites", &[]).await.expect(403).status, 403);
    // Pages of twenty.
    let (mut seen, mut after, mut pages) = (0, String::new(), 0);
    loop {
        let page = ada.get_json(&format!("/invites?after={after}")).await.expect(200).json();
        seen += page["invites"].as_array().expect("a list").len();
        pages += 1;
        assert_eq!(page["more"], json!(page["next"].is_string()));
        let Some(next) = page["next"].as_str() else { break };
        after = next.to_owned();
    }
    assert_eq!((seen, pages), (100, 5));
}

#[apply(everywhere)]
async fn an_invitation_leads_into_rooms_where_its_maker_may_add_people(app: &TestApp) {
    let (ada, ruth) = (app.register("ada").await, app.register("ruth").await);
    app.database.make_admin("ada").await;
    let (den, tea) = (ada.create_room("Den", "private").await, ada.create_room("Tea", "public").await);
    let (socket, _) = ada.join(&den).await;
    let invite = create(&ada, &[("uses", "3"), ("rooms", &den), ("rooms", &format!("#{tea}, {den}"))]).await;
    assert_eq!(invite["rooms"], json!([den, tea]));
    let grace = joins(app, &invite, "grace").await;
    assert_eq!(grace.get("/").await.expect(303).location(), format!("/rooms/{den}"), "the first of them is the first page");
    // Everybody there learns of it in the usual way.
    let notice =
        socket.next_where("message", |message| message["kind"] == "joined" && message["author"]["username"] == "grace").await;
    assert_eq!(notice["body"], "ada");
    grace.write(&den, "hello").await.expect(303);
    grace.write(&tea, "hello").await.expect(303);
    // A maker who may not add people there any more brings nobody in; the account is there all the same.
    ada.post(&format!("/rooms/{den}/members"), &[("username", "ruth")]).await.expect(303);
    ada.post(&format!("/rooms/{den}/leave"), &[]).await.expect(303);
    let mary = joins(app, &invite, "mary").await;
    mary.get(&format!("/rooms/{den}")).await.expect(404);
    mary.write(&tea, "hello").await.expect(303);
    ruth.get(&format!("/rooms/{den}")).await.expect(200);
}
