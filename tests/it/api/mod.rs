//! The API for programs, from outside.

mod changes;
mod commands;
mod conditional;
mod document;
mod every;
mod messages;
mod subjects;
pub mod sweep;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::accounts::tokens::secret;
use crate::harness::{Answer, Person, TestApp};

/// A program that uses the API with an access token.
pub struct Program {
    stranger: Person,
    secret: String,
}

impl Program {
    /// A program of a person's, whose token has these scopes.
    pub async fn of(app: &TestApp, person: &Person, scopes: &str) -> Self {
        Self { stranger: app.stranger(), secret: secret(person, scopes).await }
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger.request(method, &format!("/api/v1{path}")).bearer_auth(&self.secret)
    }

    /// Sends a request with a body, if there is one. The answer is as the description of the API says.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method.clone(), path);
        let answer = Answer::of(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await;
        document::validate(&method, path, &answer);
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    /// Posts a message; returns it.
    pub async fn say(&self, room: &str, body: &str) -> Value {
        self.post(&format!("/rooms/{room}/messages"), json!({ "body": body })).await.expect(201).json()["message"].clone()
    }
}

/// Somebody in `general`, with a program that may write.
pub async fn writer(app: &TestApp, username: &str) -> (Person, Program) {
    let person = app.register(username).await;
    person.enter("general").await;
    let program = Program::of(app, &person, "write").await;
    (person, program)
}
