//! Every route that is for administrators, tried by everybody who is none: nothing is shown, and nothing changes.

use reqwest::Method;

use crate::accounts::tokens::{Program, secret};
use crate::everywhere;
use crate::harness::{Answer, Person, TestApp};

/// A method, a path, and what a form would send there.
type Route = (Method, &'static str, &'static [(&'static str, &'static str)]);

/// `{username}` is somebody else, `{id}` is an invitation of an administrator.
const ROUTES: [Route; 47] = [
    (Method::GET, "/admin", &[]),
    (Method::GET, "/admin/people", &[]),
    (Method::GET, "/admin/rooms", &[]),
    (Method::GET, "/admin/rooms/{slug}", &[]),
    (Method::POST, "/admin/people/{username}/role", &[("role", "admin")]),
    (Method::GET, "/admin/invites", &[]),
    (Method::GET, "/admin/reports", &[]),
    (Method::POST, "/admin/reports/{report}/close", &[("action", "dismiss")]),
    (Method::POST, "/admin/people/{username}/deactivate", &[]),
    (Method::POST, "/admin/people/{username}/reactivate", &[]),
    (Method::POST, "/admin/people/{username}/delete", &[("messages", "delete"), ("confirm", "grace")]),
    (Method::POST, "/admin/people/{username}/delete-messages", &[("since", "all")]),
    (Method::GET, "/admin/audit", &[]),
    (Method::GET, "/admin/holds", &[]),
    (Method::POST, "/admin/holds", &[("scope", "everything"), ("reason", "forged")]),
    (Method::GET, "/admin/holds/{id}", &[]),
    (Method::POST, "/admin/holds/{id}/release", &[]),
    (Method::GET, "/admin/webhooks", &[]),
    (Method::POST, "/admin/webhooks", &[("url", "https://example.com/forged")]),
    (Method::GET, "/admin/webhooks/{id}", &[]),
    (Method::POST, "/admin/webhooks/{id}", &[("url", "https://example.com/forged")]),
    (Method::POST, "/admin/webhooks/{id}/on", &[]),
    (Method::POST, "/admin/webhooks/{id}/off", &[]),
    (Method::POST, "/admin/webhooks/{id}/rotate", &[]),
    (Method::POST, "/admin/webhooks/{id}/test", &[]),
    (Method::POST, "/admin/webhooks/{id}/delete", &[]),
    (Method::GET, "/admin/deliveries", &[]),
    (Method::GET, "/admin/deliveries/{receiver}", &[]),
    (Method::POST, "/admin/deliveries/{receiver}/redeliver", &[]),
    (Method::POST, "/admin/deliveries/{receiver}/delete", &[]),
    (Method::POST, "/admin/deliveries/{receiver}/{id}/redeliver", &[]),
    (Method::POST, "/admin/deliveries/{receiver}/{id}/delete", &[]),
    (Method::GET, "/admin/jobs", &[]),
    (Method::POST, "/admin/jobs/{job}/retry", &[]),
    (Method::POST, "/admin/jobs/{job}/delete", &[]),
    (Method::POST, "/admin/jobs/retry", &[]),
    (Method::GET, "/admin/nodes", &[]),
    (Method::GET, "/admin/doctor", &[]),
    (Method::GET, "/admin/settings", &[]),
    (Method::POST, "/admin/settings", &[("server_name", "forged"), ("registration", "closed")]),
    (Method::POST, "/admin/people/{username}/end-sessions", &[]),
    (Method::POST, "/admin/people/{username}/reset", &[]),
    (Method::POST, "/admin/people/{username}/two-factor/remove", &[]),
    (Method::POST, "/people/{username}/ban", &[]),
    (Method::POST, "/people/{username}/unban", &[]),
    (Method::POST, "/invites", &[("note", "forged")]),
    (Method::POST, "/invites/{id}/revoke", &[]),
];

fn path_of(route: &str, id: &str) -> String {
    route.replace("{username}", "grace").replace("{slug}", "general").replace("{id}", id)
}

async fn ask_with(program: &Program, (method, route, fields): &Route, id: &str, accept: &str) -> Answer {
    let request = program.request(method.clone(), &path_of(route, id));
    let request = if *method == Method::POST { request.form(fields) } else { request };
    Answer::of(request.header("accept", accept)).await
}

async fn ask(person: &Person, (method, route, fields): &Route, id: &str, accept: &str) -> Answer {
    let path = path_of(route, id);
    let request = match *method {
        Method::POST => person.form(&path, fields),
        _ => person.request(Method::GET, &path),
    };
    Answer::of(request.header("accept", accept)).await
}

#[apply(everywhere)]
async fn what_is_for_administrators_is_refused_to_everybody_else(app: &TestApp) {
    let (ada, eve, grace) = (app.register("ada").await, app.register("eve").await, app.register("grace").await);
    let rosa = app.register("rosa").await;
    app.database.make_admin("ada").await;
    app.database.make_admin("rosa").await;
    // An administrator's token that does not say `admin` is nobody's special.
    let program = Program::new(app, &secret(&rosa, "read write").await);
    let form = ada.form("/invites", &[]).header("accept", "application/json");
    let id = Answer::of(form).await.expect(201).json()["invite"]["id"].as_str().expect("an id").to_owned();
    let tables =
        ["users", "invites", "resets", "settings", "audit", "sessions", "cleanups", "holds", "webhooks", "receivers", "outbox"];
    let state = async || {
        let mut all = Vec::new();
        for table in tables {
            // When somebody was last here changes with each request.
            let rows = app.database.rows(table).await;
            all.push(
                rows.into_iter()
                    .map(|mut row| {
                        for seen in ["seen_at", "last_seen_at"] {
                            row.as_object_mut().expect("a row").remove(seen);
                        }
                        row
                    })
                    .collect::<Vec<_>>(),
            );
        }
        all
    };
    let before = state().await;
    let stranger = app.stranger();
    for route in &ROUTES {
        let page = ask(&stranger, route, &id, "text/html").await;
        assert!(page.expect(303).location().starts_with("/login"), "{route:?}");
        ask(&stranger, route, &id, "application/json").await.expect(401);
        for accept in ["text/html", "application/json"] {
            // Somebody else's invitation is not there.
            let expected = if route.1.starts_with("/invites/") { 404 } else { 403 };
            assert_eq!(ask(&eve, route, &id, accept).await.status, expected, "{route:?} as {accept}");
            assert_eq!(ask_with(&program, route, &id, accept).await.status, expected, "{route:?} as {accept} with a token");
        }
    }
    assert_eq!(state().await, before);
    grace.get("/rooms").await.expect(200);
}

/// A documented route that nobody puts into the table would be a door without a guard.
#[test]
fn every_documented_route_for_administrators_is_in_the_table() {
    let protocol = include_str!("../../../docs/protocol.md");
    let rows = protocol.lines().filter(|line| line.starts_with("| `"));
    let routes = rows.flat_map(|row| row.split(" | ").next().unwrap_or_default().split('`').skip(1).step_by(2));
    let mut count = 0;
    for (method, path) in routes.filter_map(|route| route.split_once(' ')).filter(|(_, path)| path.starts_with("/admin")) {
        let is_swept = ROUTES.iter().any(|(known, route, _)| known.as_str() == method && *route == path);
        assert!(is_swept, "{method} {path} is not swept");
        count += 1;
    }
    assert!(count >= 10, "{count} routes are documented: the table looks different now");
}
