//! Chunks: buffers that the loop lends while there are bytes to hold.
//!
//! A chunk is taken from the pool only once a socket has bytes, and goes back when it is dropped,
//! so that an idle connection holds no buffer, whatever the style.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// How many bytes a chunk of the pool holds.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// How many chunks the pool keeps beside the one that was lent last: 64 in all.
const KEPT_MAX: usize = 63;

/// How many of them it looks at for one that is back.
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
    /// that it is back when nobody else refers to it: a chunk's drop has nothing to do.
    lent: Rc<Lent>,
}

/// A buffer and what is in it.
struct Lent {
    buffer: Box<[u8]>,
    /// Where in the buffer the bytes begin and end that have not been consumed.
    start: Cell<usize>,
    end: Cell<usize>,
}

/// The chunks of one loop, lent or free.
#[derive(Default)]
pub(crate) struct Pool {
    /// The one that was lent last, which is the next to be lent if it is back by then.
    last: Cell<Option<Rc<Lent>>>,
    /// The others, the one that was lent first in front.
    others: RefCell<VecDeque<Rc<Lent>>>,
}

impl Pool {
    /// Lends a chunk that `fill` has written to; `fill` returns how many bytes it wrote.
    #[inline(always)]
    pub(crate) fn lend<E>(
        &self,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Chunk, E> {
        let mut lent = match self.last.take() {
            Some(lent) if Rc::strong_count(&lent) == 1 => lent,
            last => self.another(last),
        };
        let free = Rc::get_mut(&mut lent).expect("nobody else refers to a chunk that is back");
        let filled = fill(&mut free.buffer);
        let chunk = filled.map(|count| {
            lent.start.set(0);
            lent.end.set(count);
            Chunk { lent: lent.clone() }
        });
        self.last.set(Some(lent));
        chunk
    }

    /// Finds a chunk that is back, or makes one, while the last is still lent.
    #[inline(never)]
    fn another(&self, last: Option<Rc<Lent>>) -> Rc<Lent> {
        let mut others = self.others.borrow_mut();
        others.extend(last);
        for _ in 0..others.len().min(LOOKS_MAX) {
            match others.pop_front() {
                Some(lent) if Rc::strong_count(&lent) == 1 => return lent,
                lent => others.extend(lent),
            }
        }
        // What is one too many belongs to who has it.
        others.truncate(KEPT_MAX);
        let buffer = vec![0; CHUNK_BYTES].into_boxed_slice();
        Rc::new(Lent { buffer, start: Cell::new(0), end: Cell::new(0) })
    }
}

impl Chunk {
    /// Consumes the first `count` bytes.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        let Lent { start, end, .. } = &*self.lent;
        assert!(count <= end.get() - start.get(), "a chunk cannot advance past its end");
        start.set(start.get() + count);
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
        assert!(pool.last.take().is_some());
    }

    #[test]
    fn the_pool_keeps_a_bounded_number() {
        let pool = Pool::default();
        let lend = || pool.lend(|_| Ok::<_, ()>(1)).unwrap();
        let chunks: Vec<_> = (0..100).map(|_| lend()).collect();
        assert_eq!(pool.others.borrow().len(), KEPT_MAX);
        drop(chunks);
        let again: Vec<_> = (0..64).map(|_| lend()).collect();
        assert_eq!(pool.others.borrow().len(), KEPT_MAX, "{} lent again", again.len());
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
