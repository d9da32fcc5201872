//! A server as a child process: started, addressed and stopped in one way, whatever its style.
//!
//! Rule: a child never outlives its owner, and never blocks because nobody reads what it prints.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What a server prints, before its address, once it takes connections.
const ANNOUNCEMENT: &str = "listening on ";

const START_PATIENCE: Duration = Duration::from_secs(10);
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// How often an ending child is looked at: the standard library has no wait with a timeout.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A running server, in a process of its own.
///
/// Dropping it kills the process. [`Server::stop`] ends it gently and tells what it printed.
///
/// ```no_run
/// use std::process::Command;
///
/// use examples::Server;
///
/// let server = Server::start(Command::new("serve").arg("raw"))?;
/// println!("process {} listens on {}", server.pid(), server.addr());
/// let stopped = server.stop()?;
/// assert!(stopped.status.success());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Server {
    process: Process,
    addr: SocketAddr,
    /// Reads what the child prints, so that a full pipe never holds it up.
    output: Output,
}

/// How a server ended.
#[derive(Debug)]
pub struct Stopped {
    /// The status that it exited with.
    pub status: ExitStatus,
    /// What it printed on stdout after it announced its address.
    pub stdout: String,
    /// What it printed on stderr.
    pub stderr: String,
}

/// A child that is killed and reaped when its owner goes.
struct Process(Child);

/// The two threads that read what a child prints.
struct Output {
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

impl Server {
    /// Spawns a server and waits until it announces its address.
    ///
    /// # Errors
    ///
    /// When the command cannot be spawned, and when the child exits or is silent for ten seconds;
    /// what it said on stderr is part of the error.
    pub fn start(command: &mut Command) -> io::Result<Server> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process(command.spawn().map_err(|error| {
            let program = command.get_program().display();
            io::Error::new(error.kind(), format!("cannot start {program}: {error}"))
        })?);
        let (announced, announcement) = mpsc::channel();
        let output = Output::of(&mut process.0, announced);
        match await_address(&announcement) {
            Ok(addr) => Ok(Server { process, addr, output }),
            Err(reason) => Err(process.failed(reason, output)),
        }
    }

    /// Returns the address that the server listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the id of the server's process.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Tells whether the server's process has not ended yet.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn is_running(&mut self) -> io::Result<bool> {
        Ok(self.process.0.try_wait()?.is_none())
    }

    /// Asks the server to end (SIGTERM), and kills it when it has not after five seconds.
    ///
    /// # Errors
    ///
    /// When the system refuses the signal or does not tell how the process ended.
    pub fn stop(mut self) -> io::Result<Stopped> {
        if self.is_running()? {
            kill_process(Pid::from_child(&self.process.0), Signal::TERM)?;
        }
        let status = self.process.ended_within(STOP_PATIENCE)?;
        Ok(self.output.collect(status))
    }
}

impl Process {
    /// Waits for the end of the child, and brings it about when it takes too long.
    fn ended_within(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK_EVERY);
        }
        self.0.kill()?;
        self.0.wait()
    }

    /// Makes the error of a server that did not start.
    fn failed(mut self, reason: impl Display, output: Output) -> io::Error {
        // One that exits by itself has a status worth telling; it gets a moment for that.
        match self.ended_within(Duration::from_millis(200)) {
            Ok(status) => {
                let said = output.collect(status).stderr;
                let said = said.trim_end();
                let colon = if said.is_empty() { "" } else { ": " };
                io::Error::other(format!("the server {reason} ({status}){colon}{said}"))
            }
            Err(error) => error,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both are without effect on a child that was reaped already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Output {
    fn of(child: &mut Child, announced: Sender<String>) -> Output {
        let stdout = child.stdout.take().expect("stdout was asked to be piped");
        let stderr = child.stderr.take().expect("stderr was asked to be piped");
        Output {
            stdout: thread::spawn(move || read_on(BufReader::new(stdout), &announced)),
            stderr: thread::spawn(move || read_to_end(stderr)),
        }
    }

    fn collect(self, status: ExitStatus) -> Stopped {
        let text = |reader: JoinHandle<String>| reader.join().expect("a reader does not panic");
        Stopped { status, stdout: text(self.stdout), stderr: text(self.stderr) }
    }
}

/// Waits for the announced address, or says why there is none.
fn await_address(announcement: &Receiver<String>) -> Result<SocketAddr, String> {
    match announcement.recv_timeout(START_PATIENCE) {
        Ok(addr) => addr.parse().map_err(|_| format!("announced no address but `{addr}`")),
        Err(RecvTimeoutError::Disconnected) => Err("ended before it listened".to_owned()),
        Err(RecvTimeoutError::Timeout) => {
            Err(format!("did not listen within {} s", START_PATIENCE.as_secs()))
        }
    }
}

/// Passes the announced address on, and returns what follows it.
fn read_on(mut stdout: impl BufRead, announced: &Sender<String>) -> String {
    let mut line = String::new();
    while stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
        if let Some(addr) = line.trim_end().strip_prefix(ANNOUNCEMENT) {
            // Whoever waited may have given up: the rest is read all the same.
            let _ = announced.send(addr.to_owned());
            return read_to_end(stdout);
        }
        line.clear();
    }
    String::new()
}

fn read_to_end(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    // A broken pipe ends what there is to read; what came before it counts.
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
