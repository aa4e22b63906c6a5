//! The first five minutes: a server without an administrator, and whoever holds its token.

use std::net::IpAddr;

use crate::both;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, process};

/// The token that the start printed.
fn printed(said: &str) -> &str {
    let line = said.lines().find_map(|line| line.split_once("/register?setup=")).expect("a link");
    line.1.trim()
}

async fn shows(person: &Person, token: &str) -> Answer {
    person.post("/setup", &[("token", token)]).await
}

#[apply(both)]
async fn while_there_is_no_administrator_the_way_in_explains_the_token(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let said = server.stdout();
    let token = printed(&said);
    let root = server.stranger();
    assert_eq!(root.get("/").await.expect(303).location(), "/setup");
    root.get_json("/").await.expect(401);
    let page = root.get("/setup").await.expect(200).body.clone();
    for explained in ["/register?setup=", "parlor user add NAME --admin", "name=\"token\"", "/login"] {
        assert!(page.contains(explained), "{explained} is missing: {page}");
    }
    // Other pages lead to log in, as ever.
    assert_eq!(root.get("/rooms").await.expect(303).location(), "/login?next=%2Frooms");
    for wrong in ["guessed", "", "https://chat.example/register?setup=0123456789abcdef0123456789abcdef"] {
        let refused = shows(&root, wrong).await;
        assert!(refused.expect(422).body.contains("aria-invalid"), "{wrong:?}");
        assert!(refused.body.contains(&format!("value=\"{wrong}\"")), "what was pasted is kept: {}", refused.body);
    }
    let line = said.lines().find(|line| line.contains("setup=")).expect("the line");
    for pasted in [token, line, &format!("  {token} ")] {
        assert_eq!(shows(&root, pasted).await.expect(303).location(), format!("/register?setup={token}"), "{pasted}");
    }
    root.post("/register", &[("username", "root"), ("password", PASSWORD), ("setup", token)]).await.expect(303);
    assert_eq!(root.get("/").await.expect(303).location(), "/rooms/general");
    let stranger = server.stranger();
    assert_eq!(stranger.get("/").await.expect(303).location(), "/login?next=%2F");
    assert_eq!(stranger.get("/setup").await.expect(303).location(), "/login");
    assert_eq!(shows(&stranger, token).await.expect(303).location(), "/login");
}

#[apply(both)]
async fn an_administrator_of_the_command_line_ends_it_as_well(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let stranger = server.stranger();
    assert_eq!(stranger.get("/").await.expect(303).location(), "/setup");
    let settings = [("DATABASE_URL", database.url())];
    process::run(database.folder(), &["user", "add", "root", "--admin"], &settings, PASSWORD).await;
    assert_eq!(stranger.get("/").await.expect(303).location(), "/login?next=%2F");
}

#[apply(both)]
async fn tokens_cannot_be_tried_without_end(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let said = server.stdout();
    let (eve, ada) = (server.stranger(), server.register("ada").await);
    for guess in ["1", "2", "3"] {
        shows(&eve, guess).await.expect(422);
    }
    let refused = shows(&eve, printed(&said)).await;
    assert!(refused.expect(429).header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
    assert!(refused.body.contains("Try again in"), "{}", refused.body);
    // Others are not held up, and neither is who logs in.
    let elsewhere: IpAddr = [127, 0, 0, 9].into();
    shows(&Person::from_address(server.site.clone(), "", Some(elsewhere)), printed(&said)).await.expect(303);
    eve.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
    ada.get("/").await.expect(303);
}
