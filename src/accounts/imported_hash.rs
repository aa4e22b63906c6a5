//! Hashes of passwords that were imported from a program that uses bcrypt.
//!
//! Owns which of them are taken, and that what they cost is bounded. The first log-in replaces such a hash (`login`).

/// What bcrypt may cost: 2 to the power of this. Rails uses 12; 14 takes about a second.
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// The length of a hash in modular crypt form.
const LENGTH: usize = 60;

/// Whether it is a hash that the first log-in replaces: bcrypt's, of a bounded cost.
#[must_use]
pub fn is_one(stored: &str) -> bool {
    let is_of_bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|start| stored.starts_with(start));
    let cost =
        || stored.get(4..6).filter(|cost| cost.bytes().all(|b| b.is_ascii_digit())).and_then(|cost| cost.parse::<u32>().ok());
    let is_whole = || {
        let digits = stored.get(7..).unwrap_or_default();
        stored.as_bytes().get(6) == Some(&b'$') && digits.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'))
    };
    is_of_bcrypt && stored.len() == LENGTH && cost().is_some_and(|cost| COSTS.contains(&cost)) && is_whole()
}

/// Whether a password fits such a hash; no password fits what is none.
pub(super) fn verify(password: &str, stored: &str) -> bool {
    is_one(stored) && bcrypt::verify(password, stored).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `seven quiet harbours`, as Ruby's bcrypt writes it.
    fn stored() -> String {
        bcrypt::hash("seven quiet harbours", 4).unwrap()
    }

    #[test]
    fn only_the_right_password_fits() {
        let stored = stored();
        assert!(verify("seven quiet harbours", &stored));
        assert!(verify("seven quiet harbours", &stored.replacen("$2b$", "$2a$", 1)), "Ruby writes $2a$");
        for wrong in ["seven quiet harbour", "", "a\0b", &"x".repeat(300)] {
            assert!(!verify(wrong, &stored), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_such_hash_or_would_cost_too_much_lets_nobody_in() {
        let stored = stored();
        let with = |from: &str, to: &str| stored.replacen(from, to, 1);
        for odd in [
            String::new(),
            "$2b$".into(),
            with("$04$", "$31$"),
            with("$04$", "$15$"),
            with("$04$", "$03$"),
            with("$04$", "$+4$"),
            with("$2b$", "$2x$"),
            with("$2b$", "$1b$"),
            stored[..59].into(),
            format!("{stored}a"),
            format!("{}é", &stored[..58]),
            format!("{}!", &stored[..59]),
            "$argon2id$v=19$m=19456,t=2,p=1$".into(),
        ] {
            assert!(!is_one(&odd) && !verify("seven quiet harbours", &odd), "{odd}");
        }
    }
}
