//! A server as a child process: started, addressed and stopped in one way, whatever its style.
//!
//! Rule: a child never outlives its owner, and never blocks because what it prints is not read.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::last_words;

/// What a server prints, before its address, once it takes connections.
const ANNOUNCEMENT: &str = "listening on ";

/// Long enough for a debug build under callgrind on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// How often an ending child is looked at: the standard library has no wait with a timeout.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How long what a child printed is waited for when it has ended: a process that it left behind
/// may hold its pipes for ever.
const LAST_WORDS_PATIENCE: Duration = Duration::from_secs(2);

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
struct Process {
    child: Child,
    /// Whether the child leads a group of processes that ends with it.
    leads: bool,
}

/// What the two threads that read what a child prints will have read.
struct Output {
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Server {
    /// Spawns a server and waits until it announces its address.
    ///
    /// # Errors
    ///
    /// When the command cannot be spawned, and when the child exits or is silent for ten seconds;
    /// the last line that it said on stderr is part of the error.
    pub fn start(command: &mut Command) -> io::Result<Server> {
        let mut process = Process::spawn(command, false)?;
        let (announced, announcement) = mpsc::channel();
        let output = Output::of(&mut process.child, announced);
        match await_address(&announcement) {
            Ok(addr) => Ok(Server { process, addr, output }),
            Err(reason) => Err(process.failed(reason, output)),
        }
    }

    /// Spawns a server that announces nothing, and waits until it takes connections on `addr`.
    ///
    /// It leads a process group of its own: what it starts ends with it. Waiting ends early when
    /// `goes_on` says no.
    ///
    /// # Errors
    ///
    /// As those of [`Server::start`].
    pub fn start_at(
        command: &mut Command,
        addr: SocketAddr,
        goes_on: impl Fn() -> bool,
    ) -> io::Result<Server> {
        let mut process = Process::spawn(command.process_group(0), true)?;
        let output = Output::of(&mut process.child, mpsc::channel().0);
        match process.await_connection(addr, goes_on) {
            Ok(()) => Ok(Server { process, addr, output }),
            Err(reason) => Err(process.failed(reason, output)),
        }
    }

    /// Returns the address that the server listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the id of the server's process.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Tells whether the server's process has not ended yet.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn is_running(&mut self) -> io::Result<bool> {
        Ok(self.process.child.try_wait()?.is_none())
    }

    /// Asks the server to end (SIGTERM), and kills it when it has not after 15 s.
    ///
    /// # Errors
    ///
    /// When the system refuses the signal or does not tell how the process ended.
    pub fn stop(mut self) -> io::Result<Stopped> {
        if self.is_running()? {
            self.process.signal(Signal::TERM)?;
        }
        let status = self.process.ended_within(STOP_PATIENCE)?;
        self.process.end_group();
        Ok(self.output.collect(status))
    }
}

impl Process {
    fn spawn(command: &mut Command, leads: bool) -> io::Result<Process> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().display();
            io::Error::new(error.kind(), format!("cannot start {program}: {error}"))
        })?;
        Ok(Process { child, leads })
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        Ok(if self.leads { kill_process_group(pid, signal) } else { kill_process(pid, signal) }?)
    }

    /// Waits until a connection is made, or says why none is.
    fn await_connection(
        &mut self,
        addr: SocketAddr,
        goes_on: impl Fn() -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline && goes_on() {
            let connected = TcpStream::connect_timeout(&addr, START_PATIENCE);
            // Another process may have taken the port before the child could.
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Err("ended before it listened".to_owned());
            }
            // A socket that tries a free port of its own machine may meet itself there.
            if connected.is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != addr)) {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(format!("took no connection on {addr} within {} s", START_PATIENCE.as_secs()))
    }

    /// Waits for the end of the child, and brings it about when it takes too long.
    fn ended_within(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK_EVERY);
        }
        self.child.kill()?;
        self.child.wait()
    }

    /// Makes the error of a server that did not start.
    fn failed(mut self, reason: impl Display, output: Output) -> io::Error {
        // One that exits by itself has a status worth telling; it gets a moment for that.
        match self.ended_within(Duration::from_millis(200)) {
            Ok(status) => {
                self.end_group();
                let stopped = output.collect(status);
                let said = stopped.last_words().map(|line| format!(": {line}"));
                let said = said.unwrap_or_default();
                io::Error::other(format!("the server {reason} ({status}){said}"))
            }
            Err(error) => error,
        }
    }

    /// Kills what a leader has left behind, if anything.
    fn end_group(&mut self) {
        // Once: the number of a group that has ended may be another's later.
        if mem::take(&mut self.leads) {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // All are without effect on a child that was reaped already.
        let _ = self.child.kill();
        self.end_group();
        let _ = self.child.wait();
    }
}

impl Stopped {
    /// Returns the line on stderr that says of what the server died: its own last one, whatever a tool that
    /// watched it says behind.
    pub fn last_words(&self) -> Option<&str> {
        last_words::find(&self.stderr)
    }
}

impl Output {
    fn of(child: &mut Child, announced: Sender<String>) -> Output {
        let stdout = child.stdout.take().expect("stdout was asked to be piped");
        let stderr = child.stderr.take().expect("stderr was asked to be piped");
        Output {
            stdout: read_aside(move || read_on(BufReader::new(stdout), &announced)),
            stderr: read_aside(move || read_to_end(stderr)),
        }
    }

    fn collect(self, status: ExitStatus) -> Stopped {
        let text =
            |read: Receiver<String>| read.recv_timeout(LAST_WORDS_PATIENCE).unwrap_or_default();
        Stopped { status, stdout: text(self.stdout), stderr: text(self.stderr) }
    }
}

/// Reads on a thread of its own, which ends with the pipe.
fn read_aside(read: impl FnOnce() -> String + Send + 'static) -> Receiver<String> {
    let (done, text) = mpsc::channel();
    // The receiver of the text may be gone.
    thread::spawn(move || drop(done.send(read())));
    text
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
            // The waiting side may have given up: the rest is read all the same.
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
