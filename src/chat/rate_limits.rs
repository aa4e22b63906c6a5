//! Rate limits per user on everything but posting.
//!
//! Owns the kinds of actions, their shares of `ACT_RATE`, and the counters: in memory, one per user and kind, shared by pages and
//! sockets, and dropped after inactivity. What programs do for a user (access tokens) is counted apart, so that a script that runs wild does not
//! lock its owner out. It must not know what an action does.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};

use crate::config::Rate;
use crate::error::{Error, Result};
use crate::model::UserId;

/// The kinds of actions. Each has its own limit, so that one kind cannot block another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// Create a room or a conversation.
    Create,
    /// Change a room's name, topic or visibility.
    Describe,
    /// Join a room.
    Enter,
    /// Leave a room.
    Leave,
    /// Add a member.
    Admit,
    /// Remove a member, or ban a user.
    Remove,
    /// Pin or unpin a message.
    Pin,
    /// Set a notification level or arrange the sidebar.
    NotificationLevel,
    /// Change one's profile or settings.
    Profile,
    /// Create an invitation.
    Invite,
    /// Move a read marker.
    Mark,
    /// Signal typing.
    Type,
    /// Store a draft.
    Draft,
    /// Search.
    Search,
    /// List or look up people.
    People,
    /// Read a page, history, changes or one's rooms.
    Read,
    /// Make a socket live in a room, or remove it.
    Join,
    /// Report a message.
    Report,
    /// Begin, continue or end an upload.
    Upload,
    /// Read a file or a preview of it.
    Download,
    /// Have a link fetched for its preview.
    LinkPreview,
    /// Take down a reminder.
    Remind,
    /// Use the slash command of a webhook.
    Command,
    /// Have a bot made for a webhook.
    Hook,
}

/// Whose actions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spender {
    person: UserId,
    /// Whether a program acts for them, with any of their access tokens.
    is_program: bool,
}

tokio::task_local! {
    /// Set while a program's request or event is handled. It belongs to the request and not to an action, so it is not a parameter of each.
    static PROGRAM: ();
}

impl Spender {
    /// Whoever acts now for this person.
    pub fn of(person: UserId) -> Self {
        Self { person, is_program: PROGRAM.try_with(|()| ()).is_ok() }
    }
}

/// Does what a request or an event asks for, on behalf of a program if `is_program`.
pub async fn spend_as<T>(is_program: bool, work: impl Future<Output = T>) -> T {
    if is_program { PROGRAM.scope((), work).await } else { work.await }
}

/// As [`spend_as`], for what is done at once.
pub fn spend_now_as<T>(is_program: bool, work: impl FnOnce() -> T) -> T {
    if is_program { PROGRAM.sync_scope((), work) } else { work() }
}

/// The limit of an action if `ACT_RATE` is 60/min; proportional at other rates.
struct Share {
    /// Per minute.
    minute: u32,
    /// Burst.
    burst: u32,
    /// Per day, if the limit per minute would allow too many.
    day: Option<u32>,
}

impl ActionKind {
    /// All kinds, in the order of their discriminants.
    const ALL: [Self; 24] = [
        Self::Create,
        Self::Describe,
        Self::Enter,
        Self::Leave,
        Self::Admit,
        Self::Remove,
        Self::Pin,
        Self::NotificationLevel,
        Self::Profile,
        Self::Invite,
        Self::Mark,
        Self::Type,
        Self::Draft,
        Self::Search,
        Self::People,
        Self::Read,
        Self::Join,
        Self::Report,
        Self::Upload,
        Self::Download,
        Self::LinkPreview,
        Self::Remind,
        Self::Command,
        Self::Hook,
    ];

    /// Actions that are stored or published are limited most. The automatic actions of a client have room for the worst case:
    /// reconnecting to every room (`Join`, `Mark`), or scrolling through years (`Read`).
    const fn share(self) -> Share {
        let (minute, burst, day) = match self {
            Self::Create => (30, 30, Some(300)),
            Self::Describe | Self::Profile => (20, 20, None),
            Self::Enter | Self::NotificationLevel => (60, 60, None),
            // Nobody can leave more rooms than they have joined, and leaving all of them is never refused.
            Self::Leave => (120, 600, None),
            Self::Admit => (30, 60, Some(1_000)),
            Self::Remove => (30, 60, None),
            Self::Pin => (60, 30, None),
            Self::Invite => (30, 30, None),
            Self::Mark => (600, 2_500, None),
            Self::Type => (120, 60, None),
            // On log-out, all drafts are stored at once.
            Self::Draft => (120, 200, None),
            Self::Search => (60, 30, None),
            Self::People => (240, 120, None),
            Self::Read => (1_200, 600, None),
            Self::Join => (1_200, 2_500, None),
            Self::Report => (10, 20, Some(100)),
            // A large file on a bad connection is many parts.
            Self::Upload => (600, 600, None),
            // A page of pictures.
            Self::Download => (3_000, 3_000, None),
            // They are requests to others.
            Self::LinkPreview => (30, 30, Some(1_000)),
            // They are requests to others.
            Self::Command => (30, 30, Some(1_000)),
            // Each is an account that stays when it is closed.
            Self::Hook => (10, 20, Some(100)),
            // They are said later.
            Self::Remind => (20, 20, Some(500)),
        };
        Share { minute, burst, day }
    }
}

/// How many people a user may reach with `@room` and `@here` in large rooms: as a burst, and again per hour.
const MASS_MENTIONS: u32 = 20_000;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

type Counts = DefaultKeyedRateLimiter<Spender>;

/// The rate limits of all users.
pub struct RateLimits(Option<Kinds>);

struct Kinds {
    /// By kind: the limit per minute, and per day.
    by_kind: Vec<(Counts, Option<Counts>)>,
    mass_mentions: Counts,
    max_mass_mentions: NonZeroU32,
}

impl RateLimits {
    /// Limits in proportion to this rate; none without one.
    pub fn new(rate: Option<Rate>) -> Self {
        Self(rate.map(|rate| {
            let counts = |count, time, burst| Counts::keyed(quota(rate, count, time, burst));
            let of = |Share { minute, burst, day }| (counts(minute, MINUTE, burst), day.map(|day| counts(day, DAY, day)));
            Kinds {
                by_kind: ActionKind::ALL.into_iter().map(|kind| of(kind.share())).collect(),
                mass_mentions: counts(MASS_MENTIONS, HOUR, MASS_MENTIONS),
                max_mass_mentions: scaled(rate, MASS_MENTIONS),
            }
        }))
    }

    /// Whether there are limits.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Charges an action.
    ///
    /// # Errors
    /// `rate_limited`; then it is not charged.
    pub fn count(&self, person: UserId, kind: ActionKind) -> Result<()> {
        let Some(kinds) = &self.0 else { return Ok(()) };
        let (late, daily) = &kinds.by_kind[kind as usize];
        let spender = Spender::of(person);
        for counts in std::iter::once(late).chain(daily) {
            counts.check_key(&spender).map_err(|not_until| Error::RateLimited { retry_after: wait(&not_until) })?;
        }
        Ok(())
    }

    /// Charges a mass mention of this many people, who do not care whether a program wrote it.
    ///
    /// # Errors
    /// `rate_limited`, with their number.
    pub fn count_mass_mention(&self, person: UserId, people: NonZeroU32) -> Result<()> {
        let Some(kinds) = &self.0 else { return Ok(()) };
        // A room larger than the limit can still be mentioned with an unused quota.
        match kinds.mass_mentions.check_key_n(&Spender { person, is_program: false }, people.min(kinds.max_mass_mentions)) {
            Ok(Err(not_until)) => Err(Error::TooManyMentioned { people: people.get(), retry_after: wait(&not_until) }),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// Drops counters that are back to zero; called regularly.
    pub fn forget_quiet_people(&self) {
        let Some(kinds) = &self.0 else { return };
        let by_kind = kinds.by_kind.iter().flat_map(|(late, daily)| std::iter::once(late).chain(daily));
        for counts in by_kind.chain([&kinds.mass_mentions]) {
            counts.retain_recent();
            counts.shrink_to_fit();
        }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.0
            .iter()
            .flat_map(|kinds| &kinds.by_kind)
            .map(|(late, daily)| late.len() + daily.as_ref().map_or(0, Counts::len))
            .sum()
    }
}

fn wait(not_until: &governor::NotUntil<<governor::clock::DefaultClock as governor::clock::Clock>::Instant>) -> Duration {
    not_until.wait_time_from(governor::clock::DefaultClock::default().now())
}

/// The quota for `count` per `time` and `burst`, both scaled by the rate.
fn quota(rate: Rate, count: u32, time: Duration, burst: u32) -> Quota {
    let each = time.as_nanos() * rate.per.as_nanos() / (u128::from(count) * u128::from(rate.count.get()) * 1_000_000_000);
    let each = Duration::from_nanos(u64::try_from(each).unwrap_or(u64::MAX).max(1));
    Quota::with_period(each).expect("the period is not zero").allow_burst(scaled(rate, burst))
}

/// Scales a number by the rate relative to 60/min; at least one.
fn scaled(rate: Rate, count: u32) -> NonZeroU32 {
    let count = u128::from(count) * u128::from(rate.count.get()) * 1_000_000_000 / rate.per.as_nanos().max(1);
    NonZeroU32::new(u32::try_from(count).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(1);
    const GRACE: UserId = UserId(2);

    fn rates(count: u32, per: Duration) -> RateLimits {
        RateLimits::new(Some(Rate { count: NonZeroU32::new(count).unwrap(), per }))
    }

    /// The number of actions allowed at once. The clock runs, but not long enough for another one.
    fn at_once(rates: &RateLimits, person: UserId, kind: ActionKind) -> usize {
        (0..100_000).take_while(|_| rates.count(person, kind).is_ok()).count()
    }

    #[test]
    fn kinds_and_people_are_counted_apart() {
        let rates = rates(60, MINUTE);
        assert_eq!(at_once(&rates, ADA, ActionKind::Describe), 20);
        let refused = rates.count(ADA, ActionKind::Describe).unwrap_err();
        assert_eq!(refused.code(), "rate_limited");
        assert!(refused.retry_after().is_some_and(|wait| wait > Duration::ZERO && wait <= Duration::from_secs(3)), "{refused:?}");
        assert_eq!(at_once(&rates, GRACE, ActionKind::Describe), 20);
        assert_eq!(at_once(&rates, ADA, ActionKind::Profile), 20);
    }

    #[tokio::test]
    async fn a_program_is_counted_apart_from_its_owner() {
        let rates = rates(60, MINUTE);
        assert_eq!(spend_as(true, async { at_once(&rates, ADA, ActionKind::Describe) }).await, 20);
        assert_eq!(spend_as(false, async { at_once(&rates, ADA, ActionKind::Describe) }).await, 20);
        assert_eq!(spend_as(true, async { at_once(&rates, ADA, ActionKind::Describe) }).await, 0);
    }

    #[test]
    fn every_kind_has_its_place_and_shares_are_in_proportion() {
        for (number, kind) in ActionKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert!(kind.share().burst >= 20, "{kind:?}");
        }
        assert_eq!(at_once(&rates(120, MINUTE), ADA, ActionKind::Describe), 40);
        assert_eq!(at_once(&rates(1, Duration::from_secs(1)), ADA, ActionKind::Describe), 20, "60 a minute is one a second");
        assert_eq!(at_once(&rates(1, HOUR), ADA, ActionKind::Describe), 1);
        let off = RateLimits::new(None);
        assert!(!off.is_on() && at_once(&off, ADA, ActionKind::Describe) == 100_000 && off.remembered() == 0);
    }

    #[test]
    fn a_day_has_an_end_too() {
        // Fast enough for the burst not to matter.
        let share = ActionKind::Admit.share();
        let quick = rates(60, MINUTE);
        let Some(Kinds { by_kind, .. }) = &quick.0 else { panic!("it counts") };
        let (_, daily) = &by_kind[ActionKind::Admit as usize];
        let daily = daily.as_ref().expect("there is a bound for the day");
        let allowed = (0..100_000).take_while(|_| daily.check_key(&Spender::of(ADA)).is_ok()).count();
        assert_eq!(Some(allowed as u32), share.day);
    }

    #[test]
    fn whoever_calls_many_waits_for_long() {
        let rates = rates(60, MINUTE);
        let people = |count| NonZeroU32::new(count).unwrap();
        assert!(rates.count_mass_mention(ADA, people(10_000)).is_ok() && rates.count_mass_mention(ADA, people(10_000)).is_ok());
        let refused = rates.count_mass_mention(ADA, people(10_000)).unwrap_err();
        assert_eq!(refused.code(), "rate_limited");
        assert!(refused.retry_after().is_some_and(|wait| wait > Duration::from_secs(29 * 60)), "{refused:?}");
        // A room of any size can be mentioned once.
        assert!(
            rates.count_mass_mention(GRACE, people(1_000_000)).is_ok() && rates.count_mass_mention(GRACE, people(1)).is_err()
        );
    }

    #[test]
    fn the_quiet_are_forgotten() {
        let quick = rates(1_000_000, Duration::from_secs(1));
        for person in 0..1_000 {
            quick.count(UserId(person), ActionKind::Read).unwrap();
        }
        assert_eq!(quick.remembered(), 1_000);
        // Each counter is back to zero after 50 ns.
        while quick.remembered() > 0 {
            quick.forget_quiet_people();
        }
        let slow = rates(1, HOUR);
        slow.count(ADA, ActionKind::Read).unwrap();
        slow.forget_quiet_people();
        assert_eq!(slow.remembered(), 1);
    }
}
