//! User-space instructions, counted by valgrind's callgrind, which says the sum on standard error.

use super::strace::probe;
use crate::measure::arm::Tool;

/// What to put before the server's command. The sum is all that is wanted, not the profile.
const TOOL: Tool =
    &["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=try"];

/// The same for a server that may have a thread for each of many connections: valgrind makes room for all
/// of them when it starts, which takes it half a second, and does without for 500.
const TOOL_OF_MANY: Tool = &[TOOL[0], TOOL[1], TOOL[2], TOOL[3], "--max-threads=20000"];

/// The most connections for which valgrind has room with what the server has beside.
const FEW_MAX: usize = 400;

/// Returns what to put before the command of a server with so many connections.
pub(crate) fn tool(connections: usize) -> Tool {
    if connections > FEW_MAX { TOOL_OF_MANY } else { TOOL }
}

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
