//! The limit of open descriptors: raised as far as it goes, then stated.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::Failure;

/// Descriptors that the generator and a server need beside their connections: the standard streams,
/// listener, readiness queue, self-pipe, signal pipe, the pipes to a child, files of the run.
const BESIDE_CONNECTIONS: u64 = 64;

/// The most that macOS grants a process by default, whatever its hard limit says.
#[cfg(target_os = "macos")]
const GRANTED_MAX: u64 = 10_240;
#[cfg(not(target_os = "macos"))]
const GRANTED_MAX: u64 = 1 << 20;

/// Raises the soft limit of descriptors to the hard one and returns what is in force.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(GRANTED_MAX);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return current;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    // A refusal leaves the old limit, which is then the answer.
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}

/// Raises the limit and returns how many connections fit under it.
pub(crate) fn connections_possible() -> u64 {
    raise_descriptor_limit().saturating_sub(BESIDE_CONNECTIONS)
}

/// Checks that as many connections fit, in the generator and in a server started by it, which
/// inherits the limit and needs one descriptor for each of them as well.
///
/// # Errors
///
/// Says how many are possible.
pub(crate) fn ensure_connections_fit(connections: usize) -> Result<(), Failure> {
    let possible = connections_possible();
    if connections as u64 <= possible {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{connections} connections need more descriptors than this process may open; \
         {possible} connections are possible (`ulimit -n` sets the limit)"
    )))
}
