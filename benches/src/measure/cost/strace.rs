//! System calls, counted by strace: `strace -c` prints its table when the server has ended.

use std::process::{Command, Stdio};

use super::slope::Tally;
use crate::measure::arm::Tool;

/// What to put before the server's command.
///
/// With `-DD` the tracer is a grandchild in a process group of its own: the child that gets the
/// signals is the server itself, and the tracer outlives its group by the time that a table takes.
pub(crate) const TOOL: Tool = &["strace", "-DD", "-f", "-c"];

/// Tells whether strace is here and may trace, or why not.
pub(crate) fn available() -> Result<(), String> {
    probe(TOOL)
}

/// Reads the table of `strace -c`: share, seconds, microseconds, calls, errors if any, name.
pub(crate) fn parse(stderr: &str) -> Option<Tally> {
    let table = stderr.lines().skip_while(|line| !line.starts_with("% time"));
    let rows = table.filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let name = columns.last().filter(|name| **name != "total")?;
        let calls = columns.get(3)?.parse().ok()?;
        Some(((*name).to_owned(), calls))
    });
    Some(rows.collect()).filter(|calls: &Tally| !calls.is_empty())
}

/// Adds up the calls that read, write, wait, and do anything else, in this order.
pub(crate) fn kinds(calls: &std::collections::BTreeMap<String, f64>) -> [f64; 4] {
    let mut kinds = [0.0; 4];
    for (name, count) in calls {
        let kind = match name.as_str() {
            "read" | "readv" | "recvfrom" | "recvmsg" => 0,
            "write" | "writev" | "sendto" | "sendmsg" => 1,
            "epoll_wait" | "epoll_pwait" | "epoll_pwait2" | "poll" | "ppoll" | "futex" => 2,
            _ => 3,
        };
        kinds[kind] += count;
    }
    kinds
}

/// Lets a tool run nothing, and returns what it said if it could not.
pub(crate) fn probe(command: Tool) -> Result<(), String> {
    let (tool, arguments) = command.split_first().expect("a tool has a name");
    let mut command = Command::new(tool);
    command.args(arguments).arg("true").stdin(Stdio::null());
    let output = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{tool} is not installed"),
        _ => format!("{tool} cannot be started: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it said nothing").trim();
    Err(format!("{tool} cannot be used here: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
strace: Process 7 attached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.00    0.000610           1       601           epoll_wait
 38.00    0.000380           1       600         3 recvfrom
  1.00    0.000000           0         2           sendto
------ ----------- ----------- --------- --------- ----------------
100.00    0.000990           1      1203         3 total
";

    #[test]
    fn calls_are_read_by_name_with_and_without_errors() {
        let calls = parse(REPORT).unwrap();
        assert_eq!(calls.len(), 3);
        assert_eq!(calls["epoll_wait"], 601);
        assert_eq!(calls["recvfrom"], 600);
        assert_eq!(calls["sendto"], 2);
    }

    #[test]
    fn what_is_no_table_has_no_calls() {
        assert_eq!(parse("strace: attach: ptrace: Operation not permitted\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn calls_are_sorted_by_what_they_are_for() {
        let calls = [("readv", 1.0), ("sendto", 2.0), ("epoll_wait", 0.5), ("mmap", 0.25)];
        let calls = calls.map(|(name, count)| (name.to_owned(), count)).into();
        assert_eq!(kinds(&calls), [1.0, 2.0, 0.5, 0.25]);
    }

    #[test]
    fn a_tool_that_is_missing_is_named() {
        let reason = probe(&["no-such-tool-here"]).unwrap_err();
        assert_eq!(reason, "no-such-tool-here is not installed");
    }
}
