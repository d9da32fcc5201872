//! The keys and their values, and when they are over.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::{STORE_BYTES_MAX, SWEEP_KEYS_MAX, number};

/// What a key takes besides its own bytes and its value's, roughly.
const ENTRY_BYTES: usize = 96;

/// How many keys that are over a write removes, if there are any.
const KEYS_REMOVED_BY_A_WRITE: usize = 2;

/// How often there is a warning at most.
const WARNING_EVERY: Duration = Duration::from_secs(60);

const WARNING: &str = "a client has sent `POST` or `Host:` as HTTP does and was closed: \
    a page may have made it run commands here";

/// The keys that all clients share.
///
/// A key whose deadline has passed is as good as gone: asking for it removes it, each write
/// removes some that no client asks for, and a [sweep](Store::sweep) removes the rest. Time is whatever the caller's clock
/// says; it must not go back.
#[derive(Debug)]
pub struct Store {
    entries: HashMap<Box<[u8]>, Entry>,
    /// The keys that will be over, earliest first.
    deadlines: BTreeSet<(Duration, Box<[u8]>)>,
    bytes: usize,
    bytes_max: usize,
    /// When a client was last seen that does not know where it is, and whether that was reported.
    warning: Option<Warning>,
}

#[derive(Clone, Copy, Debug)]
enum Warning {
    Due,
    Given(Duration),
}

#[derive(Debug)]
struct Entry {
    value: Vec<u8>,
    deadline: Option<Duration>,
}

/// What becomes of a key's deadline when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    Endless,
    Until(Duration),
    Kept,
}

/// Why a value was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NoRoom,
    NotAnInteger,
    Overflow,
}

impl Store {
    /// Makes an empty store.
    pub fn new() -> Store {
        Store::with_room(STORE_BYTES_MAX)
    }

    /// Makes an empty store for keys and values of so many bytes.
    pub fn with_room(bytes_max: usize) -> Store {
        let (entries, deadlines) = (HashMap::new(), BTreeSet::new());
        Store { entries, deadlines, bytes: 0, bytes_max, warning: None }
    }

    /// Returns how many keys there are; some may be over that were not swept yet.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes keys whose deadline has passed, at most [`SWEEP_KEYS_MAX`] of them; returns how many
    /// these were.
    pub fn sweep(&mut self, now: Duration) -> usize {
        (0..SWEEP_KEYS_MAX).take_while(|_| self.remove_earliest(now)).count()
    }

    /// Returns a warning that is due, at most one a minute.
    pub fn take_warning(&mut self, now: Duration) -> Option<&'static str> {
        self.warning.take_if(|warning| matches!(warning, Warning::Due))?;
        self.warning = Some(Warning::Given(now));
        Some(WARNING)
    }

    /// Has a warning given that a client speaks HTTP.
    pub(super) fn warn(&mut self, now: Duration) {
        match self.warning {
            Some(Warning::Given(at)) if now < at + WARNING_EVERY => {}
            _ => self.warning = Some(Warning::Due),
        }
    }

    /// Removes the key whose deadline is the earliest, if that has passed; tells whether it had.
    fn remove_earliest(&mut self, now: Duration) -> bool {
        if self.deadlines.first().is_none_or(|(deadline, _)| *deadline > now) {
            return false;
        }
        if let Some((_, key)) = self.deadlines.pop_first()
            && let Some(entry) = self.entries.remove(&key)
        {
            self.bytes -= weight(&key, &entry.value);
        }
        true
    }

    /// Removes some keys that are over, more than one write makes, so that they come to an end however
    /// many are made; and all that it takes when there is no room.
    fn make_room(&mut self, bytes: usize, now: Duration) -> Result<(), Refused> {
        for _ in 0..KEYS_REMOVED_BY_A_WRITE {
            self.remove_earliest(now);
        }
        while bytes > self.bytes_max - self.bytes {
            if !self.remove_earliest(now) {
                return Err(Refused::NoRoom);
            }
        }
        Ok(())
    }

    pub(super) fn get(&mut self, key: &[u8], now: Duration) -> Option<&[u8]> {
        self.live(key, now).map(|entry| &entry.value[..])
    }

    pub(super) fn contains(&mut self, key: &[u8], now: Duration) -> bool {
        self.live(key, now).is_some()
    }

    pub(super) fn set(
        &mut self,
        key: &[u8],
        value: &[u8],
        lifetime: Lifetime,
        now: Duration,
    ) -> Result<(), Refused> {
        let more = match self.live(key, now) {
            Some(entry) => value.len().saturating_sub(entry.value.len()),
            None => weight(key, value),
        };
        self.make_room(more, now)?;
        let before = match self.entries.get_mut(key) {
            Some(entry) => {
                let (length, deadline) = (entry.value.len(), entry.deadline);
                replace(&mut entry.value, value);
                self.bytes = self.bytes - length + value.len();
                deadline
            }
            None => {
                let entry = Entry { value: value.to_vec(), deadline: None };
                self.entries.insert(key.into(), entry);
                self.bytes += weight(key, value);
                None
            }
        };
        let deadline = match lifetime {
            Lifetime::Endless => None,
            Lifetime::Until(deadline) => Some(deadline),
            Lifetime::Kept => before,
        };
        if deadline != before {
            self.set_deadline(key, deadline);
        }
        Ok(())
    }

    pub(super) fn increment(&mut self, key: &[u8], now: Duration) -> Result<i64, Refused> {
        let value = match self.get(key, now) {
            Some(value) => number::parse(value).ok_or(Refused::NotAnInteger)?,
            None => 0,
        };
        let value = value.checked_add(1).ok_or(Refused::Overflow)?;
        self.set(key, value.to_string().as_bytes(), Lifetime::Kept, now)?;
        Ok(value)
    }

    /// Removes a key; tells whether it was there.
    pub(super) fn remove(&mut self, key: &[u8], now: Duration) -> bool {
        let there = self.contains(key, now);
        if there {
            self.forget(key);
        }
        there
    }

    /// Gives a key a deadline, or takes it; one that has passed removes the key. Tells whether there
    /// was such a key.
    pub(super) fn expire(&mut self, key: &[u8], deadline: Option<Duration>, now: Duration) -> bool {
        let there = self.contains(key, now);
        if there && deadline.is_some_and(|deadline| deadline <= now) {
            self.forget(key);
        } else if there {
            self.set_deadline(key, deadline);
        }
        there
    }

    /// Returns a key's deadline, if there is such a key and if it has one.
    pub(super) fn deadline(&mut self, key: &[u8], now: Duration) -> Option<Option<Duration>> {
        self.live(key, now).map(|entry| entry.deadline)
    }

    /// Finds a key that is not over, and removes it if it is.
    fn live(&mut self, key: &[u8], now: Duration) -> Option<&mut Entry> {
        // Few keys have deadlines; then a key that is there costs one look-up.
        if !self.deadlines.is_empty()
            && self.entries.get(key)?.deadline.is_some_and(|deadline| deadline <= now)
        {
            self.forget(key);
            return None;
        }
        self.entries.get_mut(key)
    }

    fn forget(&mut self, key: &[u8]) {
        if let Some((key, entry)) = self.entries.remove_entry(key) {
            self.bytes -= weight(&key, &entry.value);
            if let Some(deadline) = entry.deadline {
                self.deadlines.remove(&(deadline, key));
            }
        }
    }

    fn set_deadline(&mut self, key: &[u8], deadline: Option<Duration>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(before) = entry.deadline {
            self.deadlines.remove(&(before, key.into()));
        }
        entry.deadline = deadline;
        self.deadlines.extend(deadline.map(|deadline| (deadline, key.into())));
    }
}

impl Default for Store {
    fn default() -> Store {
        Store::new()
    }
}

/// Puts a value in another's place, and in its memory unless that is far too large.
fn replace(value: &mut Vec<u8>, new: &[u8]) {
    if value.capacity() / 2 > new.len().max(64) {
        *value = new.to_vec();
    } else {
        value.clear();
        value.extend_from_slice(new);
    }
}

fn weight(key: &[u8], value: &[u8]) -> usize {
    ENTRY_BYTES + key.len() + value.len()
}
