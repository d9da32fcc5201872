//! The bytes that are sent, and the check of the bytes that come back.
//!
//! Each connection's stream is one endless periodic pattern. A reply is compared, slice by slice,
//! to the place in the stream where it has to be: a flipped byte, a lost one, a doubled one, two
//! messages that changed places or bytes of another connection all make a difference.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The most bytes that one read or write moves.
pub(crate) const CHUNK: usize = 256 * 1024;

/// Prime, so that a lost message moves the stream by a distance that no power of two undoes; small,
/// so that checking stays within the processor's first cache.
const PERIODS: [usize; 2] = [4_093, 4_099];

/// One period of random bytes, repeated as often as a chunk needs.
#[derive(Debug)]
pub(crate) struct Pattern {
    bytes: Vec<u8>,
    period: usize,
}

impl Pattern {
    /// Makes the pattern for messages of `size` bytes.
    pub(crate) fn new(size: usize) -> Pattern {
        // A size that is a multiple of the period would make all messages equal.
        let period = if size.is_multiple_of(PERIODS[0]) { PERIODS[1] } else { PERIODS[0] };
        let mut once = vec![0; period];
        SmallRng::seed_from_u64(0x6f6e_656c_6f6f_7000).fill_bytes(&mut once);
        let bytes = once.iter().copied().cycle().take(period + CHUNK).collect();
        Pattern { bytes, period }
    }

    /// Returns where a connection's stream begins, so that no two neighbours send the same bytes.
    pub(crate) fn start_of(&self, connection: usize) -> usize {
        (connection * 1_009) % self.period
    }

    /// Returns `length` bytes of the stream, at most [`CHUNK`], from a place within the period.
    pub(crate) fn slice(&self, place: usize, length: usize) -> &[u8] {
        &self.bytes[place..place + length]
    }

    /// Returns the place that is `length` bytes further on.
    pub(crate) fn advance(&self, place: usize, length: usize) -> usize {
        (place + length) % self.period
    }

    /// Finds the first byte that differs from the stream at `place`.
    pub(crate) fn first_difference(&self, place: usize, received: &[u8]) -> Option<usize> {
        let expected = self.slice(place, received.len());
        if received == expected {
            return None;
        }
        received.iter().zip(expected).position(|(got, wanted)| got != wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(pattern: &Pattern, length: usize) -> Vec<u8> {
        pattern.slice(pattern.start_of(3), length).to_vec()
    }

    #[test]
    fn an_echoed_stream_has_no_difference() {
        let pattern = Pattern::new(64);
        assert_eq!(pattern.first_difference(pattern.start_of(3), &stream(&pattern, 5_000)), None);
    }

    #[test]
    fn a_flipped_byte_is_found_where_it_is() {
        let pattern = Pattern::new(64);
        let mut received = stream(&pattern, 5_000);
        received[4_321] ^= 1;
        assert_eq!(pattern.first_difference(pattern.start_of(3), &received), Some(4_321));
    }

    #[test]
    fn lost_doubled_and_exchanged_bytes_are_found() {
        let pattern = Pattern::new(64);
        let place = pattern.start_of(3);
        let sent = stream(&pattern, 640);

        let mut lost = sent.clone();
        lost.remove(100);
        assert!(pattern.first_difference(place, &lost).is_some_and(|at| at >= 100));

        let mut doubled = sent.clone();
        doubled.insert(100, sent[99]);
        assert!(pattern.first_difference(place, &doubled).is_some_and(|at| at >= 100));

        let exchanged = [&sent[64..128], &sent[..64]].concat();
        assert!(pattern.first_difference(place, &exchanged).is_some());
    }

    #[test]
    fn a_lost_message_is_found_whatever_its_size() {
        for size in [1, 64, 4_093, 4_096, 4_099, 65_536] {
            let pattern = Pattern::new(size);
            let late = pattern.advance(0, size);
            let message = pattern.slice(late, size);
            assert!(pattern.first_difference(0, message).is_some(), "size {size}");
        }
    }

    #[test]
    fn neighbours_send_different_bytes() {
        let pattern = Pattern::new(64);
        let other = pattern.slice(pattern.start_of(4), 64);
        assert!(pattern.first_difference(pattern.start_of(3), other).is_some());
    }
}
