//! Access tokens: made by people, presented by programs on pages and sockets, and ended.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::recorded;
use crate::everywhere;
use crate::harness::site::PASSWORD;
use crate::harness::socket::Refusal;
use crate::harness::{Answer, Person, Socket, TestApp};

/// Makes a token.
pub async fn create(person: &Person, scopes: &str) -> Value {
    let form = person.form("/settings/tokens", &[("name", "script"), ("scopes", scopes)]).header("accept", "application/json");
    Answer::of(form).await.expect(201).json()["token"].clone()
}

/// The secret of a new token.
pub async fn secret(person: &Person, scopes: &str) -> String {
    create(person, scopes).await["secret"].as_str().expect("a secret").to_owned()
}

/// A program without a browser: it sends nothing but the token.
pub struct Program {
    stranger: Person,
    secret: String,
}

impl Program {
    pub fn new(app: &TestApp, secret: &str) -> Self {
        Self { stranger: app.stranger(), secret: secret.to_owned() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger.request(method, path).bearer_auth(&self.secret)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::of(self.request(Method::POST, path).form(fields)).await
    }

    pub async fn socket(&self) -> Result<Socket, Refusal> {
        let site = &self.stranger.site;
        let stream = TcpStream::connect(site.address).await.expect("the server is there");
        let authorization = format!("Bearer {}", self.secret);
        Socket::open_with(stream, site, &[("authorization", &authorization)]).await?.enter().await
    }
}

/// A person's tokens, by `GET /settings/tokens`.
async fn listed(person: &Person) -> Vec<Value> {
    person.get_json("/settings/tokens").await.expect(200).json()["tokens"].as_array().expect("a list").clone()
}

async fn is_ended(socket: &Socket, reason: &str) {
    assert_eq!(socket.next("signed_out").await["reason"], reason);
    socket.is_cut().await;
}

#[track_caller]
fn is_refused(answer: &Answer) {
    assert_eq!(answer.expect(401).code(), "unauthenticated");
    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
}

#[apply(everywhere)]
async fn a_token_is_shown_once_and_stored_as_a_hash(app: &TestApp) {
    let ada = app.register("ada").await;
    let token = create(&ada, "read,write").await;
    let secret = token["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("parlor_") && secret.len() == 50, "{secret}");
    assert_eq!((&token["name"], &token["scopes"]), (&json!("script"), &json!(["read", "write"])));
    assert!(token["id"].is_string() && token["expires_at"].is_string() && token["last_used_at"].is_null(), "{token}");
    let all = listed(&ada).await;
    let mut expected = token.clone();
    expected.as_object_mut().expect("an object").remove("secret");
    assert_eq!(all, [expected]);
    let rows = [app.database.rows("tokens").await, app.database.rows("sessions").await].concat();
    assert!(!rows.is_empty() && !json!(rows).to_string().contains(secret), "{rows:?}");
    let page = ada.post("/settings/tokens", &[("name", "another"), ("scopes", "read"), ("scopes", "write"), ("days", "0")]).await;
    assert!(page.expect(201).body.contains("<code>parlor_") && page.header("cache-control").contains("no-store"), "{page:?}");
    assert_eq!(listed(&ada).await[0]["expires_at"], Value::Null);
    assert!(!ada.get("/settings/tokens").await.expect(200).body.contains(secret));
    assert!(ada.get("/settings").await.body.contains("href=\"/settings/tokens\""));
    // JSON, with a list of scopes.
    let body = json!({ "name": "json", "scopes": ["read"], "days": 7 });
    let request = ada.request(Method::POST, "/settings/tokens").header("accept", "application/json").json(&body);
    assert_eq!(Answer::of(request).await.expect(201).json()["token"]["scopes"], json!(["read"]));
    assert_eq!(recorded(&app.database, "token.create").await, ["ada ada", "ada ada", "ada ada"]);
    let audit = json!(app.database.rows("audit").await).to_string();
    assert!(!audit.contains(secret), "{audit}");
}

#[apply(everywhere)]
async fn what_is_wrong_with_a_new_token_is_said_at_its_field(app: &TestApp) {
    let ada = app.register("ada").await;
    for (fields, field) in [
        (&[("scopes", "read")][..], "name"),
        (&[("name", " "), ("scopes", "read")], "name"),
        (&[("name", "x")], "scopes"),
        (&[("name", "x"), ("scopes", "read root")], "scopes"),
        (&[("name", "x"), ("scopes", "read"), ("days", "367")], "days"),
        (&[("name", "x"), ("scopes", "read"), ("days", "-1")], "days"),
        (&[("name", "x"), ("scopes", "read"), ("days", "many")], "days"),
    ] {
        let form = ada.form("/settings/tokens", fields).header("accept", "application/json");
        let answer = Answer::of(form).await;
        assert_eq!(answer.expect(422).json()["error"]["field"], field, "{fields:?}");
        assert!(ada.post("/settings/tokens", fields).await.expect(422).body.contains("role=\"alert\""), "{fields:?}");
    }
    ada.post("/settings/tokens", &[("name", "x"), ("scopes", "admin")]).await.expect(403);
    assert!(
        app.stranger()
            .post("/settings/tokens", &[("name", "x"), ("scopes", "read")])
            .await
            .expect(303)
            .location()
            .starts_with("/login")
    );
    assert_eq!(listed(&ada).await, [] as [Value; 0]);
    app.database.make_admin("ada").await;
    create(&ada, "admin").await;
}

#[apply(everywhere)]
async fn a_program_acts_for_its_person_on_pages(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    ada.enter("general").await;
    let program = Program::new(app, &secret(&ada, "write").await);
    assert!(program.get("/rooms").await.expect(200).json()["rooms"].is_array(), "JSON without asking for it");
    // Without an origin, or with any.
    program.post("/rooms/general/messages", &[("body", "from a program")]).await.expect(201);
    let foreign = program.request(Method::POST, "/rooms/general/messages").form(&[("body", "from elsewhere")]);
    let foreign = foreign.header("origin", "http://evil.example").header("sec-fetch-site", "cross-site");
    Answer::of(foreign).await.expect(201);
    // Somebody else's cookie beside it changes nothing, and is not replaced.
    let both = program.request(Method::GET, "/settings/sessions").header("cookie", grace.session_cookie());
    let both = Answer::of(both).await;
    assert_eq!(both.expect(200).json()["sessions"].as_array().map(Vec::len), Some(1));
    assert!(both.set_cookies().is_empty(), "{both:?}");
    let history = ada.get_json("/rooms/general").await.json();
    let bodies: Vec<_> = history["messages"].as_array().expect("a list").iter().filter(|it| it["kind"] == "text").collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().all(|it| it["author"]["username"] == "ada"), "{bodies:?}");
    // A file goes up and comes down.
    let upload = program.request(Method::POST, "/uploads").header("tus-resumable", "1.0.0").header("upload-length", 2);
    let upload = upload
        .header("upload-metadata", "filename YS50eHQ=")
        .header("content-type", "application/offset+octet-stream")
        .body("hi");
    let id = Answer::of(upload).await.expect(201).location().rsplit('/').next().expect("an id").to_owned();
    let file = program.get(&format!("/files/{id}/a.txt")).await;
    assert_eq!(file.expect(200).body, "hi");
    app.comes_to(true, async || listed(&ada).await[0]["last_used_at"].is_string()).await;
    let page = program.request(Method::GET, "/rooms").header("accept", "text/html");
    assert!(Answer::of(page).await.expect(200).body.contains("<html"));
}

#[apply(everywhere)]
async fn a_token_permits_no_more_than_its_scopes(app: &TestApp) {
    let (rosa, ada) = (app.register("rosa").await, app.register("ada").await);
    app.database.make_admin("rosa").await;
    ada.enter("general").await;
    let reader = Program::new(app, &secret(&ada, "read").await);
    reader.get("/rooms/general").await.expect(200);
    for (path, fields) in [
        ("/rooms/general/messages", &[("body", "hi")][..]),
        ("/rooms/general/leave", &[]),
        ("/settings", &[("status", "x")]),
        ("/uploads", &[]),
    ] {
        let answer = reader.post(path, fields).await;
        assert_eq!(answer.expect(403).code(), "forbidden", "{path}");
        assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{answer:?}");
    }
    let administrator = Program::new(app, &secret(&rosa, "admin").await);
    administrator.get("/admin/people").await.expect(200);
    administrator.post("/people/ada/ban", &[]).await.expect(303);
    administrator.post("/people/ada/unban", &[]).await.expect(303);
    administrator.get("/rooms").await.expect(403);
    // An administrator's token that does not say so is nobody's special.
    let writer = Program::new(app, &secret(&rosa, "write").await);
    writer.get("/admin/people").await.expect(403);
    writer.post("/people/ada/ban", &[]).await.expect(403);
    ada.get("/rooms").await.expect(303);
}

#[apply(everywhere)]
async fn a_token_never_reaches_the_account_itself(app: &TestApp) {
    let rosa = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    let token = create(&rosa, "read write admin").await;
    let program = Program::new(app, token["secret"].as_str().expect("a secret"));
    let own = format!("/settings/tokens/{}/revoke", token["id"].as_str().expect("an id"));
    let session = rosa.get_json("/settings/sessions").await.json()["sessions"][0]["id"].as_str().expect("an id").to_owned();
    let end = format!("/settings/sessions/{session}/end");
    let before = app.database.rows("users").await;
    for (path, fields) in [
        ("/settings/tokens", &[("name", "more"), ("scopes", "read")][..]),
        (&*own, &[]),
        ("/settings/password", &[("current", PASSWORD), ("password", "other quiet harbours")]),
        ("/settings/email", &[("email", "eve@example.com"), ("password", PASSWORD)]),
        ("/settings/two-factor/totp", &[]),
        ("/settings/two-factor/passkeys/options", &[]),
        ("/settings/account/deactivate", &[("password", PASSWORD)]),
        ("/settings/account/delete", &[("password", PASSWORD), ("confirm", "rosa"), ("messages", "delete")]),
        ("/settings/data", &[]),
        ("/confirm", &[("password", PASSWORD)]),
        ("/logout", &[]),
        ("/login", &[("username", "rosa"), ("password", PASSWORD)]),
        (&*end, &[]),
        ("/settings/sessions/end-others", &[]),
        ("/admin/people/rosa/reset", &[]),
    ] {
        assert_eq!(program.post(path, fields).await.expect(403).code(), "forbidden", "{path}");
    }
    assert_eq!(app.database.rows("users").await.len(), before.len());
    assert_eq!(listed(&rosa).await.len(), 1);
    rosa.get("/rooms").await.expect(200);
}

#[apply(everywhere)]
async fn a_bad_token_is_refused_and_no_cookie_makes_up_for_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let good = secret(&ada, "read").await;
    let altered = format!("{}{}", &good[..49], if good.ends_with('A') { "E" } else { "A" });
    for bad in ["", "x", "parlor_", &good[..49], &altered] {
        let request = ada.request(Method::GET, "/rooms").header("authorization", format!("Bearer {bad}"));
        is_refused(&Answer::of(request).await);
        let socket = Program { stranger: ada.clone(), secret: bad.to_owned() }.socket().await;
        assert_eq!(socket.expect_err(bad).message(), "unauthenticated");
    }
    // A browser's page does not turn it into a log-in.
    let page = ada.request(Method::GET, "/rooms").header("accept", "text/html").header("authorization", "Bearer x");
    assert_eq!(Answer::of(page).await.status, 401);
    // A session's id is no token, and a token no session's.
    let name = ada.session_cookie().split('=').next().expect("a name").to_owned();
    let cookie = ada.session_cookie().split_once('=').expect("a value").1.to_owned();
    is_refused(&Program::new(app, &cookie).get("/rooms").await);
    let planted = app.stranger().request(Method::GET, "/rooms").header("cookie", format!("{name}={good}"));
    assert!(Answer::of(planted).await.expect(303).location().starts_with("/login"));
    // What a proxy puts there is not ours.
    let basic = ada.request(Method::GET, "/rooms").basic_auth("ada", Some("x"));
    Answer::of(basic).await.expect(200);
    is_refused(&app.stranger().get_json("/rooms").await);
}

#[apply(everywhere)]
async fn a_revoked_token_ends_at_once_with_its_sockets(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (token, kept) = (create(&ada, "write").await, secret(&ada, "write").await);
    let (lost, stays) = (Program::new(app, token["secret"].as_str().expect("a secret")), Program::new(app, &kept));
    let (gone, here) = (lost.socket().await.expect("let in"), stays.socket().await.expect("let in"));
    gone.ok("join", json!({ "room": "general" })).await;
    here.ok("join", json!({ "room": "general" })).await;
    let path = format!("/settings/tokens/{}/revoke", token["id"].as_str().expect("an id"));
    eve.post(&path, &[]).await.expect(404);
    assert_eq!(ada.post(&path, &[]).await.expect(303).location(), "/settings/tokens");
    is_ended(&gone, "ended").await;
    is_refused(&lost.get("/rooms").await);
    assert_eq!(lost.socket().await.expect_err("revoked").message(), "unauthenticated");
    here.post("general", "still here", "1").await;
    stays.get("/rooms").await.expect(200);
    ada.post(&path, &[]).await.expect(404);
    assert_eq!(listed(&ada).await.len(), 1);
    assert_eq!(recorded(&app.database, "token.revoke").await, ["ada ada"]);
}

#[apply(everywhere)]
async fn what_ends_all_access_ends_tokens_and_a_log_out_elsewhere_does_not(app: &TestApp) {
    let rosa = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    let ada = app.register("ada").await;
    let program = Program::new(app, &secret(&ada, "write").await);
    let socket = program.socket().await.expect("let in");
    // It is no session among sessions.
    assert_eq!(ada.get_json("/settings/sessions").await.json()["sessions"].as_array().map(Vec::len), Some(1));
    ada.post("/settings/sessions/end-others", &[]).await.expect(303);
    socket.ok("join", json!({ "room": "general" })).await;
    let other = app.log_in("ada").await;
    ada.post("/logout", &[]).await.expect(303);
    program.get("/rooms").await.expect(200);
    other.post("/settings/password", &[("current", PASSWORD), ("password", "other quiet harbours")]).await.expect(303);
    is_ended(&socket, "password_changed").await;
    is_refused(&program.get("/rooms").await);
    let grace = app.register("grace").await;
    for (end, again) in
        [("/people/grace/ban", "/people/grace/unban"), ("/admin/people/grace/deactivate", "/admin/people/grace/reactivate")]
    {
        let grace = app.log_in("grace").await;
        let program = Program::new(app, &secret(&grace, "read").await);
        let socket = program.socket().await.expect("let in");
        rosa.post(end, &[]).await.expect(303);
        socket.next("signed_out").await;
        socket.is_cut().await;
        is_refused(&program.get("/rooms").await);
        rosa.post(again, &[]).await.expect(303);
        is_refused(&program.get("/rooms").await);
    }
    drop(grace);
    assert_eq!(app.database.rows("tokens").await, [] as [Value; 0]);
}

#[apply(everywhere)]
async fn a_token_ends_when_it_expires_and_not_because_nobody_uses_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let made = |name: &'static str, days: &'static str| {
        let form = ada.form("/settings/tokens", &[("name", name), ("scopes", "read"), ("days", days)]);
        async move { Answer::of(form.header("accept", "application/json")).await.expect(201).json()["token"]["secret"].clone() }
    };
    let [day, year, ever] = [made("a day", "1").await, made("a year", "366").await, made("for ever", "0").await];
    let [day, year, ever] = [day, year, ever].map(|secret| Program::new(app, secret.as_str().expect("a secret")));
    app.pass(Duration::from_secs(23 * 60 * 60));
    day.get("/rooms").await.expect(200);
    app.pass(Duration::from_secs(2 * 60 * 60));
    is_refused(&day.get("/rooms").await);
    app.pass(Duration::from_secs(300 * 24 * 60 * 60));
    year.get("/rooms").await.expect(200);
    app.pass(Duration::from_secs(100 * 24 * 60 * 60));
    is_refused(&year.get("/rooms").await);
    ever.get("/rooms").await.expect(200);
    let again = app.log_in("ada").await;
    let names: Vec<_> = listed(&again).await.iter().map(|token| token["name"].clone()).collect();
    assert_eq!(names, ["for ever"]);
}

#[apply(everywhere)]
async fn a_socket_with_a_token_obeys_its_scopes(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let open = grace.create_room("Open", "public").await;
    ada.enter("general").await;
    let reading = secret(&ada, "read").await;
    let reader = Program::new(app, &reading).socket().await.expect("let in");
    reader.ok("join", json!({ "room": "general" })).await;
    reader.ok("history", json!({ "room": "general" })).await;
    // It hears, and says nothing; and it does not make its person a member.
    for (event, data) in [
        ("message", json!({ "room": "general", "body": "hi", "nonce": "1" })),
        ("react", json!({ "room": "general", "seq": 1, "emoji": "👍", "on": true })),
        ("typing", json!({ "room": "general" })),
        ("read", json!({ "room": "general", "seq": 1 })),
        ("level", json!({ "room": "general", "level": "all" })),
        ("draft", json!({ "room": "general", "body": "x" })),
        ("join", json!({ "room": open })),
    ] {
        assert_eq!(reader.refused(event, data).await, "forbidden", "{event}");
    }
    ada.write("general", "from a page").await.expect(303);
    reader.hears("from a page").await;
    // In the data for the namespace, from any origin, whatever the cookie says.
    let writing = secret(&ada, "write").await;
    let socket = Socket::open(&app.site, &grace.cookies(), Some("http://evil.example")).await.expect("a transport");
    let writer = socket.enter_with(&json!({ "token": writing })).await.expect("let in");
    writer.ok("join", json!({ "room": open })).await;
    let posted = writer.post(&open, "from a program", "2").await;
    assert_eq!(posted["author"]["username"], "ada");
    let socket = Socket::open(&app.site, &grace.cookies(), None).await.expect("a transport");
    let refused = socket.enter_with(&json!({ "token": "parlor_x" })).await;
    assert_eq!(refused.expect_err("a bad token").message(), "unauthenticated");
}

#[apply(everywhere)]
async fn an_account_has_a_bounded_number_of_tokens(app: &TestApp) {
    let ada = app.register("ada").await;
    let made = secret(&ada, "read").await;
    // As many as the bound, without as many requests.
    app.database
        .run(
            "insert into sessions (key, user_id, data, created_at, last_seen_at, expires_at)
                select 'key' || number, (select id from users where username = 'ada'), '{}', 0, 253402300799999, 253402300799999
                from (with recursive counted(number) as (select 1 union all select number + 1 from counted where number < 49)
                      select number from counted) as numbers;
             insert into tokens (session_key, name, scopes, hint) select key, 'x', 'read', 'x' from sessions where key like 'key%';",
        )
        .await;
    let refused = ada.post("/settings/tokens", &[("name", "one more"), ("scopes", "read")]).await;
    assert!(refused.expect(403).body.contains("50 tokens"), "{refused:?}");
    Program::new(app, &made).get("/rooms").await.expect(200);
}

#[apply(everywhere)]
async fn a_bot_acts_with_a_token_of_its_owners(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let rosa = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    ada.post("/settings/bots", &[("username", "robot")]).await.expect(303);
    ada.enter("general").await;
    ada.post("/settings/bots/robot/rooms", &[("room", "general")]).await.expect(303);
    let fields = [("name", "a bot's"), ("scopes", "write"), ("bot", "robot")];
    Answer::of(eve.form("/settings/tokens", &fields).header("accept", "application/json")).await.expect(404);
    let made = Answer::of(ada.form("/settings/tokens", &fields).header("accept", "application/json")).await;
    let token = made.expect(201).json()["token"].clone();
    assert_eq!((&token["bot"], &listed(&ada).await[0]["bot"]), (&json!("robot"), &json!("robot")));
    assert!(ada.get("/settings/tokens").await.expect(200).body.contains("acts as @robot"));
    let program = Program::new(app, token["secret"].as_str().expect("a secret"));
    let posted = program.post("/rooms/general/messages", &[("body", "beep")]).await.expect(201).json();
    assert_eq!((&posted["message"]["author"]["username"], &posted["message"]["author"]["bot"]), (&json!("robot"), &json!(true)));
    let socket = program.socket().await.expect("let in");
    // It can do nothing while its owner cannot.
    rosa.post("/people/ada/ban", &[]).await.expect(303);
    is_ended(&socket, "deactivated").await;
    is_refused(&program.get("/rooms").await);
    assert_eq!(program.socket().await.expect_err("nobody's").message(), "unauthenticated");
    rosa.post("/people/ada/unban", &[]).await.expect(303);
    program.get("/rooms").await.expect(200);
    let ada = app.log_in("ada").await;
    let path = format!("/settings/tokens/{}/revoke", token["id"].as_str().expect("an id"));
    eve.post(&path, &[]).await.expect(404);
    ada.post(&path, &[]).await.expect(303);
    is_refused(&program.get("/rooms").await);
    assert_eq!(recorded(&app.database, "token.create").await, ["ada robot"]);
}

#[apply(everywhere)]
async fn what_is_done_with_a_token_is_recorded_with_its_id(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Tea", "public").await;
    let token = create(&ada, "write").await;
    let program = Program::new(app, token["secret"].as_str().expect("a secret"));
    program.post(&format!("/rooms/{room}/settings"), &[("topic", "by a page")]).await.expect(303);
    let change = program.request(Method::PATCH, &format!("/api/v1/rooms/{room}")).json(&json!({ "topic": "by the API" }));
    Answer::of(change).await.expect(200);
    let socket = program.socket().await.expect("it is let in");
    let command = json!({ "room": room, "body": "/topic by a socket", "nonce": "n1" });
    assert_eq!(socket.ask("message", command).await["ok"], true);
    let audit = app.database.query("select action, actor, session from audit where target = 'tea' order by id").await;
    let entry = json!({ "action": "room.settings", "actor": "ada", "session": token["id"] });
    assert_eq!(audit[1..], [entry.clone(), entry.clone(), entry]);
    assert!(audit[0]["action"] == "room.create" && audit[0]["session"] != token["id"], "{audit:?}");
}
