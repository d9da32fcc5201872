//! What is meant for one client and was not written yet: bounded, since it may read late or never.

use std::mem;

use super::lines::Line;
use super::room::Ending;

/// The most lines that wait for a client.
pub const OUTBOX_LINES_MAX: usize = 256;

/// The lines that wait for a client, first in, first out.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lines: Vec<Line>,
    closed: bool,
}

/// The client has not kept up; the line was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What is to be done for a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Write these, of which there is one at least.
    Write(Vec<Line>),
    /// Wait until there is more.
    Wait,
    /// Nothing more will come.
    End,
}

impl Outbox {
    /// Adds a line; one that is closed takes no more, and says nothing of it.
    pub(super) fn push(&mut self, line: Line) -> Result<(), Full> {
        if self.closed {
            return Ok(());
        }
        if self.lines.len() == OUTBOX_LINES_MAX {
            return Err(Full);
        }
        self.lines.push(line);
        Ok(())
    }

    /// Adds a last line, which says why. For a client that is too slow it comes in the place of all others.
    pub(super) fn close(&mut self, ending: Ending) {
        if self.closed {
            return;
        }
        if ending == Ending::TooSlow {
            self.lines.clear();
        }
        self.lines.push(ending.notice());
        self.closed = true;
    }

    /// Takes what is to be written next: all that waits, since one system call takes it.
    pub(super) fn take(&mut self) -> Next {
        match mem::take(&mut self.lines) {
            lines if !lines.is_empty() => Next::Write(lines),
            _ if self.closed => Next::End,
            _ => Next::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        text.as_bytes().into()
    }

    #[test]
    fn a_full_outbox_gives_its_lines_up_for_the_notice() {
        let mut outbox = Outbox::default();
        (0..OUTBOX_LINES_MAX).for_each(|_| outbox.push(line("x\n")).unwrap());
        assert_eq!(outbox.push(line("y\n")), Err(Full));
        outbox.close(Ending::TooSlow);
        assert_eq!(outbox.take(), Next::Write(vec![Ending::TooSlow.notice()]));
        assert_eq!(outbox.take(), Next::End);
    }

    #[test]
    fn who_leaves_gets_what_was_said_before_and_nothing_after() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.take(), Next::Wait);
        outbox.push(line("before\n")).unwrap();
        outbox.close(Ending::Left);
        outbox.push(line("after\n")).unwrap();
        assert_eq!(outbox.take(), Next::Write(vec![line("before\n"), Ending::Left.notice()]));
        assert_eq!(outbox.take(), Next::End);
    }
}
