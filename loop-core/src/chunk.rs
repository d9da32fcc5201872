//! Chunks: buffers that the loop lends while there are bytes to hold.
//!
//! A chunk is taken from the pool only once a socket has bytes, and goes back when it is dropped,
//! so that an idle connection holds no buffer, whatever the style.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// How many bytes a chunk of the pool holds.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// How many free chunks the pool keeps beside the spare one: 64 in all.
const FREE_MAX: usize = 63;

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
    /// A chunk is handed along often: it is one pointer wide. Gone only while it is dropped.
    lent: Option<Box<Lent>>,
}

/// A buffer and what is in it.
struct Lent {
    buffer: Box<[u8]>,
    /// Where in the buffer the bytes begin and end that have not been consumed.
    start: usize,
    end: usize,
    /// Where the buffer goes when the chunk is dropped.
    pool: Option<Rc<Pool>>,
}

/// The free chunks of one loop.
#[derive(Default)]
pub(crate) struct Pool {
    /// The one that came back last, which is the next to be lent.
    spare: Cell<Option<Box<Lent>>>,
    // Boxed, since what is lent is the box: no byte of a buffer's head is moved.
    #[expect(clippy::vec_box)]
    free: RefCell<Vec<Box<Lent>>>,
}

impl Pool {
    /// Lends a chunk that `fill` has written to; `fill` returns how many bytes it wrote.
    #[inline]
    pub(crate) fn lend<E>(
        self: &Rc<Self>,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Chunk, E> {
        let mut lent = self.spare.take().unwrap_or_else(|| self.another());
        match fill(&mut lent.buffer) {
            Ok(count) => {
                (lent.start, lent.end) = (0, count);
                lent.pool = Some(self.clone());
                Ok(Chunk { lent: Some(lent) })
            }
            Err(error) => {
                self.take_back(lent);
                Err(error)
            }
        }
    }

    /// Takes a buffer back.
    #[inline(always)]
    fn take_back(&self, lent: Box<Lent>) {
        if let Some(before) = self.spare.replace(Some(lent)) {
            self.keep(before);
        }
    }

    /// Finds a free buffer, or makes one.
    #[inline(never)]
    fn another(&self) -> Box<Lent> {
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| {
            let buffer = vec![0; CHUNK_BYTES].into_boxed_slice();
            Box::new(Lent { buffer, start: 0, end: 0, pool: None })
        })
    }

    /// Keeps a buffer, unless there are many.
    #[inline(never)]
    fn keep(&self, lent: Box<Lent>) {
        let mut free = self.free.borrow_mut();
        if free.len() < FREE_MAX {
            free.push(lent);
        }
    }
}

impl Chunk {
    /// Returns how many bytes have not been consumed, with less ado than the slice's length.
    #[inline]
    pub(crate) fn unread(&self) -> usize {
        self.lent.as_ref().map_or(0, |lent| lent.end - lent.start)
    }

    /// Consumes the first `count` bytes.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        let lent = self.lent.as_mut().expect(LENT);
        assert!(count <= lent.end - lent.start, "a chunk cannot advance past its end");
        lent.start += count;
    }
}

/// A chunk has its buffer until it is dropped.
const LENT: &str = "a chunk has a buffer";

impl Deref for Chunk {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let lent = self.lent.as_ref().expect(LENT);
        &lent.buffer[lent.start..lent.end]
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Chunk {
        let buffer = bytes.into_boxed_slice();
        Chunk { lent: Some(Box::new(Lent { start: 0, end: buffer.len(), buffer, pool: None })) }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

impl Drop for Chunk {
    #[inline]
    fn drop(&mut self) {
        if let Some(mut lent) = self.lent.take()
            && let Some(pool) = lent.pool.take()
        {
            pool.take_back(lent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_chunk_is_lent_again() {
        let pool = Rc::new(Pool::default());
        let chunk = pool.lend(|buffer| Ok::<_, ()>(buffer.len())).unwrap();
        let address = chunk.as_ptr();
        drop(chunk);
        let chunk = pool.lend(|_| Ok::<_, ()>(3)).unwrap();
        assert_eq!((chunk.as_ptr(), chunk.len()), (address, 3));
    }

    #[test]
    fn a_failed_fill_returns_the_chunk() {
        let pool = Rc::new(Pool::default());
        assert!(pool.lend(|_| Err("nothing there")).is_err());
        assert!(pool.spare.take().is_some());
    }

    #[test]
    fn the_pool_keeps_a_bounded_number() {
        let pool = Rc::new(Pool::default());
        let chunks: Vec<_> = (0..100).map(|_| pool.lend(|_| Ok::<_, ()>(1)).unwrap()).collect();
        drop(chunks);
        assert_eq!(pool.free.borrow().len(), FREE_MAX);
    }
}
