use super::*;
use crate::events::Heads;
use crate::model::{Author, Kind, Message, UserId};

const ROOM: RoomId = RoomId(1);

fn logged(seq: i64, rev: i64) -> Arc<Logged> {
    let author =
        Author { id: UserId(7), username: "ada".into(), name: "Ada".into(), is_alike: false, is_bot: false, photo: None };
    let message = Message::new("tea".into(), seq, rev, Kind::Text, author, String::new(), crate::clock::Millis(0));
    Arc::new(Logged::new(ROOM, message))
}

fn event(logged: &Arc<Logged>) -> Event {
    Event::Message { logged: logged.clone(), is_new: true, mentions_before: None }
}

fn revs(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| if let Event::Message { logged, .. } = event { logged.message.rev } else { 0 }).collect()
}

struct Node {
    heads: Heads,
    sequencer: Sequencer,
}

impl Node {
    fn new(rev: i64) -> Self {
        let heads = Heads::default();
        heads.share();
        heads.follow(ROOM, Head { seq: rev, rev });
        Self { heads, sequencer: Sequencer::default() }
    }

    fn offer(&mut self, rev: i64) -> Vec<i64> {
        let (logged, mut out) = (logged(rev, rev), Vec::new());
        self.sequencer.offer(&self.heads, &logged, event(&logged), &mut out);
        revs(&out)
    }

    fn read(&mut self, given: &[i64], head: i64) -> Vec<i64> {
        let events = given.iter().map(|rev| event(&logged(*rev, *rev))).collect();
        let mut out = Vec::new();
        self.sequencer.read(&self.heads, ROOM, Some((events, Head { seq: head, rev: head })), &mut out);
        revs(&out)
    }
}

#[tokio::test(start_paused = true)]
async fn crossed_changes_come_in_order_and_twice_is_once() {
    let mut node = Node::new(3);
    assert_eq!(node.offer(4), [4]);
    assert!(node.offer(4).is_empty());
    assert!(node.offer(7).is_empty());
    assert!(node.offer(6).is_empty());
    assert_eq!(node.offer(5), [5, 6, 7]);
    assert_eq!(node.sequencer.next_due(), None);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_is_read_after_a_moment() {
    let mut node = Node::new(3);
    assert!(node.offer(6).is_empty());
    assert!(node.sequencer.take_due(&node.heads).is_empty());
    tokio::time::advance(CROSSING).await;
    let missing = node.sequencer.take_due(&node.heads);
    assert_eq!(missing.iter().map(|gap| (gap.room, gap.from.rev)).collect::<Vec<_>>(), [(ROOM, 3)]);
    assert!(node.sequencer.take_due(&node.heads).is_empty(), "it is being read");
    // One more comes while it is being read, and one of the missing after all.
    assert!(node.offer(8).is_empty());
    assert_eq!(node.offer(4), [4]);
    assert_eq!(node.read(&[4, 5, 6], 6), [5, 6]);
    assert!(node.sequencer.next_due().is_some(), "7 is missing still");
    assert_eq!(node.offer(7), [7, 8]);
    assert_eq!(node.sequencer.next_due(), None);
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_is_tried_again_and_a_room_without_listeners_is_forgotten() {
    let mut node = Node::new(3);
    node.sequencer.expect_up_to(ROOM, &"tea".into(), 9, CROSSING);
    tokio::time::advance(CROSSING).await;
    assert_eq!(node.sequencer.take_due(&node.heads).len(), 1);
    node.sequencer.read(&node.heads, ROOM, None, &mut Vec::new());
    tokio::time::advance(RETRY).await;
    assert_eq!(node.sequencer.take_due(&node.heads).len(), 1);
    assert_eq!(node.read(&[5, 9], 9), [5, 9], "a message is sent in its last state");
    assert_eq!(node.sequencer.next_due(), None);
    assert!(node.offer(11).is_empty());
    node.heads.retain(|_| false);
    tokio::time::advance(CROSSING).await;
    assert!(node.sequencer.take_due(&node.heads).is_empty());
    assert_eq!(node.sequencer.next_due(), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_poll_found_may_still_come_by_itself() {
    let (mut node, wait) = (Node::new(3), 5 * CROSSING);
    node.sequencer.expect_up_to(ROOM, &"tea".into(), 5, wait);
    tokio::time::advance(CROSSING).await;
    assert!(node.sequencer.take_due(&node.heads).is_empty());
    assert_eq!(node.offer(4), [4]);
    assert_eq!(node.offer(5), [5]);
    assert_eq!(node.sequencer.next_due(), None);
    // A frame from behind the gap says that one is lost.
    node.sequencer.expect_up_to(ROOM, &"tea".into(), 7, wait);
    assert!(node.offer(7).is_empty());
    tokio::time::advance(CROSSING).await;
    assert_eq!(node.sequencer.take_due(&node.heads).len(), 1);
}
