//! The description of the API: it is complete, it is OpenAPI 3.1, and what is answered is as it says.
//!
//! Owns the check that every answer which tests get goes through (`validate`): its status is documented, its body fits the schema, and it has
//! no field that the schema has not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::harness::{Answer, TestApp};

/// The description, as the program has it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| json!(parlor::web::api::document()));

/// The names of all operations.
pub fn names() -> BTreeSet<String> {
    let items = DOCUMENT["paths"].as_object().expect("paths").values();
    let all = items.flat_map(|item| item.as_object().expect("an item").values());
    all.map(|operation| operation["operationId"].as_str().expect("a name").to_owned()).collect()
}

/// The name of the operation for a method and a path behind `/api/v1`, with its query.
#[track_caller]
pub fn name(method: &Method, path: &str) -> String {
    let operation = operation(method, path).unwrap_or_else(|| panic!("{method} {path} is no operation"));
    operation["operationId"].as_str().expect("a name").to_owned()
}

/// The operation for a method and a path behind `/api/v1`, with its query. A word in a path comes before a parameter.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = format!("/api/v1{}", path.split('?').next().unwrap_or_default());
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fits = |template: &str| {
        let (parts, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        parts.len() == given.len() && parts.iter().zip(given).all(|(part, given)| part.starts_with('{') || *part == given)
    };
    let operations = paths
        .iter()
        .filter(|(template, _)| fits(template))
        .filter_map(|(template, item)| Some((template.matches('{').count(), item.get(method.as_str().to_lowercase())?)));
    operations.min_by_key(|(parameters, _)| *parameters).map(|(_, operation)| operation)
}

/// A schema, behind references.
fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(DOCUMENT.pointer(reference.trim_start_matches('#')).expect(reference)),
        None => schema,
    }
}

/// The schemas that a value may have or has: those of references, and of what is put together.
fn parts(schema: &'static Value) -> Vec<&'static Value> {
    let schema = resolved(schema);
    let lists = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|list| schema[list].as_array());
    let mut all: Vec<_> = lists.flatten().flat_map(parts).collect();
    all.push(schema);
    all
}

/// The places of a value that no schema for it knows.
fn unknown(schemas: &[&'static Value], value: &Value, place: &str, found: &mut Vec<String>) {
    let all: Vec<_> = schemas.iter().flat_map(|schema| parts(schema)).collect();
    match value {
        Value::Object(fields) => {
            // An object without any fields may have whatever it has.
            if all.iter().all(|part| part["properties"].is_null()) {
                return;
            }
            for (name, value) in fields {
                let described: Vec<_> = all.iter().filter_map(|part| part["properties"].get(name)).collect();
                let place = format!("{place}/{name}");
                if described.is_empty() { found.push(place) } else { unknown(&described, value, &place, found) }
            }
        }
        Value::Array(values) => {
            let items: Vec<_> = all.iter().map(|part| &part["items"]).filter(|items| items.is_object()).collect();
            for (at, value) in values.iter().enumerate() {
                unknown(&items, value, &format!("{place}/{at}"), found);
            }
        }
        _ => {}
    }
}

/// Asserts that an answer is one that the description has for its request.
#[track_caller]
pub fn validate(method: &Method, path: &str, answer: &Answer) {
    let what = format!("{method} {path}: {}", answer.status);
    let described: Option<&'static Value> = operation(method, path).and_then(|operation| {
        let responses = &operation["responses"];
        let found = responses.get(answer.status.to_string());
        // Errors are the same everywhere.
        found.or_else(|| responses.get("default").filter(|_| answer.status >= 400))
    });
    let response = match described {
        Some(response) => resolved(response),
        // Of what is not there.
        None if operation(method, path).is_none() && answer.status >= 400 => &DOCUMENT["components"]["responses"]["Error"],
        None => panic!("{what} is not documented"),
    };
    let Some(schema) = response.pointer("/content/application~1json/schema") else {
        assert!(answer.body.is_empty(), "{what} is documented to be empty: {}", answer.body);
        return;
    };
    let mut whole = schema.clone();
    whole["components"] = DOCUMENT["components"].clone();
    let validator = jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{what}: {error}"));
    let body = answer.json();
    let mut problems: Vec<_> = validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let mut extra = Vec::new();
    unknown(&[schema], &body, "", &mut extra);
    problems.extend(extra.into_iter().map(|place| format!("{place}: no schema has this field")));
    assert!(problems.is_empty(), "{what} is not as documented: {problems:#?}\n{body:#}");
}

/// As the schema of the OpenAPI Initiative says, which generators of clients hold it to.
#[test]
fn it_is_a_valid_openapi_3_1() {
    let schema: Value = serde_json::from_str(include_str!("../vendor/openapi/schema-3.1.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let problems: Vec<_> = validator.iter_errors(&DOCUMENT).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let mut wrong = DOCUMENT.clone();
    wrong["paths"]["/api/v1/rooms"]["get"]["responses"]["200"].as_object_mut().expect("a response").remove("description");
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn every_operation_is_described_in_full() {
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
    assert!(ids.len() >= 100, "{}", ids.len());
    // References lead somewhere.
    let text = DOCUMENT.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(DOCUMENT.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn bodies_say_what_they_need_and_which_words_there_are() {
    for (name, body, fits) in [
        ("NewRoom", json!({ "name": "Tea", "visibility": "private" }), true),
        ("NewRoom", json!({ "topic": "Tea" }), false),
        ("NewRoom", json!({ "name": "Tea", "visibility": "secret" }), false),
        ("RoomChange", json!({ "visibility": null, "posting": "moderator" }), true),
        ("RoomChange", json!({ "posting": "owner" }), false),
        ("RoomRetention", json!({ "messages": 30, "files": null }), true),
        ("RoomRetention", json!({ "messages": "forever", "files": 0 }), true),
        ("RoomRetention", json!({ "messages": true }), false),
        ("NewMember", json!({}), false),
        ("NewRoomRole", json!({ "role": "owner" }), true),
        ("NewRoomRole", json!({ "role": "admin" }), false),
        ("NewServerRole", json!({ "role": "admin" }), true),
        ("NewServerRole", json!({}), false),
        ("NewReminder", json!({ "nonce": "n" }), false),
        ("WantedWebhook", json!({ "events": [] }), false),
        ("WantedBot", json!({ "name": "Builder" }), false),
        ("NewHold", json!({ "scope": "everything", "reason": "Case 7" }), true),
        ("NewHold", json!({ "scope": "some", "reason": "Case 7" }), false),
        ("Closing", json!({ "action": "ban" }), true),
        ("Closing", json!({}), false),
        ("SettingsChange", json!({ "registration": "open", "inviters": "admins" }), true),
        ("SettingsChange", json!({ "registration": "perhaps" }), false),
        ("NotificationChanges", json!({ "missed": "hourly" }), false),
        ("ProfileChanges", json!({ "theme": "pink" }), false),
        ("Level", json!({ "level": null }), true),
    ] {
        let reference = format!("#/components/schemas/{name}");
        let whole = json!({ "$ref": reference, "components": DOCUMENT["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(validator.is_valid(&body), fits, "{name}: {body}");
    }
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().expect("schemas") {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert_ne!(property["default"], "", "{name}.{field}");
        }
    }
}

/// What the page fills its forms with.
#[test]
fn every_body_has_an_example_that_fits() {
    let items =
        DOCUMENT["paths"].as_object().expect("paths").values().flat_map(|item| item.as_object().expect("an item").values());
    let mut count = 0;
    for operation in items {
        let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
        let what = &operation["operationId"];
        let example = &resolved(body)["examples"][0];
        assert!(example.as_object().is_some_and(|fields| !fields.is_empty()), "{what} has no example of its body");
        let mut whole = body.clone();
        whole["components"] = DOCUMENT["components"].clone();
        let validator = jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{what}: {error}"));
        let problems: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
        let mut extra = Vec::new();
        unknown(&[body], example, "", &mut extra);
        assert!(problems.is_empty() && extra.is_empty(), "{what}: {problems:?} {extra:?}");
        count += 1;
    }
    assert!(count >= 25, "{count}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the sources").map(|entry| entry.expect("a file").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// A route that is added in another way than with its description would not be documented.
#[test]
fn no_route_of_the_api_is_without_a_description() {
    for path in sources(Path::new("src/web/api")) {
        let text = std::fs::read_to_string(&path).expect("text");
        let routes = text.matches(".route(").count();
        let expected = if path.ends_with("reference.rs") { 3 } else { 0 };
        assert_eq!(routes, expected, "{}", path.display());
    }
}

#[apply(both)]
async fn the_page_shows_every_operation_to_all_and_can_be_tried_by_who_is_logged_in(app: &TestApp) {
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
    assert!(!body.contains("http://cdn") && !body.contains("style=\""));
    assert!(body.contains("href=\"/login?next=/api\"") && !body.contains("class=\"attempt\""), "strangers can try nothing");
    let hers = ada.get("/api").await.expect(200).body.clone();
    assert!(hers.contains("<strong>@ada</strong>") && !hers.contains("/login?next") && !hers.contains("style=\""));
    let of_reads = hers.matches("action=\"/api/try\"").count();
    let methods = ["POST", "PUT", "PATCH", "DELETE"].map(|method| hers.matches(&format!("data-method=\"{method}\"")).count());
    assert!(methods.iter().all(|count| *count > 0), "{methods:?}");
    assert_eq!(of_reads + methods.iter().sum::<usize>(), names().len());
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

#[test]
fn a_field_that_no_schema_has_is_found() {
    let problems = |answer: Value| {
        let mut found = Vec::new();
        let schema = &DOCUMENT["paths"]["/api/v1/rooms"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        unknown(&[schema], &answer, "", &mut found);
        found
    };
    let room = json!({ "slug": "x", "name": "X" });
    assert!(problems(json!({ "rooms": [{ "room": room, "members": 1 }], "more": false })).is_empty());
    let extra = json!({ "rooms": [{ "room": { "slug": "x", "secret": 1 }, "owner": 2 }], "extra": 3 });
    let mut found = problems(extra);
    found.sort();
    assert_eq!(found, ["/extra", "/rooms/0/owner", "/rooms/0/room/secret"]);
}
