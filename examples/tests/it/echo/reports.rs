//! Resets by clients, under a stderr that takes nothing: the server goes on, and ends when it is told to.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};

use examples::Style;
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{close_gently, connect, pattern, ping, reset};
use crate::server::{PATIENCE, serve, wait_until};

/// How many clients reset their connections; a report of each would fill a pipe.
const RESETS: usize = 1_000;

/// Killed if a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn resets_do_no_harm_when_stderr_takes_nothing(style: Style) {
    let (unread, writer) = io::pipe().unwrap();
    survive(style, writer);
    drop(unread);

    let (unread, mut full) = io::pipe().unwrap();
    full.write_all(&vec![b'x'; 65_536]).unwrap();
    survive(style, full);
    drop(unread);

    let (reader, broken) = io::pipe().unwrap();
    drop(reader);
    survive(style, broken);

    if let Ok(full) = File::options().write(true).open("/dev/full") {
        survive(style, full);
    }
}

pub(super) fn an_ordinary_reset_is_reported_in_no_style(style: Style) {
    let (mut reader, writer) = io::pipe().unwrap();
    survive(style, writer);
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "{style}");
}

/// Starts a server with this stderr, resets connections to it, and stops it.
fn survive(style: Style, stderr: impl Into<Stdio>) {
    let mut command = serve(style);
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    let mut server = Running(command.spawn().unwrap());
    // The command holds a copy of stderr's pipe.
    command.stderr(Stdio::null());
    let (addr, _stdout) = announced(&mut server.0);
    for number in 0..RESETS {
        let mut client = connect(addr);
        // Echoed bytes that are not read when the connection closes, or a request in the middle.
        client.write_all(&pattern(0, if number % 100 == 0 { 20_000 } else { 1 })).unwrap();
        if number % 2 == 0 {
            let _ = client.read(&mut [0; 1]).unwrap();
        }
        reset(client);
    }
    let mut client = connect(addr);
    ping(&mut client, b"and the next one");
    close_gently(client);
    let pid = Pid::from_raw(server.0.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    wait_until("the server ends", PATIENCE, || server.0.try_wait().unwrap().is_some());
    assert!(server.0.wait().unwrap().success(), "{style}");
}

/// Returns the address that a server announces, and its stdout, which stays open.
fn announced(child: &mut Child) -> (SocketAddr, BufReader<ChildStdout>) {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
    (addr, stdout)
}
