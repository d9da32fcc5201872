//! Chunks: buffers that the loop lends while there are bytes to hold.
//!
//! A chunk is taken from the pool only once a socket has bytes, and goes back when it is dropped,
//! so that an idle connection holds no buffer, whatever the style.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::ops::Deref;
use std::rc::Rc;

/// How many bytes a chunk of the pool holds.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// How many chunks the pool knows beside the one that was lent last: 64 in all.
const OTHERS_MAX: usize = 63;

/// At how many of them it looks for one that is back.
const LOOKS_MAX: usize = 4;

/// Bytes in a buffer that is lent by the loop, or that came from a vector.
///
/// Dereferences to the bytes. A chunk of the loop's pool returns there when it is dropped.
///
/// ```
/// use loop_core::Chunk;
///
/// let mut chunk = Chunk::from(b"hello".to_vec());
/// chunk.advance(2);
/// assert_eq!(&*chunk, b"llo");
/// ```
pub struct Chunk {
    /// A chunk is handed along often: it is one pointer wide. The pool knows what it has lent, and
    /// that it is back when nothing else refers to it: a chunk's drop has nothing to do.
    lent: Rc<Lent>,
}

/// A buffer and what is in it.
struct Lent {
    /// Of the pool's size, or a vector's own.
    buffer: Box<[u8]>,
    /// Where in the buffer the bytes begin and end that have not been consumed.
    start: Cell<usize>,
    end: Cell<usize>,
}

/// The chunks of one loop, lent or free: one to which nothing else refers is back.
#[derive(Default)]
pub(crate) struct Pool {
    /// The one that was lent last, which is the next if it is back by then: a program that gives
    /// back what it has been lent is always lent the same.
    last: Cell<Option<Rc<Lent>>>,
    /// The rest, free or lent: a chunk that is kept does not stand in the way of the next.
    others: RefCell<Vec<Rc<Lent>>>,
    /// Which of the others was looked at last.
    place: Cell<usize>,
}

impl Pool {
    /// Lends a chunk that `fill` has written to; `fill` returns how many bytes it wrote.
    #[inline(always)]
    pub(crate) fn lend<E>(
        &self,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Chunk, E> {
        let mut lent = match self.last.take() {
            Some(lent) => lent,
            None => Lent::new(),
        };
        if Rc::get_mut(&mut lent).is_none() {
            lent = self.another_slow(lent);
        }
        let free = Rc::get_mut(&mut lent).expect("a chunk that is back has one reference");
        let chunk = fill(&mut free.buffer).map(|count| {
            lent.start.set(0);
            lent.end.set(count);
            Chunk { lent: lent.clone() }
        });
        self.last.set(Some(lent));
        chunk
    }

    /// Puts the chunk that was lent last in the place of one that is back, or of a new one.
    #[cold]
    fn another_slow(&self, last: Rc<Lent>) -> Rc<Lent> {
        let mut others = self.others.borrow_mut();
        for _ in 0..LOOKS_MAX.min(others.len()) {
            let next = self.place.get() + 1;
            self.place.set(if next < others.len() { next } else { 0 });
            let other = &mut others[self.place.get()];
            if is_back(other) {
                return mem::replace(other, last);
            }
        }
        if others.len() < OTHERS_MAX {
            others.push(last);
        }
        Lent::new()
    }
}

impl Lent {
    #[cold]
    fn new() -> Rc<Lent> {
        let buffer = vec![0; CHUNK_BYTES].into_boxed_slice();
        Rc::new(Lent { buffer, start: Cell::new(0), end: Cell::new(0) })
    }
}

fn is_back(lent: &Rc<Lent>) -> bool {
    Rc::strong_count(lent) == 1
}

impl Chunk {
    /// Returns how many bytes have not been consumed, with less ado than the slice's length.
    #[inline]
    pub fn len(&self) -> usize {
        self.lent.end.get() - self.lent.start.get()
    }

    /// Tells whether all bytes have been consumed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Consumes the first `count` bytes.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.len(), "a chunk cannot advance past its end");
        self.lent.start.set(self.lent.start.get() + count);
    }
}

impl Deref for Chunk {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let Lent { buffer, start, end } = &*self.lent;
        &buffer[start.get()..end.get()]
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Chunk {
        let buffer = bytes.into_boxed_slice();
        let (start, end) = (Cell::new(0), Cell::new(buffer.len()));
        Chunk { lent: Rc::new(Lent { buffer, start, end }) }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_dropped_chunk_is_lent_again() {
        let pool = Pool::default();
        let chunk = pool.lend(|buffer| Ok::<_, ()>(buffer.len())).unwrap();
        let address = chunk.as_ptr();
        drop(chunk);
        let chunk = pool.lend(|_| Ok::<_, ()>(3)).unwrap();
        assert_eq!((chunk.as_ptr(), chunk.len()), (address, 3));
    }

    #[test]
    fn a_failed_fill_returns_the_chunk() {
        let pool = Pool::default();
        assert!(pool.lend(|_| Err("nothing there")).is_err());
        assert!(is_back(&pool.last.take().unwrap()));
    }

    #[test]
    fn the_pool_keeps_a_bounded_number() {
        let pool = Pool::default();
        let lend = || pool.lend(|_| Ok::<_, ()>(1)).unwrap();
        let chunks: Vec<_> = (0..100).map(|_| lend()).collect();
        assert_eq!(pool.others.borrow().len(), OTHERS_MAX);
        drop(chunks);
        let lent: HashSet<_> = (0..100).map(|_| lend()).map(|c| c.as_ptr()).collect();
        assert_eq!(lent.len(), 1, "what comes back is lent again");
    }

    #[test]
    fn a_chunk_that_is_kept_does_not_stand_in_the_way_of_the_others() {
        let pool = Pool::default();
        let lend = || pool.lend(|_| Ok::<_, ()>(1)).unwrap();
        let kept: Vec<_> = (0..3).map(|_| lend()).collect();
        let address = lend().as_ptr();
        for _ in 0..10 {
            assert_eq!(lend().as_ptr(), address);
        }
        assert_eq!(kept.len(), 3);
    }
}
