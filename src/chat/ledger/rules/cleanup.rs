//! Rules about messages that the server deletes or changes itself: for an administrator, because of a report, or because an account was deleted.

use crate::chat::ledger::change::{CleanUp, Effect, Outcome};
use crate::error::Error;
use crate::model::{Kind, Message, RoomId, UserId};

use super::Batch;

impl Batch {
    /// Deletes messages of a person, and takes the name of a deleted account out of the rest. A retry changes nothing.
    pub(super) fn clean_up(&mut self, room: RoomId, person: UserId, cleanup: &CleanUp) -> Outcome {
        if !self.known.rooms.contains_key(&room) {
            return Err(Error::NotFound("room"));
        }
        let placeholder = self.known.people.get(&person).map(|person| person.author.username.clone());
        let mut deleted = 0;
        for seq in &cleanup.seqs {
            let Some(message) = self.known.messages.get(&(room, *seq)) else { continue };
            let is_due = cleanup.deletes_since.is_some_and(|since| message.created_at >= since);
            if is_due && message.author.id == person && message.kind == Kind::Text && message.deleted_at.is_none() {
                let message = Message::clone(message);
                let gone = self.erase(room, message);
                if cleanup.is_by_hand {
                    self.keep(room, gone);
                } else {
                    self.keep_untold(room, gone);
                }
                deleted += 1;
            } else if let (Some(name), Some(placeholder)) = (&cleanup.former_username, &placeholder)
                && let Some(mut message) = without_name(message, name, placeholder)
            {
                message.rev = self.next_rev(room);
                self.keep_untold(room, message);
            }
        }
        Ok(Effect::Deleted(deleted))
    }
}

/// The message without links to a person, if it names them.
fn without_name(message: &Message, name: &str, placeholder: &str) -> Option<Message> {
    match message.kind {
        Kind::Text if message.mentions.iter().any(|mention| mention == name) => {
            let mut message = message.clone();
            message.mentions.retain(|mention| mention != name);
            message.html = unlinked(&message.html, name);
            Some(message)
        }
        Kind::Joined | Kind::Left if message.body == name => Some(Message { body: placeholder.to_owned(), ..message.clone() }),
        _ => None,
    }
}

/// The HTML of a message with the mentions of a person as plain text.
fn unlinked(html: &str, name: &str) -> String {
    let link = format!("<a class=\"mention\" href=\"/people/{name}\"");
    let mut parts = html.split(&*link);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // The rest of the tag; then a mention holds a name and no further tags.
        let (_, inside) = part.split_once('>').unwrap_or(("", part));
        let (text, rest) = inside.split_once("</a>").unwrap_or((inside, ""));
        plain.push_str(text);
        plain.push_str(rest);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_become_text_and_nothing_else_changes() {
        let mention = |name: &str| format!("<a class=\"mention\" href=\"/people/{name}\" rel=\"nofollow\">@{name}</a>");
        let html = format!("<p>Hi {} and {}, {}</p>", mention("ada"), mention("ada.b"), mention("ada"));
        assert_eq!(unlinked(&html, "ada"), format!("<p>Hi @ada and {}, @ada</p>", mention("ada.b")));
        assert_eq!(unlinked("<p>nobody</p>", "ada"), "<p>nobody</p>");
    }
}
