//! Second factors: setting one up, logging in with it, losing it, and having to have one.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use totp_rs::{Builder, Secret};

use super::recorded;
use crate::both;
use crate::everywhere;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, Socket, TestApp};

const NEW: &str = "eleven slow lighthouses";
const STEP: Duration = Duration::from_secs(30);
const LOG_IN: [(&str, &str); 2] = [("username", "ada"), ("password", PASSWORD)];

/// The code that an app with this secret shows now.
fn code(server: &Server, secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).expect("Base32");
    let totp = Builder::new().with_secret(secret).build().expect("a usual secret");
    totp.generate(u64::try_from(server.clock.now().0 / 1000).expect("after 1970")).to_string()
}

async fn posted(person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
    Answer::of(person.form(path, fields).header("accept", "application/json")).await
}

/// Sets up an authenticator app; gives its secret and the recovery codes.
async fn set_up(server: &Server, person: &Person) -> (String, Vec<String>) {
    let started = posted(person, "/settings/two-factor/totp", &[]).await.expect(200).json();
    let secret = started["secret"].as_str().expect("a secret").to_owned();
    let codes = posted(person, "/settings/two-factor/totp/confirm", &[("code", &code(server, &secret))]).await;
    let codes = codes.expect(200).json()["recovery_codes"].as_array().expect("codes").clone();
    // The next log-in takes the next code.
    server.pass(STEP);
    (secret, codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect())
}

/// Somebody whose password was right.
async fn pending(server: &Server) -> Person {
    let person = Person::new(server.site.clone(), "ada");
    assert_eq!(person.post("/login", &LOG_IN).await.expect(303).location(), "/login/second");
    person
}

async fn second(person: &Person, code: &str) -> Answer {
    person.post("/login/second", &[("code", code)]).await
}

async fn is_out(person: &Person) {
    assert!(person.get("/rooms").await.expect(303).location().starts_with("/login"));
    assert_eq!(person.get_json("/rooms").await.expect(401).code(), "unauthenticated");
    assert_eq!(person.try_socket().await.expect_err("nobody is signed in").message(), "unauthenticated");
}

async fn is_ended(socket: &Socket, reason: &str) {
    assert_eq!(socket.next("signed_out").await["reason"], reason);
    socket.is_cut().await;
}

#[apply(everywhere)]
async fn a_log_in_takes_the_password_and_a_code_that_works_once(app: &TestApp) {
    let ada = app.register("ada").await;
    let started = posted(&ada, "/settings/two-factor/totp", &[]).await.expect(200).json();
    let secret = started["secret"].as_str().expect("a secret");
    let uri = started["uri"].as_str().expect("a URI");
    assert!(uri.starts_with("otpauth://totp/Parlor:ada?") && uri.contains(&format!("secret={secret}")), "{uri}");
    assert!(started["svg"].as_str().expect("an image").starts_with("<svg "), "{started}");
    // It does not count before its first code.
    assert_eq!(app.stranger().post("/login", &LOG_IN).await.expect(303).location(), "/");
    let wrong = posted(&ada, "/settings/two-factor/totp/confirm", &[("code", "000000")]).await;
    assert_eq!(wrong.expect(422).json()["error"]["field"], "code");
    let first = code(app, secret);
    let confirmed = posted(&ada, "/settings/two-factor/totp/confirm", &[("code", &first)]).await.expect(200).json();
    assert_eq!(confirmed["recovery_codes"].as_array().map(Vec::len), Some(10));
    posted(&ada, "/settings/two-factor/totp/confirm", &[("code", &first)]).await.expect(404);
    assert_eq!(posted(&ada, "/settings/two-factor/totp", &[]).await.expect(403).code(), "forbidden");
    let shown = ada.get_json("/settings/two-factor").await.expect(200).json();
    assert_eq!((&shown["totp"], &shown["recovery_codes"], &shown["required"]), (&json!(true), &json!(10), &json!(false)));

    let browser = pending(app).await;
    is_out(&browser).await;
    assert!(browser.get("/login/second").await.expect(200).body.contains("@ada"));
    assert_eq!(browser.get("/login?next=/mentions").await.expect(303).location(), "/login/second");
    assert_eq!(second(&browser, &first).await.expect(401).set_cookies(), Vec::<String>::new(), "the code of the set-up");
    let refused = posted(&browser, "/login/second", &[("code", "123456")]).await;
    assert_eq!(refused.expect(401).code(), "unauthenticated");
    second(&browser, "123\u{0}456").await.expect(401);
    is_out(&browser).await;
    app.pass(STEP);
    let next = code(app, secret);
    assert_eq!(second(&browser, &next).await.expect(303).location(), "/");
    browser.get("/rooms").await.expect(200);
    browser.join("general").await;
    assert_eq!(second(&browser, &next).await.expect(303).location(), "/login?next=%2Flogin%2Fsecond", "it is over");
    // The same code again, in another browser.
    let another = pending(app).await;
    second(&another, &next).await.expect(401);
    is_out(&another).await;
    assert_eq!(recorded(&app.database, "user.totp_add").await, ["ada ada"]);
    assert!(recorded(&app.database, "user.second_factor_failed").await.contains(&"nobody ada".to_owned()));
    let log_ins = app.database.query("select detail from audit where action = 'user.login' order by id desc limit 1").await;
    assert!(log_ins[0]["detail"].to_string().contains("authenticator app"), "{log_ins:?}");
    let stored = format!("{:?}", app.database.rows("audit").await);
    assert!(!stored.contains(secret) && !stored.contains(&next), "a secret");
}

#[apply(everywhere)]
async fn a_recovery_code_works_once_and_new_ones_replace_all(app: &TestApp) {
    let ada = app.register("ada").await;
    let (_, codes) = set_up(app, &ada).await;
    let stored = format!("{:?}", app.database.rows("recovery_codes").await);
    assert!(
        codes.iter().all(|code| !stored.contains(code.as_str()) && !stored.contains(&code.replace('-', ""))),
        "a backup would let somebody in"
    );
    second(&pending(app).await, &codes[0].to_uppercase().replace('-', " ")).await.expect(303);
    second(&pending(app).await, &codes[0]).await.expect(401);
    let renewed = posted(&ada, "/settings/two-factor/recovery-codes", &[("password", "wrong")]).await;
    assert_eq!(renewed.expect(422).json()["error"]["field"], "password");
    let renewed = posted(&ada, "/settings/two-factor/recovery-codes", &[("password", PASSWORD)]).await.expect(200).json();
    second(&pending(app).await, &codes[1]).await.expect(401);
    second(&pending(app).await, renewed["recovery_codes"][9].as_str().expect("a code")).await.expect(303);
    assert_eq!(ada.get_json("/settings/two-factor").await.json()["recovery_codes"], 9);
    assert_eq!(recorded(&app.database, "user.recovery_codes").await, ["ada ada"]);
}

#[apply(everywhere)]
async fn of_many_who_enter_one_code_at_once_one_is_let_in(app: &TestApp) {
    let ada = app.register("ada").await;
    let (secret, codes) = set_up(app, &ada).await;
    for right in [code(app, &secret), codes[0].clone()] {
        let browsers = [pending(app).await, pending(app).await, pending(app).await, pending(app).await];
        let answers = join_all(browsers.iter().map(|browser| second(browser, &right))).await;
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 401, 401, 401]);
    }
}

#[apply(everywhere)]
async fn a_pending_log_in_ends_with_time_a_new_password_ended_sessions_and_a_ban(app: &TestApp) {
    let (ada, rosa) = (app.register("ada").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    let (secret, codes) = set_up(app, &ada).await;
    let void = async |browser: &Person, why: &str| {
        let answer = posted(browser, "/login/second", &[("code", &codes[0])]).await;
        assert_eq!((answer.status, &*answer.code()), (401, "unauthenticated"), "{why}");
        assert_eq!(browser.get("/login/second").await.expect(303).location(), "/login", "{why}");
        is_out(browser).await;
    };
    let browser = pending(app).await;
    app.pass(Duration::from_secs(601));
    void(&browser, "time").await;
    let browser = pending(app).await;
    browser.get("/login?other=yes").await.expect(200);
    void(&browser, "given up").await;
    let browser = pending(app).await;
    ada.post("/settings/sessions/end-others", &[]).await.expect(303);
    void(&browser, "ended by herself").await;
    let browser = pending(app).await;
    rosa.post("/login", &[("username", "rosa"), ("password", PASSWORD)]).await.expect(303);
    rosa.post("/admin/people/ada/end-sessions", &[]).await.expect(303);
    void(&browser, "ended by an administrator").await;
    let browser = pending(app).await;
    rosa.post("/people/ada/ban", &[]).await.expect(303);
    void(&browser, "a ban").await;
    rosa.post("/people/ada/unban", &[]).await.expect(303);
    let browser = pending(app).await;
    let signed_in = pending(app).await;
    second(&signed_in, &code(app, &secret)).await.expect(303);
    signed_in.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    void(&browser, "a new password").await;
    // Another browser does not have what this one has, and the second factor stays after a new password.
    let with_new = app.stranger();
    with_new.post("/login", &[("username", "ada"), ("password", NEW)]).await.expect(303);
    let other = app.stranger();
    posted(&other, "/login/second", &[("code", &codes[0])]).await.expect(401);
    assert_eq!(other.get("/login/second").await.expect(303).location(), "/login");
    second(&with_new, &codes[0]).await.expect(303);
}

#[apply(both)]
async fn codes_cannot_be_guessed_without_end(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let ada = server.register("ada").await;
    let (secret, _) = set_up(&server, &ada).await;
    ada.post("/logout", &[]).await.expect(303);
    let from = |host: u8| Person::from_address(server.site.clone(), "", Some([127, 0, 0, host].into()));
    let pending_from = async |host: u8| {
        let person = from(host);
        person.post("/login", &LOG_IN).await.expect(303);
        person
    };
    let guesser = pending_from(2).await;
    let wrong = |_| second(&guesser, "abcdef");
    let mut statuses: Vec<_> = join_all((0..8).map(wrong)).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429, 429, 429], "also at the same time");
    let wait: u64 = second(&guesser, &code(&server, &secret)).await.expect(429).header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // Whoever knows the password guesses no faster from many addresses.
    second(&pending_from(3).await, &code(&server, &secret)).await.expect(429);
    // Her own device is not in that queue.
    ada.post("/login", &LOG_IN).await.expect(303);
    second(&ada, &code(&server, &secret)).await.expect(303);
    server.pass(Duration::from_secs(61));
    second(&pending_from(3).await, &code(&server, &secret)).await.expect(303);
    assert!(recorded(database, "request.throttled").await.contains(&"nobody ada".to_owned()));
}

#[apply(everywhere)]
async fn it_is_removed_with_the_password_or_by_an_administrator_who_tells_the_person(app: &TestApp) {
    let (ada, rosa, eve) = (app.register("ada").await, app.register("rosa").await, app.register("eve").await);
    app.database.make_admin("rosa").await;
    posted(&ada, "/settings/two-factor/totp/remove", &[("password", PASSWORD)]).await.expect(404);
    rosa.post("/admin/people/ada/two-factor/remove", &[]).await.expect(404);
    set_up(app, &ada).await;
    let wrong = posted(&ada, "/settings/two-factor/totp/remove", &[("password", "wrong")]).await;
    assert_eq!(wrong.expect(422).json()["error"]["field"], "password");
    let page = ada.post("/settings/two-factor/totp/remove", &[("password", PASSWORD)]).await;
    assert_eq!(page.expect(303).location(), "/settings/two-factor");
    assert!(app.database.rows("recovery_codes").await.is_empty());
    assert_eq!(app.stranger().post("/login", &LOG_IN).await.expect(303).location(), "/");

    set_up(app, &ada).await;
    let (socket, browser) = (ada.join("general").await.0, pending(app).await);
    eve.post("/admin/people/ada/two-factor/remove", &[]).await.expect(403);
    assert!(app.stranger().post("/admin/people/ada/two-factor/remove", &[]).await.expect(303).location().starts_with("/login"));
    assert!(rosa.get("/people/ada").await.body.contains("/admin/people/ada/two-factor/remove"));
    assert!(!eve.get("/people/ada").await.body.contains("two-factor/remove"));
    assert_eq!(rosa.post("/admin/people/ada/two-factor/remove", &[]).await.expect(303).location(), "/people/ada");
    is_ended(&socket, "ended").await;
    is_out(&ada).await;
    assert_eq!(browser.get("/login/second").await.expect(303).location(), "/login");
    let back = app.log_in("ada").await;
    assert!(back.get("/rooms").await.expect(200).body.contains("Two-factor authentication was removed"));
    back.post("/settings/sessions/seen", &[]).await.expect(303);
    assert!(!back.get("/rooms").await.body.contains("Two-factor authentication was removed"));
    assert!(!app.log_in("ada").await.get("/rooms").await.body.contains("Two-factor authentication was removed"));
    assert_eq!(recorded(&app.database, "user.totp_remove").await, ["ada ada"]);
    assert_eq!(recorded(&app.database, "user.second_factor_remove").await, ["rosa ada"]);
}

/// Two servers on one Postgres, or one and the same on SQLite.
async fn servers(database: &Database, settings: &[(&str, &str)]) -> (Server, Option<Server>) {
    let first = Server::start(database.url(), settings).await;
    let is_shared = database.kind == crate::harness::Kind::Postgres;
    let second = if is_shared { Some(Server::start(database.url(), settings).await) } else { None };
    (first, second)
}

/// What somebody can do who must set up a second factor first.
async fn is_held(person: &Person) {
    for path in ["/", "/rooms", "/rooms/general", "/settings", "/settings/password", "/search?q=x", "/admin", "/people/rosa"] {
        assert_eq!(person.get(path).await.expect(303).location(), "/settings/two-factor", "{path}");
        assert_eq!(person.get_json(path).await.expect(403).code(), "second_factor_required", "{path}");
    }
    for (path, fields) in
        [("/rooms", &[("name", "Mine")][..]), ("/rooms/general/messages", &[("body", "hi")]), ("/settings", &[])]
    {
        assert_eq!(person.post(path, fields).await.expect(303).location(), "/settings/two-factor", "{path}");
    }
    assert_eq!(person.try_socket().await.expect_err("not before").message(), "unauthenticated");
    let page = person.get("/settings/two-factor").await;
    assert!(page.expect(200).body.contains("Set it up to continue") && !page.body.contains("/rooms/general"), "{}", page.body);
    assert!(!person.get("/nowhere").await.expect(404).body.contains("/rooms/general"));
}

#[apply(both)]
async fn everyone_must_set_one_up_before_anything_else(database: &Database) {
    let (server, second) = servers(database, &[("REQUIRE_2FA", "everyone")]).await;
    let rosa = server.register("rosa").await;
    is_held(&rosa).await;
    let elsewhere = second.as_ref().map(|second| rosa.at(&second.site));
    if let Some(rosa) = &elsewhere {
        is_held(rosa).await;
    }
    set_up(&server, &rosa).await;
    rosa.get("/rooms").await.expect(200);
    let (socket, _) = rosa.join("general").await;
    let there = match &elsewhere {
        Some(rosa) => Some(rosa.join("general").await.0),
        None => None,
    };
    // She gives it up again: the connections end, the session only leads to the set-up.
    posted(&rosa, "/settings/two-factor/totp/remove", &[("password", PASSWORD)]).await.expect(303);
    for socket in [Some(&socket), there.as_ref()].into_iter().flatten() {
        is_ended(socket, "second_factor_required").await;
    }
    is_held(&rosa).await;
    assert_eq!(rosa.post("/logout", &[]).await.expect(303).location(), "/login");
    is_out(&rosa).await;
}

#[apply(both)]
async fn who_becomes_an_administrator_must_have_one_from_then_on(database: &Database) {
    let (server, second) = servers(database, &[("REQUIRE_2FA", "admins")]).await;
    let (rosa, ada) = (server.register("rosa").await, server.register("ada").await);
    let other = second.as_ref().unwrap_or(&server);
    let (here, there) = (rosa.join("general").await.0, rosa.at(&other.site).join("general").await.0);
    let stays = ada.join("general").await.0;
    database.make_admin("rosa").await;
    for socket in [&here, &there] {
        assert!(
            ["second_factor_required", "expired"].contains(&socket.next("signed_out").await["reason"].as_str().unwrap_or(""))
        );
        socket.is_cut().await;
    }
    is_held(&rosa).await;
    is_held(&rosa.at(&other.site)).await;
    set_up(&server, &rosa).await;
    rosa.get("/admin").await.expect(200);
    rosa.at(&other.site).join("general").await;
    stays.post("general", "still here", "1").await;
    ada.get("/rooms").await.expect(200);
}

#[apply(both)]
async fn an_open_export_of_the_audit_log_belongs_to_those_who_may_go_on(database: &Database) {
    let server = Server::start(database.url(), &[("REQUIRE_2FA", "admins")]).await;
    let rosa = server.register("rosa").await;
    database.make_admin("rosa").await;
    assert_eq!(rosa.get_json("/admin/audit?format=jsonl").await.expect(403).code(), "second_factor_required");
}

#[apply(everywhere)]
async fn sensitive_actions_ask_again_who_one_is_after_ten_minutes(app: &TestApp) {
    let (rosa, _) = (app.register("rosa").await, app.register("ada").await);
    app.database.make_admin("rosa").await;
    rosa.post("/people/ada/ban", &[]).await.expect(303);
    rosa.post("/people/ada/unban", &[]).await.expect(303);
    app.pass(Duration::from_secs(601));
    let asked = |answer: &Answer| assert!(answer.expect(303).location().starts_with("/confirm?next="), "{answer:?}");
    for path in [
        "/people/ada/ban",
        "/people/ada/unban",
        "/admin/people/ada/reset",
        "/admin/people/ada/end-sessions",
        "/admin/people/ada/two-factor/remove",
        "/settings/two-factor/totp",
    ] {
        asked(&rosa.post(path, &[]).await);
        assert_eq!(posted(&rosa, path, &[]).await.expect(403).code(), "confirmation_required", "{path}");
    }
    let export = rosa.get("/admin/audit?format=jsonl").await;
    assert_eq!(export.expect(303).location(), "/confirm?next=%2Fadmin%2Faudit%3Fformat%3Djsonl");
    rosa.get("/admin/audit").await.expect(200);
    let from = rosa.form("/people/ada/ban", &[]).header("referer", &format!("{}/people/ada", app.origin));
    assert_eq!(Answer::of(from).await.expect(303).location(), "/confirm?next=%2Fpeople%2Fada");
    assert!(rosa.get("/confirm?next=/people/ada").await.expect(200).body.contains("value=\"/people/ada\""));
    let wrong = rosa.post("/confirm", &[("password", "wrong"), ("next", "/people/ada")]).await;
    assert!(wrong.expect(422).body.contains("not your current password") && wrong.body.contains("value=\"/people/ada\""));
    asked(&rosa.post("/people/ada/ban", &[]).await);
    let confirmed = rosa.post("/confirm", &[("password", PASSWORD), ("next", "/people/ada")]).await;
    assert_eq!(confirmed.expect(303).location(), "/people/ada");
    assert_eq!(rosa.get("/confirm?next=//evil.example").await.expect(303).location(), "/");
    assert_eq!(rosa.post("/people/ada/ban", &[]).await.expect(303).location(), "/people/ada");
    // With a code, too, which works once.
    let (secret, _) = set_up(app, &rosa).await;
    app.pass(Duration::from_secs(601));
    let right = code(app, &secret);
    assert_eq!(posted(&rosa, "/confirm", &[("code", &right)]).await.status, 204);
    rosa.post("/people/ada/unban", &[]).await.expect(303);
    assert_eq!(posted(&rosa, "/confirm", &[("code", &right)]).await.expect(422).json()["error"]["field"], "code");
    assert_eq!(recorded(&app.database, "user.confirm").await, ["rosa rosa"; 2]);
}

#[apply(everywhere)]
async fn the_pages_work_without_scripts(app: &TestApp) {
    let ada = app.register("ada").await;
    assert!(ada.get("/settings").await.body.contains("href=\"/settings/two-factor\""));
    assert!(ada.get("/settings/two-factor").await.expect(200).body.contains("action=\"/settings/two-factor/totp\""));
    let page = ada.post("/settings/two-factor/totp", &[]).await;
    assert!(page.expect(200).body.contains("<svg xmlns"), "{}", page.body);
    let (_, key) = page.body.split_once("Enter this key: <code>").expect("the key");
    let secret: String = key.split('<').next().expect("its end").split(' ').collect();
    let again = ada.post("/settings/two-factor/totp/confirm", &[("code", "000000")]).await;
    assert!(again.expect(422).body.contains(key.split('<').next().expect("the key")), "the same key: {}", again.body);
    let done = ada.post("/settings/two-factor/totp/confirm", &[("code", &code(app, &secret))]).await;
    assert_eq!(done.expect(200).body.matches("<li><code>").count(), 10, "{}", done.body);
    assert!(ada.get("/settings/two-factor").await.body.contains("10 recovery codes left"));
    let again = ada.post("/settings/two-factor/totp/remove", &[("password", "wrong")]).await;
    assert!(again.expect(422).body.contains("not your current password"), "{}", again.body);
    let codes = ada.post("/settings/two-factor/recovery-codes", &[("password", PASSWORD)]).await;
    assert_eq!(codes.expect(200).body.matches("<li><code>").count(), 10);
    app.pass(STEP);
    let browser = app.stranger();
    let fields = [LOG_IN[0], LOG_IN[1], ("next", "/mentions")];
    browser.post("/login", &fields).await.expect(303);
    assert!(second(&browser, "nothing").await.expect(401).body.contains("isn’t right"));
    assert_eq!(second(&browser, &code(app, &secret)).await.expect(303).location(), "/mentions");
}
