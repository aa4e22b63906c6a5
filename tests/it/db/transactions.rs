//! A transaction whose owner goes away in the middle must not take a later write with it: sqlx hands its connection on, and what
//! is written there next would seem to succeed and never be committed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use parlor::db::Db;
use parlor::db::ledger::{SnapshotKeys, Writes};
use parlor::db::users::Permit;
use parlor::model::{Membership, RoomId, RoomRole, UserId};
use sqlx::Connection;

use super::store::{NOW, Store, invite, line, person, word};
use crate::both;

/// How often it is tried.
const ROUNDS: u64 = 60;

/// Lets something go on `steps` times and then drops it where it stands; `true` if it had not ended by then.
async fn is_given_up<T>(steps: u64, doing: impl Future<Output = T>) -> bool {
    let mut doing = pin!(doing);
    let mut left = steps;
    poll_fn(|context| {
        left -= 1;
        match doing.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending if left == 0 => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Whether every write of the rounds is there, for a stranger to see, and no connection sleeps in a transaction.
async fn check(db: &Store) {
    assert_eq!(db.database.rows("invites").await.len() as u64, ROUNDS);
    db.database.has_no_open_transaction().await;
}

/// Makes or ends a membership as the ledger does.
async fn set(db: &Store, room: RoomId, user: UserId, membership: Option<Membership>) {
    let mut writes = Writes::default();
    writes.set_membership((room, user), membership);
    db.commit_batch(&SnapshotKeys::default(), |known| ((), known, writes)).await.expect("it is written");
}

#[apply(both)]
async fn what_was_committed_is_seen_by_whoever_asks_next(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    db.say(general, ada, 200).await;
    let slug = "general".into();
    // Others read all the time, and some of them go away in the middle.
    let reading = async {
        for round in 0.. {
            is_given_up(1 + round % 4, db.messages(general, &slug, 1, 200, 200)).await;
            db.list_rooms(ada).await.expect("it answers");
        }
    };
    let writing = async {
        for round in 0..300 {
            let membership =
                (round % 2 == 0).then_some(Membership { joined_at: NOW.plus(round), read_seq: round, role: RoomRole::Member });
            set(db, general, ada, membership).await;
            let view = db.find_room("general", ada).await.expect("it answers").expect("it is public");
            assert_eq!(view.membership, membership, "round {round}");
            assert_eq!(view.members, i64::from(membership.is_some()));
        }
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
}

#[apply(both)]
async fn a_registration_that_nobody_waits_for_takes_no_later_write_with_it(db: &Store) {
    let mut given_up = 0;
    for round in 0..ROUNDS {
        let registering = db.register(person(&format!("p{round}")), Permit::Open);
        given_up += u32::from(is_given_up(1 + round % 6, registering).await);
        db.insert_invite(invite(&format!("t{round}"), None, NOW), &[]).await.expect("it is written");
    }
    assert!(given_up > 0, "nothing was given up");
    check(db).await;
}

#[apply(both)]
async fn a_transaction_given_up_while_it_begins_takes_no_later_write_with_it(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    let mut given_up = 0;
    for round in 0..ROUNDS {
        // The ledger gives a clean connection back; what is given up after it is not.
        let read_seq = round as i64;
        set(db, general, ada, Some(Membership { joined_at: NOW, read_seq, role: RoomRole::Member })).await;
        given_up += u32::from(match &**db {
            Db::Sqlite(sqlite) => {
                let begin = async { sqlite.write.acquire().await?.begin_with("begin immediate").await.map(drop) };
                is_given_up(1 + round % 6, begin).await
            }
            Db::Postgres(postgres) => {
                let begin = async { postgres.write.acquire().await?.begin().await.map(drop) };
                is_given_up(1 + round % 6, begin).await
            }
        });
        db.insert_invite(invite(&format!("t{round}"), None, NOW), &[]).await.expect("it is written");
    }
    assert!(given_up > 0, "nothing was given up");
    check(db).await;
}

#[apply(both)]
async fn a_batch_given_up_half_way_is_there_whole_or_not_at_all(db: &Store) {
    let (ada, general) = (db.author("ada").await, db.general().await);
    let (mut given_up, mut there) = (0, 0);
    for round in 0..ROUNDS {
        let seqs = [2 * round as i64 + 1, 2 * round as i64 + 2];
        let batch = seqs.map(|seq| line(&ada, seq, format!("w{seq}x")));
        given_up += u32::from(is_given_up(1 + round % 9, db.write(general, batch.to_vec())).await);
        db.insert_invite(invite(&format!("t{round}"), None, NOW), &[]).await.expect("it is written");
    }
    // By now each of them has ended one way or the other.
    check(db).await;
    db.catch_up().await.expect("there is room");
    for round in 0..ROUNDS as i64 {
        let seqs = [2 * round + 1, 2 * round + 2];
        let stored = db.messages(general, &"general".into(), seqs[0], seqs[1], seqs[1]).await.expect("it can be read").len();
        let mut found = 0;
        for seq in seqs {
            found += db.search(&word(ada.id, &format!("w{seq}x")), i64::MAX, 9, None).await.expect("it can be asked").hits.len();
        }
        assert!(stored == found && [0, 2].contains(&stored), "round {round}: {stored} stored, {found} found");
        there += stored;
    }
    assert!(given_up > 0 && there > 0, "{given_up} given up, {there} there");
}
