//! What a refusal looks like, to people and to programs.

use reqwest::Method;

use crate::both;
use crate::harness::{Answer, TestApp};

#[apply(both)]
async fn an_error_is_a_page_for_browsers_and_data_for_programs(app: &TestApp) {
    let ada = app.register("ada").await;
    for path in ["/rooms/no-such-room", "/no-such-page", "/rooms/general/999999"] {
        let page = ada.get(path).await;
        assert!(page.expect(404).header("content-type").starts_with("text/html"), "{path}: {page:?}");
        assert!(page.body.contains("<html"), "{path}: {page:?}");
        assert!(!page.body.contains(page.header("x-request-id")), "{path}: nothing failed");
        let data = ada.get_json(path).await;
        assert!(data.expect(404).header("content-type").starts_with("application/json"), "{path}: {data:?}");
        assert_eq!(data.code(), "not_found", "{path}");
        assert!(data.json()["error"]["message"].as_str().is_some_and(|it| !it.is_empty()), "{path}");
    }
}

#[apply(both)]
async fn a_program_without_a_session_hears_401_and_not_a_redirect(app: &TestApp) {
    for path in ["/rooms", "/rooms/general", "/rooms/general/1"] {
        let answer = app.stranger().get_json(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{path}");
    }
}

#[apply(both)]
async fn a_wrong_method_is_refused(app: &TestApp) {
    let ada = app.register("ada").await;
    for (method, path) in [(Method::DELETE, "/rooms"), (Method::PUT, "/login"), (Method::GET, "/rooms/general/leave")] {
        let status = Answer::of(ada.request(method, path)).await.status;
        assert!(status == 405 || status == 404, "{path}: {status}");
    }
}

#[apply(both)]
async fn a_form_with_errors_says_them_as_data_too(app: &TestApp) {
    let ada = app.register("ada").await;
    let request = ada.form("/rooms", &[("name", ""), ("visibility", "public")]).header("accept", "application/json");
    let answer = Answer::of(request).await;
    assert_eq!((answer.expect(422).code().as_str(), answer.json()["error"]["field"].as_str()), ("invalid", Some("name")));
    let request = ada.form("/rooms/general/messages", &[("body", " ")]).header("accept", "application/json");
    let answer = Answer::of(request).await;
    assert_eq!((answer.expect(422).code().as_str(), answer.json()["error"]["field"].as_str()), ("invalid", Some("body")));
}

#[apply(both)]
async fn it_is_well_while_its_database_is(app: &TestApp) {
    let answer = app.stranger().get("/healthz").await;
    assert_eq!(answer.expect(200).body.trim(), "ok");
}
