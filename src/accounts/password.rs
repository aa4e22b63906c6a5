//! Password rules and hashing.
//!
//! Owns that hashing is bounded and runs outside of the runtime, so that a flood waits or is refused while chat continues.
//! Log-ins have a queue of their own, so that registrations cannot block them. It must not know whose password it is.

use std::sync::Arc;
use std::thread::available_parallelism;

use super::argon::Argon;
use super::hashing_queue::{HashingQueue, Slot, Ticket};
use crate::accounts::{common_passwords, imported_hash};
use crate::error::{Error, Result};
use crate::model::username::Username;

/// Maximum number of characters.
const LONGEST: usize = 256;

fn refused(why: &str) -> Result<()> {
    Err(Error::invalid("password", why))
}

/// Checks the length; cheap, so it comes first.
///
/// # Errors
/// `invalid` for `password`.
pub fn check_length(password: &str) -> Result<()> {
    if password.contains('\0') {
        return refused("The password contains a character that isn’t allowed.");
    }
    match password.chars().count() {
        0..8 => refused("Use at least 8 characters."),
        8..=LONGEST => Ok(()),
        _ => refused("Use at most 256 characters."),
    }
}

/// Checks length and strength for a user with this name. It takes milliseconds, so passwords from forms are checked within a
/// hashing slot.
///
/// # Errors
/// `invalid` for `password`.
pub fn check(password: &str, username: &Username, name: &str) -> Result<()> {
    check_length(password)?;
    check_strength(password, username.as_str(), name)
}

fn check_strength(password: &str, username: &str, name: &str) -> Result<()> {
    if common_passwords::is_common(password, &[username, name]) {
        return refused("That password is too easy to guess. Try a longer one.");
    }
    Ok(())
}

/// Hashes and verifies passwords, a few at a time.
pub struct Hasher {
    /// For log-ins.
    log_ins: HashingQueue,
    /// For new passwords: registrations and password changes.
    choices: HashingQueue,
    /// Verified for unknown users, so that the timing does not reveal whether a user exists.
    decoy: Arc<str>,
    argon: Argon,
}

impl Hasher {
    /// Leaves at least a quarter of the processors to chat; on two processors, floods of both kinds share them with it.
    pub fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let argon = Argon::default();
        let decoy = argon.hash("a password that nobody has").expect("a constant can be hashed");
        Self {
            log_ins: HashingQueue::new(cores.div_ceil(2)),
            choices: HashingQueue::new(cores.div_ceil(4)),
            decoy: decoy.into(),
            argon,
        }
    }

    /// How many passwords wait.
    pub fn waiting(&self) -> usize {
        self.log_ins.waiting() + self.choices.waiting()
    }

    /// Waits for a slot for a log-in.
    ///
    /// # Errors
    /// [`Error::Busy`] if the queue is full.
    pub async fn log_in_slot(&self, ticket: Ticket) -> Result<Slot> {
        self.log_ins.acquire(ticket).await
    }

    /// Refuses a request for which the queue of new passwords is full.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn check_choice_queue(&self, ticket: &Ticket) -> Result<()> {
        if self.choices.is_full_for(ticket) { Err(Error::BUSY) } else { Ok(()) }
    }

    /// Waits for a slot for a new password.
    ///
    /// # Errors
    /// [`Error::Busy`] if the queue is full.
    pub async fn choice_slot(&self, ticket: Ticket) -> Result<Slot> {
        self.choices.acquire(ticket).await
    }

    /// Whether a password matches a hash; without a hash, or with the empty one of an account without a password, the same work is done in vain. Returns the slot, so that the caller can
    /// record the outcome before the next one starts.
    ///
    /// # Errors
    /// If the hash cannot be parsed.
    pub async fn verify(&self, slot: Slot, password: &str, stored: Option<&str>) -> Result<(bool, Slot)> {
        let stored = stored.filter(|stored| !stored.is_empty());
        let is_known = stored.is_some();
        let stored: Arc<str> = stored.map_or_else(|| self.decoy.clone(), Into::into);
        // No password is longer; hashing the rest would be useless work.
        let password: String = password.chars().take(LONGEST + 1).collect();
        let argon = self.argon.clone();
        let verify = move || {
            if imported_hash::is_one(&stored) {
                Ok(imported_hash::verify(&password, &stored))
            } else {
                argon.verify(&password, &stored)
            }
        };
        let (fits, slot) = work(slot, verify).await?;
        Ok((fits? && is_known, slot))
    }

    /// Hashes a password that was found to fit an imported hash, whatever its strength.
    ///
    /// # Errors
    /// None with Parlor's parameters.
    pub async fn hash_again(&self, slot: Slot, password: &str) -> Result<(String, Slot)> {
        let (password, argon) = (password.to_owned(), self.argon.clone());
        let (hashed, slot) = work(slot, move || argon.hash(&password)).await?;
        Ok((hashed?, slot))
    }

    /// Hashes a new password in PHC form.
    ///
    /// # Errors
    /// `invalid` for `password` if it is too weak; then nothing was hashed.
    pub async fn hash_new(&self, slot: Slot, password: &str, username: &Username, name: &str) -> Result<String> {
        check_length(password)?;
        let (password, username, name) = (password.to_owned(), username.clone(), name.to_owned());
        let argon = self.argon.clone();
        let hashing = move || check_strength(&password, username.as_str(), &name).and_then(|()| argon.hash(&password));
        let (hashed, _turn) = work(slot, hashing).await?;
        hashed
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

/// The slot moves into the task: if the request is cancelled, the processor is busy until the work ends.
async fn work<R: Send + 'static>(slot: Slot, work: impl FnOnce() -> R + Send + 'static) -> Result<(R, Slot)> {
    let done = tokio::task::spawn_blocking(move || (work(), slot));
    done.await.map_err(|fault| Error::Internal(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_passwords_are_refused_in_words() {
        let ada = Username::parse("ada").unwrap();
        for poor in ["", "1234567", "a\0bcdefghij", "password", &"x7".repeat(129), &"seven quiet harbours, ".repeat(14)] {
            let error = check(poor, &ada, "Ada").unwrap_err();
            assert_eq!((error.code(), error.field()), ("invalid", Some("password")), "{poor:?}");
        }
        check(&"seven quiet harbours, ".repeat(12)[..256], &ada, "Ada").unwrap();
    }

    async fn log_in(hasher: &Hasher, password: &str, stored: Option<&str>) -> Result<bool> {
        let slot = hasher.log_in_slot(Ticket::default()).await?;
        Ok(hasher.verify(slot, password, stored).await?.0)
    }

    async fn hashed(hasher: &Hasher, password: &str) -> String {
        let slot = hasher.choice_slot(Ticket::default()).await.unwrap();
        hasher.hash_new(slot, password, &Username::parse("ada").unwrap(), "Ada").await.unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let hasher = Hasher::new();
        let stored = hashed(&hasher, "cafe\u{301} at noon").await;
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let fits = async |password: &str, stored| log_in(&hasher, password, stored).await.unwrap();
        assert!(fits("cafe\u{301} at noon", Some(&stored)).await);
        assert!(fits("caf\u{e9} at noon", Some(&stored)).await, "another keyboard composes the same accent otherwise");
        assert!(!fits("cafe at noon", Some(&stored)).await);
        assert!(!fits("", Some(&stored)).await);
        assert!(!fits("a password that nobody has", None).await);
        let longest = "seven quiet harbours, ".repeat(20)[..256].to_owned();
        let stored = hashed(&hasher, &longest).await;
        assert!(fits(&longest, Some(&stored)).await);
        assert!(!fits(&format!("{longest}x"), Some(&stored)).await);
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_broken_is_a_fault_and_lets_nobody_in() {
        let verified = log_in(&Hasher::new(), "anything", Some("$argon2id$broken")).await;
        assert_eq!(verified.err().map(|error| error.code()), Some("internal"));
    }

    #[tokio::test]
    async fn who_chooses_a_password_holds_up_nobody_who_logs_in_and_the_other_way_round() {
        let hasher = Hasher::new();
        let mut choosing = Vec::new();
        for _ in 0..available_parallelism().map_or(1, usize::from).div_ceil(4) {
            choosing.push(hasher.choice_slot(Ticket::default()).await.unwrap());
        }
        assert!(!log_in(&hasher, "anything", None).await.unwrap(), "a log-in has a slot while all others are taken");
        choosing.clear();
        let mut log_ins = Vec::new();
        for _ in 0..available_parallelism().map_or(1, usize::from).div_ceil(2) {
            log_ins.push(hasher.log_in_slot(Ticket::default()).await.unwrap());
        }
        hashed(&hasher, "seven quiet harbours").await;
    }
}
