//! Names of hosts, with promises.

use std::io;
use std::net::SocketAddr;

use loop_core::LoopHandle;

use crate::promise::Promise;

/// Is fulfilled with the addresses of a host, in the system's order, looked up off the loop. An address in
/// text form is its own name.
///
/// Dropping the promise leaves the look-up to end by itself; its result is dropped.
///
/// # Errors
/// What the resolver says; `Cancelled`, when the loop is closed first.
///
/// asyncio: `BaseEventLoop.getaddrinfo`.
#[track_caller]
pub fn resolve(handle: &LoopHandle, host: &str, port: u16) -> Promise<Vec<SocketAddr>, io::Error> {
    let (promise, resolver) = Promise::with_resolvers(handle);
    let begun = handle.resolve_in_executor(host, port, |found| resolver.settle(found));
    if let Err(refused) = begun {
        (refused.completion)(Err(refused.error));
    }
    promise
}
