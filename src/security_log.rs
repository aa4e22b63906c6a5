//! The security log: log-ins, refusals, and changes of access.
//!
//! Owns the type of an event and the function that writes it to the tracing target [`TARGET`]. `docs/security-log.md` documents
//! fields and actions. It must never contain a secret: no password, token or session id, and no unknown username, because people
//! sometimes type their password there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Serialize, Serializer};

use crate::clock::Millis;

/// The tracing target of all events: `LOG=warn,parlor::security=info` logs them and little else.
pub const TARGET: &str = "parlor::security";

/// The command line as an actor. No username contains a space.
const COMMAND_LINE: &str = "command line";
/// Burst of logged events per action that a stranger can trigger at no cost.
const AT_ONCE: i64 = 100;
/// Time per further event, in milliseconds.
const EACH: i64 = 100;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A user logged in.
    LogIn,
    /// A failed log-in: wrong username or password, or a banned user.
    LogInFailed,
    /// A log-in, registration or password change was refused by a rate limit.
    Throttled,
    /// A user logged out.
    LogOut,
    /// A user changed their password.
    PasswordChange,
    /// A signed-in user gave a wrong current password.
    PasswordCheckFailed,
    /// An administrator banned a user.
    Ban,
    /// An administrator lifted a ban.
    Unban,
    /// An invitation was created.
    InviteMade,
    /// An invitation was used.
    InviteUsed,
    /// A registration with an unknown, used or expired invitation.
    InviteRefused,
    /// A user registered.
    Registration,
    /// The set-up link created an administrator.
    SetupUsed,
    /// A wrong or used set-up token.
    SetupRefused,
    /// A form or socket from another site was refused.
    OriginRefused,
    /// An account was added at the command line.
    PersonAdded,
    /// An administrator was added at the command line.
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

    /// Whether a stranger can trigger it without a password hash, that is, as fast as requests.
    const fn costs_nothing(self) -> bool {
        matches!(self, Self::Throttled | Self::InviteRefused | Self::SetupRefused | Self::OriginRefused)
    }
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is not signed in.
    #[default]
    Stranger,
    /// The operator at the command line.
    CommandLine,
    /// A user, by username.
    Person(Arc<str>),
}

impl Actor {
    /// The name in the log; `None` for a stranger.
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

/// The origin of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request id, as in the response's `x-request-id`.
    pub request_id: Option<Arc<str>>,
}

/// A security event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When it happened.
    pub at: Millis,
    /// What happened.
    pub action: Action,
    /// Who did it.
    pub actor: Actor,
    /// The username of the affected account.
    pub target: Option<Arc<str>>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request id.
    pub request_id: Option<Arc<str>>,
    /// A short detail.
    pub detail: Option<Arc<str>>,
    /// Number of similar events dropped just before.
    pub left_out: u64,
}

impl Event {
    /// An event by a stranger, without a target.
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

    /// Sets a user as the actor.
    pub fn by(mut self, username: &Arc<str>) -> Self {
        self.actor = Actor::Person(username.clone());
        self
    }

    /// Sets the command line as the actor.
    pub fn by_hand(mut self) -> Self {
        self.actor = Actor::CommandLine;
        self
    }

    /// Sets the affected account, if there is one.
    pub fn about<'a>(mut self, username: impl Into<Option<&'a str>>) -> Self {
        self.target = username.into().map(Into::into);
        self
    }

    /// Sets a detail.
    pub fn detail(mut self, detail: &str) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Writes security events.
#[derive(Debug, Default)]
pub struct SecurityLog {
    /// The state of the rate limit, per action that costs nothing to trigger.
    written: Mutex<HashMap<Action, Written>>,
}

#[derive(Debug, Default)]
struct Written {
    /// Theoretical arrival time of the next event.
    paid_at: i64,
    left_out: u64,
}

impl SecurityLog {
    /// Writes an event. Events that a stranger can trigger at no cost are rate limited, so that nobody can fill a disk; the next
    /// one written has the number of dropped ones.
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

    /// The number of events dropped before this one; `None` if this one is to be dropped.
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
        // A clock that was set back suppresses events for a while, not for good.
        assert_eq!(log.admit(&event(EACH, Action::OriginRefused)), None);
        assert_eq!(log.admit(&event(2 * EACH, Action::OriginRefused)), Some(2));
    }
}
