//! Statements of two nodes about the same rows at once: Postgres never has to end one of them.

use futures_util::future::join_all;
use parlor::db::{Db, Purpose};
use parlor::model::UserId;

use super::store::{NOW, Store};
use crate::both;
use crate::harness::Kind;

/// How many people there are, each with a session.
const PEOPLE: usize = 40;

#[apply(both)]
async fn rows_that_two_nodes_write_at_once_are_never_waited_for_in_a_circle(db: &Store) {
    if db.database.kind == Kind::Sqlite {
        return;
    }
    let mut people = Vec::new();
    for nth in 0..PEOPLE {
        people.push(db.add(&format!("u{nth}")).await);
    }
    db.run(&format!(
        "insert into sessions (key, user_id, data, created_at, last_seen_at, expires_at)
         select username, id, '{{}}', 0, 0, {} from users",
        NOW.0 * 2
    ))
    .await;
    let other = Db::open(db.database.url(), 4, Purpose::Serve).await.expect("it opens");
    let forth: (Vec<UserId>, Vec<String>) = (people.clone(), (0..PEOPLE).map(|nth| format!("u{nth}")).collect());
    let mut back = forth.clone();
    back.0.reverse();
    back.1.reverse();
    for round in 1..=40 {
        let now = NOW.plus(round * 120_000);
        let nodes = [(&**db, &forth), (&other, &back)];
        let touches = nodes.map(async |(node, (people, keys)): (&Db, &(Vec<UserId>, Vec<String>))| {
            node.touch_people(people, now).await.expect("people are noted");
            node.touch_sessions(keys, now).await.expect("sessions are noted");
            node.delete_expired_sessions(NOW, NOW.plus(-1)).await.expect("none is");
        });
        // They take each other's looks.
        let looks = (0..4).map(async |nth: usize| {
            let node = if nth.is_multiple_of(2) { db } else { &other };
            let (person, look) = (people[(nth + round as usize) % 4], format!("look {}", (nth / 2 + round as usize) % 2));
            node.set_look(person, look, format!("fold {nth} {round}")).await.expect("it is stored");
        });
        tokio::join!(join_all(touches), join_all(looks));
    }
    let seen = db.database.query("select count(*) as n from users where seen_at is null").await;
    assert_eq!(seen[0]["n"], 0);
    other.close().await;
}
