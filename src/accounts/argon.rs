//! Argon2id with reused memory.
//!
//! Owns the parameters, the hash format and the buffers. Allocating 19 MiB for each password, dozens of times a second and on
//! changing threads, would make the allocator retain some of it per thread.

use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use parking_lot::Mutex;
use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Result};

/// Number of buffers kept while idle; on two processors no more passwords are hashed at once.
const KEPT: usize = 2;

/// Hashes and verifies passwords.
#[derive(Clone, Default)]
pub struct Argon {
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

fn fault(fault: impl ToString) -> Error {
    Error::Internal(fault.to_string())
}

impl Argon {
    /// Hashes a password in PHC form: Argon2id with OWASP's parameters, 19 MiB, 2 passes, 1 lane
    /// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
    ///
    /// # Errors
    /// None with these parameters.
    pub fn hash(&self, password: &str) -> Result<String> {
        let params = Params::new(19 * 1024, 2, 1, None).map_err(fault)?;
        let salt = Salt::new(&rand::random::<[u8; 16]>()).map_err(fault)?;
        let stored_params = ParamsString::try_from(&params).map_err(fault)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: stored_params,
            hash: Some(self.output(&argon2, password, &salt)?),
            salt: Some(salt),
        };
        Ok(hash.to_string())
    }

    /// Whether a password matches a hash.
    ///
    /// # Errors
    /// If the hash cannot be parsed.
    pub fn verify(&self, password: &str, stored: &str) -> Result<bool> {
        let stored = PasswordHash::new(stored).map_err(fault)?;
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Err(fault("a stored hash has no end")) };
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(fault)?;
        let version = stored.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(fault)?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&stored).map_err(fault)?);
        // `Output` compares in constant time.
        Ok(self.output(&argon2, password, salt)? == *expected)
    }

    fn output(&self, argon2: &Argon2<'_>, password: &str, salt: &Salt) -> Result<Output> {
        let mut memory = self.memory().pop().unwrap_or_default();
        memory.resize(argon2.params().block_count(), Block::default());
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let mut output = vec![0; length];
        // Normalized, so that the hash does not depend on how a keyboard composes accents (NIST SP 800-63B, section 3.1.1.2).
        let composed: String = password.nfc().collect();
        let hashed = argon2.hash_password_into_with_memory(composed.as_bytes(), salt, &mut output, &mut memory[..]);
        let mut kept = self.memory();
        if kept.len() < KEPT {
            kept.push(memory);
        }
        drop(kept);
        hashed.map_err(fault)?;
        Output::new(&output).map_err(fault)
    }

    fn memory(&self) -> parking_lot::MutexGuard<'_, Vec<Vec<Block>>> {
        self.memory.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_hashed_fits_and_the_other_way_round() {
        use argon2::password_hash::{PasswordHasher, PasswordVerifier};
        let argon = Argon::default();
        // Other parameters, and another buffer size than before.
        let small = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 3, 1, None).unwrap());
        for argon2 in [small, Argon2::default()] {
            let theirs: PasswordHash = argon2.hash_password(b"seven quiet harbours").unwrap();
            assert!(argon.verify("seven quiet harbours", &theirs.to_string()).unwrap());
            assert!(!argon.verify("seven quiet harbour", &theirs.to_string()).unwrap());
        }
        let ours = argon.hash("seven quiet harbours").unwrap();
        let verified = PasswordVerifier::<str>::verify_password(&Argon2::default(), b"seven quiet harbours", &ours);
        assert!(verified.is_ok(), "{ours}");
        assert_ne!(argon.hash("seven quiet harbours").unwrap(), ours, "the salt is another one each time");
    }

    #[test]
    fn memory_is_kept_for_a_few() {
        let argon = Argon::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| argon.hash("seven quiet harbours").unwrap());
            }
        });
        assert!(argon.memory().len() <= KEPT);
    }
}
