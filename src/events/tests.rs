use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::clock::Millis;
use crate::model::{
    Attachment, DraftContent, DraftEdit, Keep, Kind, LinkPreview, Message, Pin, Reaction, RoomPolicy, Visibility,
};

fn author() -> Author {
    Author { id: UserId(7), username: "ada".into(), name: "Ada".into(), is_alike: true, is_bot: true, photo: Some("ab12".into()) }
}

fn logged() -> Arc<Logged> {
    let message = Message {
        room: "tea".into(),
        seq: 3,
        rev: 9,
        kind: Kind::Text,
        author: author(),
        body: "“hi”".into(),
        html: "<p>“hi”</p>".into(),
        created_at: Millis(1_790_000_000_123),
        nonce: Some("n".into()),
        edited_at: Some(Millis(1_790_000_000_456)),
        deleted_at: None,
        reply_to: Some(1),
        mentions: vec!["@room".into()],
        pinned: Some(Pin { by: "ada".into(), at: Millis(0) }),
        reactions: vec![Reaction { emoji: "🎉".into(), users: vec!["ada".into()], chosen: Vec::new() }],
        attachments: vec![Attachment { id: "f".into(), width: Some(3), ..Attachment::default() }],
        links: vec![LinkPreview { url: "https://example.org".into(), title: "One".into(), ..LinkPreview::default() }],
        links_off: false,
    };
    Arc::new(Logged::new(RoomId(5), message))
}

fn room() -> Room {
    Room {
        id: RoomId(5),
        slug: "tea".into(),
        name: "Tea".into(),
        topic: String::new(),
        visibility: Visibility::Private,
        created_at: Millis(1),
        is_archived: false,
        policy: RoomPolicy::OPEN,
        slow_mode: 30,
        icon: Some("cd34".into()),
        link_previews: false,
        keep_messages: Keep::Days(90),
        keep_files: Keep::Forever,
        is_direct: false,
        direct: Vec::new(),
    }
}

/// One of each.
fn all() -> Vec<Event> {
    let (user, slug, origin) = (UserId(7), Arc::<str>::from("tea"), ConnectionId("abc".into()));
    let edit = Some(DraftEdit { seq: 2, body: "new".into() });
    let draft =
        Draft { room: "tea".into(), content: DraftContent { body: "b".into(), reply_to: Some(4), edit }, written_at: Millis(5) };
    let session = SessionKey::from_digits("0f".repeat(32));
    vec![
        Event::Message { logged: logged(), is_new: true, mentions_before: Some(vec!["ada".into()]) },
        Event::MemberAdded { room: RoomId(5), user, rev: 9 },
        Event::MemberRemoved { room: RoomId(5), slug: slug.clone(), user, rev: 9, reason: Removal::Left },
        Event::RoomChanged { room: RoomId(5), is_direct: true, now: room(), was: Some(slug.clone()) },
        Event::RoomDeleted { room: RoomId(5), slug: slug.clone() },
        Event::RoleChanged { user },
        Event::ReadMarkerMoved { user, slug: slug.clone(), seq: 3, unread: 1, mentions: 0, origin: Some(origin.clone()) },
        Event::NotificationLevelSet { user, slug: slug.clone(), level: Some(NotificationLevel::Muted), origin: None },
        Event::KeywordsSet { user, keywords: vec!["deploy".into()] },
        Event::FavoriteSet { user, slug: slug.clone(), is_favorite: true },
        Event::SidebarSectionSet { user, section: "rooms".into(), is_closed: true },
        Event::ConversationHidden { user, slug: slug.clone(), is_hidden: false },
        Event::BlockSet { user, username: "ada".into(), is_blocked: true },
        Event::DraftSaved { user, draft, origin: Some(origin.clone()) },
        Event::UserRegistered { person: author() },
        Event::ProfileChanged { person: author(), status: "at lunch".into(), is_renamed: true },
        Event::AccountDeleted { person: author(), former_username: "ada".into() },
        Event::Typing { room: RoomId(5), slug: slug.clone(), username: "ada".into(), name: None, origin },
        Event::PresenceChanged { room: RoomId(5), slug: slug.clone(), username: "ada".into(), is_online: true },
        Event::OnlineChanged { audience: vec![user], username: "ada".into(), is_online: false },
        Event::PresenceMoved { room: RoomId(5), slug, user, username: "ada".into(), is_online: true },
        Event::HistoryReplaced,
        Event::AccessUncertain,
        Event::SettingsChanged,
        Event::AttemptsFailed { failures: vec![Failure { limit: FailureLimit::Pair, key: u64::MAX }] },
        Event::SessionEnded { session, reason: SessionEnd::LoggedInAgain },
        Event::AccessReduced { user },
        Event::AccessEnded { user, reason: SessionEnd::Banned },
    ]
}

#[test]
fn every_event_survives_being_written_and_read() {
    for event in all() {
        let written = serde_json::to_value(&event).unwrap();
        let read: Event = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
        // The same as clients are sent.
        if let Event::Message { logged, .. } = read {
            assert_eq!(logged.room, RoomId(5));
            assert_eq!(serde_json::from_str::<Value>(logged.json().get()).unwrap(), written["logged"]["message"]);
        }
    }
}

#[test]
fn an_event_names_its_type() {
    let event = Event::AccessEnded { user: UserId(7), reason: SessionEnd::PasswordChanged };
    assert_eq!(serde_json::to_value(event).unwrap(), json!({"type": "access_ended", "user": 7, "reason": "password_changed"}));
}

#[tokio::test]
async fn subscribers_get_what_they_want_in_order_and_delivery_waits_for_them() {
    let bus = Bus::default();
    let (mut everything, mut markers) =
        (bus.subscribe(|_| true), bus.subscribe(|event| matches!(event, Event::FavoriteSet { .. })));
    let favorite = |is_favorite| Event::FavoriteSet { user: UserId(1), slug: "tea".into(), is_favorite };
    let added = Event::MemberAdded { room: RoomId(1), user: UserId(1), rev: 0 };
    bus.publish(vec![added, favorite(true)]).await;
    bus.publish(vec![Event::MemberAdded { room: RoomId(2), user: UserId(1), rev: 0 }]).await;
    let delivered = tokio::spawn({
        let bus = bus.clone();
        async move { bus.deliver(favorite(false)).await }
    });
    let count = async |subscription: &mut Subscription| subscription.next().await.unwrap().events.len();
    assert_eq!((count(&mut everything).await, count(&mut everything).await), (2, 1));
    assert_eq!(count(&mut markers).await, 2, "a batch comes whole");
    let last = everything.next().await.unwrap();
    assert_eq!(count(&mut markers).await, 1);
    tokio::task::yield_now().await;
    assert!(!delivered.is_finished(), "one subscriber has not handled it yet");
    drop(last);
    delivered.await.unwrap();
    drop(everything);
    drop(markers);
    // Nobody listens any more: that is no reason to wait.
    bus.deliver(favorite(true)).await;
    bus.flush().await;
}
