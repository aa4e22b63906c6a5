//! Addresses that mails can be sent to.
//!
//! Owns what is taken for one, and when two are the same.

use crate::error::{Error, Result};

/// The longest address (RFC 5321).
const LONGEST: usize = 254;

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(lettre::Address);

impl Address {
    /// Reads an address, as somebody typed it.
    ///
    /// # Errors
    /// `invalid` for `email`.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let refused = || Error::invalid("email", "Enter an email address, such as ada@example.com.");
        // Others need a server that knows SMTPUTF8.
        if text.len() > LONGEST || !text.is_ascii() {
            return Err(refused());
        }
        text.parse().map(Self).map_err(|_| refused())
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The same for all ways to write it that lead to one mailbox almost everywhere.
    pub fn folded(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

impl From<Address> for lettre::Address {
    fn from(address: Address) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_mailbox() {
        let ada = Address::parse(" Ada.L+chat@Example.com ").unwrap();
        assert_eq!((ada.as_str(), &*ada.folded()), ("Ada.L+chat@Example.com", "ada.l+chat@example.com"));
        let long = format!("{}@example.com", "a".repeat(250));
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "Ada <ada@example.com>",
            "ada@example.com, eve@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@ex ample.com",
            "ad\0a@example.com",
            "ädä@example.com",
            &long,
        ] {
            let refused = Address::parse(wrong).unwrap_err();
            assert_eq!((refused.code(), refused.field()), ("invalid", Some("email")), "{wrong}");
        }
    }
}
