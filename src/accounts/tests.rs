use std::num::NonZeroU32;
use std::time::Duration;

use tempfile::TempDir;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};

use super::invites::Terms;
use super::*;
use crate::config::{Rate, Registration};
use crate::db::Purpose;
use crate::db::users::User;
use crate::error::Error;

const PASSWORD: &str = "seven quiet harbours";
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Accounts on a temporary database.
struct World {
    accounts: Arc<Accounts>,
    clock: Clock,
    _folder: TempDir,
}

impl World {
    async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("parlor.db").display());
        let clock = Clock::default();
        let db = Db::open(&url, 4, Purpose::Serve).await.unwrap();
        db.migrate().await.unwrap();
        db.ensure(clock.now()).await.unwrap();
        let (db, events) = (Arc::new(db), Bus::default());
        let settings = Settings::open(db.clone(), &config, clock.clone(), &events).await.unwrap();
        let accounts = Accounts::open(db, &config, clock.clone(), events, settings).await.unwrap();
        Self { accounts: Arc::new(accounts), clock, _folder: folder }
    }

    async fn new() -> Self {
        Self::with(Config::default()).await
    }

    async fn add(&self, username: &str) -> User {
        self.accounts.add_by_hand(username, PASSWORD, false).await.unwrap()
    }

    async fn log_in(&self, username: &str, password: &str) -> Result<User> {
        self.accounts.authenticate(username, password, None, &source(1)).await
    }

    /// Creates a session for a user.
    async fn begin(&self, user: UserId) -> Record {
        let data = [("user".to_owned(), serde_json::to_value(SessionUser::only(user)).unwrap())].into();
        let mut record = Record { id: Id::default(), data, expiry_date: OffsetDateTime::UNIX_EPOCH };
        self.accounts.session_store().create(&mut record).await.unwrap();
        record
    }

    async fn is_good(&self, record: &Record) -> bool {
        self.accounts.session_store().load(&record.id).await.unwrap().is_some()
    }
}

fn source(host: u8) -> Source {
    Source { address: Some([192, 0, 2, host].into()), ..Source::default() }
}

fn form<'a>(username: &'a str, invite: &'a str, setup: &'a str) -> super::Registration<'a> {
    super::Registration { username, name: "", password: PASSWORD, invite, setup, registration: "" }
}

fn code<T>(result: &Result<T>) -> &'static str {
    result.as_ref().err().map_or("ok", Error::code)
}

#[tokio::test]
async fn every_cause_of_a_failed_login_is_the_same_error() {
    let world = World::new().await;
    world.add("ada").await;
    assert_eq!(&*world.log_in("ADA", PASSWORD).await.unwrap().username, "ada");
    for (username, password) in [("ada", "wrong"), ("nobody", PASSWORD), ("no body", PASSWORD), ("", ""), ("ada", "")] {
        let refused = world.log_in(username, password).await;
        assert!(matches!(refused, Err(Error::WrongPassword)), "{username:?} {password:?}");
    }
}

#[tokio::test]
async fn of_many_guesses_at_once_no_more_get_through_than_one_after_the_other() {
    let rate = Rate { count: NonZeroU32::new(3).unwrap(), per: Duration::from_secs(60) };
    let world = World::with(Config { login_rate: Some(rate), ..Config::default() }).await;
    world.add("ada").await;
    let guesses = (0..12).map(|_| world.log_in("ada", "wrong"));
    let codes: Vec<_> = futures_util::future::join_all(guesses).await.iter().map(code).collect();
    let tried = codes.iter().filter(|&&code| code == "unauthenticated").count();
    // One more guess for each concurrent hash may pass.
    let at_once = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2);
    assert!((3..3 + at_once).contains(&tried), "{codes:?}");
    assert!(codes.iter().all(|&code| code == "unauthenticated" || code == "rate_limited"), "{codes:?}");
}

#[tokio::test]
async fn who_knows_the_password_is_not_held_up_by_others_who_do() {
    let rate = Rate { count: NonZeroU32::new(2).unwrap(), per: Duration::from_secs(60) };
    let world = World::with(Config { login_rate: Some(rate), ..Config::default() }).await;
    world.add("ada").await;
    let logins = futures_util::future::join_all((0..8).map(|_| world.log_in("ada", PASSWORD))).await;
    assert!(logins.iter().all(Result::is_ok), "{:?}", logins.iter().map(code).collect::<Vec<_>>());
}

#[tokio::test]
async fn where_registration_is_closed_only_the_operator_makes_accounts() {
    let world = World::with(Config { registration: Some(Registration::Closed), ..Config::default() }).await;
    assert_eq!(code(&world.accounts.register(form("ada", "", ""), &source(1)).await), "forbidden");
    let invite = world.accounts.invite_by_hand(Terms::default()).await.unwrap();
    assert_eq!(code(&world.accounts.register(form("ada", &invite, ""), &source(1)).await), "forbidden");
    world.add("ada").await;
}

#[tokio::test]
async fn an_invitation_is_for_one_person_and_for_a_week() {
    let world = World::with(Config { registration: Some(Registration::Invite), ..Config::default() }).await;
    let invite = world.accounts.invite_by_hand(Terms::default()).await.unwrap();
    assert_eq!(code(&world.accounts.register(form("ada", "", ""), &source(1)).await), "invalid");
    assert_eq!(code(&world.accounts.register(form("ada", "guess", ""), &source(1)).await), "invalid");
    assert!(!world.accounts.register(form("ada", &invite, ""), &source(1)).await.unwrap().is_admin);
    assert_eq!(code(&world.accounts.register(form("grace", &invite, ""), &source(1)).await), "invalid");
    assert_eq!(code(&world.log_in("grace", PASSWORD).await), "unauthenticated", "a refused registration made an account");

    let invite = world.accounts.invite_by_hand(Terms::default()).await.unwrap();
    // A taken username does not use up the invitation.
    assert_eq!(code(&world.accounts.register(form("ada", &invite, ""), &source(1)).await), "invalid");
    world.clock.shift(8 * DAY);
    assert_eq!(code(&world.accounts.register(form("grace", &invite, ""), &source(1)).await), "invalid");
}

#[tokio::test]
async fn the_setup_link_makes_one_administrator() {
    let world = World::with(Config { registration: Some(Registration::Closed), ..Config::default() }).await;
    let setup = world.accounts.new_setup_token().await.unwrap().unwrap();
    assert_eq!(code(&world.accounts.register(form("mallory", "", "guess"), &source(1)).await), "forbidden");
    let address = source(1);
    let tries = ["ada", "grace"].map(|name| world.accounts.register(form(name, "", &setup), &address));
    let both = futures_util::future::join_all(tries).await;
    let admins: Vec<_> = both.iter().flatten().collect();
    assert!(admins.len() == 1 && admins[0].is_admin, "{:?}", both.iter().map(code).collect::<Vec<_>>());
    assert_eq!(code(&world.accounts.register(form("heidi", "", &setup), &source(1)).await), "forbidden");
    assert_eq!(world.accounts.new_setup_token().await.unwrap(), None);
}

#[tokio::test]
async fn an_ipv6_network_registers_as_one_address() {
    let rate = Rate { count: NonZeroU32::new(1).unwrap(), per: Duration::from_secs(60) };
    let world = World::with(Config { registration_rate: Some(rate), ..Config::default() }).await;
    let register = async |name: &str, address: &str| {
        let source = Source { address: Some(address.parse().unwrap()), ..Source::default() };
        code(&world.accounts.register(form(name, "", ""), &source).await)
    };
    assert_eq!(register("ada", "2001:db8::1").await, "ok");
    assert_eq!(register("grace", "2001:db8::2").await, "rate_limited");
    assert_eq!(register("grace", "2001:db8:0:1::2").await, "ok");
    assert_eq!(register("mary", "::ffff:192.0.2.1").await, "ok");
    assert_eq!(register("joan", "192.0.2.1").await, "rate_limited");
}

#[tokio::test]
async fn the_operator_is_held_to_the_same_rules() {
    let world = World::new().await;
    for (username, password) in [("a b", PASSWORD), ("ada", "password"), ("ada", "short")] {
        assert_eq!(code(&world.accounts.add_by_hand(username, password, true).await), "invalid", "{username:?}");
    }
    assert!(world.accounts.add_by_hand("Ada", PASSWORD, true).await.unwrap().is_admin);
    assert_eq!(code(&world.accounts.add_by_hand("ada", PASSWORD, false).await), "invalid");
}

#[tokio::test]
async fn a_session_tells_whose_it_is_as_it_is_now() {
    let world = World::new().await;
    let ada = world.add("ada").await;
    let session = world.begin(ada.id).await;
    let loaded = world.accounts.session_store().load(&session.id).await.unwrap().unwrap();
    let user: SessionUser = serde_json::from_value(loaded.data["user"].clone()).unwrap();
    assert_eq!((user.id, &*user.username, &*user.name, user.is_admin), (ada.id, "ada", "ada", false));
    let by_key = world.accounts.session_user(&session::key(&session.id)).await.unwrap().unwrap();
    assert!(by_key.confirmed_at > crate::clock::Millis(0));
    assert!(by_key.expires_at > by_key.confirmed_at);
    // The record does not hold them: a page asks the database.
    assert_eq!(SessionUser { confirmed_at: user.confirmed_at, expires_at: user.expires_at, ..by_key }, user);
    assert_eq!(world.accounts.session_user(&session::key(&Id::default())).await.unwrap(), None);
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_brought_back_by_a_save_that_comes_late() {
    let world = World::new().await;
    let ada = world.add("ada").await;
    let store = world.accounts.session_store();
    let session = world.begin(ada.id).await;
    let held = store.load(&session.id).await.unwrap().unwrap();
    store.delete(&session.id).await.unwrap();
    store.save(&held).await.unwrap();
    assert!(!world.is_good(&session).await);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let world = World::new().await;
    let ada = world.add("ada").await;
    let (used, unused) = (world.begin(ada.id).await, world.begin(ada.id).await);
    for _ in 0..8 {
        world.clock.shift(11 * DAY);
        assert!(world.is_good(&used).await, "it is used, and 88 days old at most");
    }
    assert!(!world.is_good(&unused).await);
    world.clock.shift(3 * DAY);
    assert!(!world.is_good(&used).await, "it is 91 days old");
}

#[tokio::test]
async fn a_session_under_an_open_socket_is_in_use() {
    let world = World::new().await;
    let ada = world.add("ada").await;
    let (open, ended) = (world.begin(ada.id).await, world.begin(ada.id).await);
    world.accounts.session_store().delete(&ended.id).await.unwrap();
    let keys: HashSet<_> = [&open, &ended].map(|session| session::key(&session.id)).into();
    for _ in 0..8 {
        world.clock.shift(11 * DAY);
        let gone = world.accounts.ended_among(keys.clone()).await.unwrap();
        assert_eq!(gone, HashSet::from([session::key(&ended.id)]));
    }
    world.clock.shift(3 * DAY);
    assert_eq!(world.accounts.ended_among(keys.clone()).await.unwrap(), keys);
}
