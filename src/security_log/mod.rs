//! Security events: log-ins, refusals, and changes of access, people and rooms.
//!
//! Owns the type of an event and the line that it is in the log, with the tracing target [`TARGET`]. The same event is a row of the audit
//! log (`db::audit`). `docs/audit.md` documents fields and actions. An event must never contain a secret: no password, token or session
//! id, and no unknown username, because people sometimes type their password there.

mod action;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value};

pub use action::Action;

use crate::clock::Millis;
use crate::model::{SessionKey, UserId};

/// The tracing target of all events: `LOG=warn,parlor::security=info` logs them and little else.
pub const TARGET: &str = "parlor::security";

/// The command line as an actor. No username contains a space.
const COMMAND_LINE: &str = "command line";
/// How many events of an action that strangers can trigger are recorded at once.
const BURST: i64 = 100;
/// Time per further line in the log, in milliseconds.
const EACH_LINE: i64 = 100;
/// Time per further row in the database, in milliseconds: rows are kept for long.
const EACH_ROW: i64 = 10_000;

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is not signed in.
    #[default]
    Stranger,
    /// The operator at the command line.
    CommandLine,
    /// A user.
    User {
        /// The user's id.
        id: UserId,
        /// The unique name.
        username: Arc<str>,
    },
}

impl Actor {
    /// The user's id, if it is a user.
    pub fn id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Stranger | Self::CommandLine => None,
        }
    }

    /// The name in the log; `None` for a stranger.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Stranger => None,
            Self::CommandLine => Some(COMMAND_LINE),
            Self::User { username, .. } => Some(username),
        }
    }
}

/// The origin of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The public id of the session that the request names, which may not exist.
    pub session: Option<Arc<str>>,
    /// The request id, as in the response's `x-request-id`.
    pub request_id: Option<Arc<str>>,
    /// What the browser calls itself, cut to a bounded length. Not logged.
    pub user_agent: Option<Arc<str>>,
}

/// A security event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Millis,
    /// What happened.
    pub action: Action,
    /// Who did it.
    pub actor: Actor,
    /// What it was done to: a username, the slug of a room, `slug/seq` for a message, or the id of an invitation.
    pub target: Option<Arc<str>>,
    /// The request that did it.
    pub source: Source,
    /// A few words more.
    pub note: Option<Arc<str>>,
    /// The state that was changed, as an object.
    pub before: Option<Value>,
    /// The new state, as an object.
    pub after: Option<Value>,
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
            source: source.clone(),
            note: None,
            before: None,
            after: None,
            left_out: 0,
        }
    }

    /// Sets a user as the actor.
    pub fn by(mut self, id: UserId, username: &Arc<str>) -> Self {
        self.actor = Actor::User { id, username: username.clone() };
        self
    }

    /// Sets the command line as the actor.
    pub fn by_hand(mut self) -> Self {
        self.actor = Actor::CommandLine;
        self
    }

    /// Sets the session in which it happened.
    pub fn in_session(mut self, session: &SessionKey) -> Self {
        self.source.session = Some(session.public_id().into());
        self
    }

    /// Sets the target, if there is one.
    pub fn about<'a>(mut self, target: impl Into<Option<&'a str>>) -> Self {
        self.target = target.into().map(Into::into);
        self
    }

    /// Sets the note.
    pub fn note(mut self, note: &str) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Sets the states before and after.
    pub fn changed(mut self, before: Option<Value>, after: Option<Value>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }

    /// The session, if a user did it: a stranger's cookie proves nothing.
    pub fn session(&self) -> Option<&str> {
        self.actor.id().and(self.source.session.as_deref())
    }

    /// The row's `detail`.
    pub fn detail(&self) -> Map<String, Value> {
        let mut detail = Map::new();
        let note = self.note.as_deref().map(Value::from);
        let left_out = (self.left_out > 0).then(|| self.left_out.into());
        let fields = [("note", note), ("before", self.before.clone()), ("after", self.after.clone()), ("left_out", left_out)];
        detail.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        detail
    }

    /// Writes the line. It has no name of a room, not even in a target or in the states before and after.
    pub fn write_line(&self) {
        let target = self.target.as_deref().filter(|_| !self.action.is_about_room());
        tracing::info!(
            target: TARGET,
            at = %self.at,
            action = self.action.as_str(),
            actor = self.actor.name(),
            session = self.session(),
            target,
            address = self.source.address.map(tracing::field::display),
            request_id = self.source.request_id.as_deref(),
            detail = self.note.as_deref(),
            left_out = (self.left_out > 0).then_some(self.left_out),
            "security",
        );
    }
}

/// Bounds what strangers can have recorded, so that nobody can fill a disk. The next event that is recorded has the number of dropped
/// ones.
#[derive(Debug, Default)]
pub struct Bounds {
    lines: Mutex<HashMap<Action, Recorded>>,
    rows: Mutex<HashMap<Action, Recorded>>,
}

#[derive(Debug, Default)]
struct Recorded {
    /// Theoretical arrival time of the next event.
    paid_at: i64,
    left_out: u64,
}

impl Bounds {
    /// The event as it is to be written to the log; `None` if it is to be dropped. Only actions that cost nothing are bounded.
    pub fn line(&self, event: &Event) -> Option<Event> {
        if event.action.costs_nothing() { admit(&self.lines, event, EACH_LINE) } else { Some(event.clone()) }
    }

    /// The event as it is to be stored; `None` if it is to be dropped. For events whose action writes nothing else.
    pub fn row(&self, event: &Event) -> Option<Event> {
        admit(&self.rows, event, EACH_ROW)
    }
}

fn admit(recorded: &Mutex<HashMap<Action, Recorded>>, event: &Event, each: i64) -> Option<Event> {
    let mut recorded = recorded.lock();
    let recorded = recorded.entry(event.action).or_default();
    let now = event.at.0;
    let paid_at = recorded.paid_at.clamp(now, now.saturating_add(BURST * each));
    if paid_at + each > now + BURST * each {
        recorded.paid_at = paid_at;
        recorded.left_out += 1;
        return None;
    }
    recorded.paid_at = paid_at + each;
    Some(Event { left_out: std::mem::take(&mut recorded.left_out), ..event.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, action: Action) -> Event {
        Event::new(Millis(at), action, &Source::default())
    }

    #[test]
    fn an_event_has_the_detail_that_applies() {
        let source = Source { session: Some("0123456789abcdef".into()), ..Source::default() };
        let stranger = Event::new(Millis(0), Action::LogInFailed, &source).about("ada").note("banned");
        assert_eq!(Value::from(stranger.detail()), serde_json::json!({ "note": "banned" }));
        assert_eq!(stranger.session(), None);
        let (before, after) = (serde_json::json!({ "topic": "" }), serde_json::json!({ "topic": "Tea" }));
        let user =
            Event::new(Millis(0), Action::ChangeRoom, &source).by(UserId(1), &"ada".into()).changed(Some(before), Some(after));
        assert_eq!(Value::from(user.detail()), serde_json::json!({ "before": { "topic": "" }, "after": { "topic": "Tea" } }));
        assert_eq!(user.session(), Some("0123456789abcdef"));
    }

    #[test]
    fn a_flood_of_what_costs_nothing_is_counted_and_not_written() {
        let bounds = Bounds::default();
        let left_out = |event: &Event| bounds.line(event).map(|event| event.left_out);
        let written = (0..BURST + 50).filter(|_| left_out(&event(1000, Action::OriginRefused)).is_some()).count();
        assert_eq!(written, 100);
        assert_eq!(left_out(&event(1000, Action::Throttled)), Some(0), "one action does not hide another");
        assert_eq!(left_out(&event(1000 + EACH_LINE, Action::OriginRefused)), Some(50));
        assert_eq!(left_out(&event(1000 + EACH_LINE, Action::OriginRefused)), None);
        // A clock that was set back suppresses events for a while, not for good.
        assert_eq!(left_out(&event(EACH_LINE, Action::OriginRefused)), None);
        assert_eq!(left_out(&event(2 * EACH_LINE, Action::OriginRefused)), Some(2));
    }

    #[test]
    fn failures_are_all_written_and_a_bounded_number_is_stored() {
        let bounds = Bounds::default();
        let failures: Vec<_> = (0..BURST + 50).map(|_| event(1000, Action::LogInFailed)).collect();
        assert!(failures.iter().all(|failed| bounds.line(failed).is_some()));
        assert_eq!(failures.iter().filter(|failed| bounds.row(failed).is_some()).count(), 100);
        assert_eq!(bounds.row(&event(1000 + EACH_ROW, Action::LogInFailed)).map(|event| event.left_out), Some(50));
    }
}
