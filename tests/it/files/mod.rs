//! Files: sending them, reading them, and what becomes of their bytes.

mod adding;
mod commands;
mod interrupted;
mod killed;
mod memory;
mod pictures;
pub mod portraits;
pub mod removal;
mod sending;
mod serving;
mod tus;

use std::path::Path;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApp};

/// The form of a message with files.
pub fn form(files: &[(&str, &[u8])]) -> Form {
    files
        .iter()
        .fold(Form::new(), |form, (name, bytes)| form.part("file", Part::bytes(bytes.to_vec()).file_name((*name).to_owned())))
}

/// Sends it into a room.
pub async fn send(person: &Person, room: &str, form: Form) -> Answer {
    let request = person.request(Method::POST, &format!("/rooms/{room}/files"));
    let request = request.header("origin", &person.site.origin).header("accept", "application/json");
    Answer::of(request.multipart(form)).await
}

/// The attachments of a message that was sent.
pub fn attachments(answer: &Answer) -> Vec<Value> {
    answer.expect(201).json()["message"]["attachments"].as_array().expect("attachments").clone()
}

/// Sends one file and returns its attachment.
pub async fn send_one(person: &Person, room: &str, name: &str, bytes: &[u8]) -> Value {
    attachments(&send(person, room, form(&[(name, bytes)])).await).remove(0)
}

/// The paths of the objects in a folder of files.
pub fn objects(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path.display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, &mut found);
    found.sort();
    found
}

/// Somebody in a room of their own.
pub async fn somebody(app: &TestApp) -> (Person, String) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    (ada, room)
}

/// Posts a message with uploads.
pub async fn post(person: &Person, room: &str, ids: &[&str]) -> Value {
    let (socket, _) = person.join(room).await;
    socket.ask("message", json!({ "room": room, "body": "", "attachments": ids, "nonce": ids.join("-") })).await
}
