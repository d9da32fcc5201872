//! Which line of stderr tells what a program died of.
//!
//! Rule: a program's own last line tells it. A tool that watches the program says more around and after
//! that line, down to a table or an address for reports of bugs; what the tool itself died of comes first.

/// What valgrind says before the line that tells of a fault of its own.
const FAULT: &str = "'impossible' happened:";

/// How the table of `strace -c` begins, with which its output ends.
const TABLE: &str = "% time";

/// Finds that line, if anything was said.
pub(crate) fn find(stderr: &str) -> Option<&str> {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let own =
        lines().take_while(|line| !line.starts_with(TABLE)).filter(|line| !is_by_a_tool(line));
    fault_of_valgrind(lines()).or_else(|| own.last()).or_else(|| lines().find_map(ending))
}

/// Finds what valgrind says when it cannot start or go on: the first of such lines tells why.
fn fault_of_valgrind<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let line = lines.find(|line| line.starts_with("valgrind: "))?;
    if line.ends_with(FAULT) { lines.next() } else { Some(line) }
}

/// Tells whether a line is what a tool says of every program, dead or not.
fn is_by_a_tool(line: &str) -> bool {
    by_valgrind(line).is_some() || line.starts_with("strace: Process ")
}

/// Finds what valgrind says of a signal that ended the program, which said nothing itself.
fn ending(line: &str) -> Option<&str> {
    by_valgrind(line).filter(|text| text.starts_with("Process terminating"))
}

/// Returns the text of a line `==PID== text`.
fn by_valgrind(line: &str) -> Option<&str> {
    let (pid, text) = line.strip_prefix("==")?.split_once("==")?;
    pid.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\
==12== Callgrind, a call-graph generating cache profiler
==12== Command: oneloop serve echo
==12==
";
    const SUM: &str =
        "==12== \n==12== Events    : Ir\n==12== Collected : 81\n==12== I   refs:  81\n";
    const CALLS: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
100.00    0.000990           1      1203         3 total
";

    #[test]
    fn the_last_line_of_a_program_alone_is_found() {
        assert_eq!(find("first\nlast\n\n"), Some("last"));
        assert_eq!(find("\n"), None);
    }

    #[test]
    fn the_last_line_of_a_program_is_found_within_what_a_tool_says() {
        let died = "thread 'main' panicked at a.rs:1:1:\nno luck\n";
        assert_eq!(find(&format!("{HEAD}{died}{SUM}")), Some("no luck"));
        let traced =
            format!("strace: Process 7 attached\n{died}strace: Process 7 detached\n{CALLS}");
        assert_eq!(find(&traced), Some("no luck"));
    }

    #[test]
    fn a_tool_that_watched_a_silent_program_tells_nothing() {
        assert_eq!(find(&format!("{HEAD}{SUM}")), None);
        assert_eq!(find(CALLS), None);
    }

    #[test]
    fn a_fault_of_valgrind_is_found_before_its_advice() {
        let too_many = "\
Use --max-threads=INT to specify a larger number of threads
and rerun valgrind

valgrind: the 'impossible' happened:
   Max number of threads is too low

host stacktrace:
==12==    at 0x58020C4A: ??? (in /usr/libexec/valgrind/callgrind-amd64-linux)

Note: see also the FAQ in the source distribution.
In the bug report, send all the above text, the valgrind
version, and what OS and version you are using.  Thanks.

";
        let said = format!("{HEAD}accept: it goes on\n{too_many}");
        assert_eq!(find(&said), Some("Max number of threads is too low"));
        let unknown =
            "valgrind: Unknown option: --bogus\nvalgrind: Use --help for more information.\n";
        assert_eq!(find(unknown), Some("valgrind: Unknown option: --bogus"));
    }

    #[test]
    fn a_signal_that_ended_a_silent_program_is_found() {
        let died = "\
==12== Process terminating with default action of signal 11 (SIGSEGV)
==12==    at 0x4882267: kill (syscall-template.S:120)
";
        let said = format!("{HEAD}{died}{SUM}");
        let line = "Process terminating with default action of signal 11 (SIGSEGV)";
        assert_eq!(find(&said), Some(line));
    }

    #[test]
    fn a_refusal_of_strace_is_found() {
        let line = "strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted";
        assert_eq!(find(line), Some(line));
    }
}
