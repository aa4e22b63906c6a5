//! Moments in which this machine stood still: a virtual machine can lose its processors for seconds, and then nobody answers in time.
//!
//! Owns noticing them, by a thread that only sleeps. What a busy server does to others is none: a thread that sleeps is given a processor
//! again within milliseconds, however many others work.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the thread sleeps.
const SLEEP: Duration = Duration::from_millis(20);
/// If it sleeps so much longer, the machine stood still.
const STALL: Duration = Duration::from_millis(500);

static WATCH: LazyLock<&'static Mutex<Watch>> = LazyLock::new(|| {
    let watch: &'static Mutex<Watch> =
        Box::leak(Box::new(Mutex::new(Watch { asleep_since: Instant::now(), stalls: Vec::new() })));
    thread::spawn(move || {
        loop {
            lock(watch).asleep_since = Instant::now();
            thread::sleep(SLEEP);
            let mut watch = lock(watch);
            let stall = watch.last();
            watch.stalls.extend(stall);
        }
    });
    watch
});

struct Watch {
    asleep_since: Instant,
    stalls: Vec<(Instant, Instant)>,
}

impl Watch {
    /// The stall that is just over, also before the thread is awake.
    fn last(&self) -> Option<(Instant, Instant)> {
        let (begin, end) = (self.asleep_since + SLEEP, Instant::now());
        (end.saturating_duration_since(begin) >= STALL).then_some((begin, end))
    }

    fn between(&self, from: Instant, to: Instant) -> Duration {
        let stalls = self.stalls.iter().copied().chain(self.last());
        let stood: Duration = stalls.map(|(begin, end)| end.min(to).saturating_duration_since(begin.max(from))).sum();
        to.saturating_duration_since(from).saturating_sub(stood)
    }
}

fn lock(watch: &'static Mutex<Watch>) -> MutexGuard<'static, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to watch. Stalls before the first call are not known.
pub fn watch() {
    LazyLock::force(&WATCH);
}

/// How long it is from one moment to another, without the time in which the machine stood still.
pub fn between(from: Instant, to: Instant) -> Duration {
    lock(*WATCH).between(from, to)
}

/// How long it has been since then, without the time in which the machine stood still.
pub fn elapsed(began: Instant) -> Duration {
    between(began, Instant::now())
}

/// Waits for something until it has been so long since then, without the time in which the machine stood still. Whatever ends with that very
/// time is in time.
pub async fn within<T>(began: Instant, time: Duration, what: impl Future<Output = T>) -> Option<T> {
    let mut what = std::pin::pin!(what);
    loop {
        let left = time.saturating_sub(elapsed(began));
        match tokio::time::timeout(left, &mut what).await {
            Ok(done) => return Some(done),
            Err(_) if elapsed(began) >= time => return None,
            Err(_) => {}
        }
    }
}

#[test]
fn time_in_which_the_machine_stood_still_does_not_count() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let watch = Watch { asleep_since: at(60), stalls: vec![(at(1), at(3)), (at(5), at(6))] };
    for ((from, to), counts) in [((0, 1), 1), ((0, 4), 2), ((2, 4), 1), ((1, 3), 0), ((3, 5), 2), ((0, 10), 7)] {
        assert_eq!(watch.between(at(from), at(to)), Duration::from_secs(counts), "from {from} to {to}");
    }
}
