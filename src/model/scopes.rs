//! What an access token permits.
//!
//! Owns the names of scopes and which includes which. What a request or an event needs is decided where they arrive.

use serde::{Serialize, Serializer};

/// One thing that a token may permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To read what its owner may read.
    Read,
    /// To post, and to change what its owner may change in rooms and in their profile. It includes [`Scope::Read`].
    Write,
    /// To administer the server, where its owner may.
    Admin,
}

impl Scope {
    /// All scopes, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Several scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// The scopes with these names; the name that is none is the error.
    ///
    /// # Errors
    /// An unknown name.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut bits = 0;
        for name in names {
            bits |= Scope::ALL.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(name)).ok_or(name)?.bit();
        }
        Ok(Self(bits))
    }

    /// The scopes that were stored as [`Self::to_text`]; what another version stored is left out.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self(text.split(' ').filter_map(|name| Self::parse([name]).ok()).fold(0, |bits, scopes| bits | scopes.0))
    }

    /// Their names, separated by spaces.
    #[must_use]
    pub fn to_text(self) -> String {
        self.names().collect::<Vec<_>>().join(" ")
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0).map(Scope::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether they permit this.
    #[must_use]
    pub const fn allow(self, scope: Scope) -> bool {
        let with = match scope {
            Scope::Read => Scope::Read.bit() | Scope::Write.bit(),
            Scope::Write | Scope::Admin => scope.bit(),
        };
        self.0 & with != 0
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for names in [&["read"][..], &["write"], &["read", "write"], &["read", "write", "admin"], &["admin"], &[]] {
            let scopes = Scopes::parse(names.iter().copied()).unwrap();
            assert_eq!(scopes.names().collect::<Vec<_>>(), names);
            assert_eq!(Scopes::of_text(&scopes.to_text()), scopes);
        }
        assert_eq!(Scopes::parse(["read", "root"]), Err("root"));
        assert_eq!(Scopes::of_text("read root").to_text(), "read");
    }

    #[test]
    fn writing_includes_reading_and_nothing_else_includes_anything() {
        let allowed = |name| {
            let scopes = Scopes::parse([name]).unwrap();
            Scope::ALL.into_iter().filter(|scope| scopes.allow(*scope)).map(Scope::as_str).collect::<Vec<_>>()
        };
        assert_eq!(allowed("read"), ["read"]);
        assert_eq!(allowed("write"), ["read", "write"]);
        assert_eq!(allowed("admin"), ["admin"]);
        assert!(!Scopes::default().allow(Scope::Read));
    }
}
