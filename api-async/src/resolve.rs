//! Names of hosts, with async.

use std::io;
use std::net::SocketAddr;

use loop_core::LoopHandle;

use crate::bridges::{Resume, suspend};

/// Has the addresses of a host, in the system's order, looked up off the loop. An address in text
/// form is its own name.
///
/// Cancel-safe: the look-up ends by itself, and its answer is dropped.
///
/// # Errors
/// What the resolver says; `Cancelled`, when the loop is closed first.
///
/// asyncio: `BaseEventLoop.getaddrinfo`.
pub async fn resolve(handle: &LoopHandle, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let look_up = |resume: Resume<_>| {
        if let Err(refused) = handle.resolve_in_executor(host, port, |end| resume.end(end)) {
            (refused.completion)(Err(refused.error));
        }
    };
    suspend(look_up).await
}
