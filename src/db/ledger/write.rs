//! Writing what a batch changed, inside its transaction.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::statements::{
    ADDRESS_HERE, ADDRESS_NAMES, ADDRESS_ROOM, CLEAR, ENTER, INSERT, LEAVE, REACT, READ, REVISE, ROOMS, UNADDRESS, UNREACT,
    UNREVISE, UPDATE,
};
use super::{Addressed, Revision, RoomState, Snapshot, Step, Writes};
use crate::chat::types::{Membership, Message, RoomId};

impl Step<'_> {
    /// Writes what changed in `known`.
    pub(super) async fn write(&mut self, known: &Snapshot, writes: &Writes) -> sqlx::Result<()> {
        let mut new = Vec::new();
        let mut changed = Vec::new();
        let mut order: Vec<_> = writes.messages.iter().collect();
        order.sort_unstable();
        for (key, is_new) in order {
            let row = message_json(key.0, &known.messages[key]);
            if *is_new { &mut new } else { &mut changed }.push(row);
        }
        self.unindex(writes).await?;
        self.run(&INSERT, new).await?;
        self.run(&UPDATE, changed).await?;
        self.index(known, writes).await?;
        let rooms = writes.rooms.iter().map(|id| {
            let RoomState { room, head, talk_seq, .. } = &known.rooms[id];
            json!({"room": id, "seq": head.seq, "rev": head.rev, "talk_seq": talk_seq, "name": room.name, "topic": room.topic, "visibility": room.visibility})
        });
        self.run(&ROOMS, rooms.collect()).await?;
        let mut entered = Vec::new();
        let mut left = Vec::new();
        for ((room, person), membership) in &writes.members {
            match membership {
                Some(Membership { joined_at, read_seq }) => {
                    entered.push(json!({"room": room, "person": person, "joined_at": joined_at.0, "read_seq": read_seq}))
                }
                None => left.push(json!({"room": room, "person": person})),
            }
        }
        self.run(&ENTER, entered).await?;
        self.run(&LEAVE, left).await?;
        let reads = writes.reads.iter().map(|((room, person), seq)| json!({"room": room, "person": person, "seq": seq}));
        self.run(&READ, reads.collect()).await?;
        let forgotten: Vec<_> = writes.forgotten.iter().map(|(room, seq)| json!({"room": room, "seq": seq})).collect();
        self.run(&CLEAR, forgotten.clone()).await?;
        let mut on = Vec::new();
        let mut off = Vec::new();
        for ((room, seq, person, emoji), at) in &writes.reactions {
            let row = json!({"room": room, "seq": seq, "person": person, "emoji": emoji, "created_at": at.map(|at| at.0)});
            if at.is_some() { &mut on } else { &mut off }.push(row);
        }
        self.run(&REACT, on).await?;
        self.run(&UNREACT, off).await?;
        let revised = writes.revisions.iter().map(|((room, seq, rev), Revision { body, written_at })| {
            json!({"room": room, "seq": seq, "rev": rev, "body": body, "written_at": written_at.0})
        });
        self.run(&REVISE, revised.collect()).await?;
        self.run(&UNREVISE, forgotten.clone()).await?;
        self.run(&UNADDRESS, forgotten).await?;
        self.address(&writes.addressed).await
    }

    /// Puts the people whom messages address in the place of those whom they addressed before.
    async fn address(&mut self, addressed: &BTreeMap<(RoomId, i64), Addressed>) -> sqlx::Result<()> {
        let (mut all, mut names, mut rooms, mut here) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ((room, seq), to) in addressed {
            let row = json!({"room": room, "seq": seq, "author": to.author});
            let with = |key: &str, value: Value| {
                let mut row = row.clone();
                row[key] = value;
                row
            };
            names.extend(to.names.iter().map(|name| with("name", name.as_str().into())));
            here.extend(to.here.iter().map(|person| with("person", person.0.into())));
            if to.is_for_all {
                rooms.push(row.clone());
            }
            all.push(row);
        }
        self.run(&UNADDRESS, all).await?;
        self.run(&ADDRESS_NAMES, names).await?;
        self.run(&ADDRESS_ROOM, rooms).await?;
        self.run(&ADDRESS_HERE, here).await
    }
}

fn message_json(room: RoomId, message: &Message) -> Value {
    json!({
        "room": room, "seq": message.seq, "rev": message.rev, "kind": message.kind, "author": message.author.id,
        "body": message.body, "html": message.html, "nonce": message.nonce, "created_at": message.created_at.0,
        "edited_at": message.edited_at.map(|at| at.0), "deleted_at": message.deleted_at.map(|at| at.0), "reply_to": message.reply_to,
        "mentions": (!message.mentions.is_empty()).then(|| Value::from(message.mentions.clone()).to_string()),
        "pinned_at": message.pinned.as_ref().map(|pin| pin.at.0), "pinned_by": message.pinned.as_ref().map(|pin| &*pin.by),
    })
}
