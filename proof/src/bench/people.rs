//! The people of a measurement: their registration and their rooms.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;

use reqwest::RequestBuilder;

use crate::bench::Result;
use crate::bench::server::{Server, Site};
use crate::client::site::PASSWORD;
use crate::client::{self, Answer};

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    /// The session's cookie, as a request sends it.
    pub cookie: String,
}

pub fn register(address: SocketAddr, username: &str) -> Result<Person> {
    let person = client::Person::new(client::Site::at(address), username);
    let answer = send(person.form("/register", &[("username", username), ("password", PASSWORD)]))?;
    if answer.status != 303 {
        return Err(format!("{username} could not register: {}", answer.body).into());
    }
    Ok(Person { cookie: person.session_cookie() })
}

/// Makes a public room; its name must be a slug already.
pub fn open_room(address: SocketAddr, person: &Person, slug: &str) -> Result<()> {
    let form = client::Site::at(address).stranger().form("/rooms", &[("name", slug)]).header("cookie", &person.cookie);
    let answer = send(form)?;
    if answer.status != 303 {
        return Err(format!("the room {slug} could not be made: {}", answer.status).into());
    }
    Ok(())
}

/// An administrator, made as an operator makes one.
pub fn administrator(site: &Site, server: &Server, username: &str) -> Result<Person> {
    let mut child = site.command(&["user", "add", username, "--admin"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(PASSWORD.as_bytes())?;
    let ended = child.wait()?;
    if !ended.success() {
        return Err(format!("{username} could not be made an administrator: {ended}").into());
    }
    let person = client::Person::new(client::Site::at(server.address), username);
    let answer = send(person.form("/login", &[("username", username), ("password", PASSWORD)]))?;
    if answer.status != 303 {
        return Err(format!("{username} could not log in: {}", answer.body).into());
    }
    Ok(Person { cookie: person.session_cookie() })
}

/// The secret of a new access token that may do all that its person may.
pub fn token(address: SocketAddr, person: &Person) -> Result<String> {
    let fields = [("name", "bench"), ("scopes", "read write")];
    let answer = send_form(address, person, "/settings/tokens", &fields)?;
    Ok(answer["token"]["secret"].as_str().ok_or("a token without a secret")?.to_owned())
}

/// Has an address told of each message of a room.
pub fn webhook(address: SocketAddr, person: &Person, url: &str, room: &str) -> Result<()> {
    send_form(address, person, "/admin/webhooks", &[("url", url), ("rooms", room), ("events", "message.posted")])?;
    Ok(())
}

/// What is made by a form.
fn send_form(address: SocketAddr, person: &Person, path: &str, fields: &[(&str, &str)]) -> Result<serde_json::Value> {
    let form = client::Site::at(address).stranger().form(path, fields).header("cookie", &person.cookie);
    let answer = send(form.header("accept", "application/json"))?;
    if answer.status != 201 {
        return Err(format!("{path}: {} {}", answer.status, answer.body).into());
    }
    Ok(answer.json())
}

fn send(request: RequestBuilder) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(Answer::try_of(request))?)
}
