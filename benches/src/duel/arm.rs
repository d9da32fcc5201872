//! Who takes part in a duel, and how it is started, blamed and ended.
//!
//! Rule: whatever is started here ends with its [`Contender`], at the latest.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use examples::{Server, Style};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt::Interrupt;

/// How long a foreign server may take until it accepts a connection.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How long a server that has hung up may take to be gone.
const END_PATIENCE: Duration = Duration::from_millis(200);

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A server to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// One that is built in.
    Style(Style),
    /// Any other, by the words of its command; `{port}` stands for its port.
    Command { name: String, words: Vec<String> },
    /// The self-test's: echoes, and spins as many microseconds for each message.
    Dearer { by_us: u64 },
}

/// A server that runs, pinned to its processor.
pub(super) enum Contender {
    /// One of this program's own.
    Own(Server),
    /// A foreign command.
    Foreign(Foreign),
}

/// A foreign server's process group, which ends with it.
pub(super) struct Foreign {
    child: Child,
    addr: SocketAddr,
    /// The last line that it wrote to standard error.
    last_words: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Arm {
    /// Returns the name by which reports call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Arm::Style(style) => style.name().to_owned(),
            Arm::Command { name, .. } => name.clone(),
            Arm::Dearer { by_us: 0 } => "plain".to_owned(),
            Arm::Dearer { by_us } => format!("plain+{by_us}us"),
        }
    }

    /// Starts a server on a processor and waits until it listens.
    pub(super) fn start(
        &self,
        processor: usize,
        interrupt: &Interrupt,
    ) -> Result<Contender, String> {
        let started = match self {
            Arm::Style(style) => own(&["serve", "echo", "--style", style.name()], processor),
            Arm::Dearer { by_us } => own(&["burn", "--us", &by_us.to_string()], processor),
            Arm::Command { words, .. } => {
                return Foreign::start(words, processor, interrupt).map(Contender::Foreign);
            }
        };
        started.map(Contender::Own).map_err(|error| format!("did not start: {error}"))
    }
}

impl Contender {
    pub(super) fn addr(&self) -> SocketAddr {
        match self {
            Contender::Own(server) => server.addr(),
            Contender::Foreign(foreign) => foreign.addr,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        match self {
            Contender::Own(server) => server.pid(),
            Contender::Foreign(foreign) => foreign.child.id(),
        }
    }

    /// Says how the server ended, if it has. Sockets are closed before the process is gone: it gets
    /// a moment.
    pub(super) fn epitaph(mut self) -> Option<String> {
        let deadline = Instant::now() + END_PATIENCE;
        while self.is_running() {
            if Instant::now() > deadline {
                return None;
            }
            thread::sleep(LOOK_EVERY);
        }
        match self {
            Contender::Own(server) => {
                server.stop().ok().map(|stopped| ended(stopped.status, &stopped.stderr))
            }
            Contender::Foreign(mut foreign) => {
                let status = foreign.child.try_wait().ok()??;
                Some(ended(status, &foreign.last_words()))
            }
        }
    }

    fn is_running(&mut self) -> bool {
        match self {
            Contender::Own(server) => server.is_running().unwrap_or(true),
            Contender::Foreign(foreign) => !matches!(foreign.child.try_wait(), Ok(Some(_))),
        }
    }
}

impl Foreign {
    fn start(words: &[String], processor: usize, interrupt: &Interrupt) -> Result<Foreign, String> {
        let addr = free_address().map_err(|error| format!("no free port: {error}"))?;
        let port = addr.port().to_string();
        let mut command = this_program(&["launch"], processor);
        command.arg("--").args(words.iter().map(|word| word.replace("{port}", &port)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("did not start: {error}"))?;
        let last_words = Arc::default();
        let stderr = child.stderr.take().expect("stderr was asked to be piped");
        let reader = keep_last_line(stderr, Arc::clone(&last_words));
        let mut foreign = Foreign { child, addr, last_words, reader: Some(reader) };
        foreign.await_listening(interrupt)?;
        Ok(foreign)
    }

    fn await_listening(&mut self, interrupt: &Interrupt) -> Result<(), String> {
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect_timeout(&self.addr, START_PATIENCE).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                let how = ended(status, &self.last_words());
                return Err(format!("did not start: {how}"));
            }
            if interrupt.is_raised() {
                return Err("interrupted".to_owned());
            }
            if Instant::now() > deadline {
                let seconds = START_PATIENCE.as_secs();
                return Err(format!("did not listen on {} within {seconds} s", self.addr));
            }
            thread::sleep(LOOK_EVERY);
        }
        // What answered must not be somebody else's server.
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(format!("did not start: ended, and something else is on {}", self.addr)),
        }
    }

    /// Returns what an ended process said last.
    fn last_words(&mut self) -> String {
        // A grandchild may hold the pipe open: the group ends first.
        self.kill();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.last_words.lock().map(|line| line.clone()).unwrap_or_default()
    }

    fn kill(&self) {
        // Without effect once all have ended.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// Starts this program as a server.
fn own(arguments: &[&str], processor: usize) -> std::io::Result<Server> {
    let mut command = this_program(arguments, processor);
    Server::start(command.args(["--listen", "127.0.0.1:0"]))
}

/// Prepares a process that ends with this one, whatever that dies of.
fn this_program(arguments: &[&str], processor: usize) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "oneloop".into());
    let mut command = Command::new(program);
    command.args(arguments).args(["--cpu", &processor.to_string()]);
    command.args(["--end-with", &std::process::id().to_string()]);
    // The terminal's Ctrl-C is for the duel alone, which ends its servers.
    command.process_group(0);
    command
}

fn keep_last_line(stderr: impl Read + Send + 'static, to: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if let Ok(mut last) = to.lock() {
                *last = line;
            }
        }
    })
}

/// Asks the system for a port that nobody listens on, and leaves it.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn ended(status: ExitStatus, stderr: &str) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("the server ended with code {code}"),
        (None, Some(signal)) => format!("the server was ended by signal {signal}"),
        (None, None) => "the server ended".to_owned(),
    };
    match stderr.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{how} ({})", line.trim()),
        None => how,
    }
}
