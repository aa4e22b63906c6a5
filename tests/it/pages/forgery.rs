//! Forms that other sites send in a person's name.

use reqwest::Method;

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::socket::Refusal;
use crate::harness::{Answer, Database, Person, Site, Socket, TestApp};

/// Every form that changes something.
pub const FORMS: [(&str, &[(&str, &str)]); 80] = [
    ("/register", &[("username", "eve"), ("password", PASSWORD)]),
    ("/login", &[("username", "ada"), ("password", PASSWORD)]),
    ("/rooms", &[("name", "forged"), ("visibility", "public")]),
    ("/rooms/general/messages", &[("body", "forged")]),
    ("/rooms/general/messages/2/links/remove", &[]),
    ("/rooms/general/files", &[("body", "forged")]),
    ("/uploads", &[]),
    ("/rooms/open/join", &[]),
    ("/rooms/general/leave", &[]),
    ("/settings", &[("status", "forged")]),
    ("/settings/photo", &[]),
    ("/settings/photo/remove", &[]),
    ("/rooms/open/icon", &[]),
    ("/rooms/open/icon/remove", &[]),
    ("/settings/password", &[("current", PASSWORD), ("password", PASSWORD)]),
    ("/settings/email", &[("email", "eve@example.com"), ("password", PASSWORD)]),
    ("/settings/email/remove", &[("password", PASSWORD)]),
    ("/settings/oidc/link", &[("password", PASSWORD)]),
    ("/settings/oidc/unlink", &[("password", PASSWORD)]),
    ("/reset", &[("account", "ada")]),
    ("/settings/sessions/end-others", &[]),
    ("/people/eve/block", &[]),
    ("/settings/data", &[]),
    ("/settings/notifications", &[("silence", "60")]),
    ("/settings/push", &[]),
    ("/settings/push/test", &[]),
    ("/settings/push/remove", &[("endpoint", "https://push.example/1")]),
    ("/settings/push/1/remove", &[]),
    ("/rooms/general/feeds", &[("kind", "messages")]),
    ("/settings/feeds/0123456789abcdef/revoke", &[]),
    ("/settings/reminders/1/delete", &[]),
    ("/settings/account/deactivate", &[("password", PASSWORD)]),
    ("/settings/account/delete", &[("password", PASSWORD), ("confirm", "ada"), ("messages", "delete")]),
    ("/settings/sessions/seen", &[]),
    ("/settings/tokens", &[("name", "forged"), ("scopes", "write")]),
    ("/settings/tokens/0123456789abcdef/revoke", &[]),
    ("/settings/sessions/0123456789abcdef/end", &[]),
    ("/reset/0123456789abcdef0123456789abcdef", &[("password", PASSWORD)]),
    ("/admin/people/ada/end-sessions", &[]),
    ("/admin/people/ada/reset", &[]),
    ("/admin/settings", &[("server_name", "forged")]),
    ("/admin/holds", &[("scope", "everything"), ("reason", "forged")]),
    ("/admin/holds/1/release", &[]),
    ("/rooms/general/retention", &[("messages", "1")]),
    ("/admin/webhooks", &[("url", "https://example.com/forged")]),
    ("/admin/webhooks/1", &[("url", "https://example.com/forged")]),
    ("/admin/webhooks/1/on", &[]),
    ("/admin/webhooks/1/off", &[]),
    ("/admin/webhooks/1/rotate", &[]),
    ("/admin/webhooks/1/test", &[]),
    ("/admin/webhooks/1/delete", &[]),
    ("/admin/deliveries/webhook-1/redeliver", &[]),
    ("/admin/deliveries/webhook-1/delete", &[]),
    ("/admin/deliveries/webhook-1/1/redeliver", &[]),
    ("/admin/deliveries/webhook-1/1/delete", &[]),
    ("/admin/jobs/1/retry", &[]),
    ("/admin/jobs/1/delete", &[]),
    ("/admin/jobs/retry", &[]),
    ("/rooms/general/hooks", &[("name", "forged")]),
    ("/rooms/general/hooks/0123456789abcdef", &[("name", "forged")]),
    ("/rooms/general/hooks/0123456789abcdef/photo", &[]),
    ("/rooms/general/hooks/0123456789abcdef/revoke", &[]),
    ("/settings/bots", &[("username", "forged")]),
    ("/settings/bots/forged", &[("name", "forged")]),
    ("/settings/bots/forged/photo", &[]),
    ("/settings/bots/forged/photo/remove", &[]),
    ("/settings/bots/forged/rooms", &[("room", "general")]),
    ("/settings/bots/forged/rooms/general/leave", &[]),
    ("/settings/bots/forged/delete", &[]),
    ("/invites", &[("note", "forged")]),
    ("/invites/0123456789abcdef/revoke", &[]),
    ("/admin/people/ada/two-factor/remove", &[]),
    ("/login/second", &[("code", "123456")]),
    ("/settings/two-factor/totp", &[]),
    ("/settings/two-factor/totp/confirm", &[("code", "123456")]),
    ("/settings/two-factor/totp/remove", &[("password", PASSWORD)]),
    ("/confirm", &[("password", PASSWORD)]),
    ("/login/passkey", &[]),
    ("/settings/two-factor/passkeys", &[]),
    ("/logout", &[]),
];

/// Origins that only look like ours. `HOST` stands for the server's own address.
const LOOK_ALIKES: [&str; 8] = [
    "null",
    "http://evil.example",
    "https://HOST",
    "http://HOST.evil.example",
    "http://evil.example#HOST",
    "http://evil@HOST",
    "http://localhost",
    "file://",
];

/// Whether an origin is refused for every form, whatever else the browser says, and for a socket.
async fn is_foreign(site: &Site, person: &Person, origin: &str) {
    for (path, fields) in FORMS {
        for fetched_from in [None, Some("cross-site"), Some("same-site")] {
            let mut request = person.request(Method::POST, path).form(fields).header("origin", origin);
            if let Some(fetched_from) = fetched_from {
                request = request.header("sec-fetch-site", fetched_from);
            }
            assert_eq!(Answer::of(request).await.status, 403, "{path} from {origin}, {fetched_from:?}");
        }
    }
    match Socket::open(site, &person.cookies(), Some(origin)).await {
        Ok(socket) => assert_eq!(socket.enter().await.expect_err(origin).message(), "forbidden_origin", "{origin}"),
        Err(refusal) => assert_eq!(refusal, Refusal::Http(403), "{origin}"),
    }
}

/// What a browser may say of a form's origin, and why it must not be believed to be ours.
const FOREIGN: [&[(&str, &str)]; 11] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://sibling.example")],
    &[("sec-fetch-site", "cross-site")],
    // An old browser, without Sec-Fetch-Site.
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://127.0.0.1:1")],
    &[("origin", "file://")],
    // Of two headers that disagree, neither makes up for the other.
    &[("sec-fetch-site", "cross-site"), ("origin", "OWN")],
    &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "none"), ("origin", "null")],
    &[("origin", "OWN"), ("origin", "https://evil.example")],
];

#[apply(both)]
async fn a_form_from_another_origin_does_nothing(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.enter("general").await;
    let open = app.register("grace").await.create_room("Open", "public").await;
    assert_eq!(open, "open");
    let before = app.database.rows("messages").await;
    for headers in FOREIGN {
        for (path, fields) in FORMS {
            let mut request = ada.request(Method::POST, path).form(fields);
            for (name, value) in headers {
                request = request.header(*name, if *value == "OWN" { &app.origin } else { *value });
            }
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 403, "{path} with {headers:?}");
            assert!(answer.set_cookies().is_empty(), "{path} with {headers:?}");
        }
    }
    ada.get("/rooms").await.expect(200);
    assert_eq!(app.database.rows("messages").await, before);
    assert!(!format!("{:?}", app.database.rows("rooms").await).contains("forged"));
    app.register("eve").await;
}

#[apply(both)]
async fn an_origin_that_looks_like_ours_is_foreign_to_forms_and_sockets(app: &TestApp) {
    let ada = app.register("ada").await;
    for origin in LOOK_ALIKES {
        is_foreign(app, &ada, &origin.replace("HOST", &app.address.to_string())).await;
    }
    ada.get("/rooms").await.expect(200);
    ada.socket().await;
    assert!(!ada.get("/rooms/general").await.body.contains("forged"), "a foreign form posted");
}

#[apply(both)]
async fn with_a_public_url_the_servers_own_address_is_foreign(database: &Database) {
    let server = Server::start(database.url(), &[("PUBLIC_URL", "https://chat.example")]).await;
    let ada = Person::new(server.site.clone(), "ada");
    let own = ["http://HOST", "http://chat.example", "https://chat.example.evil.example"];
    for origin in LOOK_ALIKES.into_iter().chain(own) {
        is_foreign(&server, &ada, &origin.replace("HOST", &server.address.to_string())).await;
    }
}

#[apply(both)]
async fn a_form_from_our_own_page_or_from_a_script_is_taken(app: &TestApp) {
    let ada = app.register("ada").await;
    let own: [&[(&str, &str)]; 4] =
        [&[("sec-fetch-site", "same-origin"), ("origin", "OWN")], &[("sec-fetch-site", "none")], &[("origin", "OWN")], &[]];
    for (number, headers) in own.into_iter().enumerate() {
        let name = format!("room {number}");
        let mut request = ada.request(Method::POST, "/rooms").form(&[("name", &*name), ("visibility", "public")]);
        for (name, value) in headers {
            request = request.header(*name, if *value == "OWN" { &app.origin } else { *value });
        }
        Answer::of(request).await.expect(303);
    }
}

#[apply(both)]
async fn with_a_public_url_only_that_origin_is_ours(database: &Database) {
    let server = Server::start(database.url(), &[("PUBLIC_URL", "http://chat.example")]).await;
    for (origin, status) in [("http://chat.example", 303), (server.origin.as_str(), 403), ("https://chat.example", 403)] {
        let username = format!("user{status}{}", origin.len());
        let fields = [("username", &*username), ("password", PASSWORD)];
        let request = server.stranger().request(Method::POST, "/register").form(&fields).header("origin", origin);
        assert_eq!(Answer::of(request).await.status, status, "{origin}");
    }
}

#[apply(both)]
async fn with_a_public_url_a_request_for_another_host_is_refused(database: &Database) {
    let server = Server::start(database.url(), &[("PUBLIC_URL", "https://chat.example")]).await;
    let ask = async |path: &str, host: &str| Answer::of(server.stranger().request(Method::GET, path).header("host", host)).await;
    for path in ["/login", "/rooms", "/", "/static/css/parlor.css", "/no-such-page", "/rooms/general"] {
        for host in ["evil.example", "chat.example.evil.example", "evil.example:443"] {
            let answer = ask(path, host).await;
            assert_eq!(answer.status, 421, "{path} at {host}");
            assert!(!answer.body.contains("<form") && answer.set_cookies().is_empty(), "{path} at {host}");
        }
        // As a browser calls it, and as a proxy or a health check inside does.
        for host in ["chat.example", "CHAT.example:443", "127.0.0.1:3000", "localhost", "parlor:3000", "[::1]:3000"] {
            assert_ne!(ask(path, host).await.status, 421, "{path} at {host}");
        }
    }
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let form =
        server.stranger().form("/register", &fields).header("host", "evil.example").header("origin", "https://chat.example");
    assert_eq!(Answer::of(form).await.status, 421);
    for path in ["/livez", "/healthz"] {
        assert_eq!(ask(path, "evil.example").await.status, 200, "whatever watches the server may call it what it likes");
    }
}

#[apply(both)]
async fn without_a_public_url_every_host_is_ours(app: &TestApp) {
    let request = app.stranger().request(Method::GET, "/login").header("host", "chat.example");
    Answer::of(request).await.expect(200);
}
