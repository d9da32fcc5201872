//! User-space instructions, counted by valgrind's callgrind, which says the sum on standard error.

use super::strace::probe;
use crate::measure::arm::Tool;

/// What to put before the server's command. The sum is all that is wanted, not the profile.
pub(crate) const TOOL: Tool =
    &["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=try"];

/// Tells whether callgrind is here and works, or why not.
pub(crate) fn available() -> Result<(), String> {
    probe(TOOL)
}

/// Finds the line `==PID== Collected : N`.
pub(crate) fn parse(stderr: &str) -> Option<u64> {
    let after = |line: &str| {
        let (_, sum) = line.strip_prefix("==")?.split_once("Collected :")?;
        sum.split_whitespace().next()?.parse().ok()
    };
    stderr.lines().rev().find_map(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_instructions_is_found() {
        let said = "==12== \n==12== Events    : Ir\n==12== Collected : 8123456\n==12== \n";
        assert_eq!(parse(said), Some(8_123_456));
    }

    #[test]
    fn a_server_that_died_has_no_sum() {
        assert_eq!(parse("==12== Process terminating\nCollected : 5\n"), None);
        assert_eq!(parse("==12== Collected : \n"), None);
    }
}
