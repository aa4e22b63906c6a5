//! Passkeys: adding and removing them, and proving with one who somebody is.
//!
//! Owns the challenges: signed, bound to the browser by a cookie, valid for minutes, answered once on all nodes (`db::passkeys`). Every use
//! needs user verification (a fingerprint, a PIN), so a passkey is a password and a second factor in one. It must not begin sessions.

use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid,
    Webauthn, WebauthnBuilder,
};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::second_factor::new_recovery_codes;
use super::session::SessionUser;
use super::throttle::{Attempt, network};
use super::{Accounts, hash};
use crate::clock::Millis;
use crate::config::Config;
use crate::db::passkeys::{Answered, PasskeyRow};
use crate::db::users::User;
use crate::encoding::{from_hex, hex, random_hex};
use crate::error::{Error, Result};
use crate::model::{SessionKey, UserId, validate};
use crate::security_log::{Action, Source};

/// How long a challenge can be answered, in milliseconds.
pub const LIFETIME: i64 = 10 * 60 * 1000;
/// How many passkeys a person may have.
const MOST: usize = 20;
/// The longest name of one, in characters.
const LONGEST_NAME: usize = 64;

const INSECURE: &str = "Passkeys need an https address. Ask whoever runs this server to set PUBLIC_URL.";
const NO_NAME: &str = "Passkeys need a host name, and this server is reached by an address.";
const NOT_LOCAL: &str = "Passkeys work here at http://localhost only. Elsewhere this server needs an https address (PUBLIC_URL).";

/// The passkeys of this site.
pub struct Passkeys {
    /// Signs challenges and makes user handles; all nodes share it.
    hmac: Hmac<Sha256>,
    site: Result<Site, &'static str>,
}

struct Site {
    webauthn: Webauthn,
    /// Whether browsers must come by `localhost`.
    is_local: bool,
}

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Adding a passkey to this person.
    Add(UserId),
    /// Logging in.
    LogIn,
    /// Confirming that it is this person.
    Confirm(UserId),
}

/// A challenge: the options for the browser, and the cookie that its answer must come with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// For `navigator.credentials`, as JSON.
    pub options: Value,
    /// The signed state.
    pub cookie: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed<S> {
    purpose: Purpose,
    expires_at: Millis,
    state: S,
}

impl Passkeys {
    /// Those of the site with these settings. `key` is secret, and the same on all nodes.
    pub fn new(config: &Config, key: &str) -> Self {
        let site = match &config.public_url {
            None => site("localhost", &format!("{}://localhost", config.own_scheme()), true),
            Some(url) if url.host.parse::<std::net::IpAddr>().is_ok() || url.host.starts_with('[') => Err(NO_NAME),
            Some(url) if url.is_https || is_localhost(&url.host) => site(&url.host, &url.origin, false),
            Some(_) => Err(INSECURE),
        };
        Self { hmac: Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length"), site }
    }

    /// Whether passkeys work for a browser that reaches the site at this host (without a port).
    ///
    /// # Errors
    /// Why they do not.
    pub fn work_at(&self, host: &str) -> Result<(), &'static str> {
        let site = self.site.as_ref().map_err(|why| *why)?;
        if site.is_local && !is_localhost(host) { Err(NOT_LOCAL) } else { Ok(()) }
    }

    fn webauthn(&self) -> Result<&Webauthn> {
        self.site.as_ref().map(|site| &site.webauthn).map_err(|why| Error::Forbidden(why))
    }

    /// What authenticators store as a person's id: it says nothing about them.
    fn handle(&self, user: UserId) -> Uuid {
        let mac = self.mac(b"user handle", user.0.to_string().as_bytes()).finalize().into_bytes();
        Uuid::from_slice(&mac[..16]).expect("16 bytes are a UUID")
    }

    fn mac(&self, what: &[u8], text: &[u8]) -> Hmac<Sha256> {
        self.hmac.clone().chain_update(b"passkey\n").chain_update(what).chain_update(b"\n").chain_update(text)
    }

    fn seal(&self, purpose: Purpose, state: &impl Serialize, now: Millis) -> Result<String> {
        let sealed = Sealed { purpose, expires_at: now.plus(LIFETIME), state };
        let text = serde_json::to_vec(&sealed).map_err(|error| Error::Internal(error.to_string()))?;
        let mac = self.mac(b"challenge", &text).finalize().into_bytes();
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(&text), hex(&mac)))
    }

    /// The state of a challenge that this site gave for this purpose and that has not expired.
    fn open<S: DeserializeOwned>(&self, purpose: Purpose, cookie: &str, now: Millis) -> Option<(S, Answered)> {
        let (text, mac) = cookie.split_once('.')?;
        let (text, mac) = (URL_SAFE_NO_PAD.decode(text).ok()?, from_hex(mac)?);
        self.mac(b"challenge", &text).verify_slice(&mac).ok()?;
        let sealed: Sealed<S> = serde_json::from_slice(&text).ok()?;
        let is_valid = sealed.purpose == purpose && sealed.expires_at > now;
        let answered = Answered { challenge_hash: hash(cookie), expires_at: sealed.expires_at };
        is_valid.then_some((sealed.state, answered))
    }
}

fn site(host: &str, origin: &str, is_local: bool) -> Result<Site, &'static str> {
    let built = Url::parse(origin)
        .ok()
        .and_then(|origin| WebauthnBuilder::new(host, &origin).ok()?.rp_name("Parlor").allow_any_port(is_local).build().ok());
    built.map(|webauthn| Site { webauthn, is_local }).ok_or(NO_NAME)
}

/// Browsers treat it as secure without TLS.
fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

impl Accounts {
    /// The passkeys of this site.
    pub fn passkeys(&self) -> &Passkeys {
        &self.passkeys
    }

    /// Begins to add a passkey.
    ///
    /// # Errors
    /// `forbidden` where passkeys do not work, and for those who have too many.
    pub async fn start_passkey(&self, user: &SessionUser) -> Result<Challenge> {
        let webauthn = self.passkeys.webauthn()?;
        let existing = self.db.list_passkeys(user.id).await?;
        if existing.len() >= MOST {
            return Err(Error::Forbidden("You have 20 passkeys, which is as many as you can have."));
        }
        let handle = self.passkeys.handle(user.id);
        let started = webauthn.start_passkey_registration(handle, &user.username, &user.name, None);
        let (options, state) = started.map_err(|error| Error::Internal(error.to_string()))?;
        let mut options = options_of(&options)?;
        options["excludeCredentials"] = descriptors(&existing);
        // So that it can be offered for a log-in without a username, where the authenticator has room for that.
        options["authenticatorSelection"]["residentKey"] = "preferred".into();
        let cookie = self.passkeys.seal(Purpose::Add(user.id), &state, self.clock.now())?;
        Ok(Challenge { options, cookie })
    }

    /// Adds the passkey that a browser made for a challenge; returns recovery codes, shown once, if the person had none.
    ///
    /// # Errors
    /// `invalid` for `name`, and for `credential` if it does not answer the challenge.
    pub async fn add_passkey(
        &self,
        user: &SessionUser,
        name: &str,
        credential: &str,
        cookie: &str,
        source: &Source,
    ) -> Result<Option<Vec<String>>> {
        let wrong = || Error::invalid("credential", "That didn’t work. Try again.");
        let name = if name.trim().is_empty() { "Passkey".to_owned() } else { validate::line("name", name, LONGEST_NAME)? };
        let now = self.clock.now();
        let opened = self.passkeys.open::<PasskeyRegistration>(Purpose::Add(user.id), cookie, now);
        let (state, answered) = opened.ok_or_else(wrong)?;
        let made: RegisterPublicKeyCredential = serde_json::from_str(credential).map_err(|_| wrong())?;
        let passkey = self.passkeys.webauthn()?.finish_passkey_registration(&made, &state).map_err(|error| {
            tracing::info!(%error, "a passkey was not accepted");
            wrong()
        })?;
        let (codes, hashes) = new_recovery_codes();
        let stored = serde_json::to_value(&passkey).map_err(|error| Error::Internal(error.to_string()))?;
        let row = PasskeyRow {
            id: random_hex(),
            user_id: user.id,
            credential_id: hex(passkey.cred_id()),
            counter: stored["cred"]["counter"].as_i64().unwrap_or_default(),
            credential: stored.to_string(),
            name,
            created_at: now,
            last_used_at: None,
        };
        let event = self.event_by(Action::AddPasskey, user, source);
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let has_new_codes = self.db.insert_passkey(row, hashes, most, answered, &event).await?.ok_or_else(wrong)?;
        self.reports.committed(&event);
        Ok(has_new_codes.then_some(codes))
    }

    /// Removes one of a person's passkeys, and the recovery codes with their last second factor.
    ///
    /// # Errors
    /// `invalid` for `password`; `not_found`; `rate_limited`; `busy`.
    pub async fn remove_passkey(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        id: &str,
        password: &str,
        source: &Source,
    ) -> Result<()> {
        self.verify_password(user, session, password, "password", source).await?;
        let event = self.event_by(Action::RemovePasskey, user, source);
        if !self.db.remove_passkey(user.id, id, &event).await? {
            return Err(Error::NotFound("passkey"));
        }
        self.access_reduced(user.id).await;
        self.reports.committed(&event);
        Ok(())
    }

    /// Asks for a passkey: of this person, or of anybody who can log in.
    ///
    /// # Errors
    /// `forbidden` where passkeys do not work.
    pub async fn ask_for_passkey(&self, purpose: Purpose, user: Option<UserId>) -> Result<Challenge> {
        let asked = self.passkeys.webauthn()?.start_discoverable_authentication();
        let (options, state) = asked.map_err(|error| Error::Internal(error.to_string()))?;
        let mut options = options_of(&options)?;
        if let Some(user) = user {
            options["allowCredentials"] = descriptors(&self.db.list_passkeys(user).await?);
        }
        let cookie = self.passkeys.seal(purpose, &state, self.clock.now())?;
        Ok(Challenge { options, cookie })
    }

    /// The person who proved with a passkey who they are, in answer to a challenge. A failure counts against the address.
    ///
    /// # Errors
    /// `unauthenticated`; `rate_limited` after too many failures.
    pub async fn accept_passkey(&self, purpose: Purpose, credential: &str, cookie: &str, source: &Source) -> Result<User> {
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).note("passkey"))?;
        let (owner, user) = self.check_passkey(purpose, credential, cookie).await?;
        if let Some(user) = user {
            return Ok(user);
        }
        self.failed(&attempt);
        let failed = self.event(Action::SecondFactorFailed, source).note("passkey");
        self.reports.report(failed.about(owner.as_ref().map(|owner| &*owner.username))).await;
        Err(Error::WrongPasskey)
    }

    /// The owner of the passkey that a browser used, if it is known, and the same person if the answer is right.
    async fn check_passkey(&self, purpose: Purpose, credential: &str, cookie: &str) -> Result<(Option<User>, Option<User>)> {
        let now = self.clock.now();
        let Some((state, answered)) = self.passkeys.open::<DiscoverableAuthentication>(purpose, cookie, now) else {
            return Ok((None, None));
        };
        let Ok(answer) = serde_json::from_str::<PublicKeyCredential>(credential) else { return Ok((None, None)) };
        let Some(row) = self.db.find_passkey(&hex(answer.get_credential_id())).await? else { return Ok((None, None)) };
        let owner = self.db.find_user(row.user_id).await?;
        let is_theirs = match purpose {
            Purpose::LogIn => true,
            Purpose::Confirm(user) => user == row.user_id,
            Purpose::Add(_) => false,
        };
        // An authenticator that names a person names the owner (WebAuthn, section 7.2, step 6).
        let handle = answer.get_user_unique_id();
        if !is_theirs || handle.is_some_and(|handle| handle != self.passkeys.handle(row.user_id).as_bytes()) {
            return Ok((owner, None));
        }
        let mut passkey: Passkey = serde_json::from_str(&row.credential).map_err(|error| Error::Internal(error.to_string()))?;
        let checked = self.passkeys.webauthn()?.finish_discoverable_authentication_v2(&answer, state, &passkey);
        let checked = match checked {
            Ok(checked) if checked.user_verified() => checked,
            Ok(_) => return Ok((owner, None)),
            Err(error) => {
                tracing::info!(%error, "a passkey was not accepted");
                return Ok((owner, None));
            }
        };
        passkey.update_credential(&checked);
        let stored = serde_json::to_string(&passkey).map_err(|error| Error::Internal(error.to_string()))?;
        let is_used = self.db.use_passkey(row.id, stored, checked.counter().into(), answered, now).await?;
        let user = owner.clone().filter(|user| is_used && user.banned_at.is_none());
        Ok((owner, user))
    }

    /// Confirms in a session who its person is, by a passkey.
    ///
    /// # Errors
    /// As [`Self::accept_passkey`].
    pub async fn confirm_session_by_passkey(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        credential: &str,
        cookie: &str,
        source: &Source,
    ) -> Result<()> {
        self.accept_passkey(Purpose::Confirm(user.id), credential, cookie, source).await?;
        let event = self.event_by(Action::Confirm, user, source).note("passkey");
        if !self.db.confirm_session(session.as_str(), self.clock.now(), &event).await? {
            return Err(Error::Unauthenticated);
        }
        self.reports.committed(&event);
        Ok(())
    }
}

/// The options inside of what webauthn-rs gives.
fn options_of(challenge: &impl Serialize) -> Result<Value> {
    let mut challenge = serde_json::to_value(challenge).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(challenge["publicKey"].take())
}

fn descriptors(passkeys: &[PasskeyRow]) -> Value {
    let id = |row: &PasskeyRow| from_hex(&row.credential_id).map(|id| URL_SAFE_NO_PAD.encode(id)).unwrap_or_default();
    passkeys.iter().map(|row| json!({ "type": "public-key", "id": id(row) })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn at(public_url: Option<&str>) -> Passkeys {
        let vars = public_url.map(|url| ("PUBLIC_URL".to_owned(), url.to_owned()));
        Passkeys::new(&Config::from_env(vars).unwrap(), "key")
    }

    #[test]
    fn they_work_at_a_name_with_https_and_at_localhost() {
        assert_eq!(at(Some("https://chat.example")).work_at("chat.example"), Ok(()));
        assert_eq!(at(Some("https://chat.example:8443")).work_at("chat.example"), Ok(()));
        assert_eq!(at(Some("http://localhost:3000")).work_at("localhost"), Ok(()));
        assert_eq!(at(None).work_at("localhost"), Ok(()));
        assert_eq!(at(None).work_at("127.0.0.1"), Err(NOT_LOCAL));
        assert_eq!(at(Some("http://chat.example")).work_at("chat.example"), Err(INSECURE));
        for address in ["https://192.0.2.1", "https://[2001:db8::1]"] {
            assert_eq!(at(Some(address)).work_at("192.0.2.1"), Err(NO_NAME), "{address}");
        }
    }

    #[test]
    fn a_challenge_is_for_one_purpose_and_some_minutes() {
        let passkeys = at(None);
        let cookie = passkeys.seal(Purpose::Confirm(UserId(7)), &"state", NOW).unwrap();
        let open = |passkeys: &Passkeys, purpose, cookie: &str, now| {
            passkeys.open::<String>(purpose, cookie, now).map(|(state, _)| state)
        };
        let right = Purpose::Confirm(UserId(7));
        assert_eq!(open(&passkeys, right, &cookie, NOW).as_deref(), Some("state"));
        for other in [Purpose::Confirm(UserId(8)), Purpose::Add(UserId(7)), Purpose::LogIn] {
            assert_eq!(open(&passkeys, other, &cookie, NOW), None);
        }
        assert_eq!(open(&passkeys, right, &cookie, NOW.plus(LIFETIME)), None);
        let other_site = Passkeys::new(&Config::default(), "another key");
        assert_eq!(open(&other_site, right, &cookie, NOW), None);
        let (text, mac) = cookie.split_once('.').unwrap();
        for forged in
            [String::new(), text.to_owned(), format!("{text}."), format!("{text}.{}", "0".repeat(64)), format!("x{text}.{mac}")]
        {
            assert_eq!(open(&passkeys, right, &forged, NOW), None, "{forged}");
        }
    }

    #[test]
    fn a_handle_is_a_persons_own_and_does_not_say_whose() {
        let passkeys = at(None);
        assert_eq!(passkeys.handle(UserId(7)), passkeys.handle(UserId(7)));
        assert_ne!(passkeys.handle(UserId(7)), passkeys.handle(UserId(8)));
        assert_ne!(passkeys.handle(UserId(7)), Passkeys::new(&Config::default(), "another key").handle(UserId(7)));
    }
}
