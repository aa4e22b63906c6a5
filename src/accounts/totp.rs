//! Codes of authenticator apps (TOTP, RFC 6238): SHA-1, 6 digits, 30 seconds, one step of skew, which all apps support.
//!
//! Owns the secret's form, its URI and its QR code, and which time step a code belongs to. It must not know what was accepted before:
//! the database does.

use qrcode::QrCode;
use qrcode::render::svg;
use totp_rs::{Builder, Secret, Totp};

use crate::clock::Millis;
use crate::encoding::query_value;
use crate::error::{Error, Result};

/// The issuer that apps show.
const ISSUER: &str = "Parlor";
/// The digits of a code.
const DIGITS: usize = 6;

/// What a person puts into their app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// The secret in Base32.
    pub secret: String,
    /// `otpauth://totp/…`.
    pub uri: String,
    /// The URI as a QR code: dark on white, with a quiet zone, so that it can be scanned on a dark page.
    pub svg: String,
}

impl Enrollment {
    /// The enrollment of a person with this secret.
    pub fn new(username: &str, secret: String) -> Result<Self> {
        let uri = format!(
            "otpauth://totp/{ISSUER}:{}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period=30",
            query_value(username)
        );
        let code = QrCode::new(uri.as_bytes()).map_err(|error| Error::Internal(error.to_string()))?;
        let image = code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build();
        // Without the XML declaration, so that it can stand in a page.
        let svg = image.find("<svg").map_or(image.as_str(), |at| &image[at..]).to_owned();
        Ok(Self { secret, uri, svg })
    }
}

/// A new secret of 160 random bits, in Base32.
pub fn new_secret() -> String {
    Secret::new_stack(rand::random()).to_base32()
}

/// What looks like a code, without spaces: apps show them in two groups.
pub fn code(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|sign| !sign.is_whitespace() && *sign != '-').collect();
    (code.len() == DIGITS && code.bytes().all(|digit| digit.is_ascii_digit())).then_some(code)
}

/// The time step that a code belongs to, if it is right now: the current step, the one before or the next.
pub fn step_of(secret: &str, code: &str, now: Millis) -> Result<Option<i64>> {
    let seconds = u64::try_from(now.0 / 1000).unwrap_or_default();
    Ok(totp(secret)?.check(code, seconds).and_then(|step| i64::try_from(step).ok()))
}

fn totp(secret: &str) -> Result<Totp> {
    let wrong = |what: &str| Error::Internal(format!("a stored TOTP secret: {what}"));
    let secret = Secret::try_from_base32(secret).map_err(|_| wrong("not Base32"))?;
    Builder::new().with_secret(secret).build().map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_the_standard() {
        // The last six digits of the eight in the appendix.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let at = |shift: i64| step_of(RFC, code, Millis((seconds + shift) * 1000)).unwrap();
            assert_eq!(at(0), Some(seconds / 30), "{code}");
            assert_eq!([at(30), at(-30)], [Some(seconds / 30); 2], "one step of skew");
            assert_eq!(at(90), None, "{code}");
            // The first one is too near to 1970.
            assert!(seconds == 59 || at(-60 - seconds % 30).is_none(), "{code}");
        }
        assert_eq!(step_of(RFC, "287083", Millis(59_000)).unwrap(), None);
        assert!(step_of("not base32!", "287082", Millis(59_000)).is_err());
    }

    #[test]
    fn a_code_is_six_digits_with_or_without_spaces() {
        for (typed, read) in [("123456", Some("123456")), (" 123 456 ", Some("123456")), ("123-456", Some("123456"))] {
            assert_eq!(code(typed).as_deref(), read);
        }
        for typed in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(code(typed), None, "{typed}");
        }
    }

    #[test]
    fn an_enrollment_is_a_secret_of_160_bits_and_an_image_without_a_script() {
        let secret = new_secret();
        assert_eq!(secret.len(), 32);
        assert_ne!(secret, new_secret());
        let Enrollment { uri, svg, .. } = Enrollment::new("ada", secret.clone()).unwrap();
        assert!(uri.starts_with(&format!("otpauth://totp/Parlor:ada?secret={secret}&issuer=Parlor&")), "{uri}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && svg.contains("fill=\"#fff\""), "{svg}");
    }
}
