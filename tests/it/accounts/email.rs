//! Email addresses, and what is mailed to them: with a real mail server, which also says what it does not like.

use std::time::Duration;

use serde_json::{Value, json};

use super::recorded;
use crate::both;
use crate::harness::app::Server;
use crate::harness::servers::{Mail, Script, certificate};
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, DEADLINE, Database, Nodes, Person, process};
use crate::{nodes, once};

const NEW: &str = "eleven slow lighthouses";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A mail server, and Parlor with it; nothing where this machine has no mail server.
async fn with_mail(database: &Database) -> Option<(Script, Server)> {
    let mail = Script::start("mail.js", &["plain"]).await?;
    let server = Server::start(database.url(), &[("SMTP_URL", &format!("smtp://127.0.0.1:{}", mail.port))]).await;
    Some((mail, server))
}

/// Asks for a link that verifies an address; gives its path.
async fn link(mail: &Script, person: &Person, address: &str) -> String {
    let form = [("email", address), ("password", PASSWORD)];
    assert_eq!(person.post("/settings/email", &form).await.expect(303).location(), "/settings/email?sent");
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, address);
    link_in(&sent, "/email/")
}

/// The path of the link in a mail. Of several nodes, each sends links to itself where there is no `PUBLIC_URL`.
fn link_in(sent: &Mail, beginning: &str) -> String {
    let origin = sent.text.split(beginning).next().and_then(|before| before.split_whitespace().last());
    sent.link(origin.expect("a link"), beginning)
}

/// Verifies an address.
async fn verify(mail: &Script, person: &Person, address: &str) {
    let path = link(mail, person, address).await;
    assert_eq!(person.post(&path, &[]).await.expect(303).location(), "/settings/email");
}

async fn emails(person: &Person) -> Value {
    person.get_json("/settings/email").await.expect(200).json()
}

/// Waits until a query has this many rows.
async fn has_rows(database: &Database, query: &str, count: usize) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while database.query(query).await.len() != count {
        assert!(tokio::time::Instant::now() < deadline, "{query}: {:?}", database.query(query).await);
    }
}

#[apply(both)]
async fn an_address_counts_once_its_owner_opened_the_link(database: &Database) {
    let Some((mail, server)) = with_mail(database).await else { return };
    let (ada, eve, rosa) = (server.register("ada").await, server.register("eve").await, server.register("rosa").await);
    database.make_admin("rosa").await;
    assert_eq!(emails(&ada).await, json!({ "email": null, "pending": null, "available": true }));
    for (email, password, field) in [("ada", PASSWORD, "email"), ("ada@example.com", "a wrong guess", "password")] {
        let form = [("email", email), ("password", password)];
        assert!(ada.post("/settings/email", &form).await.expect(422).body.contains("id=\"problem\""));
        let asked = Answer::of(ada.form("/settings/email", &form).header("accept", "application/json")).await;
        assert_eq!(asked.expect(422).json()["error"]["field"], field);
    }
    let path = link(&mail, &ada, "Ada@Example.com").await;
    assert_eq!(emails(&ada).await, json!({ "email": null, "pending": "Ada@Example.com", "available": true }));
    let stored = format!("{:?}{:?}", database.rows("email_links").await, database.rows("audit").await);
    assert!(!stored.contains(&path["/email/".len()..]), "a backup would verify an address: {stored}");
    // To look at it is not to confirm it, and whoever reads the mail need not be signed in.
    let stranger = server.stranger();
    let page = stranger.get(&path).await;
    assert!(page.expect(200).body.contains("Ada@Example.com") && page.body.contains("@ada"), "{}", page.body);
    assert_eq!(emails(&ada).await["email"], Value::Null);
    stranger.post(&path, &[]).await.expect(303);
    assert_eq!(emails(&ada).await, json!({ "email": "Ada@Example.com", "pending": null, "available": true }));
    for answer in [stranger.get(&path).await, stranger.post(&path, &[]).await] {
        assert!(answer.expect(404).body.contains("This link doesn’t work"), "{}", answer.body);
    }
    // Only administrators see it.
    for path in ["/people/ada", "/people", "/settings/email", "/rooms"] {
        assert!(!eve.get(path).await.expect(200).body.contains("Example.com"), "{path}");
        assert!(!eve.get_json(path).await.expect(200).body.contains("Example.com"), "{path}");
    }
    assert_eq!(rosa.get_json("/admin/people?q=ada").await.expect(200).json()["people"][0]["email"], "Ada@Example.com");
    assert!(rosa.get("/admin/people").await.expect(200).body.contains("Ada@Example.com"));
    // Nobody else can verify it, however it is written.
    let taken = link(&mail, &eve, "ada@example.COM").await;
    assert!(eve.post(&taken, &[]).await.expect(403).body.contains("Another account"));
    assert_eq!(emails(&eve).await["email"], Value::Null);
    // A link ends with time, and with a newer one.
    let old = link(&mail, &eve, "eve@example.com").await;
    // Time is not to pass while it is noted as sent: it would be sent again.
    has_rows(database, "select id from outbox", 0).await;
    server.pass(DAY);
    eve.post(&old, &[]).await.expect(404);
    let (first, second) = (link(&mail, &eve, "e1@example.com").await, link(&mail, &eve, "e2@example.com").await);
    eve.post(&first, &[]).await.expect(404);
    eve.post(&second, &[]).await.expect(303);
    // The address of before hears of the new one, and of the end.
    verify(&mail, &eve, "e3@example.com").await;
    let notice = mail.next_mail().await;
    assert!(notice.to == "e2@example.com" && notice.text.contains("no longer uses this email address"), "{notice:?}");
    eve.post("/settings/email/remove", &[("password", "a wrong guess")]).await.expect(422);
    eve.post("/settings/email/remove", &[("password", PASSWORD)]).await.expect(303);
    assert_eq!(mail.next_mail().await.to, "e3@example.com");
    assert_eq!(emails(&eve).await, json!({ "email": null, "pending": null, "available": true }));
    assert_eq!(recorded(database, "user.email").await, ["nobody ada", "nobody eve", "nobody eve"]);
    assert_eq!(recorded(database, "user.email_remove").await, ["eve eve"]);
    assert!(!format!("{:?}", database.rows("audit").await).contains("xample.com"), "the log has no addresses");
    assert!(server.stranger().get("/settings/email").await.expect(303).location().starts_with("/login"));
}

#[apply(both)]
async fn a_forgotten_password_is_replaced_with_a_link_by_mail(database: &Database) {
    let Some((mail, server)) = with_mail(database).await else { return };
    let (ada, _) = (server.register("ada").await, server.register("eve").await);
    verify(&mail, &ada, "ada@example.com").await;
    let stranger = server.stranger();
    assert!(stranger.get("/login").await.body.contains("href=\"/reset\""));
    assert!(stranger.get("/reset").await.expect(200).body.contains("name=\"account\""));
    // The answer is the same for everybody, and comes before anybody is looked up.
    let mut answers = Vec::new();
    let long = "x".repeat(300);
    let odd = ["", "two words", "@@", "ada\0", "ada@example.com\0", &long];
    for account in ["nobody", "eve", "eve@example.com"].into_iter().chain(odd).chain([" ADA@example.com "]) {
        let answer = stranger.post("/reset", &[("account", account)]).await;
        answers.push(answer.expect(200).body.split("</html>").next().expect("a page").to_owned());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]) && answers[0].contains("Check your mail"), "{answers:?}");
    // Of these, one is an account's.
    let first = mail.next_mail().await;
    assert!(first.to == "ada@example.com" && first.from == "parlor@localhost", "{first:?}");
    assert!(first.text.contains("Auto-Submitted: auto-generated") && first.text.contains("@ada"), "{}", first.text);
    let by_name = stranger.form("/reset", &[("account", "Ada")]).header("accept", "application/json");
    assert_eq!(Answer::of(by_name).await.expect(200).json(), json!({ "ok": true }));
    let second = mail.next_mail().await.link(&server.origin, "/reset/");
    // Whoever asks again does not end the link that somebody waits for.
    let path = first.link(&server.origin, "/reset/");
    stranger.get(&second).await.expect(200);
    assert_eq!(stranger.post(&path, &[("password", NEW)]).await.expect(303).location(), "/login");
    let notice = mail.next_mail().await;
    assert!(notice.to == "ada@example.com" && notice.text.contains("Subject: Your password was changed"), "{notice:?}");
    stranger.get(&second).await.expect(404);
    ada.get("/rooms").await.expect(303);
    // The log-in is from a device that nobody knows.
    let form = stranger.form("/login", &[("username", "ada"), ("password", NEW)]);
    Answer::of(form.header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"))
        .await
        .expect(303);
    let notice = mail.next_mail().await;
    assert!(notice.text.contains("Firefox on Linux at 127.0.0.1") && notice.text.contains("/settings/sessions"), "{notice:?}");
    let events = database.query("select actor, target, detail from audit where action = 'user.reset_link'").await;
    assert!(events.len() == 2 && events.iter().all(|event| event["actor"].is_null() && event["target"] == "ada"), "{events:?}");
    // A banned account gets nothing: the next mail is somebody else's.
    let rosa = server.register("rosa").await;
    database.make_admin("rosa").await;
    verify(&mail, &rosa, "rosa@example.com").await;
    rosa.post("/people/ada/ban", &[]).await.expect(303);
    stranger.post("/reset", &[("account", "ada")]).await.expect(200);
    stranger.post("/reset", &[("account", "rosa")]).await.expect(200);
    assert_eq!(mail.next_mail().await.to, "rosa@example.com");
    assert_eq!(
        database.query("select 1 as one from resets join users on users.id = user_id where username = 'ada'").await.len(),
        0
    );
}

#[apply(both)]
async fn whoever_has_a_new_access_token_hears_of_it(database: &Database) {
    let Some((mail, mut server)) = with_mail(database).await else { return };
    let ada = server.register("ada").await;
    verify(&mail, &ada, "ada@example.com").await;
    let make = async |path: &str, fields: &[(&str, &str)]| {
        let made = Answer::of(ada.form(path, fields).header("accept", "application/json")).await;
        made.expect(201).json()["token"]["secret"].as_str().expect("a secret").to_owned()
    };
    let secret = make("/settings/tokens", &[("name", "https://evil.example"), ("scopes", "read"), ("days", "0")]).await;
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "ada@example.com");
    for part in [
        "Subject: New access token",
        "for your account",
        "until it is revoked. Scopes: read.",
        " at 127.0.0.1",
        &format!("{}/settings/tokens", server.origin),
    ] {
        assert!(sent.text.contains(part), "{part} is not in {}", sent.text);
    }
    // Nothing that can be used or was typed.
    assert!(!sent.text.contains(&secret) && !sent.text.contains("evil"), "{}", sent.text);
    ada.post("/settings/bots", &[("username", "builder"), ("name", "Builder")]).await.expect(303);
    make("/settings/tokens", &[("name", "ci"), ("bot", "builder"), ("scopes", "read"), ("scopes", "write"), ("days", "30")])
        .await;
    let sent = mail.next_mail().await;
    assert!(sent.text.contains("for a bot of yours") && sent.text.contains("Scopes: read write."), "{}", sent.text);
    assert!(sent.text.contains(" UTC. Scopes"), "{}", sent.text);
    // What was refused is not told.
    let refused = ada.form("/settings/tokens", &[("name", ""), ("scopes", "read")]).header("accept", "application/json");
    Answer::of(refused).await.expect(422);
    ada.post("/settings/email", &[("email", "new@example.com"), ("password", PASSWORD)]).await.expect(303);
    assert_eq!(mail.next_mail().await.to, "new@example.com");
    server.stop().await;
}

#[apply(both)]
async fn mails_are_bounded_for_each_person_and_each_network(database: &Database) {
    let Some((mail, server)) = with_mail(database).await else { return };
    let ada = server.register("ada").await;
    verify(&mail, &ada, "ada@example.com").await;
    has_rows(database, "select id from outbox", 0).await;
    server.pass(HOUR);
    let stranger = server.stranger();
    for _ in 0..12 {
        stranger.post("/reset", &[("account", "ada")]).await.expect(200);
    }
    has_rows(database, "select id from audit where action = 'request.throttled'", 1).await;
    has_rows(database, "select token_hash from resets", 10).await;
    for _ in 0..10 {
        assert_eq!(mail.next_mail().await.to, "ada@example.com");
    }
    for _ in 0..18 {
        stranger.post("/reset", &[("account", "nobody")]).await.expect(200);
    }
    let refused = stranger.post("/reset", &[("account", "nobody")]).await;
    assert!(refused.expect(429).header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    let form = [("email", "a2@example.com"), ("password", PASSWORD)];
    ada.post("/settings/email", &form).await.expect(429);
    server.pass(HOUR);
    stranger.post("/reset", &[("account", "ada")]).await.expect(200);
    assert_eq!(mail.next_mail().await.to, "ada@example.com");
}

#[apply(both)]
async fn a_link_survives_a_stop_and_a_mail_server_that_is_away(database: &Database) {
    let Some((mail, mut server)) = with_mail(database).await else { return };
    let ada = server.register("ada").await;
    verify(&mail, &ada, "ada@example.com").await;
    server.stop().await;
    // At one nobody listens, and the other refuses the log-in with a final status, which is not about the address.
    let urls = ["smtp://127.0.0.1:9".to_owned(), format!("smtp://ada:wrong@127.0.0.1:{}", mail.port)];
    for (failed, url) in urls.iter().enumerate() {
        let mut server = Server::start(database.url(), &[("SMTP_URL", url)]).await;
        if failed == 0 {
            server.stranger().post("/reset", &[("account", "ada")]).await.expect(200);
        }
        server.pass(HOUR);
        let waiting = "select id from outbox where kind = 'account' and event = 'reset_link' and dead_at is null and attempts >";
        has_rows(database, &format!("{waiting} {failed}"), 1).await;
        server.stop().await;
    }
    // One without a mail server leaves it to those that have one.
    let mut without = Server::start(database.url(), &[]).await;
    without.pass(HOUR);
    assert!(!without.stranger().post("/reset", &[("account", "ada")]).await.expect(200).body.contains("Check your mail"));
    without.stop().await;
    let server = Server::start(database.url(), &[("SMTP_URL", &format!("smtp://127.0.0.1:{}", mail.port))]).await;
    server.pass(2 * HOUR);
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "ada@example.com");
    has_rows(database, "select id from outbox", 0).await;
    server.stranger().post(&sent.link(&server.origin, "/reset/"), &[("password", NEW)]).await.expect(303);
}

#[apply(both)]
async fn an_address_that_is_refused_for_good_is_given_up_and_holds_up_no_other(database: &Database) {
    let Some((mail, server)) = with_mail(database).await else { return };
    let (ada, rosa) = (server.register("ada").await, server.register("rosa").await);
    database.make_admin("rosa").await;
    verify(&mail, &ada, "ada@example.com").await;
    let change = async |address: &str| {
        ada.post("/settings/email", &[("email", address), ("password", PASSWORD)]).await.expect(303);
    };
    change("gone@example.com").await;
    has_rows(database, "select id from outbox where kind = 'address' and dead_at is not null", 1).await;
    change("busy@example.com").await;
    has_rows(database, "select id from outbox where kind = 'address' and dead_at is null and attempts > 0", 1).await;
    server.stranger().post("/reset", &[("account", "ada")]).await.expect(200);
    let sent = mail.next_mail().await;
    assert!(sent.to == "ada@example.com" && sent.text.contains("/reset/"), "{sent:?}");
    let listed = rosa.get_json("/admin/deliveries").await.expect(200).json();
    let listed = listed["receivers"].as_array().expect("a list");
    let receiver = listed.iter().find(|one| one["receiver"].as_str().is_some_and(|name| name.starts_with("address-")));
    let receiver = receiver.expect("the other address");
    assert!(receiver["name"] == "ada" && receiver["waiting"] == 1 && receiver["dead"] == 1, "{receiver}");
    let page = rosa.get("/admin/deliveries").await;
    let page = &page.expect(200).body;
    assert!(page.contains("@ada, mails to a former or unconfirmed address") && !page.contains("example.com"), "{page}");
    // The mail server takes it the second time.
    has_rows(database, "select id from outbox where kind = 'account'", 0).await;
    server.pass(HOUR);
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "busy@example.com");
    ada.post(&sent.link(&server.origin, "/email/"), &[]).await.expect(303);
    assert_eq!(emails(&ada).await["email"], "busy@example.com");
}

/// The first mail waits while the server refuses it, and the second one overtakes it.
#[apply(both)]
async fn the_link_in_the_last_mail_works_also_if_an_earlier_one_was_refused_for_now(database: &Database) {
    let Some((mail, server)) = with_mail(database).await else { return };
    let ada = server.register("ada").await;
    let form = [("email", "busy@example.com"), ("password", PASSWORD)];
    ada.post("/settings/email", &form).await.expect(303);
    has_rows(database, "select id from outbox where kind = 'address' and dead_at is null and attempts > 0", 1).await;
    let path = link(&mail, &ada, "busy@example.com").await;
    server.pass(HOUR);
    has_rows(database, "select id from outbox", 0).await;
    ada.post(&path, &[]).await.expect(303);
    assert_eq!(emails(&ada).await["email"], "busy@example.com");
}

/// The owner of an account may have left the address because it takes no mails any more.
#[apply(both)]
async fn an_address_of_before_that_is_refused_for_now_holds_up_no_mail_to_another(database: &Database) {
    let Some((mail, server)) = with_mail(database).await else { return };
    let ada = server.register("ada").await;
    verify(&mail, &ada, "full@example.com").await;
    ada.post("/settings/tokens", &[("name", "ci"), ("scopes", "read")]).await.expect(201);
    has_rows(database, "select id from outbox where kind = 'account' and attempts > 0", 1).await;
    verify(&mail, &ada, "now@example.com").await;
    has_rows(database, "select id from outbox where kind = 'address' and attempts > 0", 1).await;
    server.stranger().post("/reset", &[("account", "ada")]).await.expect(200);
    let sent = mail.next_mail().await;
    assert!(sent.to == "now@example.com" && sent.text.contains("/reset/"), "{sent:?}");
    // Nor one to the next address, nor the notice to the one before it.
    verify(&mail, &ada, "next@example.com").await;
    let notice = mail.next_mail().await;
    assert!(notice.to == "now@example.com" && notice.text.contains("no longer uses this email address"), "{notice:?}");
    // What the first address was to hear is tried for a day.
    has_rows(database, "select id from outbox", 2).await;
    has_rows(database, "select id from outbox where attempts > 0 and dead_at is null", 2).await;
    database.run("update outbox set attempts = 20, due_at = 0").await;
    has_rows(database, "select id from outbox where attempts > 20 and dead_at is null", 2).await;
    database.run("update outbox set created_at = 1, due_at = 0").await;
    has_rows(database, "select id from outbox where dead_at is not null", 2).await;
    // Then nothing fails any more: a mail next week is not the end of days of failures.
    has_rows(database, "select id from receivers where failing_since is not null", 0).await;
}

#[apply(both)]
async fn without_a_mail_server_an_administrator_is_asked(database: &Database) {
    let server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let stranger = server.stranger();
    for answer in [stranger.get("/reset").await, stranger.post("/reset", &[("account", "ada")]).await] {
        assert!(answer.expect(200).body.contains("Ask an administrator"), "{}", answer.body);
    }
    assert_eq!(emails(&ada).await, json!({ "email": null, "pending": null, "available": false }));
    ada.post("/settings/email", &[("email", "ada@example.com"), ("password", PASSWORD)]).await.expect(403);
    assert!(database.rows("resets").await.is_empty() && database.rows("email_links").await.is_empty());
}

#[apply(nodes)]
async fn a_link_is_asked_for_at_one_node_and_opened_at_the_other(nodes: &Nodes) {
    let Some((mail, a)) = with_mail(&nodes.database).await else { return };
    let b = Server::start(nodes.database.url(), &[("SMTP_URL", &format!("smtp://127.0.0.1:{}", mail.port))]).await;
    let ada = a.register("ada").await;
    let path = link(&mail, &ada, "ada@example.com").await;
    b.stranger().post(&path, &[]).await.expect(303);
    assert_eq!(emails(&ada).await["email"], "ada@example.com");
    b.stranger().post("/reset", &[("account", "ada")]).await.expect(200);
    let path = link_in(&mail.next_mail().await, "/reset/");
    a.stranger().post(&path, &[("password", NEW)]).await.expect(303);
    ada.get("/rooms").await.expect(303);
    for mut server in [a, b] {
        server.stop().await;
    }
}

#[apply(once)]
async fn what_is_refused_for_now_is_tried_again_and_nothing_is_logged_of_it(database: &Database) {
    let Some(mail) = Script::start("mail.js", &["plain"]).await else { return };
    let url = format!("smtp://ada:hunter2@127.0.0.1:{}", mail.port);
    let server = process::start(database.folder(), database.url(), &[("SMTP_URL", &url), ("LOG", "trace")]).await;
    let ada = server.register("ada").await;
    ada.post("/settings/email", &[("email", "busy@example.com"), ("password", PASSWORD)]).await.expect(303);
    server.logs("a delivery failed").await;
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "busy@example.com");
    let path = sent.link(&server.origin, "/email/");
    ada.get(&path).await.expect(200);
    ada.post("/settings/email", &[("email", "gone@example.com"), ("password", PASSWORD)]).await.expect(303);
    let line = server.logs("a delivery was refused for good").await;
    assert!(line.contains("the server answered 550"), "{line}");
    let log = server.stderr();
    for secret in ["example.com", "hunter2", &path["/email/".len()..]] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[apply(once)]
async fn mail_is_encrypted_and_a_certificate_that_nobody_trusts_is_refused(database: &Database) {
    let [authority, certificate, key] = certificate(database.folder());
    let text = |path: &std::path::Path| path.to_str().expect("a plain path").to_owned();
    let (authority, certificate, key) = (text(&authority), text(&certificate), text(&key));
    for (mode, scheme, parameters) in [("tls", "smtps", ""), ("starttls", "smtp", "?tls=required")] {
        let Some(mail) = Script::start("mail.js", &[mode, &certificate, &key]).await else { return };
        let url = format!("{scheme}://ada:hunter2@127.0.0.1:{}{parameters}", mail.port);
        let trusting = [("SMTP_URL", &*url), ("SSL_CERT_FILE", &authority), ("MAIL_FROM", "Chat <chat@example.com>")];
        let folder = tempfile::tempdir_in(database.folder()).expect("a folder");
        let file = format!("sqlite://{}", folder.path().join("parlor.db").display());
        let mut server = process::start(folder.path(), &file, &trusting).await;
        let ada = server.register("ada").await;
        ada.post("/settings/email", &[("email", "ada@example.com"), ("password", PASSWORD)]).await.expect(303);
        let log_in = mail.next().await;
        assert_eq!(log_in, json!({ "log_in": "ada", "secure": true }));
        let sent = mail.next_mail().await;
        assert!(sent.is_secure && sent.to == "ada@example.com" && sent.from == "chat@example.com", "{sent:?}");
        server.kill().await;
        let server = process::start(folder.path(), &file, &[("SMTP_URL", &*url)]).await;
        let ada = server.log_in("ada").await;
        ada.post("/settings/email", &[("email", "ada@example.com"), ("password", PASSWORD)]).await.expect(303);
        let line = server.logs("a delivery failed").await;
        assert!(line.contains("certificate"), "{line}");
    }
    // STARTTLS that is not offered is not done without.
    let Some(mail) = Script::start("mail.js", &["plain"]).await else { return };
    let url = format!("smtp://127.0.0.1:{}?tls=required", mail.port);
    let server = process::start(database.folder(), database.url(), &[("SMTP_URL", &url)]).await;
    let ada = server.register("ada").await;
    ada.post("/settings/email", &[("email", "ada@example.com"), ("password", PASSWORD)]).await.expect(303);
    server.logs("a delivery failed").await;
}
