//! The operations of the API, as their description in OpenAPI has them.

use askama::Template;
use serde_json::{Map, Value, json};

use crate::model::Theme;

/// `GET /api`.
#[derive(Debug, Template)]
#[template(path = "shared/api.html")]
pub struct ApiPage<'a> {
    reference: &'a Reference,
    /// Where the server is, for examples.
    origin: String,
    theme: Theme,
    /// Who is logged in, and so can try operations.
    username: Option<&'a str>,
}

/// What is shown of a description.
#[derive(Debug)]
pub struct Reference {
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// The operations on one subject.
#[derive(Debug)]
struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    /// Its name.
    pub id: String,
    /// Its method.
    pub method: String,
    /// Its path, with `{parameters}`.
    pub path: String,
    summary: String,
    about: String,
    /// What is in its path and its query.
    pub parameters: Vec<Parameter>,
    /// The name of the schema of its body.
    body: Option<String>,
    /// What its body may look like, in JSON.
    example: String,
    /// Whether its body is bytes.
    takes_bytes: bool,
    answers: Vec<Answer>,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it is: `path`, `query` or `header`.
    pub place: String,
    is_required: bool,
    kind: String,
    about: String,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: String,
    about: String,
    schema: Option<String>,
}

/// A type of objects, or of words.
#[derive(Debug)]
struct Schema {
    name: String,
    about: String,
    fields: Vec<Field>,
    words: Vec<String>,
}

/// A field of an object.
#[derive(Debug)]
struct Field {
    name: String,
    kind: Kind,
    is_required: bool,
    about: String,
}

/// A type: words, and the schema in them.
#[derive(Debug)]
struct Kind {
    words: String,
    schema: Option<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The name of the schema that is referred to.
fn referred(value: &Value) -> Option<String> {
    Some(value["$ref"].as_str()?.rsplit('/').next()?.to_owned())
}

impl Kind {
    fn of(schema: &Value) -> Self {
        if let Some(schema) = referred(schema) {
            return Self { words: String::new(), schema: Some(schema) };
        }
        let alternatives = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
        if let Some(alternatives) = alternatives {
            let schema = alternatives.iter().find_map(referred);
            return Self { words: "or null".to_owned(), schema };
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => vec!["object"],
        };
        if types.contains(&"array") {
            let of = Self::of(&schema["items"]);
            return Self { words: format!("list of {}", of.words).trim_end().to_owned(), schema: of.schema };
        }
        let format = schema["format"].as_str().filter(|format| *format == "date-time").map(|_| " (time)").unwrap_or_default();
        Self { words: format!("{}{format}", types.join(" or ")), schema: None }
    }
}

impl Reference {
    /// Reads a description.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let mut groups: Vec<Group> = document["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|tag| Group { name: text(&tag["name"]), about: text(&tag["description"]), operations: Vec::new() })
            .collect();
        let schemas = &document["components"]["schemas"];
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for method in ["get", "post", "put", "patch", "delete"] {
                let Some(described) = item.get(method) else { continue };
                let tag = described["tags"][0].as_str().unwrap_or_default();
                if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
                    group.operations.push(Operation::of(method, path, described, schemas));
                }
            }
        }
        let schemas = schemas.as_object().into_iter().flatten();
        Self { groups, schemas: schemas.map(|(name, schema)| Schema::of(name, schema)).collect() }
    }

    /// The operation with this name.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Operation> {
        self.groups.iter().flat_map(|group| &group.operations).find(|operation| operation.id == id)
    }
}

/// A description as HTML: only its code is marked, as in its source.
fn prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (place, part) in text.split('`').enumerate() {
        let part = askama::filters::escape(part, askama::filters::Html).expect("text can be escaped");
        html.push_str(&if place % 2 == 1 { format!("<code>{part}</code>") } else { part.to_string() });
    }
    html
}

impl Operation {
    fn of(method: &str, path: &str, described: &Value, schemas: &Value) -> Self {
        let parameters = described["parameters"].as_array().into_iter().flatten().map(|parameter| Parameter {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            is_required: parameter["required"].as_bool().unwrap_or_default(),
            kind: Kind::of(&parameter["schema"]).words,
            about: text(&parameter["description"]),
        });
        let answers = described["responses"]
            .as_object()
            .into_iter()
            .flatten()
            // What is the same everywhere is said once.
            .filter(|(status, answer)| *status != "default" && answer["$ref"].is_null());
        let answers = answers.map(|(status, answer)| Answer {
            status: status.clone(),
            about: text(&answer["description"]),
            schema: referred(&answer["content"]["application/json"]["schema"]),
        });
        let content = &described["requestBody"]["content"];
        let body = referred(&content["application/json"]["schema"]);
        let example = body.as_ref().map(|body| &schemas[body]["examples"][0]).filter(|example| !example.is_null());
        Self {
            id: text(&described["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&described["summary"]),
            about: text(&described["description"]),
            parameters: parameters.collect(),
            example: format!("{:#}", example.unwrap_or(&json!({}))),
            body,
            takes_bytes: content["application/octet-stream"].is_object(),
            answers: answers.collect(),
        }
    }

    /// Whether it only reads, so that a link leads to its answer.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.method == "GET"
    }

    /// How curl asks for it.
    fn curl(&self, origin: &str) -> String {
        let method = if self.is_read() { String::new() } else { format!(" -X {}", self.method) };
        let body = match (&self.body, self.takes_bytes) {
            (Some(_), _) => " -H 'Content-Type: application/json' -d '{…}'",
            (None, true) => " --data-binary @FILE",
            (None, false) => "",
        };
        format!("curl{method} -H \"Authorization: Bearer $PARLOR_TOKEN\"{body} '{origin}{}'", self.path)
    }
}

impl Schema {
    fn of(name: &str, schema: &Value) -> Self {
        // A flattened struct is a list of objects.
        let parts: Vec<&Value> = match schema["allOf"].as_array() {
            Some(parts) => parts.iter().collect(),
            None => vec![schema],
        };
        let none = Map::new();
        let fields = parts.iter().flat_map(|part| {
            let required: Vec<&str> = part["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let fields = part["properties"].as_object().unwrap_or(&none).clone();
            fields.into_iter().map(move |(name, field)| Field {
                is_required: required.contains(&&*name),
                kind: Kind::of(&field),
                about: text(&field["description"]),
                name,
            })
        });
        Self {
            name: name.to_owned(),
            about: text(&schema["description"]),
            fields: fields.collect(),
            words: schema["enum"].as_array().into_iter().flatten().map(text).collect(),
        }
    }
}

impl<'a> ApiPage<'a> {
    /// The page.
    #[must_use]
    pub fn new(reference: &'a Reference, origin: String, theme: Theme, username: Option<&'a str>) -> Self {
        Self { reference, origin, theme, username }
    }
}
