//! Updates cached names and photos when a profile changes or an account is deleted.
//!
//! Owns the subscription to these events. Profiles themselves belong to `accounts`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Chat;
use crate::events::Event;
use crate::model::{Author, UserId};

/// How long changes decided under an old name may still be committed: longer than any change waits.
const SETTLE: Duration = Duration::from_secs(20);

impl Chat {
    /// Updates cached names and photos whenever a user registers, is renamed or has another photo, or an account is deleted.
    pub(super) fn follow_profiles(self: &Arc<Self>) {
        let mut renamed = self.events.subscribe(|event| {
            matches!(
                event,
                Event::UserRegistered { .. } | Event::ProfileChanged { is_renamed: true, .. } | Event::AccountDeleted { .. }
            )
        });
        let chat = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(batch) = renamed.next().await {
                let Some(chat) = chat.upgrade() else { return };
                for event in &*batch.events {
                    match event {
                        Event::UserRegistered { person } => {
                            chat.names.meet(&person.username);
                            chat.display_names.set(person);
                        }
                        Event::ProfileChanged { person, is_renamed: true, .. } => {
                            chat.display_names.set(person);
                            chat.forget_name(person.id);
                            chat.forget_name_again(person.id);
                        }
                        Event::AccountDeleted { person, former_username } => {
                            chat.names.forget(former_username);
                            let name = former_username.clone();
                            chat.display_names.set(&Author { username: name.clone(), name, ..person.clone() });
                            chat.display_names.set(person);
                            chat.forget_name(person.id);
                            chat.forget_name_again(person.id);
                            chat.clean_up_soon();
                        }
                        _ => {}
                    }
                }
            }
        });
    }

    /// On Postgres, changes decided under the old name may still be committed for a while.
    fn forget_name_again(self: &Arc<Self>, person: UserId) {
        let chat = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(SETTLE).await;
            if let Some(chat) = chat.upgrade() {
                chat.forget_name(person);
            }
        });
    }

    fn forget_name(&self, person: UserId) {
        self.recent.forget_author(person);
        // Counted last: a reader of the new count finds no old name in the cache.
        self.renamings.fetch_add(1, Ordering::AcqRel);
    }
}
