//! The settings that can change while the server runs.
//!
//! Owns their names, defaults and present values, and that each node has the values of the database: it reads them when it starts, when
//! another node reports a change, and when it may have missed a report. What the environment names is fixed. It must not act on a
//! setting: whoever does asks for [`Settings::now`].

mod values;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use serde_json::{Map, Value};

pub use self::values::{Name, Values};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::db::settings::NewValue;
use crate::error::{Error, Result};
use crate::events::{Bus, Event, Subscription};
use crate::permissions::{self, Actor, ServerAction};
use crate::security_log::{self, Action, Source};

/// How long until values are read again after a failure.
const RETRY: Duration = Duration::from_millis(500);

/// The settings of a server.
#[derive(Debug)]
pub struct Settings {
    db: Arc<Db>,
    clock: Clock,
    /// What the environment says; defaults for the rest.
    base: Values,
    fixed: Vec<Name>,
    now: RwLock<Arc<Values>>,
}

impl Settings {
    /// Reads the settings, and follows changes by other nodes and programs.
    pub async fn open(db: Arc<Db>, config: &Config, clock: Clock, events: &Bus) -> Result<Arc<Self>> {
        let (base, fixed) = Values::of(config);
        // Subscribed before the first look, so that no change is between them.
        let changes = events.subscribe(|event| matches!(event, Event::SettingsChanged | Event::AccessUncertain));
        let settings = Arc::new(Self { db, clock, now: RwLock::new(Arc::new(base.clone())), base, fixed });
        settings.reload().await?;
        tokio::spawn(follow(Arc::downgrade(&settings), changes));
        Ok(settings)
    }

    /// The present values.
    pub fn now(&self) -> Arc<Values> {
        self.now.read().clone()
    }

    /// Whether the environment decides this setting.
    pub fn is_fixed(&self, name: Name) -> bool {
        self.fixed.contains(&name)
    }

    /// Changes settings. Values that are already as given change nothing.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `invalid` for a setting that is fixed, or whose value is wrong.
    pub async fn change(&self, actor: Actor, username: &Arc<str>, changes: &[(Name, String)], source: &Source) -> Result<()> {
        permissions::may_administer(actor, ServerAction::ChangeSettings)?;
        // Another node may have changed them just now, which this one is about to hear.
        self.reload().await?;
        let before = self.now();
        let (new, event) = self.prepare(&before, changes, source)?;
        if new.is_empty() {
            return Ok(());
        }
        let event = event.by(actor.id, username);
        self.db.set_settings(new, event.at, &event).await?;
        event.write_line();
        self.reload().await
    }

    /// The value with which the first administrator begins, and its event; none if it stays. It is stored with their account.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub fn at_set_up(&self, name: Name, text: &str, source: &Source) -> Result<(Vec<NewValue>, Option<security_log::Event>)> {
        let (new, event) = self.prepare(&self.now(), &[(name, text.to_owned())], source)?;
        let event = (!new.is_empty()).then_some(event);
        Ok((new, event))
    }

    /// The values to store, and the event with what changes.
    fn prepare(
        &self,
        before: &Values,
        changes: &[(Name, String)],
        source: &Source,
    ) -> Result<(Vec<NewValue>, security_log::Event)> {
        let mut after = before.clone();
        for (name, text) in changes {
            after.set(*name, text).map_err(|why| Error::invalid(name.as_str(), sentence(&why)))?;
        }
        let (mut new, mut was, mut is) = (Vec::new(), Map::new(), Map::new());
        for name in Name::ALL {
            let (old, now) = (before.text(name), after.text(name));
            if old == now {
                continue;
            }
            if self.is_fixed(name) {
                let why = format!("This is set by {} where Parlor was started.", name.variable());
                return Err(Error::invalid(name.as_str(), why));
            }
            was.insert(name.as_str().into(), old.into());
            is.insert(name.as_str().into(), now.as_str().into());
            new.push((name.as_str(), now));
        }
        let event = security_log::Event::new(self.clock.now(), Action::ChangeSettings, source);
        Ok((new, event.changed(Some(Value::Object(was)), Some(Value::Object(is)))))
    }

    /// Reads the values again.
    pub async fn reload(&self) -> Result<()> {
        let mut values = self.base.clone();
        for (name, text) in self.db.list_settings().await? {
            // Newer programs know more settings, and more values.
            match Name::parse(&name) {
                Some(name) if self.is_fixed(name) => {}
                Some(name) => {
                    if values.set(name, &text).is_err() {
                        tracing::warn!(name = name.as_str(), "an unknown value of a setting; it has its default");
                    }
                }
                None => tracing::debug!("an unknown setting"),
            }
        }
        *self.now.write() = Arc::new(values);
        Ok(())
    }
}

/// A reason, which begins as in the list of problems at start, as a sentence.
fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

async fn follow(settings: std::sync::Weak<Settings>, mut changes: Subscription) {
    while let Some(batch) = changes.next().await {
        let Some(settings) = settings.upgrade() else { return };
        if let Err(error) = settings.reload().await {
            tracing::warn!(%error, "settings could not be read again; trying until they can");
            // Publishers wait for this batch, so it is dropped first.
            drop(batch);
            while settings.reload().await.is_err() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
