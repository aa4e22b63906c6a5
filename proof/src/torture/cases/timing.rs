//! Whether the time of a refusal shows which names exist.
//!
//! A name that exists and one that does not are requested in pairs, in random order within each pair, so that other work of the machine
//! affects both alike. Two robust statistics are then tested: how often the one took longer, and the median difference.

use rand::RngExt;

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("which-names-exist", Db::BOTH, 10, 2, |fixture, rounds| Box::pin(which_names_exist(fixture, rounds)))
        .about("1,000 timings each of logging in as somebody and as nobody, and of a page, a join and a post of a private room and of one that never was: the same"),
];

const A_ROUND: usize = 100;
const ENOUGH: usize = 1000;
/// How far the order within pairs may be from even, in standard errors: by chance it is once in some 15,000 times.
const ERRORS: f64 = 4.0;
/// A smaller difference, as a share of the time, cannot be measured over a network.
const SHARE: f64 = 0.02;

async fn which_names_exist(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[("LOGIN_RATE", "off"), ("POST_RATE", "off")]).await;
    let pairs = rounds as usize * A_ROUND;
    let mut outcome = Outcome::default();
    let ada = server.register("ada").await;
    let room = ada.create_room("Secret plans", "private").await;
    ada.join(&room).await.0.post(&room, "one", "1").await;
    let nobody = "nobody-plans";
    let eve = server.register("eve").await;
    let socket = eve.socket().await;
    socket.ok("join", json!({ "room": "general" })).await;

    let stranger = server.stranger();
    let questions = [
        ("logging in", Question::LogIn(&stranger, ["adb", "ada"])),
        ("a room's page", Question::Page(&eve, [nobody, &room])),
        ("joining a room", Question::Join(&socket, [nobody, &room])),
        ("posting into a room", Question::Post(&socket, [nobody, &room])),
    ];
    let mut all = Vec::new();
    for (what, question) in questions {
        let mut times = timed(pairs, question).await;
        // Few pairs are enough for a suspicion only.
        if times.is_significant() && pairs < ENOUGH {
            times.0.extend(timed(ENOUGH - pairs, question).await.0);
        }
        outcome.note(format!("{what}: {times}"));
        all.push((what, times));
    }
    for (what, times) in all {
        times.assert_equal(what);
    }
    Ok(outcome)
}

/// A request, with a name that does not exist and one that does.
#[derive(Clone, Copy)]
enum Question<'a> {
    LogIn(&'a Person, [&'a str; 2]),
    Page(&'a Person, [&'a str; 2]),
    Join(&'a Socket, [&'a str; 2]),
    Post(&'a Socket, [&'a str; 2]),
}

impl Question<'_> {
    async fn ask(self, exists: bool) {
        let nth = usize::from(exists);
        match self {
            Self::LogIn(stranger, names) => {
                let form = [("username", names[nth]), ("password", "not the password at all")];
                stranger.post("/login", &form).await.expect(401);
            }
            Self::Page(eve, rooms) => {
                eve.get_json(&format!("/rooms/{}", rooms[nth])).await.expect(404);
            }
            Self::Join(socket, rooms) => {
                assert_eq!(socket.refused("join", json!({ "room": rooms[nth] })).await, "not_found");
            }
            Self::Post(socket, rooms) => {
                let post = json!({ "room": rooms[nth], "body": "hello", "nonce": "the same" });
                assert_eq!(socket.refused("message", post).await, "not_found");
            }
        }
    }
}

/// Pairs of times: for the name that exists, and for the one that does not.
struct Times(Vec<(Duration, Duration)>);

async fn timed(pairs: usize, question: Question<'_>) -> Times {
    // A warm-up for both.
    for _ in 0..10 {
        question.ask(true).await;
        question.ask(false).await;
    }
    let mut times = Vec::with_capacity(pairs);
    for _ in 0..pairs {
        let mut took = [Duration::ZERO; 2];
        let first = rand::rng().random::<bool>();
        for exists in [first, !first] {
            let began = Instant::now();
            question.ask(exists).await;
            took[usize::from(exists)] = began.elapsed();
        }
        times.push((took[1], took[0]));
    }
    Times(times)
}

impl Times {
    /// In what share of the pairs the name that exists took longer.
    fn share_longer(&self) -> f64 {
        let longer = self.0.iter().filter(|(exists, not)| exists > not).count() as f64;
        let even = self.0.iter().filter(|(exists, not)| exists == not).count() as f64;
        (longer + even / 2.0) / self.0.len() as f64
    }

    fn errors(&self) -> f64 {
        (self.share_longer() - 0.5).abs() * 2.0 * (self.0.len() as f64).sqrt()
    }

    /// The median difference, in seconds; positive where the name that exists took longer.
    fn difference(&self) -> f64 {
        middle(self.0.iter().map(|(exists, not)| exists.as_secs_f64() - not.as_secs_f64()).collect())
    }

    fn time(&self) -> f64 {
        middle(self.0.iter().map(|(_, not)| not.as_secs_f64()).collect())
    }

    /// Whether the difference is significant and large enough.
    fn is_significant(&self) -> bool {
        self.errors() > ERRORS && self.difference().abs() > SHARE * self.time()
    }

    fn assert_equal(&self, what: &str) {
        assert!(!self.is_significant(), "{what} tells which names exist: {self}");
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (difference, time) = (self.difference() * 1e6, self.time() * 1e6);
        let (share, pairs) = (self.share_longer() * 100.0, self.0.len());
        write!(
            f,
            "{difference:+.0} µs of {time:.0} µs, longer in {share:.1} % of {pairs} pairs ({:.1} standard errors)",
            self.errors()
        )
    }
}

fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn times(count: u64, difference: u64) -> Times {
        // Noise that is many times the difference, with outliers; the same in each run of the test.
        let mut random = StdRng::seed_from_u64(1);
        let mut time = |least| {
            let noise = random.random_range(0..200) + if random.random_ratio(1, 97) { 100_000 } else { 0 };
            Duration::from_micros(least + noise)
        };
        Times((0..count).map(|_| (time(1000 + difference), time(1000))).collect())
    }

    #[test]
    fn noise_is_no_difference_and_a_difference_is_one_in_noise() {
        assert!(times(1000, 0).errors() < ERRORS, "{}", times(1000, 0));
        let told = times(1000, 60);
        assert!(told.errors() > ERRORS && told.difference() > 30e-6, "{told}");
    }
}
