//! Names of hosts, looked up off the loop.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;

use crate::handle::LoopHandle;
use crate::threads::offload::Refused;

impl LoopHandle {
    /// Looks up the addresses of a host with the system's resolver, on a thread of the executor, and
    /// gives them to `completion` in the system's order. An address in text form is its own name.
    ///
    /// ```
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let found = event_loop.run_until_complete(|completer| {
    ///     handle.resolve_in_executor("127.0.0.1", 80, |found| completer.complete(found)).unwrap();
    /// });
    /// assert_eq!(found.unwrap()?, ["127.0.0.1:80".parse().unwrap()]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`], which gives the completion back, as [`LoopHandle::run_in_executor`]; the completion
    /// is given what the resolver says.
    ///
    /// asyncio: `BaseEventLoop.getaddrinfo`.
    #[track_caller]
    pub fn resolve_in_executor<C>(
        &self,
        host: &str,
        port: u16,
        completion: C,
    ) -> Result<(), Refused<(), C>>
    where
        C: FnOnce(io::Result<Vec<SocketAddr>>) + 'static,
    {
        let host = host.to_owned();
        let look_up = move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Shared, to have it back when the look-up is refused.
        let waiting = Rc::new(Cell::new(Some(completion)));
        let called = waiting.clone();
        let complete = move |found: io::Result<io::Result<_>>| {
            if let Some(completion) = called.take() {
                completion(found.and_then(|found| found));
            }
        };
        self.run_in_executor(look_up, complete).map_err(|Refused { error, .. }| {
            let completion = waiting.take().expect("what is refused was not called");
            Refused { error, work: (), completion }
        })
    }
}
