//! Passkeys, without a browser that has one: what is refused. With one they are tested in `browser/passkeys.rs`.

use serde_json::json;

use crate::both;
use crate::everywhere;
use crate::harness::app::Server;
use crate::harness::{Answer, Database, Person, TestApp};

async fn posted(person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
    Answer::of(person.form(path, fields).header("accept", "application/json")).await
}

/// What a browser might send, which answers no challenge.
const JUNK: &str = r#"{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"authenticatorData":"AAAA","clientDataJSON":"AAAA","signature":"AAAA"}}"#;

#[apply(everywhere)]
async fn what_answers_no_challenge_lets_nobody_in_and_adds_nothing(app: &TestApp) {
    let ada = app.register("ada").await;
    let stranger = app.stranger();
    let options = posted(&stranger, "/login/passkey/options", &[]).await.expect(200).json();
    assert_eq!((&options["userVerification"], &options["rpId"]), (&json!("required"), &json!("localhost")), "{options}");
    assert_ne!(options["challenge"], posted(&stranger, "/login/passkey/options", &[]).await.json()["challenge"]);
    for credential in ["", "{}", JUNK] {
        assert_eq!(
            posted(&stranger, "/login/passkey", &[("credential", credential)]).await.expect(401).code(),
            "unauthenticated"
        );
        let page = app.stranger().post("/login/passkey", &[("credential", credential), ("next", "/mentions")]).await;
        assert!(page.expect(401).body.contains("That passkey didn’t work here") && page.body.contains("value=\"/mentions\""));
        assert_eq!(posted(&ada, "/confirm/passkey", &[("credential", credential)]).await.expect(401).code(), "unauthenticated");
        let refused = posted(&ada, "/settings/two-factor/passkeys", &[("credential", credential), ("name", "Laptop")]).await;
        assert_eq!(refused.expect(422).json()["error"]["field"], "credential");
    }
    let options = posted(&ada, "/settings/two-factor/passkeys/options", &[]).await.expect(200).json();
    assert_eq!(options["authenticatorSelection"]["residentKey"], "preferred", "{options}");
    assert!(!options["user"]["id"].to_string().contains("ada"), "an id says nothing about its person: {options}");
    posted(&ada, "/settings/two-factor/passkeys", &[("credential", JUNK)]).await.expect(422);
    posted(&ada, "/settings/two-factor/passkeys/0123/remove", &[("password", "wrong")]).await.expect(422);
    let fields = [("password", crate::harness::site::PASSWORD)];
    posted(&ada, "/settings/two-factor/passkeys/0123/remove", &fields).await.expect(404);
    assert!(app.database.rows("passkeys").await.is_empty());
    for path in [
        "/settings/two-factor/passkeys/options",
        "/settings/two-factor/passkeys",
        "/settings/two-factor/passkeys/0123/remove",
        "/confirm/passkey/options",
        "/confirm/passkey",
    ] {
        assert_eq!(posted(&app.stranger(), path, &[]).await.expect(401).code(), "unauthenticated", "{path}");
    }
    assert_eq!(app.database.rows("used_challenges").await, Vec::<serde_json::Value>::new());
}

#[apply(both)]
async fn where_they_do_not_work_the_page_says_why(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let page = ada.get("/settings/two-factor").await;
    assert!(page.expect(200).body.contains("Passkeys work here at http://localhost only"), "{}", page.body);
    assert!(!server.stranger().get("/login").await.body.contains("data-passkey"));
    server.stop().await;
    let public = Server::start(database.url(), &[("PUBLIC_URL", "http://chat.example")]).await;
    let ada = ada.at(&public.site);
    assert!(ada.get("/settings/two-factor").await.body.contains("Passkeys need an https address"));
    assert_eq!(posted(&ada, "/settings/two-factor/passkeys/options", &[]).await.expect(403).code(), "forbidden");
    assert_eq!(posted(&public.stranger(), "/login/passkey/options", &[]).await.expect(403).code(), "forbidden");
}

#[apply(both)]
async fn they_cannot_be_tried_without_end(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    for expected in [401, 401, 401, 429] {
        posted(&server.stranger(), "/login/passkey", &[("credential", JUNK)]).await.expect(expected);
    }
}
