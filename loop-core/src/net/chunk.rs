//! Chunks: buffers that the loop lends while there are bytes to hold.
//!
//! A chunk is taken from the pool only once a socket has bytes, and goes back when it is dropped,
//! so that an idle connection holds no buffer, whatever the style.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::ops::Deref;
use std::rc::Rc;

use crate::spares::stack::shrink;

/// How many bytes a chunk of the pool holds.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// At how many of its chunks the pool looks for one that is back.
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
    /// The window in which it was put beside the one that was lent last, while it was lent.
    put_aside_in: Cell<u32>,
}

/// The chunks of one loop, lent or free: one to which nothing else refers is back.
///
/// It knows as many as were lent at once. At the end of a window of turns it keeps, of those that are
/// back, as many as the busiest turn of the window has asked for; it forgets what was lent all the
/// window long, which is freed when it is dropped, since to look at it each time finds nothing.
#[derive(Default)]
pub(crate) struct Pool {
    /// The one that was lent last, which is the next if it is back by then: a program that gives
    /// back what it has been lent is always lent the same.
    last: Cell<Option<Rc<Lent>>>,
    /// The rest, free or lent: a chunk that is kept does not stand in the way of the next.
    others: RefCell<Vec<Rc<Lent>>>,
    /// Which of the others was looked at last.
    place: Cell<usize>,
    /// How often this turn has asked for one beside the last.
    asked: Cell<usize>,
    /// How often the busiest turn of this window has.
    asked_most: Cell<usize>,
    /// Counts the windows.
    window: Cell<u32>,
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
        self.asked.set(self.asked.get() + 1);
        last.put_aside_in.set(self.window.get());
        let mut others = self.others.borrow_mut();
        for _ in 0..LOOKS_MAX.min(others.len()) {
            let next = self.place.get() + 1;
            self.place.set(if next < others.len() { next } else { 0 });
            let other = &mut others[self.place.get()];
            if is_back(other) {
                return mem::replace(other, last);
            }
        }
        others.push(last);
        Lent::new()
    }

    /// Notes that a turn ends.
    pub(crate) fn end_turn(&self) {
        let asked = self.asked.take();
        if asked > self.asked_most.get() {
            self.asked_most.set(asked);
        }
    }

    /// Gives back what no turn of the window has needed, and begins the next.
    pub(crate) fn end_window(&self) {
        let window = self.window.replace(self.window.get().wrapping_add(1));
        let mut left = self.asked_most.take();
        let mut others = self.others.borrow_mut();
        others.retain(|lent| {
            if !is_back(lent) {
                return lent.put_aside_in.get() == window;
            }
            let keeps = left > 0;
            left = left.saturating_sub(1);
            keeps
        });
        shrink(&mut others);
    }
}

impl Lent {
    #[cold]
    fn new() -> Rc<Lent> {
        let buffer = vec![0; CHUNK_BYTES].into_boxed_slice();
        Lent::of(buffer, 0)
    }

    /// Makes one of which the first `count` bytes have not been consumed.
    fn of(buffer: Box<[u8]>, count: usize) -> Rc<Lent> {
        let (start, end, put_aside_in) = (Cell::new(0), Cell::new(count), Cell::new(0));
        Rc::new(Lent { buffer, start, end, put_aside_in })
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
        let Lent { buffer, start, end, .. } = &*self.lent;
        &buffer[start.get()..end.get()]
    }
}

/// As a buffer of several that are written together.
impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Chunk {
        let count = bytes.len();
        Chunk { lent: Lent::of(bytes.into_boxed_slice(), count) }
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

    fn lend(pool: &Pool) -> Chunk {
        pool.lend(|_| Ok::<_, ()>(1)).unwrap()
    }

    /// Lends so many at once in each turn of a window; returns how many different ones it lent.
    fn window_of(pool: &Pool, at_once: usize) -> usize {
        let mut lent = HashSet::new();
        for _ in 0..64 {
            let chunks: Vec<_> = (0..at_once).map(|_| lend(pool)).collect();
            lent.extend(chunks.iter().map(|chunk| chunk.as_ptr()));
            pool.end_turn();
        }
        pool.end_window();
        lent.len()
    }

    #[test]
    fn as_many_chunks_are_kept_as_were_lent_at_once() {
        let pool = Pool::default();
        for _ in 0..3 {
            assert_eq!(window_of(&pool, 1_000), 1_000, "what comes back is lent again");
        }
        assert_eq!(pool.others.borrow().len(), 999);
    }

    #[test]
    fn a_window_gives_back_what_it_has_not_needed() {
        let pool = Pool::default();
        window_of(&pool, 1_000);
        window_of(&pool, 10);
        assert_eq!(pool.others.borrow().len(), 9);
        assert!(pool.others.borrow().capacity() <= 64);
        window_of(&pool, 1);
        assert_eq!(pool.others.borrow().len(), 0);
    }

    #[test]
    fn what_is_lent_for_a_window_is_forgotten_and_what_is_lent_since_is_not() {
        let pool = Pool::default();
        let long: Vec<_> = (0..100).map(|_| lend(&pool)).collect();
        pool.end_turn();
        pool.end_window();
        let since: Vec<_> = (0..11).map(|_| lend(&pool)).collect();
        pool.end_window();
        // The last of both was put aside by the one that was lent after it, or never.
        assert_eq!(pool.others.borrow().len(), 11);
        drop((long, since));
        pool.end_window();
        assert_eq!(pool.others.borrow().len(), 0);
    }

    #[test]
    fn a_chunk_that_is_kept_does_not_stand_in_the_way_of_the_others() {
        let pool = Pool::default();
        let kept: Vec<_> = (0..3).map(|_| lend(&pool)).collect();
        let address = lend(&pool).as_ptr();
        for _ in 0..10 {
            assert_eq!(lend(&pool).as_ptr(), address);
        }
        assert_eq!(kept.len(), 3);
    }
}
