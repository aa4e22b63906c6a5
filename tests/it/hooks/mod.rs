//! Incoming webhooks, as the programs use them that post to Slack.

use std::time::Duration;

use proof::client::Raw;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};

use crate::files::portraits::give_icon_to_hook;
use crate::harness::{Answer, Database, Person, Server, TestApp, web_pages};
use crate::links::{link, previewed, until_fetched};
use crate::{both, everywhere, once};

/// A room's webhook, and the path that programs post to.
pub struct Hook {
    id: String,
    path: String,
}

async fn ask_for(person: &Person, room: &str, name: &str) -> Answer {
    let form = person.form(&format!("/rooms/{room}/hooks"), &[("name", name)]);
    Answer::of(form.header("accept", "application/json")).await
}

/// Makes a webhook.
pub async fn make(server: &Server, person: &Person, room: &str, name: &str) -> Hook {
    let made = ask_for(person, room, name).await.expect(201).json()["hook"].clone();
    let url = made["url"].as_str().expect("an address");
    let path = url.strip_prefix(&server.origin).unwrap_or_else(|| panic!("{url} is ours"));
    Hook { id: made["id"].as_str().expect("an id").to_owned(), path: path.to_owned() }
}

/// Posts as a program does: without a cookie, from anywhere. Returns the status, and what is said.
pub async fn post(server: &Server, hook: &Hook, payload: &Value) -> (u16, String) {
    send(server, hook, "application/json", payload.to_string()).await
}

async fn send(server: &Server, hook: &Hook, kind: &str, body: String) -> (u16, String) {
    let answer = asked(server, hook, kind, body).await;
    (answer.status, answer.body.clone())
}

async fn asked(server: &Server, hook: &Hook, kind: &str, body: String) -> Answer {
    let request = server.stranger().request(Method::POST, &hook.path).header("content-type", kind).body(body);
    let answer = Answer::of(request.header("origin", "https://elsewhere.example")).await;
    assert!(answer.set_cookies().is_empty());
    answer
}

/// The time that an answer asks for, in seconds.
fn wait(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap_or_else(|_| panic!("no time to wait: {answer:?}"))
}

fn ok() -> (u16, String) {
    (200, "ok".into())
}

async fn last(person: &Person, room: &str) -> Value {
    let page = person.get_json(&format!("/rooms/{room}")).await.expect(200).json();
    page["messages"].as_array().and_then(|all| all.last()).expect("a message").clone()
}

#[apply(everywhere)]
async fn what_programs_post_is_a_message_by_the_hooks_bot(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Alerts", "public").await;
    let (listening, _) = eve.join(&room).await;
    let hook = make(app, &ada, &room, "Grafana").await;
    assert_eq!(post(app, &hook, &json!({ "text": "*Disk full*: <https://a.example/1|see>", "username": "Other" })).await, ok());
    let heard = listening.hears("**Disk full**: [see](https://a.example/1)").await;
    let author = &heard["author"];
    assert_eq!((&author["name"], &author["username"], &author["bot"]), (&json!("Grafana"), &json!("grafana"), &json!(true)));
    assert!(heard["html"].as_str().is_some_and(|html| html.contains("<strong>Disk full</strong>")), "{heard}");
    assert!(eve.get(&format!("/rooms/{room}")).await.body.contains("<span class=\"badge\">Bot</span>"));
    // As a form, and as what says nothing of itself.
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "payload=%7B%22text%22%3A%22by+form%22%7D"),
        ("application/x-www-form-urlencoded", "{\"text\":\"by a form that is none\"}"),
        ("text/plain", "{\"text\":\"by plain text\"}"),
    ] {
        assert_eq!(send(app, &hook, kind, body.into()).await, ok(), "{kind}");
    }
    let hooks = ada.get_json(&format!("/rooms/{room}/hooks")).await.expect(200).json()["hooks"].clone();
    assert_eq!((&hooks[0]["id"], &hooks[0]["name"], hooks[0]["used_at"].is_string()), (&json!(hook.id), &json!("Grafana"), true));
    assert_eq!(hooks[0]["url"], Value::Null, "the address is shown once");
    let stored = format!("{:?}", app.database.rows("hooks").await);
    assert!(!stored.contains(hook.path.trim_start_matches("/hooks/")), "the token is not stored");
    // A name and an icon of its own.
    ada.post(&format!("/rooms/{room}/hooks/{}", hook.id), &[("name", "Monitoring")]).await.expect(303);
    let icon = give_icon_to_hook(&ada, &room, &hook.id).await.expect(200).json()["photo"].clone();
    assert_eq!(post(app, &hook, &json!({ "text": "renamed" })).await, ok());
    app.comes_to((json!("Monitoring"), icon), async || {
        let author = last(&eve, &room).await["author"].clone();
        (author["name"].clone(), author["photo"].clone())
    })
    .await;
}

#[apply(everywhere)]
async fn only_who_owns_the_room_manages_its_hooks(app: &TestApp) {
    let (ada, bob, eve) = (app.register("ada").await, app.register("bob").await, app.register("eve").await);
    let room = ada.create_room("Alerts", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "bob")]).await.expect(303);
    let hook = make(app, &ada, &room, "Grafana").await;
    let places = ["", &format!("/{}", hook.id), &format!("/{}/revoke", hook.id)].map(|end| format!("/rooms/{room}/hooks{end}"));
    for (person, status) in [(&bob, 403), (&eve, 404)] {
        for place in &places {
            person.post(place, &[("name", "Mine")]).await.expect(status);
        }
        person.get(&places[0]).await.expect(status);
        assert_eq!(give_icon_to_hook(person, &room, &hook.id).await.status, status);
    }
    assert_eq!(ask_for(&ada, &room, "").await.status, 422);
    assert_eq!(ask_for(&ada, &room, "Administrator").await.status, 422);
    assert_eq!(ask_for(&ada, &room, "bob").await.status, 422, "a person is called like it");
    // Several of one name.
    let other = make(app, &ada, &room, "Grafana").await;
    assert_eq!(post(app, &other, &json!({ "text": "second" })).await, ok());
    let page = ada.get(&places[0]).await.expect(200).body.clone();
    assert!(page.contains("Revoke") && page.contains("Grafana"), "{page}");
    ada.post(&places[2], &[]).await.expect(303);
    assert_eq!(post(app, &hook, &json!({ "text": "late" })).await, (404, "no_service".into()));
    ada.post(&places[2], &[]).await.expect(404);
    assert_eq!(post(app, &other, &json!({ "text": "still there" })).await, ok());
    assert_eq!(bob.get_json("/people/grafana").await.expect(200).json()["person"]["is_deactivated"], true);
    let audit = app.database.query("select action, actor, target from audit where action like 'room.hook%' order by id").await;
    let entry = |action: &str| json!({ "action": action, "actor": "ada", "target": room });
    assert_eq!(audit, ["room.hook_add", "room.hook_add", "room.hook_remove"].map(entry));
}

#[apply(everywhere)]
async fn what_cannot_be_posted_is_answered_as_slack_does(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    let hook = make(app, &ada, &room, "Grafana").await;
    let before = last(&ada, &room).await["seq"].clone();
    for (body, status, answer) in [
        ("", 400, "invalid_payload"),
        ("{", 400, "invalid_payload"),
        ("[]", 400, "invalid_payload"),
        ("payload=nothing", 400, "invalid_payload"),
        ("{}", 400, "no_text"),
        ("{\"text\":\"\"}", 400, "no_text"),
        ("{\"text\":\"\\u0000 \\u200b\"}", 400, "no_text"),
    ] {
        assert_eq!(send(app, &hook, "application/json", body.into()).await, (status, answer.to_owned()), "{body}");
    }
    let many = json!({ "text": "x", "attachments": vec![json!({ "text": "x" }); 101] });
    assert_eq!(post(app, &hook, &many).await, (400, "too_many_attachments".into()));
    assert_eq!(post(app, &hook, &json!({ "text": "x".repeat(300_000) })).await.0, 413);
    let made_up = Hook { id: String::new(), path: "/hooks/0123456789abcdef0123456789abcdef".into() };
    assert_eq!(post(app, &made_up, &json!({ "text": "hi" })).await, (404, "no_service".into()));
    assert_eq!(last(&ada, &room).await["seq"], before, "nothing was posted");
    // A long one is cut.
    assert_eq!(post(app, &hook, &json!({ "text": "word ".repeat(9_000) })).await, ok());
    let cut = last(&ada, &room).await["body"].as_str().expect("a text").to_owned();
    assert!(cut.ends_with("*(shortened)*") && cut.chars().count() <= 8_000, "{} characters", cut.chars().count());
    // Only moderators post, and then nobody.
    ada.post(&format!("/rooms/{room}/settings"), &[("posting", "moderator")]).await.expect(303);
    assert_eq!(post(app, &hook, &json!({ "text": "hi" })).await, (403, "action_prohibited".into()));
    ada.post(&format!("/rooms/{room}/archive"), &[]).await.expect(303);
    assert_eq!(post(app, &hook, &json!({ "text": "hi" })).await, (410, "channel_is_archived".into()));
}

#[apply(everywhere)]
async fn everybody_is_called_only_where_members_may(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Alerts", "public").await;
    eve.enter(&room).await;
    let hook = make(app, &ada, &room, "Grafana").await;
    let call = json!({ "text": "<!channel> and @here: disk full, <@U123>, <@U9|eve>" });
    assert_eq!(post(app, &hook, &call).await, ok());
    assert_eq!(last(&eve, &room).await["mentions"], json!(["@room", "@here", "eve"]));
    ada.post(&format!("/rooms/{room}/settings"), &[("mass_mentions", "moderator")]).await.expect(303);
    assert_eq!(post(app, &hook, &call).await, ok());
    let quiet = last(&eve, &room).await;
    assert_eq!(quiet["mentions"], json!(["eve"]), "{quiet}");
    assert!(quiet["html"].as_str().is_some_and(|html| html.contains("@room and @here")), "{quiet}");
}

#[apply(everywhere)]
async fn known_programs_are_understood(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    let hook = make(app, &ada, &room, "Monitoring").await;
    let as_form = |payload: &str| {
        let compact: Value = serde_json::from_str(payload).expect("JSON");
        format!("payload={}", form_urlencoded::byte_serialize(compact.to_string().as_bytes()).collect::<String>())
    };
    for (name, payload, is_form, expected) in [
        (
            "grafana",
            include_str!("payloads/grafana.json"),
            false,
            "**[\\[FIRING:1\\] (val1)](http://grafana.example/alerting/list)**\n\n**Firing**\n\nValue: [no value]\nLabels:\n - alertname = alert1\n \
             - lbl1 = val1\nAnnotations:\n - ann1 = annv1\nSilence: \
             http://grafana.example/alerting/silence/new?alertmanager=grafana&matcher=alertname%3Dalert1&matcher=lbl1%3Dval1\n\n\
             [Image](https://www.example.com/test.png)\n\nGrafana v12.0.0 · 2026-09-21 14:13 UTC",
        ),
        (
            "alertmanager",
            include_str!("payloads/alertmanager.json"),
            false,
            "@room **2** alerts for [disks](http://runbook.example/disk)\n\n\
             **[\\[FIRING:2\\] DiskFull (node db1)](http://alertmanager.example/#/alerts?receiver=team)**\n\n\
             **db1**: 95 % of `/var` & growing\n**db2**: 91 %\n\n**Severity:** critical\n**Team:** storage\n\n\
             [Silence](http://alertmanager.example/#/silences/new)",
        ),
        (
            "gitlab-pipeline",
            include_str!("payloads/gitlab-pipeline.json"),
            true,
            "[Ada Lovelace (ada)](http://gitlab.example/ada)\n\n\
             **[Pipeline #118 has failed in 01:58](http://gitlab.example/team/engine/-/pipelines/118/failures)**\n\n\
             **Branch:** [main](http://gitlab.example/team/engine/-/commits/main)\n\
             **Commit:** [Lower the drag](http://gitlab.example/team/engine/-/commit/1f3a)\n\
             **Failed stage:** [test](http://gitlab.example/team/engine/-/pipelines/118/failures)\n\
             **Failed job:** [unit](http://gitlab.example/team/engine/-/jobs/9)\n\nEngine · 2026-09-21 14:13 UTC",
        ),
        (
            "gitlab-push",
            include_str!("payloads/gitlab-push.json"),
            true,
            "Ada Lovelace (ada) pushed to branch [main](http://gitlab.example/team/engine/-/commits/main) of \
             [team / engine](http://gitlab.example/team/engine) ([Compare changes](http://gitlab.example/team/engine/-/compare/a...b))\n\n\
             [1f3a9c2e](http://gitlab.example/team/engine/-/commit/1f3a): Lower the drag - Ada Lovelace\n\n\
             [2b7c0011](http://gitlab.example/team/engine/-/commit/2b7c): Fix **all** tests - Grace Hopper",
        ),
        (
            "jenkins",
            include_str!("payloads/jenkins.json"),
            true,
            "engine - #118 Failure after 2 min 3 sec ([Open](http://jenkins.example/job/engine/118/))",
        ),
        (
            "uptime-kuma",
            include_str!("payloads/uptime-kuma.json"),
            false,
            "Uptime Kuma Alert\n[Shop] [🔴 Down] connect ECONNREFUSED @room\n\n### Uptime Kuma Alert\n\n\
             **Message**\n[Shop] [🔴 Down] connect ECONNREFUSED @room\n**Time (UTC)**\n2026-11-29 22:00:00\n\n\
             [Visit Uptime Kuma](https://status.example/dashboard/3)",
        ),
    ] {
        let sent = match is_form {
            true => send(app, &hook, "application/x-www-form-urlencoded; charset=UTF-8", as_form(payload)).await,
            false => send(app, &hook, "application/json", payload.to_owned()).await,
        };
        assert_eq!(sent, ok(), "{name}");
        assert_eq!(last(&ada, &room).await["body"], expected, "{name}");
    }
}

#[apply(both)]
async fn too_many_are_refused_with_a_time_to_wait(database: &Database) {
    let mut server = Server::start(database.url(), &[("POST_RATE", "2/h")]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    let (busy, calm) = (make(&server, &ada, &room, "Grafana").await, make(&server, &ada, &room, "Jenkins").await);
    let text = json!({ "text": "Disk full" }).to_string();
    let mut taken = 0;
    let refused = loop {
        let answer = asked(&server, &busy, "application/json", text.clone()).await;
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
        assert!(taken < 20, "nothing is refused");
    };
    assert_eq!((refused.status, &*refused.body), (429, "rate_limited"));
    assert!(taken > 0 && (1..=3600).contains(&wait(&refused)), "{taken}: {refused:?}");
    // Another one has a share of its own.
    assert_eq!(post(&server, &calm, &json!({ "text": "Green" })).await, ok());
    // In slow mode, too.
    let slow = ada.create_room("Slow", "public").await;
    let hook = make(&server, &ada, &slow, "Uptime").await;
    ada.post(&format!("/rooms/{slow}/settings"), &[("slow_mode", "60")]).await.expect(303);
    assert_eq!(post(&server, &hook, &json!({ "text": "Up" })).await, ok());
    let refused = asked(&server, &hook, "application/json", text).await;
    assert_eq!((refused.status, &*refused.body), (429, "rate_limited"));
    assert!((1..=60).contains(&wait(&refused)), "{refused:?}");
    server.stop().await;
}

#[apply(once)]
async fn while_the_database_takes_nothing_it_is_to_be_sent_again(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    let hook = make(app, &ada, &room, "Grafana").await;
    let mut other = SqliteConnectOptions::new().filename(app.database.file()).connect().await.expect("the file is there");
    other.execute("begin immediate").await.expect("nobody writes now");
    let refused = asked(app, &hook, "application/json", json!({ "text": "Disk full" }).to_string()).await;
    assert_eq!((refused.status, &*refused.body), (503, "service_unavailable"));
    assert!(wait(&refused) >= 1, "{refused:?}");
    other.execute("rollback").await.expect("it can let go");
    assert_eq!(post(app, &hook, &json!({ "text": "Disk full" })).await, ok());
    let stored = app.database.query("select count(*) as count from messages where body = 'Disk full'").await;
    assert_eq!(stored, [json!({ "count": 1 })]);
}

#[apply(once)]
async fn a_message_that_never_comes_whole_is_not_waited_for(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    let hook = make(app, &ada, &room, "Grafana").await;
    let before = last(&ada, &room).await["seq"].clone();
    let head = "host: x\r\ncontent-type: application/json\r\ncontent-length: 5000";
    let mut raw = Raw::open(app).await;
    assert!(raw.send(format!("POST {} HTTP/1.1\r\n{head}\r\n\r\n{{", hook.path).as_bytes()).await);
    let (_, answer) = raw.drip(b" ", Duration::from_secs(40)).await.expect("the connection is ended");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(last(&ada, &room).await["seq"], before);
    assert_eq!(post(app, &hook, &json!({ "text": "whole" })).await, ok());
}

/// It is decided in the post: nothing is fetched in between, and it is one post.
#[apply(both)]
async fn a_message_without_previews_never_has_any_and_is_one_post(database: &Database) {
    // Two at once.
    let mut server = Server::start(database.url(), &[("POST_RATE", "1/h")]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    let (listening, _) = ada.join(&room).await;
    let hook = make(&server, &ada, &room, "Grafana").await;
    let name = web_pages::name();
    let plain = json!({ "text": format!("see {}", link(&format!("plain/{name}"))), "unfurl_links": false });
    assert_eq!(post(&server, &hook, &plain).await, ok());
    let heard = listening.next_where("message", |one| one["author"]["username"] == "grafana" && one["kind"] == "text").await;
    assert_eq!(heard["links_off"], true);
    until_fetched(database).await;
    assert_eq!(last(&ada, &room).await["rev"], heard["rev"], "nothing was changed afterwards");
    assert_eq!(web_pages::asked(&format!("/plain/{name}")), 0);
    let with = json!({ "text": format!("and {}", link(&format!("plain/{}", web_pages::name()))) });
    assert_eq!(post(&server, &hook, &with).await, ok());
    let message = last(&ada, &room).await;
    previewed(&listening, &message).await;
    assert_eq!(post(&server, &hook, &plain).await, (429, "rate_limited".into()));
    server.stop().await;
}

#[apply(both)]
async fn a_hook_that_is_refused_leaves_no_bot(database: &Database) {
    let bots = async || database.query("select id from users where is_bot").await.len();
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    for name in ["", "ada", "Administrator"] {
        assert_eq!(ask_for(&ada, &room, name).await.status, 422, "{name}");
    }
    ada.post(&format!("/rooms/{room}/archive"), &[]).await.expect(303);
    assert_eq!(ask_for(&ada, &room, "Grafana").await.status, 403);
    ada.post(&format!("/rooms/{room}/unarchive"), &[]).await.expect(303);
    assert_eq!(bots().await, 0);
    for number in 1..=20 {
        assert_eq!(ask_for(&ada, &room, &format!("Program {number}")).await.status, 201, "{number}");
    }
    assert_eq!(ask_for(&ada, &room, "Grafana").await.status, 403);
    assert_eq!(bots().await, 20);
    server.stop().await;
    // One at once, and then no more.
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Eve’s", "public").await;
    assert_eq!(ask_for(&eve, &room, "Grafana").await.status, 201);
    assert_eq!(ask_for(&eve, &room, "Jenkins").await.status, 429);
    assert_eq!(bots().await, 21);
    server.stop().await;
}

#[apply(everywhere)]
async fn a_hook_ends_with_its_room(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Alerts", "public").await;
    let hook = make(app, &ada, &room, "Grafana").await;
    assert_eq!(post(app, &hook, &json!({ "text": "hi" })).await, ok());
    let icon = give_icon_to_hook(&ada, &room, &hook.id).await.expect(200).json()["photo"].clone();
    let eve = app.register("eve").await;
    let (listening, _) = eve.join("general").await;
    assert_eq!(app.database.query("select id from files where purpose = 'photo'").await, [json!({ "id": icon })]);
    ada.post(&format!("/rooms/{room}/delete"), &[("confirm", &room)]).await.expect(303);
    assert_eq!(post(app, &hook, &json!({ "text": "late" })).await, (404, "no_service".into()));
    assert!(app.database.rows("hooks").await.is_empty());
    let bot = ada.get_json("/people/grafana").await.expect(200).json()["person"].clone();
    assert_eq!((&bot["is_deactivated"], &bot["photo"]), (&json!(true), &Value::Null));
    // Its icon went in the same step, and those who see its name hear of that.
    assert!(app.database.query("select id from files where purpose = 'photo'").await.is_empty());
    listening.next_where("person", |heard| heard["username"] == "grafana" && heard["photo"].is_null()).await;
    ada.get(&format!("/people/grafana/photo?v={}", icon.as_str().expect("its name"))).await.expect(404);
}
