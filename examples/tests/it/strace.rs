//! What an idle echo costs, counted by the kernel's side: system calls by name.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use examples::{Server, Style};

use crate::counts::play_paced;
use crate::server::serve;

/// System calls by name.
type Calls = BTreeMap<String, f64>;

/// Makes a test for each style: its name, the style, and how often it waits for a message.
macro_rules! calls_of_a_message {
    ($($test:ident $style:ident waits $waits:literal,)*) => {
        $(#[test]
        fn $test() {
            if let Some(calls) = calls_per_message(Style::$style) {
                assert_calls(&calls, f64::from($waits));
            }
        })*
    };
}

/// smol asks the kernel more: a read that finds nothing before each wait, the wait's registrations
/// (the connection, its timer, its wake-up), the timer itself, and a look at the wake-up.
#[test]
fn smol() {
    let Some(mut calls) = calls_per_message(Style::Smol) else { return };
    // Whether its other thread stirs is a matter of timing.
    calls.remove("futex");
    let stated: [(&[&str], f64); 6] = [
        (&["epoll_wait", "epoll_pwait"], 1.0),
        (&["epoll_ctl"], 3.0),
        (&["timerfd_settime"], 1.0),
        (&["read"], 1.0),
        (&["recvfrom"], 2.0),
        (&["sendto"], 1.0),
    ];
    for (names, stated) in stated {
        let counted: f64 = names.iter().filter_map(|name| calls.remove(*name)).sum();
        assert!((counted - stated).abs() <= 0.1, "{names:?}: {counted}, stated {stated}");
    }
    assert!(calls.values().sum::<f64>() <= 0.1, "{calls:?}");
}

calls_of_a_message! {
    callbacks Callbacks waits 1,
    promises Promises waits 1,
    async_await Async waits 1,
    fibers Fibers waits 1,
    raw Raw waits 1,
    // A blocking read waits by itself.
    threads Threads waits 0,
    tokio Tokio waits 1,
}

/// Checks that a message costs one read, one write, the stated waits, and no other call.
fn assert_calls(calls: &Calls, waits: f64) {
    let of = |names: &[&str]| names.iter().filter_map(|name| calls.get(*name)).sum::<f64>();
    let about = |count: f64, stated: f64| (count - stated).abs() <= 0.01;
    let waited = of(&["epoll_wait", "epoll_pwait", "epoll_pwait2"]);
    let read = of(&["read", "readv", "recvfrom", "recvmsg"]);
    let written = of(&["write", "writev", "sendto", "sendmsg"]);
    let all: f64 = calls.values().sum();
    assert!(about(waited, waits) && about(read, 1.0) && about(written, 1.0), "{calls:?}");
    assert!(about(all, waits + 2.0), "{calls:?}");
}

/// The slope between a short and a long run, or nothing when strace cannot be used.
fn calls_per_message(style: Style) -> Option<Calls> {
    const SHORT: u32 = 100;
    const LONG: u32 = 1_100;
    let (short, long) = (calls_of(style, SHORT)?, calls_of(style, LONG)?);
    let before = |name: &str| short.get(name).copied().unwrap_or(0.0);
    let slope = |(name, calls): (String, f64)| {
        let more = (calls - before(&name)) / f64::from(LONG - SHORT);
        (name, more)
    };
    Some(long.into_iter().map(slope).collect())
}

/// Runs a server under strace, and returns what it called for so many idle messages.
fn calls_of(style: Style, messages: u32) -> Option<Calls> {
    let report = tempfile::NamedTempFile::new().unwrap();
    let serve = serve(style);
    // -D makes the tracer the grandchild: the child that is stopped is the server itself.
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-c", "-o"]).arg(report.path()).arg(serve.get_program());
    let server = match Server::start(strace.args(serve.get_args())) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("skipped: strace is not installed, or may not trace: {error}");
            return None;
        }
    };
    // smol reads first and waits then: a message must not come before it waits.
    let pause = if style == Style::Smol { Duration::from_millis(4) } else { Duration::ZERO };
    play_paced(&server, messages, pause);
    // The tracer holds the pipes, too: when they end, its report is written.
    assert!(server.stop().unwrap().status.success());
    Some(parse(&fs::read_to_string(report.path()).unwrap()))
}

/// Reads the table of `strace -c`: share, seconds, microseconds, calls, errors if any, name.
fn parse(report: &str) -> Calls {
    let rows = report.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let name = columns.last()?;
        let calls = columns.get(3)?.parse().ok()?;
        (*name != "total").then(|| ((*name).to_owned(), calls))
    });
    rows.collect()
}
