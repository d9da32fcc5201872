//! Links that have run and wait to be used again.
//!
//! A loop written as a chain makes links of the same few types again and again. A link that has run
//! is empty, so that its memory can serve the next of its type: what repeats does not allocate, however
//! many do so at once. What a window of turns has not needed is given back: [`Spares`] has the rule.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use loop_core::{LoopHandle, Spares};

/// How many buckets there are. The compiler knows in which of them the links of a type lie.
const BUCKETS: usize = 64;

thread_local! {
    static SPARES: [RefCell<Spares<Rc<dyn Any>>>; BUCKETS] =
        const { [const { RefCell::new(Spares::new()) }; BUCKETS] };
}

/// A type's number is a hash already.
#[derive(Default)]
struct TypeHasher(u64);

impl Hasher for TypeHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

fn bucket<L: 'static>() -> usize {
    let mut hasher = TypeHasher::default();
    TypeId::of::<L>().hash(&mut hasher);
    hasher.finish() as usize % BUCKETS
}

/// Takes a spare link of this type, to which nothing else refers; makes one if there is none.
pub(crate) fn take_or<L: 'static>(handle: &LoopHandle, make: impl FnOnce() -> L) -> Rc<L> {
    take().unwrap_or_else(|| {
        handle.give_back_with(give_back);
        Rc::new(make())
    })
}

fn take<L: 'static>() -> Option<Rc<L>> {
    match pop(bucket::<L>())?.downcast() {
        Ok(link) => Some(link),
        Err(other) => search(bucket::<L>(), other, TypeId::of::<L>())?.downcast().ok(),
    }
}

/// Keeps an empty link for the next of its type.
pub(crate) fn keep<L: 'static>(link: Rc<L>) {
    push(bucket::<L>(), link);
}

/// Takes the link that lies on top, whatever its type is.
fn pop(bucket: usize) -> Option<Rc<dyn Any>> {
    // The spares are gone while their thread ends.
    SPARES.try_with(|spares| spares[bucket].borrow_mut().take()).ok()?
}

/// Puts a link on top.
#[inline(never)]
fn push(bucket: usize, link: Rc<dyn Any>) {
    let _ = SPARES.try_with(|spares| spares[bucket].borrow_mut().keep(link));
}

/// Puts a link of another type back, and looks for one among those that share its bucket.
fn search(bucket: usize, other: Rc<dyn Any>, link: TypeId) -> Option<Rc<dyn Any>> {
    let found = SPARES.try_with(|spares| {
        let mut spares = spares[bucket].borrow_mut();
        spares.keep(other);
        spares.take_if(|spare| (**spare).type_id() == link)
    });
    found.ok()?
}

/// Drops the links that no turn of a window has needed. They are empty: no code of the program's runs.
fn give_back() {
    let _ = SPARES.try_with(|buckets| {
        for spares in buckets {
            // The borrow ends before the link is dropped.
            let take_surplus = || spares.borrow_mut().take_surplus();
            std::iter::from_fn(take_surplus).for_each(drop);
        }
    });
}
