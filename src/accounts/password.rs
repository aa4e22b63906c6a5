//! Passwords: what they may be, and hashing them.
//!
//! Owns when they are hashed, off the runtime and bounded: a flood waits or is refused, and chat goes on. Log-ins have turns of their own, so that
//! whoever makes accounts cannot keep others from coming in. It must not know whose password it is.

use std::sync::Arc;
use std::thread::available_parallelism;

use super::argon::Argon;
use super::hashing_queue::{HashingQueue, Slot, Ticket};
use crate::accounts::common_passwords;
use crate::error::{Error, Result};
use crate::model::username::Username;

/// How many characters a password may have.
const LONGEST: usize = 256;

fn refused(why: &str) -> Result<()> {
    Err(Error::invalid("password", why))
}

/// Refuses what is too short or too long: costs nothing, so it comes first.
///
/// # Errors
/// `invalid`, for `password`.
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

/// Refuses what is too short, too long, or tried first, of somebody with this username and name. Takes milliseconds, so a form's is
/// checked in a slot.
///
/// # Errors
/// `invalid`, for `password`.
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
    /// For those who log in.
    log_ins: HashingQueue,
    /// For those who choose a password: who registers, or changes theirs.
    choices: HashingQueue,
    /// Verified when there is no such person, so that finding out who exists takes as long either way.
    decoy: Arc<str>,
    argon: Argon,
}

impl Hasher {
    /// One that leaves a quarter of the processors, or more, to the chat; with two of them, a flood of both kinds shares both with it.
    ///
    /// # Panics
    /// Never: a constant can be hashed.
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

    /// Waits for a slot to log somebody in.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait.
    pub async fn log_in_slot(&self, ticket: Ticket) -> Result<Slot> {
        self.log_ins.acquire(ticket).await
    }

    /// Refuses whoever would wait for nothing for a slot to do something with a password that is chosen.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn check_choice_queue(&self, ticket: &Ticket) -> Result<()> {
        if self.choices.is_full_for(ticket) { Err(Error::BUSY) } else { Ok(()) }
    }

    /// Waits for a slot to do something with a password that is chosen.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait.
    pub async fn choice_slot(&self, ticket: Ticket) -> Result<Slot> {
        self.choices.acquire(ticket).await
    }

    /// Whether a password is the one that was hashed; with no hash, the same work for nothing. Gives the slot back, for whoever
    /// must note the outcome before the next one's slot comes.
    ///
    /// # Errors
    /// When the stored hash cannot be read.
    pub async fn verify(&self, slot: Slot, password: &str, stored: Option<&str>) -> Result<(bool, Slot)> {
        let is_known = stored.is_some();
        let stored: Arc<str> = stored.map_or_else(|| self.decoy.clone(), Into::into);
        // No password is longer; hashing a longer one would be work for nothing.
        let password: String = password.chars().take(LONGEST + 1).collect();
        let argon = self.argon.clone();
        let (fits, slot) = work(slot, move || argon.verify(&password, &stored)).await?;
        Ok((fits? && is_known, slot))
    }

    /// The hash of a password that somebody with this username and name chooses, in PHC form.
    ///
    /// # Errors
    /// `invalid`, for `password`, when it is not a good one: then nothing was hashed.
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

/// The slot goes with the work: if whoever asked goes away, the core is still taken until it ends.
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
