//! Rooms: who may see which, and how many are in them.

use std::collections::BTreeSet;

use parlor::db::ledger::{SnapshotKeys, Writes};
use parlor::db::rooms::RoomView;
use parlor::model::pagination::PageRequest;
use parlor::model::{Head, ListedRoom, Membership, RoomId, RoomRole, UserId, Visibility};

use super::store::{NOW, Store, new_room};
use crate::both;

fn names(rooms: &[ListedRoom]) -> Vec<&str> {
    rooms.iter().map(|listed| listed.room.name.as_str()).collect()
}

/// Makes or ends a membership as the ledger does.
async fn set(db: &Store, room: RoomId, user: UserId, membership: Option<Membership>) {
    let mut writes = Writes::default();
    writes.set_membership((room, user), membership);
    db.commit_batch(&SnapshotKeys::default(), |known| ((), known, writes)).await.unwrap();
}

async fn counted(db: &Store, slug: &str, reader: UserId) -> i64 {
    db.find_room(slug, reader).await.unwrap().expect("it is public").members
}

/// Whether a slug is this one with a random end.
fn has_random_end(slug: &str, plain: &str) -> bool {
    let end = slug.strip_prefix(plain).and_then(|end| end.strip_prefix('-')).unwrap_or_default();
    end.len() == 6 && end.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

#[apply(both)]
async fn a_private_room_takes_no_name_from_others(db: &Store) {
    let make = async |visibility| db.insert(new_room("Vault", "vault", visibility)).await.slug.to_string();
    let private = [make(Visibility::Private).await, make(Visibility::Private).await];
    assert!(private.iter().all(|slug| has_random_end(slug, "vault")), "{private:?}");
    assert_ne!(private[0], private[1]);
    assert_eq!(make(Visibility::Public).await, "vault", "whether there are private ones cannot be told");
    // Two of one kind are told apart as two of another: by nothing that says why.
    let (again, hidden) = (make(Visibility::Public).await, make(Visibility::Private).await);
    assert!([&again, &hidden].into_iter().all(|slug| has_random_end(slug, "vault")), "{again} {hidden}");
}

#[apply(both)]
async fn a_public_room_is_seen_by_everybody_and_a_private_one_by_its_members(db: &Store) {
    let (ada, eve) = (db.add("ada").await, db.add("eve").await);
    let den = db.make("den", Visibility::Private).await;
    db.enter(den, ada).await;
    let view = db.find_room("den", ada).await.unwrap().expect("she is a member");
    assert_eq!((view.room.id, &*view.room.slug, view.room.visibility), (den, "den", Visibility::Private));
    assert_eq!(view.membership, Some(Membership { joined_at: NOW, read_seq: 0, role: RoomRole::Member }));
    assert_eq!((view.members, view.head), (1, Head::default()));
    let view = db.find_room("general", eve).await.unwrap().expect("it is public");
    assert_eq!((view.membership, view.members), (None, 0));
    assert_eq!(db.find_room("den", eve).await.unwrap(), None);
    assert_eq!(db.find_room("unknown", ada).await.unwrap(), None);
    assert_eq!(db.find_room("general", UserId(9_999)).await.unwrap().map(|view| view.membership), Some(None));
}

#[apply(both)]
async fn the_lists_hold_what_a_person_may_see_by_name(db: &Store) {
    let (ada, eve) = (db.add("ada").await, db.add("eve").await);
    for (slug, visibility) in [("Zoo", Visibility::Public), ("attic", Visibility::Public), ("Den", Visibility::Private)] {
        let room = db.make(slug, visibility).await;
        if slug != "attic" {
            db.enter(room, ada).await;
        }
    }
    let all = db.list_rooms(ada).await.unwrap();
    assert_eq!(names(&all), ["attic", "Den", "general", "Zoo"]);
    assert_eq!(
        all.iter().map(|listed| (listed.is_member, listed.members)).collect::<Vec<_>>(),
        [(false, 0), (true, 1), (false, 0), (true, 1)]
    );
    let own = db.list_own_rooms(ada).await.unwrap();
    assert_eq!(names(&own), ["Den", "Zoo"]);
    assert!(own.iter().all(|listed| listed.is_member && listed.members == 1));
    assert_eq!(names(&db.list_rooms(eve).await.unwrap()), ["attic", "general", "Zoo"]);
    assert!(db.list_own_rooms(eve).await.unwrap().is_empty());
}

#[apply(both)]
async fn of_many_rooms_those_in_which_something_waits_are_shown_first(db: &Store) {
    let (ada, eve) = (db.add("ada").await, db.author("eve").await);
    db.database.fill_rooms("ada", "eve", 400).await;
    let shown = async |slug: &str| db.sidebar_rooms(ada, slug, &["many-0398".into(), "gone".into()]).await.unwrap();
    let slugs = |rooms: &[ListedRoom]| rooms.iter().map(|listed| listed.room.slug.to_string()).collect::<Vec<_>>();
    let found = shown("").await;
    assert!(found.current.is_none());
    let names = slugs(&found.rooms);
    // Four in which something waits, a favorite, and the first of the others.
    assert_eq!(names.len(), 4 + 1 + 51);
    assert!(names.is_sorted());
    assert!(
        ["many-0001", "many-0051", "many-0100", "many-0398", "many-0400"].iter().all(|slug| names.contains(&(*slug).to_owned())),
        "{names:?}"
    );
    assert!(!names.contains(&"many-0052".to_owned()));
    // Where one is comes first, and what is muted waits for nobody.
    db.run("update memberships set level = 'muted' where room_id = (select id from rooms where slug = 'many-0400')").await;
    let found = shown("many-0333").await;
    let names = slugs(&found.rooms);
    assert_eq!(found.current.map(|here| here.view.room.slug.to_string()).as_deref(), Some("many-0333"));
    assert!(
        names.contains(&"many-0333".to_owned())
            && names.contains(&"many-0300".to_owned())
            && !names.contains(&"many-0400".to_owned())
    );
    // Conversations have places of their own: the liveliest.
    for number in 0..60 {
        let other = db.add(&format!("p{number}")).await;
        db.insert_direct(&[ada, other], NOW.plus(number)).await.unwrap();
    }
    let (_, direct): (Vec<_>, Vec<_>) = shown("").await.rooms.into_iter().partition(|listed| !listed.room.is_direct);
    assert_eq!(direct.len(), 50);
    // A few are shown as they always were.
    let few = db.sidebar_rooms(eve.id, "", &[]).await.unwrap();
    assert!(few.rooms.is_empty());
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = db.list_own_rooms_behind(ada, &after, 150).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.room.slug.to_string();
        seen.extend(slugs(&page));
    }
    assert_eq!(seen.len(), 460);
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in the order of slugs, each once");
}

#[apply(both)]
async fn a_room_is_unread_when_somebody_has_written_since(db: &Store) {
    let ada = db.add("ada").await;
    let general = db.general().await;
    db.enter(general, ada).await;
    let is_unread = async || db.list_own_rooms(ada).await.unwrap()[0].is_unread;
    assert!(!is_unread().await);
    db.say(general, ada, 3).await;
    assert!(is_unread().await);
    db.run("update memberships set read_seq = 3").await;
    assert!(!is_unread().await);
    // A record of the room's own is nothing to read.
    db.run("update rooms set seq = 4, rev = 4").await;
    assert!(!is_unread().await);
    assert_eq!(db.head(general).await.unwrap(), Head { seq: 4, rev: 4 });
}

#[apply(both)]
async fn of_rooms_made_at_once_the_second_finds_the_first(db: &Store) {
    let make = || db.insert_room(new_room("Rush", "rush", Visibility::Public), |name| name == "Rush");
    let made = futures_util::future::join_all((0..6).map(|_| make())).await;
    let rooms: Vec<_> = made.into_iter().map(|made| made.expect("the database answers")).collect();
    assert_eq!(rooms.iter().filter(|room| room.is_ok()).count(), 1, "{rooms:?}");
    assert!(rooms.iter().flat_map(|room| room.as_ref().err()).all(|taken| taken == "Rush"), "{rooms:?}");
}

#[apply(both)]
async fn rooms_of_one_name_get_slugs_of_their_own(db: &Store) {
    let mut slugs = Vec::new();
    for _ in 0..12 {
        let room = db.insert(new_room("Den", "den", Visibility::Public)).await;
        assert_eq!(db.room_id(&room.slug).await, Some(room.id));
        slugs.push(room.slug.to_string());
    }
    assert_eq!(slugs[0], "den");
    assert!(slugs[1..].iter().all(|slug| has_random_end(slug, "den")), "{slugs:?}");
    assert_eq!(slugs.iter().collect::<BTreeSet<_>>().len(), 12);
    let known: BTreeSet<_> = db.list_public_slugs().await.unwrap().into_iter().collect();
    assert!(slugs.iter().all(|slug| known.contains(slug)) && known.contains("general"));
    assert_eq!(db.room_id("unknown").await, None);
}

#[apply(both)]
async fn the_count_of_members_follows_every_way_in_and_out(db: &Store) {
    let (ada, grace) = (db.add("ada").await, db.add("grace").await);
    let general = db.general().await;
    let member = Some(Membership { joined_at: NOW, read_seq: 0, role: RoomRole::Member });
    assert_eq!(counted(db, "general", ada).await, 0);
    set(db, general, ada, member).await;
    set(db, general, grace, member).await;
    assert_eq!(counted(db, "general", ada).await, 2);
    set(db, general, ada, member).await;
    assert_eq!(counted(db, "general", ada).await, 2, "she was in already");
    set(db, general, ada, None).await;
    set(db, general, ada, None).await;
    assert_eq!(counted(db, "general", ada).await, 1, "she left once");
    db.run(&format!("delete from users where id = {grace}")).await;
    assert_eq!(counted(db, "general", ada).await, 0, "gone with the account");
}

#[apply(both)]
async fn the_members_are_listed_by_name(db: &Store) {
    let general = db.general().await;
    for name in ["grace", "ada"] {
        db.enter(general, db.add(name).await).await;
    }
    db.add("eve").await;
    let view = db.find_room("general", UserId(9_999)).await.unwrap().expect("it is public");
    let members = db.list_members((view.room.id, view.members), &PageRequest::default(), 10).await.unwrap();
    assert_eq!(members.iter().map(|member| &*member.person.username).collect::<Vec<_>>(), ["ada", "grace"]);
    assert_eq!((members[0].joined_at, &*members[0].person.name), (NOW, "The ada"));
}

#[apply(both)]
async fn the_members_of_a_large_room_are_found_in_another_way_and_are_the_same(db: &Store) {
    let general = db.general().await;
    for name in ["mary", "grace", "eve", "ada", "linus"] {
        db.enter(general, db.add(name).await).await;
    }
    db.add("frances").await;
    db.run(
        "update users set name = 'Twin' where username in ('eve', 'mary'); update users set banned_at = 1 where username = 'ada'",
    )
    .await;
    let small = db.find_room("general", UserId(9_999)).await.unwrap().expect("it is public");
    let large = RoomView { members: 1_000_000, ..small.clone() };
    let mut pages = Vec::new();
    for after in ["", "ada", "Grace", "linus", "eve", "mary", "nobody"] {
        let sought = PageRequest::parse("", after).unwrap();
        let page = db.list_members((small.room.id, small.members), &sought, 3).await.unwrap();
        assert_eq!(page, db.list_members((large.room.id, large.members), &sought, 3).await.unwrap(), "behind {after}");
        pages.push(page.into_iter().map(|member| member.person.username).collect::<Vec<_>>());
    }
    let expected: [&[&str]; 7] = [
        &["ada", "grace", "linus"],
        &["grace", "linus", "eve"],
        &["linus", "eve", "mary"],
        &["eve", "mary"],
        &["mary"],
        &[],
        &[],
    ];
    assert_eq!(pages, expected);
    let sought = PageRequest::parse("twi", "").unwrap();
    assert_eq!(db.list_members((large.room.id, large.members), &sought, 3).await.unwrap().len(), 2);
}
