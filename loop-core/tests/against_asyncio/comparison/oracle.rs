//! CPython's asyncio, in a process that takes a program a line and answers with its trace.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::program::Program;

/// How long a program may take: a Python that hangs is a failure, and no wait without an end.
const PATIENCE: Duration = Duration::from_secs(60);

const SCRIPT: &str = include_str!("oracle.py");

/// What the oracle needs, by what its first line says.
const OLDEST: (u32, u32) = (3, 11);

/// A running interpreter.
pub(crate) struct Oracle {
    child: Child,
    programs: ChildStdin,
    traces: Receiver<io::Result<String>>,
    /// What it calls itself.
    pub(crate) version: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum OracleError {
    /// There is no such interpreter.
    Absent(String),
    /// It is older than asyncio's present loop.
    TooOld(String),
    /// It ended, or its pipe failed.
    Lost(String),
}

impl Oracle {
    /// Starts an interpreter by its name or path.
    ///
    /// # Errors
    /// When it is absent, too old, or no Python.
    pub(crate) fn start(python: &str) -> Result<Oracle, OracleError> {
        let mut child = Command::new(python)
            // Isolated from the user's modules and variables.
            .args(["-I", "-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| OracleError::Absent(format!("{python}: {error}")))?;
        let programs = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, traces) = channel();
        // Reading has no time limit of its own: a thread reads, and the test waits for the thread.
        thread::spawn(move || output.lines().try_for_each(|line| sender.send(line)));
        let mut oracle = Oracle { child, programs, traces, version: String::new() };
        oracle.version = oracle.line()?;
        match version(&oracle.version) {
            Some(version) if version >= OLDEST => Ok(oracle),
            Some(_) => Err(OracleError::TooOld(oracle.version.clone())),
            None => Err(OracleError::Lost(format!("{python} does not answer as Python does"))),
        }
    }

    /// Runs a program and returns its trace.
    ///
    /// # Errors
    /// When the interpreter has ended.
    pub(crate) fn run(&mut self, program: &Program) -> Result<Vec<String>, OracleError> {
        writeln!(self.programs, "{program}").map_err(lost)?;
        Ok(self.line()?.split_whitespace().map(str::to_owned).collect())
    }

    fn line(&mut self) -> Result<String, OracleError> {
        match self.traces.recv_timeout(PATIENCE) {
            Ok(line) => line.map_err(lost),
            Err(RecvTimeoutError::Timeout) => {
                let seconds = PATIENCE.as_secs();
                Err(OracleError::Lost(format!("python has not answered for {seconds} s")))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(OracleError::Lost("python ended before it answered".to_owned()))
            }
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may hang, and then the end of its input would not end it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lost(error: io::Error) -> OracleError {
    OracleError::Lost(format!("python has gone: {error}"))
}

fn version(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line.strip_prefix("python ")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

impl fmt::Display for OracleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = OLDEST;
        match self {
            OracleError::Absent(what) => {
                write!(
                    f,
                    "Python {major}.{minor} or later is needed, but cannot be started: {what}"
                )
            }
            OracleError::TooOld(what) => {
                write!(f, "Python {major}.{minor} or later is needed, but this is {what}")
            }
            OracleError::Lost(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for OracleError {}
