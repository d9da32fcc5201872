//! User-space instructions, counted by valgrind's callgrind, which says the sum on standard error.

use super::strace::probe;

/// The sum is all that is wanted, not the profile.
const TOOL: [&str; 4] =
    ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=try"];

/// Tells whether callgrind is here and works, or why not.
pub(crate) fn available() -> Result<(), String> {
    probe(TOOL[0], &TOOL[1..])
}

/// Returns what to put before the server's command.
pub(crate) fn prefix() -> Vec<String> {
    TOOL.map(str::to_owned).to_vec()
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
