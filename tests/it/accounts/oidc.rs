//! Single sign-on, with a real provider (oidc-provider), which also refuses what is wrong.

use std::time::Duration;

use serde_json::{Value, json};

use super::recorded;
use crate::harness::app::Server;
use crate::harness::servers::Script;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, DEADLINE, Database, Nodes, Person, Site};
use crate::{both, nodes};

/// The provider's secret of this server, also what people see of neither.
const SECRET: &str = "hunter2";

/// What the provider knows of somebody.
type Claims<'a> = &'a [(&'a str, &'a str)];

fn settings<'a>(issuer: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let all = [("OIDC_ISSUER", issuer), ("OIDC_CLIENT_ID", "parlor"), ("OIDC_CLIENT_SECRET", SECRET), ("OIDC_NAME", "Example")];
    [&all[..], &[("OIDC_SCOPES", "profile,groups")], more].concat()
}

fn issuer(provider: &Script) -> String {
    format!("http://127.0.0.1:{}", provider.port)
}

/// A provider, and Parlor with it; nothing where this machine has no provider.
async fn with_provider(database: &Database, more: &[(&str, &str)]) -> Option<(Script, Server)> {
    let provider = Script::start("oidc.js", &[]).await?;
    let server = Server::start(database.url(), &settings(&issuer(&provider), more)).await;
    Some((provider, server))
}

/// The browser at the provider.
fn browser(provider: &Script) -> Person {
    Site::at(([127, 0, 0, 1], provider.port).into()).stranger()
}

/// Follows `url` at the provider as somebody, until it sends the browser away; gives the path and query of where.
async fn at_provider(browser: &Person, url: &str, claims: Claims<'_>) -> String {
    let mut url = url.to_owned();
    while let Some(path) = url.strip_prefix(&browser.site.origin) {
        let answer = browser.get(path).await;
        url = if answer.status == 200 {
            browser.post(path, claims).await.expect(303).location()
        } else {
            answer.expect(303).location()
        };
        if url.starts_with('/') {
            url = format!("{}{url}", browser.site.origin);
        }
    }
    let (_, rest) = url.split_once("://").expect("an address");
    rest[rest.find('/').expect("a path")..].to_owned()
}

/// Logs in by the provider; gives the answer of the callback.
async fn log_in(provider: &Script, person: &Person, claims: Claims<'_>) -> Answer {
    let begun = person.get("/login/oidc").await;
    let back = at_provider(&browser(provider), &begun.expect(303).location(), claims).await;
    assert!(back.starts_with("/login/oidc/callback?"), "{back}");
    person.get(&back).await
}

/// Who is signed in.
async fn username(person: &Person) -> String {
    person.get_json("/settings").await.expect(200).json()["settings"]["username"].as_str().expect("a name").to_owned()
}

/// Links the account of somebody to an identity; gives the answer of the callback.
async fn link(provider: &Script, person: &Person, claims: Claims<'_>) -> Answer {
    let asked = person.form("/settings/oidc/link", &[("password", PASSWORD)]).header("accept", "application/json");
    let begun = Answer::of(asked).await.expect(200).json();
    let back = at_provider(&browser(provider), begun["url"].as_str().expect("an address"), claims).await;
    person.get(&back).await
}

#[apply(both)]
async fn somebody_whom_the_provider_knows_gets_an_account_and_comes_back_to_it(database: &Database) {
    let Some((provider, server)) = with_provider(database, &[("DEFAULT_ROOMS", "general")]).await else { return };
    server.register("taken").await;
    let person = server.stranger();
    for path in ["/login", "/register"] {
        assert!(person.get(path).await.expect(200).body.contains("with Example"), "{path}");
    }
    let claims = [("sub", "1"), ("preferred_username", "Ada.Lovelace@example.com"), ("name", "Ada Lovelace")];
    let entered = log_in(&provider, &person, &claims).await;
    assert_eq!(entered.expect(303).location(), "/");
    assert_eq!(username(&person).await, "ada.lovelace");
    let profile = person.get("/people/ada.lovelace").await;
    assert!(profile.expect(200).body.contains("Ada Lovelace"), "{}", profile.body);
    person.get("/rooms/general").await.expect(200);
    assert!(person.get_json("/rooms?mine=yes").await.expect(200).body.contains("general"), "a default room");
    person.socket().await;
    // The same person, with another name there, is the same here.
    let again = server.stranger();
    log_in(&provider, &again, &[("sub", "1"), ("preferred_username", "countess")]).await.expect(303);
    assert_eq!(username(&again).await, "ada.lovelace");
    // A name does not make anybody somebody else.
    for (sub, preferred, expected) in
        [("2", "ada.lovelace", "ada.lovelace-2"), ("3", "taken", "taken-2"), ("4", "admin", "admin-2"), ("5", "Ж/Ö", "someone")]
    {
        let other = server.stranger();
        log_in(&provider, &other, &[("sub", sub), ("preferred_username", preferred)]).await.expect(303);
        assert_eq!(username(&other).await, expected);
    }
    // There is no password that logs in.
    for password in ["", " ", "password"] {
        let form = [("username", "ada.lovelace"), ("password", password)];
        server.stranger().post("/login", &form).await.expect(401);
    }
    let notes = database
        .query("select action, detail from audit where actor = 'ada.lovelace' and action in ('user.login', 'user.register')")
        .await;
    assert!(notes.len() == 3 && notes.iter().all(|event| event["detail"].to_string().contains("oidc")), "{notes:?}");
    // Whoever logs out may log out there as well.
    assert_eq!(person.post("/logout", &[]).await.expect(303).location(), "/login/oidc/end");
    let end = person.get("/login/oidc/end").await;
    assert!(end.expect(200).body.contains(&format!("{}/session/end?", issuer(&provider))), "{}", end.body);
    assert_eq!(server.register("eve").await.post("/logout", &[]).await.expect(303).location(), "/login");
}

#[apply(both)]
async fn an_account_is_linked_by_its_owner_and_never_by_a_name(database: &Database) {
    let Some((provider, server)) = with_provider(database, &[("OIDC_CREATE_ACCOUNTS", "off")]).await else { return };
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    let claims = [("sub", "1"), ("preferred_username", "ada")];
    let refused = log_in(&provider, &server.stranger(), &claims).await;
    assert!(
        refused.expect(403).body.contains("no account for you") && refused.body.contains("action=\"/login\""),
        "{}",
        refused.body
    );
    assert!(ada.get("/settings").await.body.contains("href=\"/settings/oidc\""));
    ada.post("/settings/oidc/link", &[("password", "a wrong guess")]).await.expect(422);
    let page = ada.post("/settings/oidc/link", &[("password", PASSWORD)]).await;
    assert!(page.expect(200).body.contains(&format!("href=\"{}/auth?", issuer(&provider))), "{}", page.body);
    assert_eq!(link(&provider, &ada, &claims).await.expect(303).location(), "/settings/oidc?linked");
    let own = ada.get_json("/settings/oidc").await.expect(200).json();
    assert_eq!((&own["name"], &own["linked"], &own["has_password"]), (&json!("Example"), &json!(true), &json!(true)));
    let there = server.stranger();
    log_in(&provider, &there, &claims).await.expect(303);
    assert_eq!(username(&there).await, "ada");
    // One identity has one account, and one account one identity.
    assert!(link(&provider, &eve, &claims).await.expect(403).body.contains("Another account"));
    assert!(link(&provider, &ada, &[("sub", "2")]).await.expect(403).body.contains("linked already"));
    // What one person began, another one does not end.
    let asked = eve.form("/settings/oidc/link", &[("password", PASSWORD)]).header("accept", "application/json");
    let begun = Answer::of(asked).await.expect(200).json();
    let back = at_provider(&browser(&provider), begun["url"].as_str().expect("an address"), &[("sub", "3")]).await;
    let cookie = eve.cookies().split("; ").find(|cookie| cookie.starts_with("parlor-oidc-")).expect("it is kept").to_owned();
    ada.plant_cookie(&cookie);
    ada.get(&back).await.expect(403);
    assert!(server.stranger().get("/settings/oidc").await.expect(303).location().starts_with("/login"));
    // Banned people do not come in by this way either.
    let rosa = server.register("rosa").await;
    database.make_admin("rosa").await;
    rosa.post("/people/ada/ban", &[]).await.expect(303);
    log_in(&provider, &server.stranger(), &claims).await.expect(403);
    rosa.post("/people/ada/unban", &[]).await.expect(303);
    let ada = server.log_in("ada").await;
    ada.post("/settings/oidc/unlink", &[("password", "a wrong guess")]).await.expect(422);
    assert_eq!(
        ada.post("/settings/oidc/unlink", &[("password", PASSWORD)]).await.expect(303).location(),
        "/settings/oidc?unlinked"
    );
    ada.post("/settings/oidc/unlink", &[("password", PASSWORD)]).await.expect(404);
    log_in(&provider, &server.stranger(), &claims).await.expect(403);
    assert_eq!(recorded(database, "user.link").await, ["ada ada"]);
    assert_eq!(recorded(database, "user.unlink").await, ["ada ada"]);
    assert_eq!(recorded(database, "user.login_failed").await, ["nobody ada", "nobody nobody", "nobody nobody"]);
}

#[apply(both)]
async fn an_account_without_a_password_keeps_its_way_in_until_it_has_one(database: &Database) {
    let Some((provider, server)) = with_provider(database, &[]).await else { return };
    let claims = [("sub", "1"), ("preferred_username", "ada")];
    let ada = server.stranger();
    log_in(&provider, &ada, &claims).await.expect(303);
    assert_eq!(ada.get_json("/settings/oidc").await.expect(200).json()["has_password"], false);
    ada.post("/settings/oidc/unlink", &[("password", "")]).await.expect(403);
    // Only soon after a log-in: who finds an open browser cannot choose one.
    server.pass(Duration::from_secs(600));
    let form = [("current", ""), ("password", PASSWORD)];
    assert!(ada.post("/settings/password", &form).await.expect(422).body.contains("no password"));
    log_in(&provider, &ada, &claims).await.expect(303);
    assert!(!ada.get("/settings/password").await.expect(200).body.contains("name=\"current\""));
    ada.post("/settings/password", &form).await.expect(303);
    assert_eq!(server.log_in("ada").await.post("/settings/oidc/unlink", &[("password", PASSWORD)]).await.status, 303);
}

#[apply(both)]
async fn groups_make_administrators_and_never_take_the_last_one(database: &Database) {
    let Some((provider, server)) = with_provider(database, &[("OIDC_ADMIN_GROUP", "chat-admins")]).await else { return };
    let ada = server.stranger();
    let enter = async |sub: &str, groups: &str| {
        let claims = [("sub", sub), ("preferred_username", sub), ("groups", groups)];
        log_in(&provider, &ada, &claims).await.expect(303);
        ada.get("/admin").await.status
    };
    assert_eq!(enter("ada", "staff,chat-admins-not").await, 403);
    assert_eq!(enter("ada", "staff,chat-admins").await, 200);
    assert_eq!(enter("ada", "staff").await, 200, "the last one");
    assert_eq!(enter("rosa", "chat-admins").await, 200);
    assert_eq!(enter("ada", "").await, 403);
    assert_eq!(recorded(database, "user.role").await, ["nobody ada", "nobody ada", "nobody rosa"]);
    let details = database.query("select detail from audit where action = 'user.role'").await;
    assert!(details.iter().all(|event| event["detail"].to_string().contains("oidc")), "{details:?}");
}

#[apply(both)]
async fn a_log_in_comes_back_once_soon_and_to_the_browser_that_began_it(database: &Database) {
    let Some((provider, server)) = with_provider(database, &[("LOGIN_RATE", "off")]).await else { return };
    let claims = [("sub", "1"), ("preferred_username", "ada")];
    let begin = async |person: &Person| person.get("/login/oidc?next=/people").await.expect(303).location();
    let back = async |url: &str| at_provider(&browser(&provider), url, &claims).await;
    let ada = server.stranger();
    let first = back(&begin(&ada).await).await;
    // Somebody else's browser, and one's own after it began another one.
    let eve = server.stranger();
    eve.get(&first).await.expect(403);
    begin(&eve).await;
    eve.get(&first).await.expect(403);
    let (code, state) = (first.split("code=").nth(1).expect("a code"), first.split("state=").nth(1).expect("a state"));
    let (code, state) = (code.split('&').next().expect("it ends"), state.split('&').next().expect("it ends"));
    for wrong in [
        "/login/oidc/callback".to_owned(),
        format!("/login/oidc/callback?code={code}"),
        format!("/login/oidc/callback?code={code}&state={}", "0".repeat(64)),
        format!("/login/oidc/callback?code={code}&state={state}x"),
    ] {
        let refused = ada.get(&wrong).await;
        assert!(refused.expect(403).body.contains("expired"), "{wrong}: {}", refused.body);
        // The cookie is gone.
        assert!(refused.set_cookies().iter().any(|cookie| cookie.starts_with("parlor-oidc-") && cookie.contains("Max-Age=0")));
        ada.get(&first).await.expect(403);
        begin(&ada).await;
    }
    // It comes back, and not twice, even with the cookie.
    let url = begin(&ada).await;
    let cookie = ada.cookies().split("; ").find(|cookie| cookie.starts_with("parlor-oidc-")).expect("it is kept").to_owned();
    let good = back(&url).await;
    assert_eq!(ada.get(&good).await.expect(303).location(), "/people");
    let thief = server.stranger();
    thief.plant_cookie(&cookie);
    thief.get(&good).await.expect(403);
    let stored = format!("{:?}", database.rows("oidc_states").await);
    assert!(!stored.contains(good.split("state=").nth(1).expect("a state").split('&').next().expect("it ends")), "{stored}");
    // Not later than ten minutes.
    let late = back(&begin(&thief).await).await;
    server.pass(Duration::from_secs(600));
    thief.get(&late).await.expect(403);
    // What the provider signs for another log-in is not believed, and it keeps codes to whoever asked for them.
    for (part, value) in [("nonce", "0".repeat(64)), ("code_challenge", "0".repeat(43))] {
        let url = begin(&thief).await;
        let at = url.find(&format!("&{part}=")).expect("it is asked") + part.len() + 2;
        let end = url[at..].find('&').map_or(url.len(), |end| at + end);
        let forged = format!("{}{value}{}", &url[..at], &url[end..]);
        let answer = thief.get(&back(&forged).await).await;
        assert!(answer.expect(403).body.contains("didn’t work"), "{part}: {}", answer.body);
    }
    // A provider that says it is another one (RFC 9207).
    let returned = back(&begin(&thief).await).await;
    let own = format!("iss=http%3A%2F%2F127.0.0.1%3A{}", provider.port);
    assert!(returned.contains(&own), "{returned}");
    thief.get(&returned.replace(&own, "iss=http%3A%2F%2Fevil.example")).await.expect(403);
    // Whoever does not want to is told so.
    let url = begin(&thief).await;
    let refusal = at_provider(&browser(&provider), &url, &[("sub", "nobody")]).await;
    assert!(refusal.contains("error=access_denied"), "{refusal}");
    assert!(thief.get(&refusal).await.expect(403).body.contains("didn’t log in"));
    // Also by a provider that says why in Latin-1; the browser forgets the log-in.
    let url = begin(&thief).await;
    let refusal = at_provider(&browser(&provider), &url, &[("sub", "nobody")]).await;
    let told = thief.get(&refusal.replace("error_description=", "error_description=refus%E9")).await;
    assert!(refusal.contains("error_description=") && told.expect(403).body.contains("didn’t log in"), "{refusal} {told:?}");
    assert!(told.header("set-cookie").contains("Max-Age=0"), "{told:?}");
    // `next` leads nowhere else.
    let url = thief.get("/login/oidc?next=//evil.example").await.expect(303).location();
    assert_eq!(thief.get(&back(&url).await).await.expect(303).location(), "/");
}

#[apply(both)]
async fn guesses_at_log_ins_are_throttled(database: &Database) {
    let Some((_provider, server)) = with_provider(database, &[("LOGIN_RATE", "3/min")]).await else { return };
    let eve = server.stranger();
    for _ in 0..3 {
        eve.get("/login/oidc/callback?code=1&state=00").await.expect(403);
    }
    let refused = eve.get("/login/oidc/callback?code=1&state=00").await;
    assert!(refused.expect(429).header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
}

#[apply(both)]
async fn a_provider_that_is_away_gives_a_clear_page_and_parlor_starts_without_it(database: &Database) {
    let Some((provider, server)) = with_provider(database, &[]).await else { return };
    let (ada, port) = (server.register("ada").await, provider.port.to_string());
    // It is known, but it ends before the code is exchanged.
    let person = server.stranger();
    let begun = person.get("/login/oidc").await.expect(303).location();
    let back = at_provider(&browser(&provider), &begun, &[("sub", "1")]).await;
    drop(provider);
    let answer = person.get(&back).await;
    assert!(answer.expect(503).body.contains("can’t be reached") && answer.body.contains("action=\"/login\""), "{}", answer.body);
    let asked = Answer::of(person.request(reqwest::Method::GET, &back).header("accept", "application/json")).await;
    assert_eq!(asked.expect(403).code(), "forbidden", "it came back already");
    let mut server = server;
    server.stop().await;
    server.start_again().await;
    let person = server.stranger();
    let answer = person.get("/login/oidc").await;
    assert!(answer.expect(503).body.contains("can’t be reached") && answer.header("retry-after") == "5", "{answer:?}");
    assert_eq!(person.get_json("/login/oidc").await.expect(503).code(), "unavailable");
    // Passwords still do, and a log-out does not ask it.
    let ada = ada.at(&server.site);
    assert_eq!(ada.post("/logout", &[]).await.expect(303).location(), "/login");
    let ada = server.log_in("ada").await;
    ada.post("/settings/oidc/link", &[("password", PASSWORD)]).await.expect(503);
    // It comes back.
    let Some(_provider) = Script::start("oidc.js", &[&port]).await else { return };
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while person.get("/login/oidc").await.status != 303 {
        assert!(tokio::time::Instant::now() < deadline, "it is not asked again");
    }
}

#[apply(both)]
async fn without_a_provider_there_is_no_such_page(database: &Database) {
    let server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let stranger = server.stranger();
    assert!(!stranger.get("/login").await.body.contains("/login/oidc") && !ada.get("/settings").await.body.contains("oidc"));
    for path in ["/login/oidc", "/login/oidc/callback?code=1&state=2"] {
        stranger.get(path).await.expect(404);
    }
    ada.get("/settings/oidc").await.expect(404);
    for path in ["/settings/oidc/link", "/settings/oidc/unlink"] {
        ada.post(path, &[("password", PASSWORD)]).await.expect(404);
    }
    assert_eq!(stranger.get("/login/oidc/end").await.expect(303).location(), "/login");
}

#[apply(nodes)]
async fn a_log_in_begins_at_one_node_and_comes_back_to_the_other(nodes: &Nodes) {
    let Some(provider) = Script::start("oidc.js", &[]).await else { return };
    let issuer = issuer(&provider);
    // Browsers reach both under one name.
    let settings = settings(&issuer, &[("PUBLIC_URL", "http://chat.example")]);
    let (a, b) = (Server::start(nodes.database.url(), &settings).await, Server::start(nodes.database.url(), &settings).await);
    let person = a.stranger();
    let begun = person.get("/login/oidc").await.expect(303).location();
    assert!(begun.contains("redirect_uri=http%3A%2F%2Fchat.example%2Flogin%2Foidc%2Fcallback"), "{begun}");
    let back = at_provider(&browser(&provider), &begun, &[("sub", "1"), ("preferred_username", "ada")]).await;
    let there = person.at(&b.site);
    there.get(&back).await.expect(303);
    assert_eq!(username(&there).await, "ada");
    assert_eq!(username(&there.at(&a.site)).await, "ada");
    // And not a second time at the first one.
    person.get(&back).await.expect(403);
    let rows: Vec<Value> = nodes.database.rows("identities").await;
    assert_eq!((rows.len(), &rows[0]["issuer"], &rows[0]["subject"]), (1, &json!(issuer), &json!("1")));
    for mut server in [a, b] {
        server.stop().await;
    }
}
