//! Starting the servers under test, and waiting for what they do.

use std::process::Command;
use std::time::{Duration, Instant};

use examples::{Server, Stopped, Style};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the echo server of a style as a child process.
pub(crate) fn start(style: Style) -> Server {
    start_with(style, &[])
}

/// Starts the echo server of a style with flags of the `serve` program.
pub(crate) fn start_with(style: Style, flags: &[&str]) -> Server {
    raise_descriptor_limit();
    Server::start(serve(style).args(flags)).unwrap()
}

/// Returns the command that serves echoes in a style.
pub(crate) fn serve(style: Style) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serve"));
    command.arg(style.name());
    command
}

/// Stops a server, which has to end well; what it says about single connections is its own affair.
pub(crate) fn stop(server: Server) -> Stopped {
    let stopped = server.stop().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);
    stopped
}

/// Raises the soft limit of descriptors to the hard one, for this process and its children, and
/// returns it.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // macOS refuses more than this, whatever its hard limit says.
    let raised = maximum.unwrap_or(10_240);
    let limit = Rlimit { current: Some(raised), maximum };
    setrlimit(Resource::Nofile, limit).map_or(256, |()| raised)
}

/// Waits until something holds, and fails with its name when it does not come about.
pub(crate) fn wait_until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
