//! The people who take part in a measurement.
//!
//! Owns their registration and the rooms that they make. It must not open sockets.

use std::net::SocketAddr;

use crate::bench::Result;
use crate::bench::http::{Http, form};

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    /// The session's cookie, as a request sends it.
    pub cookie: String,
}

/// Registers somebody.
pub fn register(address: SocketAddr, username: &str) -> Result<Person> {
    let mut http = Http::connect(address)?;
    let answer = http.send(&form("/register", "", &format!("username={username}&password=gn4wing.bell.harp")))?;
    if answer.status != 303 {
        return Err(format!("{username} could not register: {}", String::from_utf8_lossy(answer.body)).into());
    }
    let cookie = answer.header("set-cookie").ok_or("no cookie")?;
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    Ok(Person { cookie })
}

/// Makes a public room; its name must be a slug already.
pub fn open_room(address: SocketAddr, person: &Person, slug: &str) -> Result<()> {
    let mut http = Http::connect(address)?;
    let answer = http.send(&form("/rooms", &person.cookie, &format!("name={slug}")))?;
    if answer.status != 303 {
        return Err(format!("the room {slug} could not be made: {}", answer.status).into());
    }
    Ok(())
}
