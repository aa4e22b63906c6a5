//! The cookies, of a session and of a device that logged in: their names and attributes, over http and behind https.

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, TestApp};

fn attributes(cookie: &str) -> Vec<String> {
    cookie.split(';').skip(1).map(|part| part.trim().to_lowercase()).collect()
}

#[apply(both)]
async fn the_cookies_are_out_of_reach_of_scripts_and_of_other_sites(app: &TestApp) {
    for path in ["/register", "/login"] {
        let answer = app.stranger().post(path, &[("username", "ada"), ("password", PASSWORD)]).await;
        let cookies = answer.expect(303).set_cookies();
        // The session's comes first: that is all that a simple client takes.
        assert!(
            cookies.len() == 2 && cookies[0].starts_with("parlor-") && cookies[1].starts_with("parlor-device-"),
            "{cookies:?}"
        );
        for attributes in cookies.iter().map(|cookie| attributes(cookie)) {
            assert!(attributes.contains(&"httponly".to_owned()), "{attributes:?}");
            assert!(attributes.contains(&"samesite=lax".to_owned()), "{attributes:?}");
            assert!(attributes.contains(&"path=/".to_owned()), "{attributes:?}");
            assert!(!attributes.iter().any(|it| it == "secure" || it.starts_with("domain")), "{attributes:?}");
        }
    }
}

#[apply(both)]
async fn the_cookie_of_a_device_lets_nobody_in(app: &TestApp) {
    let ada = app.register("ada").await;
    let cookies = ada.cookies();
    let (session, device) = cookies.split_once("; ").expect("two cookies");
    let (name, _) = session.split_once('=').expect("a cookie has a name");
    let (_, value) = device.split_once('=').expect("a cookie has a value");
    for cookie in [device.to_owned(), format!("{name}={value}")] {
        let rooms = app.stranger().request(reqwest::Method::GET, "/rooms").header("cookie", cookie);
        Answer::of(rooms).await.expect(303);
    }
}

#[apply(both)]
async fn two_servers_on_one_host_do_not_end_each_others_sessions(app: &TestApp) {
    let folder = tempfile::tempdir().expect("a folder");
    let other = Server::start(&format!("sqlite://{}", folder.path().join("other.db").display()), &[]).await;
    let (here, there) = (app.register("ada").await, other.register("ada").await);
    // A browser sends the cookies of a host to all of its ports.
    let both = format!("{}; {}", here.cookies(), there.cookies());
    for site in [&here, &there] {
        let rooms = site.request(reqwest::Method::GET, "/settings").header("cookie", &both);
        Answer::of(rooms).await.expect(200);
    }
    let name = |cookies: &str| cookies.split('=').next().map(ToOwned::to_owned);
    assert_ne!(name(&here.cookies()), name(&there.cookies()));
}

#[apply(both)]
async fn a_visitor_who_is_not_signed_in_gets_no_cookie(app: &TestApp) {
    for path in ["/login", "/register", "/", "/rooms", "/no-such-page"] {
        assert!(app.stranger().get(path).await.set_cookies().is_empty(), "{path}");
    }
}

#[apply(both)]
async fn behind_https_the_cookie_is_secure_and_bound_to_its_host(database: &Database) {
    let server = Server::start(database.url(), &[("PUBLIC_URL", "https://chat.example")]).await;
    let stranger = server.stranger();
    let form = |path: &str, cookie: &str| {
        let fields = [("username", "ada"), ("password", PASSWORD)];
        let request = stranger.request(reqwest::Method::POST, path).form(&fields);
        request.header("host", "chat.example").header("origin", "https://chat.example").header("cookie", cookie)
    };
    let cookies = Answer::of(form("/register", "")).await.expect(303).set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for cookie in &cookies {
        assert!(cookie.starts_with("__Host-"), "{cookies:?}");
        assert!(attributes(cookie).contains(&"secure".to_owned()), "{cookies:?}");
        assert!(attributes(cookie).contains(&"path=/".to_owned()), "{cookies:?}");
    }
    let cookie = cookies[0].split(';').next().expect("a cookie has a value");
    let rooms = stranger.request(reqwest::Method::GET, "/rooms").header("cookie", cookie);
    Answer::of(rooms).await.expect(200);
    // A browser drops a `__Host-` cookie only when the removal is `Secure` too.
    let removed = Answer::of(form("/logout", cookie)).await.expect(303).set_cookies();
    let is_over = |it: &String| it == "max-age=0" || it.starts_with("expires=thu, 01 jan 1970");
    let is_good = |it: &String| {
        let attributes = attributes(it);
        it.starts_with("__Host-") && attributes.contains(&"secure".to_owned()) && attributes.iter().any(is_over)
    };
    assert!(removed.iter().any(is_good), "{removed:?}");
}

#[apply(both)]
async fn the_backup_of_a_database_holds_nothing_that_lets_anybody_in(app: &TestApp) {
    let ada = app.register("ada").await;
    let cookie = ada.session_cookie();
    let (_, secret) = cookie.split_once('=').expect("a cookie has a value");
    let rows = app.database.rows("sessions").await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(!rows[0].to_string().contains(secret), "the session's id is in the database");
    let people = format!("{:?}", app.database.rows("users").await);
    assert!(people.contains("$argon2id$") && !people.contains(PASSWORD), "{people}");
}
