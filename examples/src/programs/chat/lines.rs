//! Lines out of bytes that come in pieces.
//!
//! Rule: a line that is too long is known as such before it has ended, so that no client can make the
//! server keep more than one line.

use std::sync::Arc;
use std::time::Duration;

/// The most bytes of a line, without its end.
pub const LINE_BYTES_MAX: usize = 512;

/// After so many lines a client is not listened to for a moment: less than an outbox holds, so that a
/// long text that is pasted does not have those dropped that keep up.
const BURST_LINES: usize = 64;

/// How long that moment is.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// A line with its end, for however many clients.
pub(super) type Line = Arc<[u8]>;

/// The bytes of a connection that have come and are not lines yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// How many lines have been taken since the last pause.
    burst: usize,
}

/// A line has more bytes than a line may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// Adds what has come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next line, if it is there. What a terminal might obey is taken out of it, and what
    /// is not UTF-8 is replaced. Of a line that is too long nothing is kept.
    pub(super) fn pop(&mut self) -> Option<Result<String, TooLong>> {
        let end = self.bytes.iter().take(LINE_BYTES_MAX + 1).position(|byte| *byte == b'\n');
        let Some(end) = end else {
            let too_long = self.bytes.len() > LINE_BYTES_MAX;
            return too_long.then(|| self.bytes.clear()).map(|()| Err(TooLong));
        };
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        let text = String::from_utf8_lossy(&line);
        self.burst += 1;
        Some(Ok(text.chars().filter(|character| !character.is_control()).collect()))
    }

    /// Tells, once, whether so many lines have been taken that a [`PAUSE`] is due.
    pub(super) fn is_pause_due(&mut self) -> bool {
        let due = self.burst == BURST_LINES;
        if due {
            self.burst = 0;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_came() {
        let mut lines = Lines::default();
        for piece in ["a", "b\r", "\nc\n\nd"] {
            lines.push(piece.as_bytes());
        }
        let popped: Vec<_> = std::iter::from_fn(|| lines.pop()).map(Result::unwrap).collect();
        assert_eq!(popped, ["ab", "c", ""]);
    }

    #[test]
    fn a_line_that_is_too_long_is_known_before_it_ends() {
        let mut lines = Lines::default();
        lines.push(&[b'x'; LINE_BYTES_MAX]);
        assert_eq!(lines.pop(), None);
        lines.push(b"x");
        assert_eq!(lines.pop(), Some(Err(TooLong)));
        lines.push(b"y\n");
        assert_eq!(lines.pop(), Some(Ok("y".to_owned())));
    }

    #[test]
    fn a_pause_is_due_after_each_burst() {
        let mut lines = Lines::default();
        lines.push(&b"\n".repeat(2 * BURST_LINES));
        let due = |lines: &mut Lines| lines.pop().is_some() && lines.is_pause_due();
        let pauses: Vec<_> = (0..2 * BURST_LINES).filter(|_| due(&mut lines)).collect();
        assert_eq!(pauses, [BURST_LINES - 1, 2 * BURST_LINES - 1]);
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        let mut lines = Lines::default();
        lines.push(b"\x1b[2Jh\xffi\n");
        assert_eq!(lines.pop(), Some(Ok("[2Jh\u{fffd}i".to_owned())));
    }
}
