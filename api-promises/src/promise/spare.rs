//! Links that have run and wait to be used again.
//!
//! A loop written as a chain makes links of the same few types again and again. A link that has run
//! is empty, so that its memory can serve the next of its type: what repeats does not allocate.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// How many spare links a bucket keeps.
const SPARE_MAX: usize = 256;

/// How many buckets there are. The compiler knows in which of them the links of a type lie.
const BUCKETS: usize = 64;

thread_local! {
    static SPARES: [RefCell<Vec<Rc<dyn Any>>>; BUCKETS] =
        const { [const { RefCell::new(Vec::new()) }; BUCKETS] };
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

/// Takes a spare link of this type, if there is one. Nothing else refers to it.
pub(crate) fn take<L: 'static>() -> Option<Rc<L>> {
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
    SPARES.try_with(|spares| spares[bucket].borrow_mut().pop()).ok()?
}

/// Puts a link on top, if there is room.
#[inline(never)]
fn push(bucket: usize, link: Rc<dyn Any>) {
    let _ = SPARES.try_with(|spares| {
        let mut spares = spares[bucket].borrow_mut();
        if spares.len() < SPARE_MAX {
            spares.push(link);
        }
    });
}

/// Puts a link of another type back, and looks for one among those that share its bucket.
fn search(bucket: usize, other: Rc<dyn Any>, link: TypeId) -> Option<Rc<dyn Any>> {
    let found = SPARES.try_with(|spares| {
        let mut spares = spares[bucket].borrow_mut();
        spares.push(other);
        let index = spares.iter().rposition(|spare| (**spare).type_id() == link)?;
        Some(spares.swap_remove(index))
    });
    found.ok()?
}
