//! How often one may fail to log in.

use std::time::Duration;

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person};

const NEW: &str = "eleven slow lighthouses";

/// Somebody with an empty browser, at another address of this machine.
fn from(server: &Server, host: u8) -> Person {
    Person::from_address(server.site.clone(), "", Some([127, 0, 0, host].into()))
}

async fn fails(person: &Person, username: &str) -> Answer {
    person.post("/login", &[("username", username), ("password", "wrong password")]).await
}

#[apply(both)]
async fn who_fails_too_often_is_told_when_to_come_back(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    server.register("ada").await;
    for _ in 0..3 {
        fails(&server.stranger(), "ada").await.expect(401);
    }
    let answer = fails(&server.stranger(), "ada").await;
    let wait: u64 = answer.expect(429).header("retry-after").parse().expect("a number of seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // The right password does not help: whoever guesses must not learn that they guessed right.
    let fields = [("username", "ada"), ("password", PASSWORD)];
    server.stranger().post("/login", &fields).await.expect(429);
    server.pass(Duration::from_secs(61));
    server.stranger().post("/login", &fields).await.expect(303);
}

#[apply(both)]
async fn guesses_from_elsewhere_do_not_shut_the_owner_out(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let ada = server.register("ada").await;
    for host in 2..6 {
        let guesser = from(&server, host);
        for _ in 0..3 {
            fails(&guesser, "ada").await.expect(401);
        }
        fails(&guesser, "ada").await.expect(429);
    }
    // From another address, from a browser that was here before, and while signed in.
    let fields = [("username", "ada"), ("password", PASSWORD)];
    from(&server, 99).post("/login", &fields).await.expect(303);
    ada.post("/login", &fields).await.expect(303);
    ada.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    // One who guesses right after too many guesses does not get to know.
    from(&server, 2).post("/login", &[("username", "ada"), ("password", NEW)]).await.expect(429);
}

#[apply(both)]
async fn a_device_that_logged_in_before_has_a_budget_of_its_own(database: &Database) {
    let mut server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let (registered, grace) = (server.register("ada").await, server.register("grace").await);
    let device = server.log_in("ada").await;
    device.post("/logout", &[]).await.expect(303);
    for _ in 0..3 {
        fails(&server.stranger(), "ada").await.expect(401);
    }
    let fields = [("username", "ada"), ("password", PASSWORD)];
    server.stranger().post("/login", &fields).await.expect(429);
    // All from this one address, where somebody has guessed too often.
    device.post("/login", &fields).await.expect(303);
    registered.post("/login", &fields).await.expect(303);
    grace.post("/login", &fields).await.expect(429);
    grace.post("/login", &[("username", "grace"), ("password", PASSWORD)]).await.expect(303);
    // It does not help to guess for ever, and another device is none the worse for it.
    for _ in 0..3 {
        fails(&device, "ada").await.expect(401);
    }
    device.post("/login", &fields).await.expect(429);
    registered.post("/login", &fields).await.expect(303);
    // What a device keeps is good after a restart, and until the password changes.
    server.stop().await;
    server.start_again().await;
    for _ in 0..3 {
        fails(&server.stranger(), "ada").await.expect(401);
    }
    let (device, registered) = (device.at(&server), registered.at(&server));
    device.post("/login", &fields).await.expect(303);
    device.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    let fields = [("username", "ada"), ("password", NEW)];
    registered.post("/login", &fields).await.expect(429);
    device.post("/login", &fields).await.expect(303);
}

#[apply(both)]
async fn a_forged_device_is_a_stranger(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let kept = |person: &Person| {
        let cookies = person.cookies();
        let (name, value) = cookies.split("; ").nth(1).and_then(|cookie| cookie.split_once('=')).expect("a device's cookie");
        assert!(name.starts_with("parlor-device-"), "{name}");
        (name.to_owned(), value.to_owned())
    };
    let ((name, own), (_, others)) = (kept(&ada), kept(&grace));
    let (id, rest) = others.split_once('.').expect("whose it is");
    let ada_id = own.split_once('.').expect("whose it is").0;
    assert_ne!(id, ada_id);
    for _ in 0..3 {
        fails(&server.stranger(), "ada").await.expect(401);
    }
    for forged in [others.clone(), format!("{ada_id}.{rest}"), own[..own.len() - 1].to_owned(), format!("{own}0"), String::new()]
    {
        let form = server.stranger().form("/login", &[("username", "ada"), ("password", PASSWORD)]);
        Answer::of(form.header("cookie", format!("{name}={forged}"))).await.expect(429);
    }
    let form = server.stranger().form("/login", &[("username", "ada"), ("password", PASSWORD)]);
    Answer::of(form.header("cookie", format!("{name}={own}"))).await.expect(303);
}

#[apply(both)]
async fn a_borrowed_session_does_not_help_to_guess_and_locks_nobody_out(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let ada = server.register("ada").await;
    let borrowed = server.log_in("ada").await;
    let wrong = [("current", "wrong password"), ("password", NEW)];
    for _ in 0..3 {
        borrowed.post("/settings/password", &wrong).await.expect(422);
    }
    let page = borrowed.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await;
    let wait: u64 = page.expect(429).header("retry-after").parse().expect("a number of seconds");
    assert!((1..=60).contains(&wait) && page.body.contains(&format!("Try again in {wait} second")), "{}", page.body);
    server.log_in("ada").await;
    ada.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
}

#[apply(both)]
async fn an_address_cannot_try_many_accounts(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let mut statuses = Vec::new();
    for number in 0..6 {
        statuses.push(fails(&server.stranger(), &format!("user{number}")).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429]);
}

#[apply(both)]
async fn the_forwarded_address_counts_only_behind_a_trusted_proxy(database: &Database) {
    for (proxies, expected) in [("127.0.0.1", 401), ("10.0.0.0/8", 429)] {
        let mut server = Server::start(database.url(), &[("LOGIN_RATE", "2/min"), ("TRUSTED_PROXIES", proxies)]).await;
        let mut last = 0;
        for number in 0..5 {
            let username = format!("user{number}");
            let fields = [("username", &*username), ("password", "wrong password")];
            let request = server.stranger().form("/login", &fields).header("x-forwarded-for", format!("203.0.113.{number}"));
            last = Answer::of(request).await.status;
        }
        assert_eq!(last, expected, "TRUSTED_PROXIES={proxies}");
        server.stop().await;
    }
}

#[apply(both)]
async fn people_behind_a_proxy_are_told_apart_however_it_writes_their_addresses(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "2/min"), ("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let fails_from = async |name: &str, line: &str, account: &str| {
        let fields = [("username", account), ("password", "wrong password")];
        Answer::of(server.stranger().form("/login", &fields).header(name, line)).await.status
    };
    // Somebody fails until they have to wait, in every way of writing one address; then somebody else comes.
    for (number, (name, line, other)) in [
        ("x-forwarded-for", "203.0.113.1:4711", "203.0.113.101:4711"),
        ("x-forwarded-for", "[2001:db8:1::1]:4711", "[2001:db8:101::1]:4711"),
        ("x-forwarded-for", "198.18.0.1, \"203.0.113.2\"", "198.18.0.1, \"203.0.113.102\""),
        ("forwarded", "for=203.0.113.3;proto=https", "for=203.0.113.103;proto=https"),
        ("forwarded", "for=\"[2001:db8:2::1]:4711\"", "for=\"[2001:db8:102::1]:4711\""),
    ]
    .into_iter()
    .enumerate()
    {
        let account = |attempt: usize| format!("user{number}-{attempt}");
        assert_eq!(fails_from(name, line, &account(0)).await, 401, "{line}");
        assert_eq!(fails_from(name, line, &account(1)).await, 401, "{line}");
        assert_eq!(fails_from(name, line, &account(2)).await, 429, "{line}");
        assert_eq!(fails_from(name, other, &account(3)).await, 401, "{other}");
    }
    // Who sends garbage stands with others who do, and with nobody else.
    for number in 0..3 {
        let status = fails_from("x-forwarded-for", &format!("203.0.113.9, garbage{number}"), &format!("eve{number}")).await;
        assert_eq!(status, if number < 2 { 401 } else { 429 });
    }
    assert_eq!(fails_from("x-forwarded-for", "203.0.113.9", "ada").await, 401);
}

#[apply(both)]
async fn successes_do_not_count(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    server.register("ada").await;
    for _ in 0..6 {
        server.log_in("ada").await;
    }
}

#[apply(both)]
async fn the_limit_can_be_lifted(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "off")]).await;
    for _ in 0..12 {
        fails(&server.stranger(), "ada").await.expect(401);
    }
}
