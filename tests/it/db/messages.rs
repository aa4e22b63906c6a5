//! Reading the log: ranges, changes, dates and what is unread.

use std::sync::Arc;

use parlor::clock::Millis;
use parlor::model::{Kind, Message, Visibility};

use super::store::{NOW, Store};
use crate::both;

fn slug() -> Arc<str> {
    "general".into()
}

fn places(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.seq).collect()
}

#[apply(both)]
async fn a_range_is_read_oldest_first_and_whole(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    db.say(general, ada, 20).await;
    let other = db.make("other", Visibility::Public).await;
    db.say(other, ada, 20).await;
    let messages = db.messages(general, &slug(), 5, 8, 8).await.unwrap();
    assert_eq!(places(&messages), [5, 6, 7, 8]);
    let first = &messages[0];
    assert_eq!((&*first.room, first.rev, first.kind, first.author.id), ("general", 5, Kind::Text, ada));
    assert_eq!((&*first.author.username, &*first.author.name), ("ada", "The ada"));
    assert_eq!((&*first.body, &*first.html), ("Words, number 5", "<p>Words, number 5</p>"));
    assert_eq!((first.created_at, first.nonce.as_deref()), (NOW.plus(5000), Some(&*format!("n-{general}-5"))));
    assert_eq!((first.edited_at, first.deleted_at, first.reply_to, first.reactions.len()), (None, None, None, 0));
    assert_eq!(places(&db.messages(general, &slug(), 19, 99, 99).await.unwrap()), [19, 20]);
    assert!(db.messages(general, &slug(), 21, 99, 99).await.unwrap().is_empty());
    assert!(db.messages(general, &slug(), 1, 0, 0).await.unwrap().is_empty());
}

#[apply(both)]
async fn an_edit_a_deletion_an_answer_and_a_record_are_told(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    db.say(general, ada, 4).await;
    db.run(
        "update messages set edited_at = 11, rev = 11 where seq = 1;
            update messages set deleted_at = 12, rev = 12, body = '', html = '' where seq = 2;
            update messages set reply_to = 1 where seq = 3;
            update messages set kind = 'renamed', nonce = null where seq = 4",
    )
    .await;
    let messages = db.messages(general, &slug(), 1, 4, 4).await.unwrap();
    assert_eq!((messages[0].edited_at, messages[0].rev), (Some(Millis(11)), 11));
    assert_eq!((messages[1].deleted_at, &*messages[1].body, &*messages[1].html), (Some(Millis(12)), "", ""));
    assert_eq!(messages[2].reply_to, Some(1));
    assert_eq!((messages[3].kind, messages[3].nonce.as_deref()), (Kind::Renamed, None));
}

#[apply(both)]
async fn any_text_comes_back_as_it_was(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    db.say(general, ada, 1).await;
    let text = "\"quoted\" \\ it's\n\ttab\r \u{1} \u{7f} \u{2028} [1,null] 👩‍👩‍👧 שלום \u{10FFFF}";
    let quoted = format!("'{}'", text.replace('\'', "''"));
    db.run(&format!("update messages set body = {quoted}, html = {quoted}, nonce = {quoted}; update users set name = {quoted}"))
        .await;
    db.run(&format!("insert into reactions values ({general}, 1, {quoted}, {ada}, 1)")).await;
    let message = &db.messages(general, &slug(), 1, 1, 1).await.unwrap()[0];
    assert_eq!((&*message.body, &*message.html, message.nonce.as_deref(), &*message.author.name), (text, text, Some(text), text));
    assert_eq!(message.reactions[0].emoji, text);
}

#[apply(both)]
async fn reactions_come_in_the_order_in_which_they_were_put(db: &Store) {
    let (ada, grace, mary) = (db.add("ada").await, db.add("grace").await, db.add("mary").await);
    let general = db.general().await;
    db.say(general, ada, 3).await;
    for (seq, emoji, user, at) in [(2, "👍", mary, 30), (2, "🎉", ada, 20), (2, "👍", grace, 10), (3, "👀", ada, 5)] {
        db.run(&format!("insert into reactions values ({general}, {seq}, '{emoji}', {user}, {at})")).await;
    }
    let messages = db.messages(general, &slug(), 1, 3, 3).await.unwrap();
    let told: Vec<Vec<_>> = messages
        .iter()
        .map(|message| {
            message.reactions.iter().map(|it| (&*it.emoji, it.users.iter().map(|user| &**user).collect::<Vec<_>>())).collect()
        })
        .collect();
    assert_eq!(told, [vec![], vec![("👍", vec!["grace", "mary"]), ("🎉", vec!["ada"])], vec![("👀", vec!["ada"])]]);
}

#[apply(both)]
async fn changes_come_in_the_order_in_which_they_were_made(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    db.say(general, ada, 10).await;
    db.run("update messages set rev = 11, body = 'other words' where seq = 2; update messages set rev = 12 where seq = 7").await;
    let (changes, is_all) = db.changes(general, &slug(), 8, 100).await.unwrap();
    assert!(is_all);
    assert_eq!(places(&changes), [9, 10, 2, 7]);
    assert_eq!(changes[2].body, "other words");
    assert_eq!(places(&db.changes(general, &slug(), 0, 3).await.unwrap().0), [1, 3, 4]);
    assert!(db.changes(general, &slug(), 12, 100).await.unwrap().0.is_empty());
}

#[apply(both)]
async fn the_last_change_before_a_place_is_found(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    assert_eq!(db.highest_rev_before(general, 1).await.unwrap(), 0);
    db.say(general, ada, 10).await;
    assert_eq!(db.highest_rev_before(general, 8).await.unwrap(), 7);
    db.run("update messages set rev = 11 where seq = 2; update messages set rev = 12 where seq = 9").await;
    assert_eq!(db.highest_rev_before(general, 8).await.unwrap(), 11);
    assert_eq!(db.highest_rev_before(general, 1).await.unwrap(), 0);
}

#[apply(both)]
async fn the_first_message_on_or_after_a_moment_is_found(db: &Store) {
    let (ada, general) = (db.add("ada").await, db.general().await);
    db.say(general, ada, 10).await;
    let first = async |ms| db.first_on_or_after(general, NOW.plus(ms)).await.unwrap();
    assert_eq!(
        [first(-5).await, first(4000).await, first(4001).await, first(10_000).await],
        [Some(1), Some(4), Some(5), Some(10)]
    );
    assert_eq!(first(10_001).await, None);
}

#[apply(both)]
async fn only_words_that_stand_and_were_not_read_count_as_unread(db: &Store) {
    let (ada, eve, general) = (db.add("ada").await, db.add("eve").await, db.general().await);
    db.enter(general, ada).await;
    db.say(general, eve, 10).await;
    assert_eq!(db.unread(general, ada).await.unwrap(), 10);
    db.run("update messages set deleted_at = 1 where seq = 9; update messages set kind = 'joined' where seq = 8; update memberships set read_seq = 4").await;
    assert_eq!(db.unread(general, ada).await.unwrap(), 4);
    assert_eq!(db.unread(general, eve).await.unwrap(), 0, "not a member");
    db.run(&format!("update messages set author_id = {ada} where seq = 10")).await;
    assert_eq!(db.unread(general, ada).await.unwrap(), 3, "one's own words are read");
}

#[apply(both)]
async fn no_more_than_a_thousand_unread_are_counted(db: &Store) {
    let (ada, eve, general) = (db.add("ada").await, db.add("eve").await, db.general().await);
    db.enter(general, ada).await;
    db.say(general, eve, 1500).await;
    assert_eq!(db.unread(general, ada).await.unwrap(), 1000);
}
