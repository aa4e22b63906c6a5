//! How many of something run at once, for each person and for all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::UserId;

/// The slots.
#[derive(Debug)]
pub(super) struct Slots {
    each: usize,
    all: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_person: HashMap<UserId, usize>,
}

/// A slot that is taken; free when it is dropped.
#[derive(Debug)]
pub struct Slot {
    person: UserId,
    taken: Arc<Mutex<Taken>>,
}

impl Slots {
    /// So many for each person, and for all.
    pub fn new((each, all): (usize, usize)) -> Self {
        Self { each, all, taken: Arc::default() }
    }

    /// Takes a slot, if one is free.
    pub fn take(&self, person: UserId) -> Option<Slot> {
        let mut taken = self.taken.lock();
        let theirs = taken.by_person.get(&person).copied().unwrap_or_default();
        if taken.all >= self.all || theirs >= self.each {
            return None;
        }
        taken.all += 1;
        taken.by_person.insert(person, theirs + 1);
        Some(Slot { person, taken: self.taken.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all -= 1;
        if let Some(theirs) = taken.by_person.get_mut(&self.person) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.by_person.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_counted_for_each_and_for_all() {
        let slots = Slots::new((2, 3));
        let (ada, grace) = (UserId(1), UserId(2));
        let held: Vec<_> = (0..3).filter_map(|_| slots.take(ada)).collect();
        assert_eq!(held.len(), 2);
        let _last = slots.take(grace).unwrap();
        assert!(slots.take(grace).is_none(), "all are taken");
        drop(held);
        assert!(slots.take(ada).is_some() && slots.taken.lock().by_person.len() == 1);
    }
}
