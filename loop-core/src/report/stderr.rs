//! Reports on stderr, which may be closed, a full device, or a pipe that nothing reads: a report is
//! left out rather than waited for.
//!
//! The limit is the process's, as stderr is: ten reports at once, then one a second. What was left
//! out is counted, and told with the next report that passes.

use std::fmt::Display;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// The longest report in bytes, with what it says of others. A pipe of which the poll says that it has
/// room takes so many at once (`PIPE_BUF`).
const REPORT_BYTES_MAX: usize = 4_096;

/// How many bytes of that are for the count of what was left out.
const COUNT_BYTES_MAX: usize = 64;

/// How many reports pass at once.
const BURST: u32 = 10;

/// How long it takes until one more passes.
const REFILL: Duration = Duration::from_secs(1);

/// A bucket of reports that may pass, and the count of those that did not.
struct Limiter {
    /// How many of the burst have passed.
    spent: u32,
    /// From when on time counts for the next refill; none while the bucket is full.
    counted_from: Option<Instant>,
    /// Told with the next report that passes.
    left_out: u64,
}

static LIMITER: Mutex<Limiter> = Mutex::new(Limiter { spent: 0, counted_from: None, left_out: 0 });

/// Prints a line on stderr as the default exception handler prints a report: it never panics and never
/// waits.
///
/// For whatever serves and has no loop to report to. A line that cannot be printed now is left out.
///
/// # Limits
/// Ten lines at once, then one a second, for the whole process; how many were left out is told with the
/// next line that is printed. A line is cut off after 4,000 bytes. Another process that fills the same
/// pipe in the very moment between the look at it and the write makes the write wait.
pub fn report_to_stderr(line: impl Display) {
    print(&line.to_string());
}

pub(crate) fn print(line: &str) {
    // Held while it writes: two threads do not share the last room of a pipe.
    let mut limiter = LIMITER.lock().unwrap_or_else(PoisonError::into_inner);
    if limiter.admits(Instant::now()) && write(compose(line, limiter.left_out).as_bytes()) {
        limiter.left_out = 0;
    } else {
        limiter.left_out += 1;
    }
}

/// Tells how many reports were left out, if there were any: none may follow that would tell it.
pub(crate) fn tell_left_out() {
    let mut limiter = LIMITER.lock().unwrap_or_else(PoisonError::into_inner);
    if limiter.left_out > 0 && write(of_left_out(limiter.left_out).as_bytes()) {
        limiter.left_out = 0;
    }
}

impl Limiter {
    /// Tells whether a report may pass now.
    fn admits(&mut self, now: Instant) -> bool {
        let from = *self.counted_from.get_or_insert(now);
        let refills = now.saturating_duration_since(from).as_secs() / REFILL.as_secs();
        self.spent = self.spent.saturating_sub(u32::try_from(refills).unwrap_or(u32::MAX));
        self.counted_from = (self.spent > 0).then(|| from + REFILL * refills as u32);
        if self.spent == BURST {
            return false;
        }
        self.spent += 1;
        self.counted_from.get_or_insert(now);
        true
    }
}

fn of_left_out(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => "event loop: 1 report left out\n".to_owned(),
        count => format!("event loop: {count} reports left out\n"),
    }
}

/// Returns the text of a report that stands behind those that were left out.
fn compose(line: &str, left_out: u64) -> String {
    let mut end = line.len().min(REPORT_BYTES_MAX - COUNT_BYTES_MAX - 1);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{}\n", of_left_out(left_out), &line[..end])
}

/// Writes to stderr what it takes at once; tells whether it took it.
fn write(bytes: &[u8]) -> bool {
    let stderr = io::stderr();
    match send(&stderr, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
        Err(Errno::NOTSOCK) => {}
        sent => return sent.is_ok(),
    }
    let mut descriptors = [PollFd::new(&stderr, PollFlags::OUT)];
    let polled = poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    // A broken pipe is an error here, and would be a signal there.
    let has_room = polled == Ok(1) && descriptors[0].revents() == PollFlags::OUT;
    has_room && rustix::io::write(stderr.as_fd(), bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_reports_pass_at_once_and_then_one_a_second() {
        let mut limiter = Limiter { spent: 0, counted_from: None, left_out: 0 };
        let start = Instant::now();
        let mut passed = |millis: u64, tries: usize| {
            let now = start + Duration::from_millis(millis);
            (0..tries).filter(|_| limiter.admits(now)).count()
        };
        assert_eq!(passed(0, 100), 10);
        assert_eq!(passed(999, 5), 0);
        assert_eq!(passed(1_000, 5), 1);
        assert_eq!(passed(1_999, 5), 0);
        assert_eq!(passed(3_500, 5), 2);
        assert_eq!(passed(4_000, 5), 1, "half a second counted already");
        assert_eq!(passed(10_000_000, 100), 10, "no more than at first");
        assert_eq!(passed(0, 5), 0, "a clock that goes back does no harm");
    }

    #[test]
    fn a_report_fits_into_what_a_pipe_takes_at_once_whatever_it_says() {
        for length in [0, 1, 4_000, 5_000] {
            let text = compose(&"ä".repeat(length), u64::MAX);
            assert!(text.len() <= REPORT_BYTES_MAX && text.ends_with('\n'), "{}", text.len());
        }
        assert_eq!(compose("said", 0), "said\n");
        assert_eq!(compose("said", 1), "event loop: 1 report left out\nsaid\n");
        assert_eq!(compose("said", 7), "event loop: 7 reports left out\nsaid\n");
    }
}
