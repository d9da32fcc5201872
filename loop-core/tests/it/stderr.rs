//! Reports to a stderr that is closed, full, or read by nothing: they are left out, and the loop goes on.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use loop_core::{Context, EventLoop};

/// How long a child may take: it takes milliseconds unless it waits for its stderr.
const LIMIT: Duration = Duration::from_secs(20);

/// How many reports the child makes.
const REPORTS: usize = 1_000;

/// Starts the child with this stderr.
fn start(stderr: impl Into<Stdio>) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stderr::child", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap()
}

/// Waits for the child's end, and expects that it came to it.
fn expect_the_end(mut child: Child, stderr: &str) {
    let end = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > end => {
                child.kill().unwrap();
                panic!("{stderr}: it waits for its stderr");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success() && said.contains("1 passed"), "{stderr}: {status}: {said}");
}

#[test]
fn reports_to_a_stderr_that_takes_nothing_neither_panic_nor_wait() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    expect_the_end(start(writer), "a broken pipe");

    let full = OpenOptions::new().write(true).open("/dev/full");
    if let Ok(full) = full {
        expect_the_end(start(full), "a full device");
    }

    let (reader, mut writer) = io::pipe().unwrap();
    // As much as a pipe holds.
    writer.write_all(&vec![b'x'; 65_536]).unwrap();
    expect_the_end(start(writer), "a full pipe");
    drop(reader);

    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let fill = || (&theirs).write(&[b'x'; 1_024]);
    while fill().map_err(|error| assert_eq!(error.kind(), ErrorKind::WouldBlock)).is_ok() {}
    theirs.set_nonblocking(false).unwrap();
    expect_the_end(start(OwnedFd::from(theirs)), "a full socket");
    drop(ours);

    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(ours);
    expect_the_end(start(OwnedFd::from(theirs)), "a broken socket");
}

#[test]
fn a_flood_of_reports_is_limited_and_says_how_many_were_left_out() {
    let (mut reader, writer) = io::pipe().unwrap();
    let child = start(writer);
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    expect_the_end(child, "a pipe that is read");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("event loop: ")).collect();
    let left_out = |line: &&str| -> usize {
        let count =
            line.strip_suffix(" reports left out").or(line.strip_suffix(" report left out"));
        count.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let left_out: usize = lines.iter().map(left_out).sum();
    let printed = lines.iter().filter(|line| line.contains("report number")).count();
    assert_eq!(printed + left_out, REPORTS, "{said}");
    assert!((10..30).contains(&printed), "{printed} were printed");
    assert!(lines.iter().all(|line| line.len() < 4_096));
}

#[test]
fn an_error_that_panics_when_it_is_displayed_is_reported_all_the_same() {
    #[derive(Debug)]
    struct Mute;
    impl std::fmt::Display for Mute {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no words");
        }
    }
    impl std::error::Error for Mute {}
    let lab = crate::lab::Lab::new(loop_core::TurnRule::Snapshot);
    lab.handle.report_error("connecting", &io::Error::other(Mute));
    let said = "reported: connecting: an error that panics when it is displayed";
    assert_eq!(lab.trace.take(), [said]);
}

#[test]
fn an_ordinary_end_by_the_peer_is_told_in_debug_mode_alone() {
    let lab = crate::lab::Lab::new(loop_core::TurnRule::Snapshot);
    let tell = || {
        for kind in [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::TimedOut] {
            lab.handle.report_connection_error("echo", &kind.into());
        }
        lab.handle.report_connection_error("echo", &loop_core::Cancelled.into());
        lab.trace.take().len()
    };
    assert_eq!(tell(), 1);
    lab.handle.set_debug(true);
    assert_eq!(tell(), 3);
}

#[test]
#[ignore = "a process of its own for other tests"]
fn child() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    for number in 0..REPORTS {
        let long = "x".repeat(number * 7);
        handle.report(&Context::new(format!("report number {number} {long}")));
    }
    let stopped = handle.clone();
    handle.call_soon(move || stopped.stop());
    event_loop.run_forever().unwrap();
    event_loop.close();
}
