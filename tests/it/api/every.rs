//! Every operation of the description, asked for with success on a server: none is only written down.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proof::infra::receiver::{Receiver, Reply};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Program, document};
use crate::everywhere;
use crate::files::portraits::stripes;
use crate::harness::{Answer, Person, TestApp};
use crate::retention::until;

/// The operations that were answered with success.
#[derive(Default)]
struct Walk {
    done: RefCell<BTreeSet<String>>,
}

impl Walk {
    /// Sends a request; the answer must be a success, as described.
    async fn send(&self, method: Method, path: &str, request: RequestBuilder) -> Value {
        let answer = Answer::of(request).await;
        document::validate(&method, path, &answer);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        self.done.borrow_mut().insert(document::name(&method, path));
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Asks with a token.
    async fn ask(&self, program: &Program, method: Method, path: &str, body: Value) -> Value {
        let request = program.request(method.clone(), path);
        let request = if body.is_null() { request } else { request.json(&body) };
        self.send(method, path, request).await
    }

    async fn get(&self, program: &Program, path: &str) -> Value {
        self.ask(program, Method::GET, path, Value::Null).await
    }

    async fn post(&self, program: &Program, path: &str, body: Value) -> Value {
        self.ask(program, Method::POST, path, body).await
    }

    async fn put(&self, program: &Program, path: &str, body: Value) -> Value {
        self.ask(program, Method::PUT, path, body).await
    }

    async fn patch(&self, program: &Program, path: &str, body: Value) -> Value {
        self.ask(program, Method::PATCH, path, body).await
    }

    async fn delete(&self, program: &Program, path: &str) -> Value {
        self.ask(program, Method::DELETE, path, Value::Null).await
    }

    /// Asks with bytes as the body.
    async fn bytes(&self, program: &Program, method: Method, path: &str, bytes: Vec<u8>) -> Value {
        let request = program.request(method.clone(), path).header("content-type", "application/octet-stream").body(bytes);
        self.send(method, path, request).await
    }

    /// Asks with the cookie of a session, from a page of the site.
    async fn logged_in(&self, person: &Person, method: Method, path: &str, body: Value) -> Value {
        let request = person.request(method.clone(), &format!("/api/v1{path}")).header("origin", &person.site.origin);
        let request = if body.is_null() { request } else { request.json(&body) };
        self.send(method, path, request).await
    }
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {path}: {value}"))
}

#[apply(everywhere)]
async fn every_operation_is_answered_as_it_is_described(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    for other in ["carol", "dora"] {
        app.register(other).await;
    }
    app.database.make_admin("ada").await;
    let programs = (Program::of(app, &ada, "write admin").await, Program::of(app, &grace, "write").await);
    let walk = Walk::default();
    rooms(&walk, &ada, &programs).await;
    members(&walk, &programs).await;
    messages(&walk, &programs).await;
    people(&walk, &ada, &programs).await;
    accounts(&walk, app, &ada, &programs.0).await;
    queues(&walk, app, &programs.0).await;
    administration(&walk, &programs).await;
    walk.post(&programs.1, "/rooms/plans/leave", json!({})).await;
    walk.delete(&programs.0, "/rooms/plans?confirm=plans").await;
    let missing: Vec<_> = document::names().difference(&walk.done.borrow()).cloned().collect();
    assert!(missing.is_empty(), "never answered with success: {missing:#?}");
}

/// What a room is, and what belongs to it.
async fn rooms(walk: &Walk, person: &Person, (ada, grace): &(Program, Program)) {
    walk.post(ada, "/rooms", json!({ "name": "Plans", "visibility": "public" })).await;
    walk.get(ada, "/rooms").await;
    walk.get(ada, "/rooms/plans").await;
    walk.patch(ada, "/rooms/plans", json!({ "topic": "for later" })).await;
    walk.post(grace, "/rooms/plans/join", json!({})).await;
    let icon = walk.bytes(ada, Method::PUT, "/rooms/plans/icon", stripes()).await;
    assert_eq!(walk.get(grace, "/rooms/plans").await["room"]["icon"], icon["icon"]);
    walk.delete(ada, "/rooms/plans/icon").await;
    walk.patch(ada, "/rooms/plans/retention", json!({ "messages": 30, "files": "10" })).await;
    let kept = walk.get(grace, "/rooms/plans").await["room"].clone();
    assert_eq!((&kept["keep_messages"], &kept["keep_files"]), (&json!(30), &json!(10)));
    // What is not sent stays; what was read before can be sent back.
    walk.patch(ada, "/rooms/plans/retention", json!({ "files": null })).await;
    let kept = walk.get(grace, "/rooms/plans").await["room"].clone();
    assert_eq!((&kept["keep_messages"], &kept["keep_files"]), (&json!(30), &Value::Null));
    walk.patch(ada, "/rooms/plans/retention", json!({ "messages": 0 })).await;
    assert_eq!(walk.get(grace, "/rooms/plans").await["room"]["keep_messages"], 0);
    walk.patch(ada, "/rooms/plans/retention", json!({ "messages": 30 })).await;
    walk.put(grace, "/rooms/plans/favorite", json!({})).await;
    walk.put(grace, "/rooms/plans/level", json!({ "level": "all" })).await;
    walk.put(grace, "/sidebar/directs", json!({ "closed": true })).await;
    assert_eq!(walk.get(grace, "/sidebar").await, json!({ "favorites": ["plans"], "closed": ["directs"] }));
    assert_eq!(walk.get(ada, "/sidebar").await, json!({ "favorites": [], "closed": [] }));
    let listed = walk.get(grace, "/rooms?q=plans").await["rooms"][0].clone();
    assert_eq!((&listed["is_favorite"], &listed["level"], &listed["is_hidden"]), (&json!(true), &json!("all"), &json!(false)));
    walk.delete(grace, "/rooms/plans/favorite").await;
    assert_eq!(walk.get(grace, "/rooms?q=plans").await["rooms"][0]["is_favorite"], false);

    let made = walk.post(ada, "/rooms/plans/hooks", json!({ "name": "Builds" })).await;
    let hook = format!("/rooms/plans/hooks/{}", text(&made, "/hook/id"));
    assert!(text(&made, "/hook/url").contains("/hooks/"));
    walk.patch(ada, &hook, json!({ "name": "Releases" })).await;
    let icon = walk.bytes(ada, Method::PUT, &format!("{hook}/photo"), stripes()).await;
    let hooks = walk.get(ada, "/rooms/plans/hooks").await;
    assert_eq!((text(&hooks, "/hooks/0/name"), &hooks["hooks"][0]["photo"]), ("Releases", &icon["photo"]));
    grace.put(&format!("{hook}/photo"), json!({})).await.expect(403);
    walk.delete(ada, &hook).await;

    let made = walk.post(ada, "/rooms/plans/feeds", json!({ "kind": "pins" })).await;
    assert!(text(&made, "/feed/url").contains("/feeds/"));
    assert_eq!(text(&walk.get(ada, "/feeds").await, "/feeds/0/room"), "plans");
    walk.logged_in(person, Method::DELETE, &format!("/feeds/{}", text(&made, "/feed/id")), json!({})).await;
}

async fn members(walk: &Walk, (ada, _): &(Program, Program)) {
    walk.post(ada, "/rooms/plans/members", json!({ "username": "carol" })).await;
    walk.get(ada, "/rooms/plans/members").await;
    walk.patch(ada, "/rooms/plans/members/carol", json!({ "role": "moderator" })).await;
    walk.delete(ada, "/rooms/plans/members/carol").await;
    walk.put(ada, "/rooms/plans/bans/carol", json!({})).await;
    walk.get(ada, "/rooms/plans/bans").await;
    walk.delete(ada, "/rooms/plans/bans/carol").await;
}

async fn messages(walk: &Walk, (ada, grace): &(Program, Program)) {
    let posted = walk.post(ada, "/rooms/plans/messages", json!({ "body": "the **quick** walrus, @grace" })).await;
    let path = format!("/rooms/plans/messages/{}", posted["message"]["seq"]);
    walk.get(grace, "/rooms/plans/messages").await;
    walk.get(grace, &path).await;
    walk.patch(ada, &path, json!({ "body": "the slow walrus, @grace" })).await;
    walk.put(grace, &format!("{path}/reactions/%F0%9F%91%8D"), json!({})).await;
    walk.delete(grace, &format!("{path}/reactions/%F0%9F%91%8D")).await;
    walk.put(ada, &format!("{path}/pin"), json!({})).await;
    walk.get(grace, "/rooms/plans/pins").await;
    walk.delete(ada, &format!("{path}/pin")).await;
    walk.get(grace, &format!("{path}/thread")).await;
    walk.get(ada, &format!("{path}/revisions")).await;
    walk.delete(ada, &format!("{path}/links")).await;
    walk.put(grace, "/rooms/plans/read", json!({})).await;
    walk.put(grace, &format!("{path}/unread"), json!({})).await;
    walk.get(grace, "/me/mentions").await;
    walk.get(grace, "/rooms/plans/changes?after=0").await;
    walk.get(grace, "/search?q=walrus&count=true").await;

    walk.post(grace, &format!("{path}/report"), json!({ "reason": "slow" })).await;
    let reports = walk.get(ada, "/rooms/plans/reports").await;
    let report = text(&reports, "/reports/0/id");
    walk.post(ada, &format!("/rooms/plans/reports/{report}/close"), json!({ "action": "dismiss" })).await;
    let other = walk.post(ada, "/rooms/plans/messages", json!({ "body": "again" })).await["message"]["seq"].clone();
    walk.post(grace, &format!("/rooms/plans/messages/{other}/report"), json!({ "reason": "again" })).await;
    let reports = walk.get(ada, "/admin/reports").await;
    let report = text(&reports, "/reports/0/id");
    walk.post(ada, &format!("/admin/reports/{report}/close"), json!({ "action": "dismiss" })).await;
    walk.delete(ada, &path).await;

    walk.put(grace, "/rooms/plans/draft", json!({ "body": "soon", "reply_to": other })).await;
    assert_eq!(text(&walk.get(grace, "/rooms/plans/draft").await, "/draft/body"), "soon");
    assert_eq!(text(&walk.get(grace, "/me/drafts").await, "/drafts/0/room"), "plans");
    walk.delete(grace, "/rooms/plans/draft").await;
    grace.get("/rooms/plans/draft").await.expect(404);
    let preview = walk.post(grace, "/preview", json!({ "body": "**bold**" })).await;
    assert!(text(&preview, "/html").contains("<strong>bold</strong>"), "{preview}");

    let commands = walk.get(ada, "/rooms/plans/commands").await["commands"].clone();
    let topic = json!({
        "name": "topic", "takes": "text", "hint": "Changes the topic of this room", "is_built_in": true,
    });
    assert!(commands.as_array().expect("a list").contains(&topic), "{commands}");
    let told = walk.post(ada, "/rooms/plans/commands", json!({ "text": "/topic for later" })).await;
    assert_eq!(told, json!({ "notice": "The topic is now “for later”." }));

    let reminder = json!({ "body": "in 2 hours tea", "nonce": "tea-1" });
    let made = walk.post(grace, "/rooms/plans/reminders", reminder.clone()).await;
    assert_eq!(text(&made, "/reminder/text"), "tea");
    let again = grace.post("/rooms/plans/reminders", reminder).await;
    assert_eq!(again.expect(200).json(), made, "it was created with this nonce before");
    let reminders = walk.get(grace, "/me/reminders").await;
    assert_eq!(reminders["reminders"], json!([made["reminder"]]));
    walk.delete(grace, &format!("/me/reminders/{}", text(&made, "/reminder/id"))).await;
    let of_room = grace.post("/rooms/plans/reminders", json!({ "body": "room in 2 days demo" })).await.expect(201).json();
    assert_eq!((&of_room["reminder"]["for_room"], &of_room["reminder"]["room"]), (&json!(true), &json!("plans")));
}

async fn people(walk: &Walk, person: &Person, (ada, grace): &(Program, Program)) {
    walk.get(ada, "/people").await;
    walk.get(ada, "/people/grace").await;
    walk.get(ada, "/me").await;
    walk.patch(ada, "/me", json!({ "status": "at tea" })).await;
    let photo = walk.bytes(ada, Method::PUT, "/me/photo", stripes()).await;
    assert_eq!(walk.get(grace, "/people/ada").await["person"]["photo"], photo["photo"]);
    walk.delete(ada, "/me/photo").await;
    walk.put(ada, "/people/dora/block", json!({})).await;
    walk.get(ada, "/me/blocks").await;
    walk.delete(ada, "/people/dora/block").await;
    let talk = walk.post(ada, "/direct", json!({ "users": ["grace"] })).await;
    let hidden = format!("/rooms/{}/hidden", text(&talk, "/room/slug"));
    walk.put(ada, &hidden, json!({})).await;
    let is_hidden = async || {
        let rooms = walk.get(ada, "/rooms").await["rooms"].clone();
        let found =
            rooms.as_array().expect("a list").iter().find(|listed| listed["room"]["slug"] == talk["room"]["slug"]).cloned();
        found.expect("the conversation")["is_hidden"].clone()
    };
    assert_eq!(is_hidden().await, true);
    walk.delete(ada, &hidden).await;
    assert_eq!(is_hidden().await, false);
    let groups = walk.get(ada, "/emoji").await["groups"].clone();
    assert_eq!((&groups[0]["name"], &groups[0]["emoji"][0]["emoji"]), (&json!("Smileys"), &json!("😀")));
    notifications(walk, person, ada).await;
    let file = walk.bytes(ada, Method::POST, "/files?name=a.txt", b"hello".to_vec()).await;
    walk.get(ada, &format!("/files/{}", text(&file, "/file/id"))).await;

    walk.logged_in(person, Method::POST, "/bots", json!({ "username": "helper", "name": "Helper" })).await;
    walk.logged_in(person, Method::PATCH, "/bots/helper", json!({ "name": "Good helper" })).await;
    walk.post(ada, "/rooms/plans/members", json!({ "username": "helper" })).await;
    assert_eq!(walk.get(ada, "/bots/helper").await["bot"]["rooms"], json!(["plans"]));
    assert_eq!(text(&walk.get(ada, "/bots").await, "/bots/0/name"), "Good helper");
    let request = person.request(Method::PUT, "/api/v1/bots/helper/photo").header("origin", &person.site.origin);
    let request = request.header("content-type", "application/octet-stream").body(stripes());
    let icon = walk.send(Method::PUT, "/bots/helper/photo", request).await;
    assert_eq!(walk.get(ada, "/bots").await["bots"][0]["photo"], icon["photo"]);
    walk.logged_in(person, Method::DELETE, "/bots/helper/photo", json!({})).await;
    assert_eq!(walk.get(ada, "/bots").await["bots"][0]["photo"], Value::Null);
    ada.delete("/bots/helper/rooms/plans").await.expect(403);
    walk.logged_in(person, Method::DELETE, "/bots/helper/rooms/plans", json!({})).await;
    assert_eq!(walk.get(ada, "/bots/helper").await["bot"]["rooms"], json!([]));
    walk.logged_in(person, Method::DELETE, "/bots/helper", json!({})).await;
}

/// What reaches one while one is not looking: a token sees it, and only a log-in changes it.
async fn notifications(walk: &Walk, person: &Person, ada: &Program) {
    let change =
        async |wanted: Value| walk.logged_in(person, Method::PATCH, "/me/notifications", wanted).await["notifications"].clone();
    let wanted = json!({
        "away_only": true, "quiet_from": "22:00", "quiet_until": "07:30", "keywords": ["tea", "engines"], "missed": "daily",
    });
    let changed = change(wanted.clone()).await;
    for (name, value) in wanted.as_object().expect("fields") {
        assert_eq!(changed[name], *value, "{name}");
    }
    // What is not sent stays, also the other end of the quiet hours; null ends them.
    let changed = change(json!({ "quiet_from": "21:00" })).await;
    assert_eq!([&changed["quiet_from"], &changed["quiet_until"], &changed["missed"]], ["21:00", "07:30", "daily"]);
    let changed = change(json!({ "quiet_from": null, "quiet_until": null, "silence": 30 })).await;
    assert_eq!((&changed["quiet_from"], &changed["is_quiet"]), (&Value::Null, &json!(true)));
    assert_eq!(walk.get(ada, "/me/notifications").await["notifications"], changed);
    ada.patch("/me/notifications", json!({ "silence": 0 })).await.expect(403);
}

/// Sessions and invitations.
async fn accounts(walk: &Walk, app: &TestApp, person: &Person, ada: &Program) {
    app.log_in("ada").await;
    walk.get(ada, "/sessions").await;
    // The one that asks stays.
    let sessions = walk.logged_in(person, Method::GET, "/sessions", Value::Null).await;
    let other = sessions["sessions"].as_array().expect("a list").iter().find(|one| one["current"] == false);
    let other = other.expect("another session");
    walk.logged_in(person, Method::DELETE, &format!("/sessions/{}", text(other, "/id")), Value::Null).await;

    let made = walk.post(ada, "/invites", json!({ "uses": 2, "note": "for tests", "rooms": ["#plans"] })).await;
    assert!(text(&made, "/invite/url").contains("/register?invite="), "{made}");
    assert_eq!(walk.get(ada, "/invites").await["invites"][0]["rooms"], json!(["plans"]));
    walk.delete(ada, &format!("/invites/{}", text(&made, "/invite/id"))).await;
    let made = walk.post(ada, "/invites", json!({})).await;
    walk.delete(ada, &format!("/admin/invites/{}", text(&made, "/invite/id"))).await;
    let all = walk.get(ada, "/admin/invites").await;
    assert_eq!((text(&all, "/invites/0/state"), text(&all, "/invites/1/state")), ("revoked", "revoked"));
}

/// Jobs, webhooks, and what they are to be told.
async fn queues(walk: &Walk, app: &TestApp, ada: &Program) {
    // Of a kind that nobody does here: a newer version may.
    let job = "insert into jobs (kind, payload, created_at, due_at, attempts, last_error, dead_at)
               values ('of_later', '{\"n\":1}', 1, 1, 3, 'it did not work', 5)";
    app.database.run(job).await;
    let jobs = walk.get(ada, "/admin/jobs?filter=dead").await;
    let job = format!("/admin/jobs/{}", text(&jobs, "/jobs/0/id"));
    walk.post(ada, "/admin/jobs/retry", json!({})).await;
    walk.post(ada, &format!("{job}/retry"), json!({})).await;
    walk.delete(ada, &job).await;

    let receiver = Receiver::start().await;
    receiver.reply(Reply::Status(500, ""));
    let wanted = json!({ "url": receiver.url("/secret-path"), "events": ["message.posted"], "rooms": ["plans"] });
    let made = walk.post(ada, "/admin/webhooks", wanted.clone()).await;
    let id = text(&made, "/webhook/id");
    let path = format!("/admin/webhooks/{id}");
    let list = walk.get(ada, "/admin/webhooks").await;
    assert!(!list.to_string().contains(text(&made, "/webhook/secret")), "{list}");
    assert_eq!(walk.get(ada, &path).await["webhook"]["rooms"], json!(["plans"]));
    let changed = walk.put(ada, &path, json!({ "url": receiver.url("/other"), "rooms": "plans" })).await;
    assert_eq!((&changed["webhook"]["events"], &changed["webhook"]["on"]), (&json!([]), &json!(true)));
    let rotated = walk.post(ada, &format!("{path}/rotate"), json!({})).await;
    assert_ne!(text(&rotated, "/webhook/secret"), text(&made, "/webhook/secret"));
    walk.put(ada, &format!("{path}/on"), json!({ "on": false })).await;
    assert_eq!(walk.get(ada, &path).await["webhook"]["on"], false);
    walk.put(ada, &format!("{path}/on"), json!({})).await;
    let test = walk.post(ada, &format!("{path}/test"), json!({})).await;
    assert_eq!(text(&test, "/receiver"), format!("webhook-{id}"));

    let of_receiver = format!("/admin/deliveries/{}", text(&test, "/receiver"));
    ada.say("plans", "one").await;
    ada.say("plans", "two").await;
    let waiting = async || walk.get(ada, &of_receiver).await["deliveries"].as_array().expect("a list").clone();
    until("three deliveries wait", async || waiting().await.len() == 3).await;
    let first = waiting().await;
    let receivers = walk.get(ada, "/admin/deliveries").await;
    assert!(!receivers.to_string().contains("/other"), "{receivers}");
    // Of another receiver there is no such delivery.
    let of_other = format!("/admin/deliveries/webhook-9999/{}", text(&first[0], "/id"));
    ada.delete(&of_other).await.expect(404);
    ada.post(&format!("{of_other}/redeliver"), json!({})).await.expect(404);
    assert_eq!(waiting().await.len(), 3);
    walk.post(ada, &format!("{of_receiver}/{}/redeliver", text(&first[0], "/id")), json!({})).await;
    walk.delete(ada, &format!("{of_receiver}/{}", text(&first[2], "/id"))).await;
    assert_eq!(waiting().await.len(), 2);
    walk.post(ada, &format!("{of_receiver}/redeliver"), json!({})).await;
    walk.delete(ada, &of_receiver).await;
    assert_eq!(waiting().await.len(), 0);
    walk.delete(ada, &path).await;
    ada.get(&path).await.expect(404);
}

async fn administration(walk: &Walk, (ada, _): &(Program, Program)) {
    walk.get(ada, "/admin/overview").await;
    walk.get(ada, "/admin/nodes").await;
    walk.get(ada, "/admin/doctor").await;
    walk.get(ada, "/admin/settings").await;
    let changed = walk.patch(ada, "/admin/settings", json!({ "server_name": "Tea & Talk", "link_previews": false })).await;
    assert_eq!((text(&changed, "/settings/server_name"), &changed["settings"]["link_previews"]), ("Tea & Talk", &json!(false)));
    walk.get(ada, "/admin/rooms").await;
    assert_eq!(walk.get(ada, "/admin/rooms/plans").await["room"]["keep_messages"], 30);
    walk.get(ada, "/admin/audit").await;

    let made = walk.post(ada, "/admin/holds", json!({ "scope": "person", "target": "carol", "reason": "a law" })).await;
    assert_eq!(text(&made, "/hold/target"), "carol");
    assert_eq!(walk.get(ada, "/admin/holds").await["holds"], json!([made["hold"]]));
    let hold = format!("/admin/holds/{}", text(&made, "/hold/id"));
    walk.get(ada, &hold).await;
    walk.delete(ada, &hold).await;

    walk.get(ada, "/admin/people").await;
    for path in ["/admin/people/carol/ban", "/admin/people/carol/deactivation"] {
        walk.put(ada, path, json!({})).await;
        walk.delete(ada, path).await;
    }
    walk.put(ada, "/admin/people/carol/role", json!({ "role": "guest" })).await;
    walk.delete(ada, "/admin/people/carol/sessions").await;
    walk.delete(ada, "/admin/people/carol/messages?since=all").await;
    ada.delete("/admin/people/dora?messages=keep&confirm=nobody").await.expect(422);
    walk.delete(ada, "/admin/people/dora?messages=keep&confirm=dora").await;
}
