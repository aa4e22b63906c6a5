//! Passwords: what they may be, and hashing them.
//!
//! Owns argon2id, off the runtime and bounded: a flood of log-ins waits or is refused, and chat goes on. It must not know whose
//! password it is.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::username::Username;
use crate::error::{Error, Result};

/// How many log-ins may wait for a turn; one more is told `busy`.
const WAITING: usize = 64;
/// How much of a long password is looked at for commonness: more cannot make it more common.
const LOOKED_AT: usize = 72;

/// Checks that a password is long enough and not a common one.
///
/// # Errors
/// `invalid`, for `password`.
pub fn check(password: &str, username: &Username) -> Result<()> {
    let refused = |why: &str| Err(Error::invalid("password", why));
    if password.contains('\0') {
        return refused("A password cannot contain the NUL character.");
    }
    match password.chars().count() {
        0..8 => return refused("A password has at least 8 characters."),
        8..=256 => {}
        _ => return refused("A password has at most 256 characters."),
    }
    let start: String = password.chars().take(LOOKED_AT).collect();
    let estimate = zxcvbn::zxcvbn(&start, &[username.as_str(), "parlor"]);
    // Under a thousand guesses: one of the passwords that everybody tries first, or the name itself.
    if estimate.score() == zxcvbn::Score::Zero {
        return refused("This password is one of the first that somebody would try. Choose another.");
    }
    Ok(())
}

/// Hashes and verifies passwords, a few at a time.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    /// One for each core that may hash.
    turns: Arc<Semaphore>,
    /// One for each log-in that hashes or waits to.
    places: Arc<Semaphore>,
    /// Verified when there is no such person, so that finding out who exists takes as long either way.
    decoy: Arc<str>,
}

impl Hasher {
    /// A hasher with OWASP's parameters for argon2id: 19 MiB, 2 passes, 1 lane
    /// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
    ///
    /// # Panics
    /// Never: the parameters are constants within argon2's bounds.
    #[must_use]
    pub fn new() -> Self {
        let params = Params::new(19 * 1024, 2, 1, None).expect("constants within argon2's bounds");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let cores = available_parallelism().map_or(1, usize::from);
        let decoy = hash(&argon2, "a password that nobody has").expect("a constant can be hashed");
        Self {
            argon2,
            turns: Arc::new(Semaphore::new(cores.div_ceil(2))),
            places: Arc::new(Semaphore::new(WAITING)),
            decoy: decoy.into(),
        }
    }

    /// The hash of a password, in PHC form.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.work(move |argon2| hash(argon2, &password)).await?
    }

    /// Whether a password is the one that was hashed; with no hash, the same work for nothing.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = self
            .work(move |argon2| {
                let hash = PasswordHash::new(&stored).map_err(|fault| Error::Internal(fault.to_string()))?;
                Ok::<_, Error>(PasswordVerifier::<PasswordHash>::verify_password(argon2, password.as_bytes(), &hash).is_ok())
            })
            .await??;
        Ok(fits && is_known)
    }

    async fn work<R: Send + 'static>(&self, work: impl FnOnce(&Argon2<'static>) -> R + Send + 'static) -> Result<R> {
        let place = self.places.clone().try_acquire_owned().map_err(|_full| Error::BUSY)?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_closed| Error::BUSY)?;
        let argon2 = self.argon2.clone();
        // The permits go with the work: if whoever asked goes away, the core is still taken until it ends.
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&argon2);
            drop((turn, place));
            result
        });
        done.await.map_err(|fault| Error::Internal(fault.to_string()))
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    let hash: PasswordHash =
        argon2.hash_password(password.as_bytes()).map_err(|fault| Error::Internal(fault.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        let ada = Username::parse("ada.lovelace").unwrap();
        for poor in ["", "1234567", "password", "12345678", "qwertyui", "iloveyou", "ada.lovelace", "a\0bcdefghij"] {
            assert_eq!(check(poor, &ada).unwrap_err().field(), Some("password"), "{poor:?}");
        }
        assert!(check(&"x7".repeat(129), &ada).is_err());
        for good in ["correct horse battery", "nine-Lives-of-tea", "пароль-для-ады-1843", &"x7qz".repeat(64)] {
            check(good, &ada).unwrap();
        }
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let hasher = Hasher::new();
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("correct house".into(), Some(hash)).await.unwrap());
        assert!(!hasher.verify("a password that nobody has".into(), None).await.unwrap());
    }
}
