//! Where people are logged in: listing sessions, ending them, and being told of new log-ins.

use reqwest::Method;
use serde_json::{Value, json};

use super::recorded;
use crate::everywhere;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Person, Socket, TestApp};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Somebody's sessions, newest first.
async fn sessions(person: &Person) -> Vec<Value> {
    let answer = person.get_json("/settings/sessions").await;
    let list = answer.expect(200).json();
    assert_eq!((&list["more"], &list["next"]), (&json!(false), &json!(null)));
    list["sessions"].as_array().expect("a list").clone()
}

/// The id of somebody's own session.
async fn own(person: &Person) -> String {
    let all = sessions(person).await;
    let current: Vec<_> = all.iter().filter(|it| it["current"] == json!(true)).collect();
    assert_eq!(current.len(), 1, "{all:?}");
    current[0]["id"].as_str().expect("an id").to_owned()
}

async fn is_ended(socket: &Socket) {
    assert_eq!(socket.next("signed_out").await["reason"], "ended");
    socket.is_cut().await;
}

/// Logs in with a browser that calls itself like this, and has the cookie of a known device if there is one.
async fn log_in_with(app: &TestApp, username: &str, user_agent: &str) -> Person {
    let mut person = app.stranger();
    let form = person.form("/login", &[("username", username), ("password", PASSWORD)]).header("user-agent", user_agent);
    Answer::of(form).await.expect(303);
    username.clone_into(&mut person.username);
    person
}

#[apply(everywhere)]
async fn each_session_is_listed_with_its_device_address_and_times(app: &TestApp) {
    let ada = app.register("ada").await;
    let elsewhere = log_in_with(app, "ada", FIREFOX).await;
    app.register("grace").await;
    let all = sessions(&ada).await;
    assert_eq!(all.len(), 2, "only their own: {all:?}");
    assert_eq!([&all[0]["current"], &all[1]["current"]], [&json!(false), &json!(true)], "newest first");
    assert_eq!((all[0]["user_agent"].as_str(), all[0]["address"].as_str()), (Some(FIREFOX), Some("127.0.0.1")));
    for session in &all {
        for field in ["created_at", "last_seen_at"] {
            assert!(session[field].as_str().is_some_and(|at| at.len() == 24 && at.ends_with('Z')), "{session}");
        }
    }
    assert_eq!(own(&elsewhere).await, all[0]["id"].as_str().expect("an id"), "an id is the same everywhere");
    // An id is no secret: no cookie has it.
    for (person, session) in [(&elsewhere, &all[0]), (&ada, &all[1])] {
        assert!(!person.cookies().contains(session["id"].as_str().expect("an id")), "{session}");
    }
    let page = ada.get("/settings/sessions").await;
    let text = &page.expect(200).body;
    assert!(text.contains("Firefox on Linux") && text.contains("This device") && text.contains("127.0.0.1"), "{text}");
    assert!(ada.get("/settings").await.body.contains("href=\"/settings/sessions\""));
    assert!(app.stranger().get("/settings/sessions").await.expect(303).location().starts_with("/login"));
}

#[apply(everywhere)]
async fn one_session_is_ended_at_once_and_the_others_go_on(app: &TestApp) {
    let ada = app.register("ada").await;
    let (lost, kept) = (app.log_in("ada").await, app.log_in("ada").await);
    let ((gone, _), (stays, _)) = (lost.join("general").await, kept.join("general").await);
    let path = format!("/settings/sessions/{}/end", own(&lost).await);
    // Nobody else can end it, or learn that it exists.
    let eve = app.register("eve").await;
    eve.post(&path, &[]).await.expect(404);
    app.stranger().post(&path, &[]).await.expect(303);
    lost.get("/rooms").await.expect(200);
    assert_eq!(ada.post(&path, &[]).await.expect(303).location(), "/settings/sessions");
    is_ended(&gone).await;
    assert!(lost.get("/rooms").await.expect(303).location().starts_with("/login"));
    assert_eq!(lost.try_socket().await.expect_err("the session is over").message(), "unauthenticated");
    stays.post("general", "still here", "1").await;
    assert_eq!(sessions(&ada).await.len(), 2);
    ada.post(&path, &[]).await.expect(404);
    ada.post("/settings/sessions/0123456789abcdef/end", &[]).await.expect(404);
    // One's own is a log-out.
    let ended = kept.post(&format!("/settings/sessions/{}/end", own(&kept).await), &[]).await;
    assert_eq!(ended.expect(303).location(), "/login");
    assert!(ended.set_cookies().iter().any(|cookie| cookie.contains("Max-Age=0")), "{ended:?}");
    is_ended(&stays).await;
    kept.get("/rooms").await.expect(303);
    assert_eq!(recorded(&app.database, "user.session_end").await, ["ada ada", "ada ada"]);
}

#[apply(everywhere)]
async fn all_other_sessions_are_ended_and_nobody_elses(app: &TestApp) {
    let ada = app.register("ada").await;
    let (here, _) = ada.join("general").await;
    let grace = app.register("grace").await;
    let (hers, _) = grace.join("general").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        let other = app.log_in("ada").await;
        others.push((other.join("general").await.0, other));
    }
    assert_eq!(ada.post("/settings/sessions/end-others", &[]).await.expect(303).location(), "/settings/sessions");
    for (socket, other) in &others {
        is_ended(socket).await;
        other.get("/rooms").await.expect(303);
    }
    here.post("general", "still here", "1").await;
    hers.hears("still here").await;
    assert_eq!(sessions(&ada).await.len(), 1);
    assert_eq!(sessions(&grace).await.len(), 1);
    assert!(ada.get("/settings/sessions").await.body.contains("on this device only"));
    assert_eq!(recorded(&app.database, "user.sessions_end").await, ["ada ada"]);
}

#[apply(everywhere)]
async fn an_administrator_ends_anybodys_sessions_and_nobody_else_does(app: &TestApp) {
    let (ada, rosa, eve) = (app.register("ada").await, app.register("rosa").await, app.register("eve").await);
    app.database.make_admin("rosa").await;
    let elsewhere = app.log_in("ada").await;
    let sockets = [ada.join("general").await.0, elsewhere.join("general").await.0];
    let path = "/admin/people/ada/end-sessions";
    eve.post(path, &[]).await.expect(403);
    eve.post("/admin/people/nobody/end-sessions", &[]).await.expect(403);
    app.stranger().post(path, &[]).await.expect(303);
    ada.get("/rooms").await.expect(200);
    rosa.post("/admin/people/nobody/end-sessions", &[]).await.expect(404);
    assert_eq!(rosa.post(path, &[]).await.expect(303).location(), "/people/ada");
    for socket in &sockets {
        is_ended(socket).await;
    }
    for person in [&ada, &elsewhere] {
        person.get("/rooms").await.expect(303);
    }
    // They may come back: it is no ban.
    app.log_in("ada").await.get("/rooms").await.expect(200);
    rosa.get("/rooms").await.expect(200);
    assert_eq!(recorded(&app.database, "user.sessions_end").await, ["rosa ada"]);
    assert!(rosa.get("/people/ada").await.body.contains(path) && !eve.get("/people/ada").await.body.contains(path));
}

#[apply(everywhere)]
async fn a_log_in_from_a_new_device_is_announced_in_the_other_sessions_until_it_is_seen(app: &TestApp) {
    let ada = app.register("ada").await;
    let announced = async |person: &Person| person.get("/rooms").await.expect(200).body.contains("New log-in");
    assert!(!announced(&ada).await);
    let elsewhere = log_in_with(app, "ada", FIREFOX).await;
    let page = ada.get("/rooms").await.expect(200).body.clone();
    assert!(page.contains("New log-in") && page.contains("Firefox on Linux at 127.0.0.1"), "{page}");
    assert!(!announced(&elsewhere).await, "not where it happened");
    assert!(!announced(&app.register("grace").await).await);
    // A device that logged in before is not new.
    let back = ada.form("/settings/sessions/seen", &[]).header("referer", format!("{}/people?q=a", app.origin));
    assert_eq!(Answer::of(back).await.expect(303).location(), "/people?q=a");
    assert!(!announced(&ada).await, "it has been seen");
    elsewhere.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
    assert!(!announced(&ada).await);
    log_in_with(app, "ada", "curl/8.5.0").await;
    assert!(announced(&ada).await && announced(&elsewhere).await);
    // Ending what is not known is an answer to it.
    ada.post("/settings/sessions/end-others", &[]).await.expect(303);
    assert!(!announced(&ada).await);
    // Only a page of this server is returned to.
    for foreign in ["https://evil.example//evil.example", "javascript:alert(1)", "https://evil.example"] {
        let back = ada.form("/settings/sessions/seen", &[]).header("referer", foreign);
        assert_eq!(Answer::of(back).await.expect(303).location(), "/settings/sessions", "{foreign}");
    }
}

#[apply(everywhere)]
async fn what_a_browser_calls_itself_is_cut_and_shown_as_text(app: &TestApp) {
    let long = format!("<b>evil</b>{}", "x".repeat(5000));
    app.register("ada").await;
    let ada = log_in_with(app, "ada", &long).await;
    let all = sessions(&ada).await;
    assert_eq!(all[0]["user_agent"].as_str().map(str::len), Some(256));
    let page = ada.get("/settings/sessions").await;
    assert!(!page.expect(200).body.contains("<b>evil"), "{}", page.body);
    let bare = Answer::of(ada.request(Method::GET, "/settings/sessions").header("accept", "application/json")).await;
    bare.expect(200);
}

#[apply(everywhere)]
async fn many_sessions_come_in_pages(app: &TestApp) {
    let ada = app.register("ada").await;
    let now = app.clock.now().0;
    app.database
        .run(
            &(0..70)
                .map(|nth| {
                    format!(
                        "insert into sessions (key, user_id, data, created_at, last_seen_at, expires_at)
                         select 'made-up-{nth}', id, '{{}}', {at}, {now}, {now} + 100000 from users where username = 'ada';",
                        at = now - 1_000_000 - nth / 3,
                    )
                })
                .collect::<String>(),
        )
        .await;
    let first = ada.get_json("/settings/sessions").await.expect(200).json();
    assert_eq!((first["sessions"].as_array().map(Vec::len), &first["more"]), (Some(50), &json!(true)));
    let next = first["next"].as_str().expect("a cursor");
    let second = ada.get_json(&format!("/settings/sessions?after={next}")).await.expect(200).json();
    assert_eq!((second["sessions"].as_array().map(Vec::len), &second["more"]), (Some(21), &json!(false)));
    let ids = |page: &Value| page["sessions"].as_array().into_iter().flatten().map(|it| it["id"].to_string()).collect::<Vec<_>>();
    let all: std::collections::BTreeSet<_> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all.len(), 71, "none twice, none left out");
    assert!(ada.get("/settings/sessions").await.body.contains("rel=\"next\""));
    ada.get("/settings/sessions?after=unknown").await.expect(404);
}
