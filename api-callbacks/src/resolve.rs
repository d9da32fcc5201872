//! Names of hosts, looked up off the loop, with callbacks.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use loop_core::{Cancelled, Job, LoopHandle, Refused};

use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::pending::Pending;

type Found = io::Result<Vec<SocketAddr>>;

struct Resolve<F: 'static> {
    handle: LoopHandle,
    resolving: Pending<F>,
}

/// Looks up the addresses of a host, off the loop, in the system's order. An address in text form is
/// its own name. When it is cancelled, the look-up ends by itself, and its result is dropped.
///
/// # Errors
/// What the resolver says; `Cancelled`, when the loop is closed first.
///
/// asyncio: `BaseEventLoop.getaddrinfo`.
#[track_caller]
pub fn resolve(
    handle: &LoopHandle,
    host: &str,
    port: u16,
    callback: impl FnOnce(io::Result<Vec<SocketAddr>>) + 'static,
) -> Operation {
    if handle.is_closed() {
        return Operation::refused(handle, callback);
    }
    let resolve = Rc::new(Resolve { handle: handle.clone(), resolving: Pending::default() });
    let number = resolve.resolving.put(callback);
    let looking = resolve.clone();
    let begun = handle.resolve_in_executor(host, port, move |found| looking.end(found));
    if let Err(Refused { error, completion, .. }) = begun {
        return Operation::ended_with(handle, move || completion(Err(error)));
    }
    Operation::pending(&resolve, Ticket { part: 0, number })
}

impl<F: FnOnce(Found) + 'static> Resolve<F> {
    fn end(&self, found: Found) {
        if let Some(callback) = self.resolving.take() {
            callback(if self.resolving.is_cancelled() { Err(Cancelled.into()) } else { found });
        }
    }
}

impl<F: FnOnce(Found) + 'static> Job for Resolve<F> {
    fn run(self: Rc<Self>, _part: u64) {
        self.end(Err(Cancelled.into()));
    }

    fn kind(&self) -> &'static str {
        "cancelled look-up with a callback"
    }
}

impl<F: FnOnce(Found) + 'static> CancelTarget for Resolve<F> {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling {
        let cancelled = self.resolving.cancel(ticket.number);
        if cancelled {
            self.handle.clone().queue(self, 0);
        }
        cancelled.into()
    }
}

impl<F: 'static> Drop for Resolve<F> {
    fn drop(&mut self) {
        self.resolving.drop_uncalled(&self.handle);
    }
}
