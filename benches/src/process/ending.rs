//! How a server ended, in words for a report.

use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use examples::{Server, Stopped};

/// How long a server that has hung up may take to be gone: sockets are closed before the process.
const PATIENCE: Duration = Duration::from_millis(200);

const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Says how a server in trouble ended; `None` if it lives on. It is gone in any case after that.
pub(crate) fn of_trouble(mut server: Server) -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    while server.is_running().unwrap_or(true) {
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
    server.stop().ok().map(|stopped| of(&stopped))
}

/// Says how a server ended, with the last line that it said.
pub(crate) fn of(stopped: &Stopped) -> String {
    let how = match (stopped.status.code(), stopped.status.signal()) {
        (Some(code), _) => format!("the server ended with code {code}"),
        (None, Some(signal)) => format!("the server was ended by signal {signal}"),
        (None, None) => "the server ended".to_owned(),
    };
    match stopped.last_words() {
        Some(line) => format!("{how} ({line})"),
        None => how,
    }
}
