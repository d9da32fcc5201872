//! V8, in a Node of its own: a program goes in as a line, and its trace comes out as one.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How long a program may take: a Node that hangs is a failure, and no wait without an end.
const PATIENCE: Duration = Duration::from_secs(60);

const SCRIPT: &str = include_str!("oracle.js");

/// A Node that runs programs.
pub(crate) struct Oracle {
    node: Child,
    input: ChildStdin,
    traces: Receiver<io::Result<String>>,
}

impl Oracle {
    /// Starts Node.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn start() -> io::Result<Oracle> {
        let mut command = Command::new("node");
        command.args(["-e", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut node = command.spawn()?;
        let input = node.stdin.take().expect("it is piped");
        let output = BufReader::new(node.stdout.take().expect("it is piped"));
        let (sender, traces) = channel();
        // Reading has no time limit of its own: a thread reads, and the test waits for the thread.
        thread::spawn(move || output.lines().try_for_each(|line| sender.send(line)));
        Ok(Oracle { node, input, traces })
    }

    /// Runs a program.
    ///
    /// # Errors
    /// When Node has ended; `TimedOut` when it has not answered for a minute.
    pub(crate) fn run(&mut self, program: &str) -> io::Result<String> {
        writeln!(self.input, "{program}")?;
        match self.traces.recv_timeout(PATIENCE) {
            Ok(trace) => trace,
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
