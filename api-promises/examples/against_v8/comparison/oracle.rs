//! V8, in a Node of its own: a program goes in as a line, and its trace comes out as one.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("oracle.js");

/// A Node that runs programs.
pub(crate) struct Oracle {
    node: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
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
        Ok(Oracle { node, input, output })
    }

    /// Runs a program.
    ///
    /// # Errors
    /// When Node has ended.
    pub(crate) fn run(&mut self, program: &str) -> io::Result<String> {
        writeln!(self.input, "{program}")?;
        let mut trace = String::new();
        if self.output.read_line(&mut trace)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(trace.trim_end().to_owned())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
