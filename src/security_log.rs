//! The security log: who came in, who was kept out, and who changed somebody's access.
//!
//! Owns the one type for such an event and the one function that writes it, to the tracing target [`TARGET`]. What the fields and
//! actions mean is documented in `docs/security-log.md`. It must never be given a secret: no password, no token, no session's id,
//! and no name that was typed and that nobody has, because people type their passwords there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Serialize, Serializer};

use crate::clock::Millis;

/// The tracing target of all events: `LOG=warn,parlor::security=info` logs them and little else.
pub const TARGET: &str = "parlor::security";

/// What the command line is called as an actor. No username has a space.
const COMMAND_LINE: &str = "command line";
/// How many events a stranger can cause for nothing, of one action, before some are left out.
const AT_ONCE: i64 = 100;
/// How long it takes until another one is written, in milliseconds.
const EACH: i64 = 100;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Somebody logged in.
    LogIn,
    /// A log-in with a wrong name or password, or of somebody who is banned.
    LogInFailed,
    /// A log-in, a registration or a password change was refused because there were too many.
    Throttled,
    /// Somebody logged out.
    LogOut,
    /// Somebody changed their password.
    PasswordChange,
    /// Somebody who is signed in gave a wrong present password.
    PasswordCheckFailed,
    /// An administrator banned somebody.
    Ban,
    /// An administrator let somebody back in.
    Unban,
    /// An invitation was made.
    InviteMade,
    /// An invitation was used up.
    InviteUsed,
    /// Somebody tried to register with an invitation that is none, or is used or out of date.
    InviteRefused,
    /// Somebody made an account.
    Registration,
    /// The set-up link made an administrator.
    SetupUsed,
    /// Somebody tried to use a set-up link that is none, or was used.
    SetupRefused,
    /// A form or a socket from another site was refused.
    OriginRefused,
    /// An account was added at the command line.
    PersonAdded,
    /// An administrator's account was added at the command line.
    AdminAdded,
}

impl Action {
    /// Its name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogIn => "log_in",
            Self::LogInFailed => "log_in_failed",
            Self::Throttled => "throttled",
            Self::LogOut => "log_out",
            Self::PasswordChange => "password_change",
            Self::PasswordCheckFailed => "password_check_failed",
            Self::Ban => "ban",
            Self::Unban => "unban",
            Self::InviteMade => "invite_made",
            Self::InviteUsed => "invite_used",
            Self::InviteRefused => "invite_refused",
            Self::Registration => "registration",
            Self::SetupUsed => "setup_used",
            Self::SetupRefused => "setup_refused",
            Self::OriginRefused => "origin_refused",
            Self::PersonAdded => "person_added",
            Self::AdminAdded => "admin_added",
        }
    }

    /// Whether a stranger can cause it without a password being hashed for it: as fast as requests go.
    const fn costs_nothing(self) -> bool {
        matches!(self, Self::Throttled | Self::InviteRefused | Self::SetupRefused | Self::OriginRefused)
    }
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// Nobody who is signed in.
    #[default]
    Stranger,
    /// Whoever runs the server.
    CommandLine,
    /// Somebody, by their username.
    Person(Arc<str>),
}

impl Actor {
    /// What they are called in the log; a stranger is not called anything.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Stranger => None,
            Self::CommandLine => Some(COMMAND_LINE),
            Self::Person(username) => Some(username),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request's id, as the answer's `x-request-id` says it too.
    pub request_id: Option<Arc<str>>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub at: Millis,
    /// What.
    pub action: Action,
    /// By whom.
    pub actor: Actor,
    /// Whose account it is about, by its username.
    pub target: Option<Arc<str>>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request's id.
    pub request_id: Option<Arc<str>>,
    /// What else there is to say, in a word or two.
    pub detail: Option<Arc<str>>,
    /// How many events of the same action were left out just before, because there were too many.
    pub left_out: u64,
}

impl Event {
    /// An event by a stranger, about nobody.
    pub fn new(at: Millis, action: Action, source: &Source) -> Self {
        Self {
            at,
            action,
            actor: Actor::Stranger,
            target: None,
            address: source.address,
            request_id: source.request_id.clone(),
            detail: None,
            left_out: 0,
        }
    }

    /// The same, done by somebody.
    pub fn by(mut self, username: &Arc<str>) -> Self {
        self.actor = Actor::Person(username.clone());
        self
    }

    /// The same, done at the command line.
    pub fn by_hand(mut self) -> Self {
        self.actor = Actor::CommandLine;
        self
    }

    /// The same, about somebody's account, if there is one.
    pub fn about<'a>(mut self, username: impl Into<Option<&'a str>>) -> Self {
        self.target = username.into().map(Into::into);
        self
    }

    /// The same, with a word more.
    pub fn detail(mut self, detail: &str) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Where events go.
#[derive(Debug, Default)]
pub struct SecurityLog {
    /// What was written of late, of each action that costs nothing to cause.
    written: Mutex<HashMap<Action, Written>>,
}

#[derive(Debug, Default)]
struct Written {
    /// When all that was written is paid for, at one each [`EACH`].
    paid_at: i64,
    left_out: u64,
}

impl SecurityLog {
    /// Writes an event. Of an action that a stranger can cause for nothing it leaves some out when there are too many, so that nobody
    /// can fill a disk; the next one that is written says how many.
    pub fn note(&self, mut event: Event) {
        if event.action.costs_nothing() {
            match self.admit(&event) {
                Some(left_out) => event.left_out = left_out,
                None => return,
            }
        }
        tracing::info!(
            target: TARGET,
            at = %event.at,
            action = event.action.as_str(),
            actor = event.actor.name(),
            target = event.target.as_deref(),
            address = event.address.map(tracing::field::display),
            request_id = event.request_id.as_deref(),
            detail = event.detail.as_deref(),
            left_out = (event.left_out > 0).then_some(event.left_out),
            "security",
        );
    }

    /// How many like it were left out before; nothing when this one is to be left out as well.
    fn admit(&self, event: &Event) -> Option<u64> {
        let mut written = self.written.lock();
        let written = written.entry(event.action).or_default();
        let now = event.at.0;
        let paid_at = written.paid_at.clamp(now, now.saturating_add(AT_ONCE * EACH));
        if paid_at + EACH > now + AT_ONCE * EACH {
            written.paid_at = paid_at;
            written.left_out += 1;
            return None;
        }
        written.paid_at = paid_at + EACH;
        Some(std::mem::take(&mut written.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, action: Action) -> Event {
        Event::new(Millis(at), action, &Source::default())
    }

    #[test]
    fn an_event_is_told_as_data() {
        let ada: Arc<str> = "ada".into();
        let source = Source { address: Some([192, 0, 2, 1].into()), request_id: Some("r1".into()) };
        let event = Event::new(Millis(0), Action::PasswordChange, &source).by(&ada).about("ada");
        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            serde_json::json!({
                "at": "1970-01-01T00:00:00.000Z", "action": "password_change", "actor": "ada", "target": "ada", "address": "192.0.2.1",
                "request_id": "r1", "detail": null, "left_out": 0,
            })
        );
    }

    #[test]
    fn a_flood_of_what_costs_nothing_is_counted_and_not_written() {
        let log = SecurityLog::default();
        let written = (0..AT_ONCE + 50).filter(|_| log.admit(&event(1000, Action::OriginRefused)).is_some()).count();
        assert_eq!(written, 100);
        assert_eq!(log.admit(&event(1000, Action::Throttled)), Some(0), "one action does not hide another");
        assert_eq!(log.admit(&event(1000 + EACH, Action::OriginRefused)), Some(50));
        assert_eq!(log.admit(&event(1000 + EACH, Action::OriginRefused)), None);
        // A clock that was set back stops it for a while, and not for good.
        assert_eq!(log.admit(&event(EACH, Action::OriginRefused)), None);
        assert_eq!(log.admit(&event(2 * EACH, Action::OriginRefused)), Some(2));
    }
}
