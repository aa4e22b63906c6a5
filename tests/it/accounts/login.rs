//! Logging in.

use crate::both;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, TestApp};

#[apply(both)]
async fn who_has_an_account_can_log_in_elsewhere(app: &TestApp) {
    app.register("ada").await;
    let elsewhere = app.stranger();
    elsewhere.get("/login").await.expect(200);
    let answer = elsewhere.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(answer.expect(303).location(), "/");
    elsewhere.get("/rooms").await.expect(200);
}

#[apply(both)]
async fn the_case_of_a_username_does_not_matter_and_that_of_a_password_does(app: &TestApp) {
    app.register("ada").await;
    app.stranger().post("/login", &[("username", "ADA"), ("password", PASSWORD)]).await.expect(303);
    let shouted = PASSWORD.to_uppercase();
    app.stranger().post("/login", &[("username", "ada"), ("password", &shouted)]).await.expect(401);
}

#[apply(both)]
async fn every_wrong_login_is_answered_in_the_same_words(app: &TestApp) {
    app.register("ada").await;
    let wrong = [
        ("ada", "wrong password"),
        ("nobody", PASSWORD),
        ("", ""),
        ("a b", PASSWORD),
        ("ada", ""),
        // What no name and no password can have.
        ("ada\0", PASSWORD),
        ("nobody\0", PASSWORD),
        ("ada", "\0"),
    ];
    let mut bodies = std::collections::BTreeSet::new();
    for (username, password) in wrong {
        let stranger = app.stranger();
        let answer = stranger.post("/login", &[("username", username), ("password", password)]).await;
        // The form comes back filled in, ready for what is missing; that is the only difference there may be.
        let body = answer.expect(401).body.replace(&format!("value=\"{}\"", username.replace('\0', "")), "value=\"\"");
        let body = body.replace(" autofocus", "");
        bodies.insert(body);
        stranger.get("/rooms").await.expect(303);
    }
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    let form = app.stranger().form("/login", &[("username", "ada\0"), ("password", PASSWORD), ("next", "/a\0")]);
    assert_eq!(Answer::of(form.header("accept", "application/json")).await.expect(401).code(), "unauthenticated");
}

#[apply(both)]
async fn a_page_asked_for_while_signed_out_is_where_the_login_leads(app: &TestApp) {
    app.register("ada").await;
    let stranger = app.stranger();
    let login = stranger.get("/rooms/general?before=7").await.expect(303).location();
    assert_eq!(login, "/login?next=%2Frooms%2Fgeneral%3Fbefore%3D7");
    // The form carries it on.
    let form = stranger.get(&login).await;
    assert!(form.expect(200).body.contains("value=\"/rooms/general?before=7\""), "{}", form.body);
    let fields = [("username", "ada"), ("password", PASSWORD), ("next", "/rooms/general?before=7")];
    assert_eq!(stranger.post("/login", &fields).await.expect(303).location(), "/rooms/general?before=7");
}

#[apply(both)]
async fn a_login_leads_nowhere_else(app: &TestApp) {
    app.register("ada").await;
    let elsewhere = [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil.example",
        " //evil.example",
        "/\r\nlocation: https://evil.example",
        "http:evil.example",
        "///evil.example",
    ];
    for next in elsewhere {
        let fields = [("username", "ada"), ("password", PASSWORD), ("next", next)];
        let place = app.stranger().post("/login", &fields).await.expect(303).location();
        assert_eq!(place, "/", "{next:?} led there");
    }
}

#[apply(both)]
async fn the_start_page_leads_to_the_last_room_visited(app: &TestApp) {
    let ada = app.register("ada").await;
    assert_eq!(ada.get("/").await.expect(303).location(), "/rooms");
    ada.get("/rooms/general").await.expect(200);
    assert_eq!(ada.get("/").await.expect(303).location(), "/rooms/general");
    let slug = ada.create_room("The kitchen", "public").await;
    ada.get(&format!("/rooms/{slug}")).await.expect(200);
    assert_eq!(app.log_in("ada").await.get("/").await.location(), format!("/rooms/{slug}"));
    // Where there is no administrator, it would lead to the set-up.
    app.database.make_admin("ada").await;
    assert!(app.stranger().get("/").await.expect(303).location().starts_with("/login"));
    // One that was lost is not there any more.
    let closed = ada.create_room("Closed", "private").await;
    ada.get(&format!("/rooms/{closed}")).await.expect(200);
    assert_eq!(ada.get("/").await.expect(303).location(), format!("/rooms/{closed}"));
    ada.post(&format!("/rooms/{closed}/leave"), &[]).await.expect(303);
    assert_eq!(ada.get("/").await.expect(303).location(), "/rooms");
}
