//! The people of a measurement: their registration and their rooms.

use std::net::SocketAddr;

use reqwest::RequestBuilder;

use crate::bench::Result;
use crate::client::site::PASSWORD;
use crate::client::{self, Answer, Site};

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    /// The session's cookie, as a request sends it.
    pub cookie: String,
}

pub fn register(address: SocketAddr, username: &str) -> Result<Person> {
    let person = client::Person::new(Site::at(address), username);
    let answer = send(person.form("/register", &[("username", username), ("password", PASSWORD)]))?;
    if answer.status != 303 {
        return Err(format!("{username} could not register: {}", answer.body).into());
    }
    Ok(Person { cookie: person.session_cookie() })
}

/// Makes a public room; its name must be a slug already.
pub fn open_room(address: SocketAddr, person: &Person, slug: &str) -> Result<()> {
    let form = Site::at(address).stranger().form("/rooms", &[("name", slug)]).header("cookie", &person.cookie);
    let answer = send(form)?;
    if answer.status != 303 {
        return Err(format!("the room {slug} could not be made: {}", answer.status).into());
    }
    Ok(())
}

fn send(request: RequestBuilder) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(Answer::try_of(request))?)
}
