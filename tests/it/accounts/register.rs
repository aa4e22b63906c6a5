//! Making an account.

use crate::both;
use crate::harness::TestApp;
use crate::harness::site::PASSWORD;

#[apply(both)]
async fn whoever_registers_is_signed_in_and_sent_home(app: &TestApp) {
    let ada = app.stranger();
    ada.get("/register").await.expect(200);
    let answer = ada.post("/register", &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(answer.expect(303).location(), "/");
    ada.get("/rooms").await.expect(200);
    let (_, joined) = app.log_in("ada").await.join("general").await;
    assert_eq!(joined["messages"][0]["author"]["username"], "ada");
}

#[apply(both)]
async fn a_name_to_show_may_be_given(app: &TestApp) {
    let ada = app.stranger();
    let fields = [("username", "ada"), ("password", PASSWORD), ("name", "Ada Lovelace ☕")];
    ada.post("/register", &fields).await.expect(303);
    let (socket, _) = ada.join("general").await;
    let message = socket.post("general", "hello", "1").await;
    assert_eq!(message["author"]["username"], "ada");
    assert_eq!(message["author"]["name"], "Ada Lovelace ☕");
}

#[apply(both)]
async fn a_name_that_is_taken_is_refused_in_every_case_and_width(app: &TestApp) {
    app.register("ada").await;
    for taken in ["ada", "Ada", "ADA", "ａｄａ"] {
        let stranger = app.stranger();
        let answer = stranger.post("/register", &[("username", taken), ("password", PASSWORD)]).await;
        answer.expect(422);
        stranger.get("/rooms").await.expect(303);
    }
}

#[apply(both)]
async fn of_two_who_take_the_same_name_at_once_one_gets_it(app: &TestApp) {
    let tries = (0..6).map(|_| {
        let stranger = app.stranger();
        async move { stranger.post("/register", &[("username", "ada"), ("password", PASSWORD)]).await.status }
    });
    let mut statuses = futures_util::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422, 422, 422, 422, 422]);
}

#[apply(both)]
async fn a_refused_form_comes_back_filled_in_but_without_the_password(app: &TestApp) {
    let answer = app.stranger().post("/register", &[("username", "ada"), ("password", "short7x")]).await;
    answer.expect(422);
    assert!(answer.body.contains("value=\"ada\""), "{}", answer.body);
    assert!(!answer.body.contains("short7x"));
    // And the account was not made.
    app.register("ada").await;
}

#[apply(both)]
async fn a_form_without_its_fields_is_refused_and_not_a_fault(app: &TestApp) {
    for fields in [&[][..], &[("username", "ada")], &[("password", PASSWORD)], &[("username", ""), ("password", "")]] {
        let status = app.stranger().post("/register", fields).await.status;
        assert!((400..500).contains(&status), "{fields:?} was answered with {status}");
    }
}
