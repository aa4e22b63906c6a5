//! Sessions: found while they are good, and never brought back.

use parlor::clock::Millis;
use parlor::config::SecondFactorFor;
use parlor::db::sessions::NewSession;
use parlor::model::UserId;

use super::store::{LONG_AGO, NOW, Store};
use crate::both;

async fn begin(db: &Store, key: &str, user: Option<UserId>) {
    let new = NewSession {
        key: key.into(),
        user,
        data: "{}".into(),
        created_at: NOW,
        expires_at: NOW.plus(10_000),
        address: None,
        user_agent: None,
        event: None,
    };
    db.insert_session(new).await.unwrap();
}

async fn is_good(db: &Store, key: &str, now: Millis, idle_since: Millis) -> bool {
    db.find_session(key, now, idle_since).await.unwrap().is_some()
}

#[apply(both)]
async fn a_session_tells_whose_it_is(db: &Store) {
    let ada = db.add("ada").await;
    db.set_last_room(ada, db.general().await).await.unwrap();
    begin(db, "a", Some(ada)).await;
    begin(db, "nobody's", None).await;
    let found = db.find_session("a", NOW, LONG_AGO).await.unwrap().expect("it began");
    assert_eq!((found.user_id, found.username.as_deref(), found.name.as_deref()), (Some(ada), Some("ada"), Some("The ada")));
    assert_eq!((found.is_admin, found.last_room.as_deref(), &*found.data), (Some(false), Some("general"), "{}"));
    assert_eq!((found.last_seen_at, found.expires_at), (NOW, NOW.plus(10_000)));
    let found = db.find_session("nobody's", NOW, LONG_AGO).await.unwrap().expect("it began");
    assert_eq!((found.user_id, found.username, found.is_admin), (None, None, None));
    assert!(!is_good(db, "unknown", NOW, LONG_AGO).await);
}

#[apply(both)]
async fn a_session_ends_by_age_by_rest_and_by_a_ban(db: &Store) {
    let ada = db.add("ada").await;
    begin(db, "a", Some(ada)).await;
    assert!(is_good(db, "a", NOW.plus(9_999), LONG_AGO).await);
    assert!(!is_good(db, "a", NOW.plus(10_000), LONG_AGO).await, "too old");
    assert!(is_good(db, "a", NOW, Millis(NOW.0 - 1)).await);
    assert!(!is_good(db, "a", NOW, NOW).await, "not used for too long");
    db.run(&format!("update users set banned_at = 1 where id = {ada}")).await;
    assert!(!is_good(db, "a", NOW, LONG_AGO).await, "banned");
}

#[apply(both)]
async fn two_sessions_cannot_share_a_key(db: &Store) {
    begin(db, "a", None).await;
    let again = NewSession {
        key: "a".into(),
        user: None,
        data: "{}".into(),
        created_at: NOW,
        expires_at: NOW.plus(1),
        address: None,
        user_agent: None,
        event: None,
    };
    let refused = db.insert_session(again).await.unwrap_err();
    assert!(refused.as_database_error().is_some_and(|refusal| refusal.is_unique_violation()), "{refused}");
}

#[apply(both)]
async fn a_late_write_does_not_bring_a_session_back(db: &Store) {
    let ada = db.add("ada").await;
    begin(db, "a", None).await;
    assert!(db.update_session("a", Some(ada), r#"{"seen":1}"#).await.unwrap());
    let found = db.find_session("a", NOW, LONG_AGO).await.unwrap().expect("it goes on");
    assert_eq!((found.user_id, &*found.data), (Some(ada), r#"{"seen":1}"#));
    assert!(db.delete_session("a").await.unwrap());
    assert!(!db.delete_session("a").await.unwrap(), "it ends once");
    assert!(!db.update_session("a", Some(ada), "{}").await.unwrap());
    db.touch_sessions(&["a".into()], NOW.plus(5)).await.unwrap();
    assert!(db.database.rows("sessions").await.is_empty());
}

#[apply(both)]
async fn use_is_noted_forward_only_and_for_those_named(db: &Store) {
    for key in ["a", "b", "it's \"quoted\""] {
        begin(db, key, None).await;
    }
    let seen = async |key| db.find_session(key, NOW, LONG_AGO).await.unwrap().expect("it began").last_seen_at;
    db.touch_sessions(&["a".into(), "it's \"quoted\"".into()], NOW.plus(5)).await.unwrap();
    db.touch_sessions(&["a".into()], NOW.plus(3)).await.unwrap();
    assert_eq!([seen("a").await, seen("b").await, seen("it's \"quoted\"").await], [NOW.plus(5), NOW, NOW.plus(5)]);
    db.touch_sessions(&[], NOW.plus(9)).await.unwrap();
    assert_eq!(seen("a").await, NOW.plus(5));
}

#[apply(both)]
async fn the_live_ones_among_many_are_told(db: &Store) {
    let (ada, eve) = (db.add("ada").await, db.add("eve").await);
    for (key, user) in [("a", Some(ada)), ("e", Some(eve)), ("nobody's", None)] {
        begin(db, key, user).await;
    }
    let all = ["a", "e", "nobody's", "unknown"].map(String::from);
    let live = async |now, idle_since| {
        let mut live = db.list_live_sessions(&all, now, idle_since, SecondFactorFor::Nobody).await.unwrap();
        live.sort();
        live
    };
    assert_eq!(live(NOW, LONG_AGO).await, ["a", "e"], "one that is nobody's keeps no socket alive");
    db.run(&format!("update users set banned_at = 1 where id = {eve}")).await;
    assert_eq!(live(NOW, LONG_AGO).await, ["a"]);
    assert!(live(NOW.plus(10_000), LONG_AGO).await.is_empty(), "too old");
    assert!(live(NOW, NOW).await.is_empty(), "not used for too long");
    assert!(db.list_live_sessions(&[], NOW, LONG_AGO, SecondFactorFor::Everyone).await.unwrap().is_empty());
}

#[apply(both)]
async fn what_has_run_out_is_forgotten(db: &Store) {
    for key in ["old", "resting", "good"] {
        begin(db, key, None).await;
    }
    db.run(&format!("update sessions set expires_at = {} where key = 'old'", NOW.0)).await;
    db.run("update sessions set last_seen_at = 10 where key = 'resting'").await;
    assert_eq!(db.delete_expired_sessions(NOW, Millis(10)).await.unwrap(), 2);
    assert_eq!(db.delete_expired_sessions(NOW, Millis(10)).await.unwrap(), 0);
    assert!(is_good(db, "good", NOW, LONG_AGO).await);
}
