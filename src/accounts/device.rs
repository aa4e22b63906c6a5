//! Tokens for devices that have logged in before.
//!
//! Owns the token that a browser keeps: user, random number, and a signature over both and the password hash. Nothing is stored
//! on the server, and a new password invalidates all tokens. A token does not log anybody in; it only gives the device a failure
//! limit of its own.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::db::users::User;
use crate::encoding::{from_hex, hex};
use crate::model::UserId;

/// A device of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId {
    /// The user.
    pub user: UserId,
    number: u128,
}

impl DeviceId {
    /// A new device.
    pub fn random(user: UserId) -> Self {
        Self { user, number: rand::random() }
    }

    /// Its canonical form.
    pub(super) fn text(self) -> String {
        format!("{}.{}", self.user.0, hex(&self.number.to_be_bytes()))
    }

    fn parse(text: &str) -> Option<Self> {
        let (user, number) = text.split_once('.')?;
        let device = Self { user: UserId(user.parse().ok()?), number: u128::from_str_radix(number, 16).ok()? };
        // Only the canonical form is signed.
        (device.text() == text).then_some(device)
    }
}

/// Signs and verifies device tokens with a key from the database, which all nodes share.
pub struct Devices {
    key: String,
}

impl Devices {
    /// Uses this key.
    pub fn new(key: String) -> Self {
        Self { key }
    }

    /// The token of a device.
    pub fn sign(&self, device: DeviceId, password_hash: &str) -> String {
        let mac = self.mac(device, password_hash).finalize().into_bytes();
        format!("{}.{}", device.text(), hex(&mac))
    }

    /// The device of a token, if the token is valid for this user; without a user, the same work is done in vain.
    pub fn verify(&self, token: &str, user: Option<&User>) -> Option<DeviceId> {
        let (device, digits) = token.rsplit_once('.')?;
        let device = DeviceId::parse(device)?;
        let mac = from_hex(digits)?;
        let is_signed = self.mac(device, user.map_or("", |user| &user.password_hash)).verify_slice(&mac).is_ok();
        (is_signed && user.is_some_and(|user| user.id == device.user)).then_some(device)
    }

    fn mac(&self, device: DeviceId, password_hash: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).expect("HMAC takes a key of any length");
        for part in ["device", &device.text(), password_hash] {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Millis;

    fn user(id: i64, password_hash: &str) -> User {
        User {
            id: UserId(id),
            username: "ada".into(),
            name: "Ada".into(),
            is_admin: false,
            is_bot: false,
            created_at: Millis(0),
            banned_at: None,
            last_room: None,
            password_hash: password_hash.into(),
        }
    }

    #[test]
    fn a_device_is_known_by_its_account_until_the_password_changes() {
        let devices = Devices::new("key".into());
        let (ada, device) = (user(7, "hash"), DeviceId::random(UserId(7)));
        let kept = devices.sign(device, &ada.password_hash);
        assert_eq!(devices.verify(&kept, Some(&ada)), Some(device));
        assert_eq!(devices.verify(&kept, Some(&user(8, "hash"))), None, "somebody else's");
        assert_eq!(devices.verify(&kept, Some(&user(7, "another"))), None, "the password of before");
        assert_eq!(devices.verify(&kept, None), None);
        assert_eq!(Devices::new("another".into()).verify(&kept, Some(&ada)), None);
    }

    #[test]
    fn what_was_not_signed_is_nothing() {
        let devices = Devices::new("key".into());
        let ada = user(7, "hash");
        let kept = devices.sign(DeviceId::random(UserId(7)), &ada.password_hash);
        let (front, mac) = kept.rsplit_once('.').unwrap();
        for forged in [
            String::new(),
            front.to_owned(),
            format!("{front}."),
            format!("{front}.{}", "0".repeat(64)),
            format!("{front}.{}", "ä".repeat(32)),
            format!("0{kept}"),
            format!("+{kept}"),
            format!("{kept}0"),
            format!("8.{}.{mac}", front.split_once('.').unwrap().1),
        ] {
            assert_eq!(devices.verify(&forged, Some(&ada)), None, "{forged}");
        }
    }
}
