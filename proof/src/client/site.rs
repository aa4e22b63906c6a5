//! A server as people see it: an address, where people register and log in. It may run in the test process or as a program.

use std::net::SocketAddr;

use super::person::Person;

/// A password that nobody guesses.
pub const PASSWORD: &str = "seven quiet harbours";

/// Where a server is.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its origin, as browsers send it.
    pub origin: String,
    /// Whether each connection may lead to another node.
    pub is_balanced: bool,
}

impl Site {
    /// The server at this address.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, origin: format!("http://{address}"), is_balanced: false }
    }

    /// Somebody with an empty browser.
    pub fn stranger(&self) -> Person {
        Person::new(self.clone(), "")
    }

    /// Registers somebody with this name.
    pub async fn register(&self, username: &str) -> Person {
        let person = Person::new(self.clone(), username);
        let answer = person.post("/register", &[("username", username), ("password", PASSWORD)]).await;
        answer.expect(303);
        person
    }

    /// Logs somebody in with another browser.
    pub async fn log_in(&self, username: &str) -> Person {
        let person = Person::new(self.clone(), username);
        person.post("/login", &[("username", username), ("password", PASSWORD)]).await.expect(303);
        person
    }

    /// The same, while the server may have a fault.
    pub async fn try_log_in(&self, username: &str) -> Option<Person> {
        let person = Person::new(self.clone(), username);
        let form = person.form("/login", &[("username", username), ("password", PASSWORD)]);
        let answer = super::person::Answer::try_of(form).await.ok()?;
        (answer.status == 303).then_some(person)
    }
}
