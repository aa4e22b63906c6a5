//! The description of the API: it is complete, it is OpenAPI 3.1, and what is answered is as it says.
//!
//! Owns the check that every answer which tests get goes through (`validate`).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::harness::{Answer, TestApp};

/// The description, as the program has it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| json!(parlor::web::api::document()));

/// The operation for a method and a path behind `/api/v1`, with its query.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = format!("/api/v1{}", path.split('?').next().unwrap_or_default());
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fits = |template: &str| {
        let (parts, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        parts.len() == given.len() && parts.iter().zip(given).all(|(part, given)| part.starts_with('{') || *part == given)
    };
    let mut operations =
        paths.iter().filter(|(template, _)| fits(template)).filter_map(|(_, item)| item.get(method.as_str().to_lowercase()));
    operations.next_back()
}

/// Asserts that an answer is one that the description has for its request.
#[track_caller]
pub fn validate(method: &Method, path: &str, answer: &Answer) {
    let what = format!("{method} {path}: {}", answer.status);
    let described = operation(method, path).and_then(|operation| {
        let responses = &operation["responses"];
        let found = responses.get(answer.status.to_string());
        // Errors are the same everywhere.
        found.or_else(|| responses.get("default").filter(|_| answer.status >= 400))
    });
    let response = match described {
        Some(response) => match response["$ref"].as_str() {
            Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).expect(reference),
            None => response,
        },
        // Of what is not there.
        None if operation(method, path).is_none() && answer.status >= 400 => &DOCUMENT["components"]["responses"]["Error"],
        None => panic!("{what} is not documented"),
    };
    let Some(schema) = response.pointer("/content/application~1json/schema") else {
        assert!(answer.body.is_empty(), "{what} is documented to be empty: {}", answer.body);
        return;
    };
    let mut schema = schema.clone();
    schema["components"] = DOCUMENT["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{what}: {error}"));
    let body = answer.json();
    let problems: Vec<_> = validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{what} is not as documented: {problems:#?}\n{body:#}");
}

#[test]
fn every_operation_is_described_in_full() {
    assert!(DOCUMENT["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", DOCUMENT["openapi"]);
    let tags: BTreeSet<_> =
        DOCUMENT["tags"].as_array().expect("tags").iter().map(|tag| tag["name"].clone().to_string()).collect();
    let mut ids = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        assert!(path.starts_with("/api/v1/"), "{path}");
        for (method, operation) in item.as_object().expect("an item") {
            let what = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().expect(&what)), "{what} has the name of another");
            assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 5), "{what} has no summary");
            assert!(tags.contains(&operation["tags"][0].to_string()), "{what} has no subject");
            let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
            for parameter in &parameters {
                assert!(parameter["description"].as_str().is_some_and(|about| !about.is_empty()), "{what}: {parameter}");
            }
            let named = path.split(['{', '}']).skip(1).step_by(2);
            for name in named {
                let is_described = parameters.iter().any(|parameter| parameter["name"] == name && parameter["in"] == "path");
                assert!(is_described, "{what} does not say what {name} is");
            }
            assert!(operation["responses"]["default"].is_object(), "{what} has no errors");
        }
    }
    assert!(ids.len() >= 30, "{}", ids.len());
    // References lead somewhere.
    let text = DOCUMENT.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(DOCUMENT.pointer(reference).is_some(), "{reference}");
    }
}

/// A route that is added in another way than with its description would not be documented.
#[test]
fn no_route_of_the_api_is_without_a_description() {
    for entry in std::fs::read_dir("src/web/api").expect("the sources") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let routes = text.matches(".route(").count();
        let expected = if path.ends_with("reference.rs") { 3 } else { 0 };
        assert_eq!(routes, expected, "{}", path.display());
    }
}

#[apply(both)]
async fn the_page_shows_every_operation_and_leads_to_those_that_read(app: &TestApp) {
    let ada = app.register("ada").await;
    let page = app.stranger().get("/api").await;
    let body = &page.expect(200).body;
    for item in DOCUMENT["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("an item").values() {
            assert!(body.contains(&format!("id=\"{}\"", operation["operationId"].as_str().expect("a name"))), "{operation}");
        }
    }
    for name in DOCUMENT["components"]["schemas"].as_object().expect("schemas").keys() {
        assert!(body.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    assert!(body.contains("action=\"/api/try\"") && !body.contains("http://cdn") && !body.contains("style=\""));
    assert_eq!(app.stranger().get("/api/openapi.json").await.expect(200).json(), *DOCUMENT);
    let tried = ada.get("/api/try?operation=list_messages&slug=general&limit=5&before=&other=x").await;
    assert_eq!(tried.expect(303).location(), "/api/v1/rooms/general/messages?limit=5");
    ada.get(&tried.location()).await.expect(200);
    // Only to what reads, and nowhere else.
    let elsewhere = ada.get("/api/try?operation=get_room&slug=..%2F..%2F%2Fevil.example%3F").await;
    assert_eq!(elsewhere.expect(303).location(), "/api/v1/rooms/..%2F..%2F%2Fevil.example%3F");
    for unknown in ["", "?operation=post_message&slug=general", "?operation=nothing"] {
        ada.get(&format!("/api/try{unknown}")).await.expect(404);
    }
}
