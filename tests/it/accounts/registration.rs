//! Who may make an account: everybody, whoever was invited, or nobody.

use std::time::Duration;

use crate::both;
use crate::harness::app::Server;
use crate::harness::process;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person};

async fn registers(person: &Person, username: &str) -> Answer {
    person.post("/register", &[("username", username), ("password", PASSWORD)]).await
}

/// The token of an invitation, made at the command line.
async fn invitation(database: &Database) -> String {
    let made = process::run(database.folder(), &["invite"], &[("DATABASE_URL", database.url())], "").await;
    made.stdout.trim().rsplit_once("invite=").expect("a link").1.to_owned()
}

#[apply(both)]
async fn where_registration_is_closed_nobody_gets_in(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION", "closed")]).await;
    let stranger = server.stranger();
    let status = stranger.post("/register", &[("username", "ada"), ("password", PASSWORD)]).await.status;
    assert!((400..500).contains(&status), "{status}");
    stranger.get("/rooms").await.expect(303);
    stranger.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(401);
}

#[apply(both)]
async fn where_it_takes_an_invitation_nobody_gets_in_without_one(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION", "invite")]).await;
    for invite in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let fields = [("username", "ada"), ("password", PASSWORD), ("invite", invite)];
        let stranger = server.stranger();
        let status = stranger.post("/register", &fields).await.status;
        assert!((400..500).contains(&status), "{invite:?}: {status}");
        stranger.get("/rooms").await.expect(303);
    }
}

#[apply(both)]
async fn a_wrong_setup_token_makes_no_administrator(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION", "closed")]).await;
    for setup in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let stranger = server.stranger();
        let fields = [("username", "ada"), ("password", PASSWORD), ("setup", setup)];
        let status = stranger.post("/register", &fields).await.status;
        assert!((400..500).contains(&status), "{setup:?}: {status}");
    }
}

#[apply(both)]
async fn who_makes_too_many_accounts_is_told_when_to_come_back(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION_RATE", "3/h")]).await;
    for number in 0..3 {
        registers(&server.stranger(), &format!("user{number}")).await.expect(303);
    }
    let page = registers(&server.stranger(), "ada").await;
    let wait: u64 = page.expect(429).header("retry-after").parse().expect("a number of seconds");
    assert!((1..=1200).contains(&wait), "{wait}");
    assert!(
        page.body.contains("value=\"ada\"") && page.body.contains(&format!("Try again in {} minute", wait.div_ceil(60))),
        "{}",
        page.body
    );
    let form = server.stranger().form("/register", &[("username", "ada"), ("password", PASSWORD)]);
    let answer = Answer::of(form.header("accept", "application/json")).await;
    assert_eq!(answer.expect(429).code(), "rate_limited");
    assert!(answer.json()["error"]["retry_after"].as_f64().is_some_and(|wait| wait > 0.0), "{answer:?}");
    // Which names are taken is not told either.
    registers(&server.stranger(), "user0").await.expect(429);
    // Others are not held up by it, and it passes.
    let elsewhere = Person::from_address(server.site.clone(), "", Some([127, 0, 0, 9].into()));
    registers(&elsewhere, "grace").await.expect(303);
    server.pass(Duration::from_secs(wait + 1));
    registers(&server.stranger(), "ada").await.expect(303);
    registers(&server.stranger(), "mary").await.expect(429);
}

#[apply(both)]
async fn of_many_registrations_at_once_no_more_get_through_than_one_after_the_other(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION_RATE", "3/h")]).await;
    let tries = (0..12).map(|number| {
        let stranger = server.stranger();
        async move { registers(&stranger, &format!("user{number}")).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|&&status| status == 303).count(), 3, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|&&status| status == 429).count(), 9, "{statuses:?}");
}

#[apply(both)]
async fn twenty_an_hour_is_the_default(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION_RATE", "")]).await;
    for number in 0..20 {
        registers(&server.stranger(), &format!("user{number}")).await.expect(303);
    }
    registers(&server.stranger(), "ada").await.expect(429);
}

#[apply(both)]
async fn a_form_that_is_refused_before_anything_is_hashed_does_not_count(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION_RATE", "2/h")]).await;
    registers(&server.stranger(), "ada").await.expect(303);
    for _ in 0..3 {
        for (username, password) in [("ada", PASSWORD), ("a b", PASSWORD), ("grace", "short"), ("grace", "password")] {
            server.stranger().post("/register", &[("username", username), ("password", password)]).await.expect(422);
        }
    }
    registers(&server.stranger(), "grace").await.expect(303);
    registers(&server.stranger(), "mary").await.expect(429);
}

#[apply(both)]
async fn nobody_gets_to_know_all_names_that_are_taken(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION_RATE", "2/h")]).await;
    registers(&server.stranger(), "ada").await.expect(303);
    for _ in 0..20 {
        registers(&server.stranger(), "ada").await.expect(422);
    }
    registers(&server.stranger(), "ada").await.expect(429);
}

#[apply(both)]
async fn who_is_invited_and_who_sets_the_server_up_is_not_counted(database: &Database) {
    let settings = [("REGISTRATION", "invite"), ("REGISTRATION_RATE", "1/h")];
    let mut server = process::start(database.folder(), database.url(), &settings).await;
    let said = server.stdout();
    let (_, setup) = said.lines().find_map(|line| line.split_once("/register?setup=")).expect("a link");
    let fields = [("username", "root"), ("password", PASSWORD), ("setup", setup.trim())];
    server.stranger().post("/register", &fields).await.expect(303);
    for name in ["ada", "grace", "mary"] {
        let invite = invitation(database).await;
        let fields = [("username", name), ("password", PASSWORD), ("invite", &*invite)];
        server.stranger().post("/register", &fields).await.expect(303);
    }
    server.signal("TERM").await;
    server.end().await;
}

#[apply(both)]
async fn who_has_no_invitation_does_not_get_to_know_which_names_are_taken(database: &Database) {
    let server = Server::start(database.url(), &[("REGISTRATION", "invite")]).await;
    let (first, used) = (invitation(database).await, invitation(database).await);
    for (name, invite) in [("ada", &first), ("grace", &used)] {
        let fields = [("username", name), ("password", PASSWORD), ("invite", &**invite)];
        server.stranger().post("/register", &fields).await.expect(303);
    }
    for invite in ["", "x", &used] {
        let mut answers = Vec::new();
        for name in ["ada", "nobody"] {
            let fields = [("username", name), ("password", PASSWORD), ("invite", invite)];
            let form = server.stranger().form("/register", &fields).header("accept", "application/json");
            let answer = Answer::of(form).await.expect(422).json();
            assert_eq!(answer["error"]["field"], "invite", "{answer}");
            answers.push(answer);
        }
        assert_eq!(answers[0], answers[1]);
    }
    let good = invitation(database).await;
    let fields = [("username", "ada"), ("password", PASSWORD), ("invite", &*good)];
    let form = server.stranger().form("/register", &fields).header("accept", "application/json");
    assert_eq!(Answer::of(form).await.expect(422).json()["error"]["field"], "username");
}
