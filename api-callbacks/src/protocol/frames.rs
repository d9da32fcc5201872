//! Frames with a length in front, as a protocol.

use std::cell::RefCell;

use super::{Protocol, Transport};

/// How long the length of a frame is: four bytes, the most significant first.
pub const FRAME_HEADER_BYTES: usize = 4;

/// Cuts what comes into frames, and hands each to a function.
///
/// A frame that is announced as longer than the limit aborts the connection. While the peer takes
/// nothing, nothing more is read.
///
/// ```
/// use api_callbacks::protocol::{Frames, write_frame};
///
/// let echo = Frames::new(1024, |transport, frame| write_frame(transport, frame));
/// # let _: Frames<_> = echo;
/// ```
pub struct Frames<F> {
    length_max: usize,
    on_frame: F,
    /// The beginning of a frame whose end has not come.
    partial: RefCell<Vec<u8>>,
}

impl<F: Fn(&dyn Transport, &[u8])> Frames<F> {
    /// Makes the protocol; `length_max` is the longest frame that is taken.
    pub fn new(length_max: usize, on_frame: F) -> Frames<F> {
        Frames { length_max, on_frame, partial: RefCell::default() }
    }

    /// Hands the frames at the front on, and returns how many bytes they were; `None` when one is
    /// too long.
    fn cut(&self, transport: &dyn Transport, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        while let Some((header, body)) = rest.split_first_chunk::<FRAME_HEADER_BYTES>() {
            let length = usize::try_from(u32::from_be_bytes(*header)).ok()?;
            if length > self.length_max {
                return None;
            }
            let Some((frame, behind)) = body.split_at_checked(length) else { break };
            if transport.is_closing() {
                break;
            }
            (self.on_frame)(transport, frame);
            rest = behind;
        }
        Some(bytes.len() - rest.len())
    }
}

impl<F: Fn(&dyn Transport, &[u8])> Protocol for Frames<F> {
    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        // Nothing is borrowed while frames are handed on.
        let mut partial = self.partial.take();
        let whole = if partial.is_empty() {
            bytes
        } else {
            partial.extend_from_slice(bytes);
            &partial
        };
        let Some(count) = self.cut(transport, whole) else { return transport.abort() };
        if partial.is_empty() {
            partial.extend_from_slice(&bytes[count..]);
        } else {
            partial.drain(..count);
        }
        self.partial.replace(partial);
    }

    fn pause_writing(&self, transport: &dyn Transport) {
        transport.pause_reading();
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        transport.resume_reading();
    }
}

/// Writes a frame.
///
/// # Panics
/// When it is longer than four bytes can say.
pub fn write_frame(transport: &dyn Transport, frame: &[u8]) {
    let length = u32::try_from(frame.len()).expect("a frame is shorter than 4 GiB");
    transport.writelines(&[&length.to_be_bytes(), frame]);
}
