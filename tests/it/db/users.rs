//! People and invitations.

use parlor::db::invites::NewInvite;
use parlor::db::users::{Permit, Registered};
use parlor::model::{UserId, Visibility};

use super::store::{NOW, Store, invite, person};
use crate::both;

fn invitation() -> Permit {
    Permit::Invite("hash-of-token".into())
}

#[apply(both)]
async fn a_person_is_found_by_number_and_by_name(db: &Store) {
    let ada = db.add("ada").await;
    db.add("grace").await;
    let found = db.find_user(ada).await.unwrap().expect("she registered");
    assert_eq!((found.id, &*found.username, &*found.name), (ada, "ada", "The ada"));
    assert_eq!((found.is_admin, found.created_at, found.banned_at, found.last_room.clone()), (false, NOW, None, None));
    assert_eq!(found.password_hash, "hash");
    assert_eq!(db.find_user_by_name("ada").await.unwrap(), Some(found));
    assert_eq!(db.find_user(UserId(9_999)).await.unwrap(), None);
    assert_eq!(db.find_user_by_name("ad").await.unwrap(), None);
    assert_eq!(db.find_user_by_name("ADA").await.unwrap(), None, "names are folded before they come here");
}

#[apply(both)]
async fn a_name_is_taken_once(db: &Store) {
    let ada = db.add("ada").await;
    let mut other = person("ada");
    other.name = "Somebody else".into();
    assert_eq!(db.register(other, Permit::Open).await.unwrap(), Registered::NameTaken);
    assert_eq!(&*db.find_user_by_name("ada").await.unwrap().expect("she is still there").name, "The ada");
    assert_eq!(db.database.rows("users").await.len(), 1);
    // The number that was not given is no matter; that of a person who was is never given again.
    assert!(db.add("grace").await > ada);
}

#[apply(both)]
async fn an_invitation_admits_one_person(db: &Store) {
    let ada = db.add("ada").await;
    db.insert_invite(invite("hash-of-token", Some(ada), NOW.plus(1000)), &[]).await.unwrap();
    let Registered::As(grace) = db.register(person("grace"), invitation()).await.unwrap() else { panic!("she is invited") };
    let (invite, used) = (&db.database.rows("invites").await[0], &db.database.rows("invite_uses").await[0]);
    assert_eq!((&used["user_id"], &invite["created_by"], &invite["used"]), (&grace.0.into(), &ada.0.into(), &1.into()));
    assert_eq!(db.register(person("eve"), invitation()).await.unwrap(), Registered::NoInvite);
    assert_eq!(db.find_user_by_name("eve").await.unwrap(), None, "nothing of her is stored");
}

#[apply(both)]
async fn an_invitation_that_is_unknown_or_out_of_date_admits_nobody(db: &Store) {
    assert_eq!(db.register(person("eve"), invitation()).await.unwrap(), Registered::NoInvite);
    db.insert_invite(invite("hash-of-token", None, NOW), &[]).await.unwrap();
    assert_eq!(db.register(person("eve"), invitation()).await.unwrap(), Registered::NoInvite);
    assert!(db.database.rows("users").await.is_empty());
}

#[apply(both)]
async fn a_name_that_is_taken_does_not_use_up_the_invitation(db: &Store) {
    db.add("ada").await;
    db.insert_invite(invite("hash-of-token", None, NOW.plus(1000)), &[]).await.unwrap();
    assert_eq!(db.register(person("ada"), invitation()).await.unwrap(), Registered::NameTaken);
    assert!(matches!(db.register(person("grace"), invitation()).await.unwrap(), Registered::As(_)));
}

#[apply(both)]
async fn of_many_who_use_one_invitation_at_once_one_is_admitted(db: &Store) {
    db.insert_invite(invite("hash-of-token", None, NOW.plus(1000)), &[]).await.unwrap();
    db.open_connections().await;
    let [a, b, c] = ["a", "b", "c"].map(person);
    let (a, b, c) = tokio::join!(db.register(a, invitation()), db.register(b, invitation()), db.register(c, invitation()));
    let admitted = [a, b, c].into_iter().filter(|one| matches!(one, Ok(Registered::As(_)))).count();
    assert_eq!((admitted, db.database.rows("users").await.len()), (1, 1));
}

#[apply(both)]
async fn an_invitation_for_several_admits_as_many_and_none_of_them_if_its_maker_is_banned(db: &Store) {
    let ada = db.add("ada").await;
    let several = NewInvite { uses: 3, ..invite("hash-of-token", Some(ada), NOW.plus(1000)) };
    db.insert_invite(several, &[]).await.unwrap();
    let admitted = async |name: &str| matches!(db.register(person(name), invitation()).await, Ok(Registered::As(_)));
    assert!(admitted("a").await);
    db.run(&format!("update users set banned_at = 1 where id = {ada}")).await;
    assert!(!admitted("b").await);
    db.run(&format!("update users set banned_at = null where id = {ada}")).await;
    db.open_connections().await;
    let (b, c, d, e) = tokio::join!(admitted("b"), admitted("c"), admitted("d"), admitted("e"));
    assert_eq!([b, c, d, e].into_iter().filter(|is_in| *is_in).count(), 2);
    assert_eq!(db.database.rows("invites").await[0]["used"], 3);
    assert_eq!(db.database.rows("invite_uses").await.len(), 3);
    assert!(!admitted("f").await);
}

#[apply(both)]
async fn set_up_tokens_end_with_their_time_or_with_the_first_administrator(db: &Store) {
    db.insert_setup_token("old", NOW.plus(-10)).await.unwrap();
    db.insert_setup_token("new", NOW).await.unwrap();
    let has = async |hash: &str| db.has_setup_token(hash).await.unwrap();
    assert!(has("old").await && has("new").await && !has("epoch").await);
    db.delete_setup_tokens(NOW.plus(-10)).await.unwrap();
    assert!(!has("old").await && has("new").await);
    let mut admin = person("root");
    admin.is_admin = true;
    db.register(admin, Permit::Open).await.unwrap();
    assert!(!has("new").await);
    // One that was stored too late.
    db.insert_setup_token("late", NOW).await.unwrap();
    db.delete_setup_tokens(NOW.plus(-10)).await.unwrap();
    assert!(!has("late").await);
    assert!(!db.epoch().await.unwrap().is_empty());
}

#[apply(both)]
async fn of_many_who_use_the_set_up_link_at_once_one_is_the_administrator(db: &Store) {
    db.open_connections().await;
    for round in 0..10 {
        assert!(!db.has_admin().await.unwrap());
        let admin = |name| {
            let mut admin = person(&format!("{name}{round}"));
            admin.is_admin = true;
            db.register(admin, Permit::Setup)
        };
        let (a, b, c) = tokio::join!(admin("a"), admin("b"), admin("c"));
        let outcomes = [a.unwrap(), b.unwrap(), c.unwrap()];
        let admitted = outcomes.iter().filter(|one| matches!(one, Registered::As(_))).count();
        let refused = outcomes.iter().filter(|one| **one == Registered::HasAdmin).count();
        assert_eq!((admitted, refused), (1, 2), "{outcomes:?}");
        assert!(db.has_admin().await.unwrap());
        db.run("update users set is_admin = false").await;
    }
}

#[apply(both)]
async fn the_room_visited_last_is_remembered(db: &Store) {
    let ada = db.add("ada").await;
    let den = db.make("den", Visibility::Public).await;
    db.set_last_room(ada, db.general().await).await.unwrap();
    db.set_last_room(ada, den).await.unwrap();
    let last_room = db.find_user(ada).await.unwrap().expect("she registered").last_room;
    assert_eq!(last_room.as_deref(), Some("den"));
}
