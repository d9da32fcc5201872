//! Links that have run and wait to be used again.
//!
//! A loop written as a chain makes links of the same few types again and again. A link that has run
//! is empty, so that its memory can serve the next of its type: what repeats does not allocate.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

/// How many spare links of one type are kept.
const SPARE_MAX: usize = 256;

/// The spare links of a thread, by their type.
type Spares = HashMap<TypeId, Vec<Rc<dyn Any>>, BuildHasherDefault<TypeHasher>>;

thread_local! {
    static SPARES: RefCell<Spares> = RefCell::default();
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

/// Takes a spare link of this type, if there is one. Nobody else refers to it.
#[inline]
pub(crate) fn take<L: 'static>() -> Option<Rc<L>> {
    // The spares are gone while their thread ends.
    let spare = SPARES
        .try_with(|spares| spares.borrow_mut().get_mut(&TypeId::of::<L>()).and_then(Vec::pop));
    spare.ok().flatten()?.downcast().ok()
}

/// Keeps an empty link for the next of its type.
#[inline]
pub(crate) fn keep<L: 'static>(link: Rc<L>) {
    let _ = SPARES.try_with(|spares| {
        let mut spares = spares.borrow_mut();
        let spares = spares.entry(TypeId::of::<L>()).or_default();
        if spares.len() < SPARE_MAX {
            spares.push(link);
        }
    });
}
