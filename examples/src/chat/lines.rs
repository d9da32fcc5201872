//! Lines out of bytes that come in pieces.
//!
//! Rule: a line that is too long is known as such before it has ended, so that nobody can make the
//! server keep more than one line.

/// The most bytes of a line, without its end.
pub const LINE_BYTES_MAX: usize = 512;

/// The bytes of a connection that have come and are not lines yet.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

/// A line has more bytes than a line may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// Adds what has come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Takes the next line, if it is there. What a terminal might obey is taken out of it, and what
    /// is not UTF-8 is replaced.
    pub(super) fn pop(&mut self) -> Option<Result<String, TooLong>> {
        let end = self.0.iter().take(LINE_BYTES_MAX + 1).position(|byte| *byte == b'\n');
        let Some(end) = end else {
            return (self.0.len() > LINE_BYTES_MAX).then_some(Err(TooLong));
        };
        let line: Vec<u8> = self.0.drain(..=end).collect();
        let text = String::from_utf8_lossy(&line);
        Some(Ok(text.chars().filter(|character| !character.is_control()).collect()))
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
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        let mut lines = Lines::default();
        lines.push(b"\x1b[2Jh\xffi\n");
        assert_eq!(lines.pop(), Some(Ok("[2Jh\u{fffd}i".to_owned())));
    }
}
