//! Connecting to a host by its name: its addresses are tried in turn.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::vec;

use loop_core::{Cancelled, ConnectOptions, LoopHandle, is_cancelled, none_connected};

use crate::attempt::Socket;
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::combine::Callback;
use crate::connecting::connect_socket;
use crate::operation::Operation;
use crate::resolve::resolve;
use crate::socket::Stream;
use crate::tcp::TcpStream;

/// A connection that is being made to a host.
struct Connecting {
    options: ConnectOptions,
    /// The look-up, or the attempt at an address.
    running: Cell<Option<Operation>>,
    /// The addresses to come; gone when no further one is to be tried.
    left: Cell<Option<vec::IntoIter<SocketAddr>>>,
    failures: RefCell<Vec<(SocketAddr, io::Error)>>,
    callback: Callback<io::Result<Socket>>,
}

impl TcpStream {
    /// Looks a host up, off the loop, and connects to the first of its addresses that takes the connection. They
    /// are tried one after the other, in the system's order. An address in text form is its own name.
    ///
    /// ```
    /// use api_callbacks::{TcpListener, TcpStream};
    ///
    /// let mut event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
    /// let address = listener.local_addr()?;
    /// let connected = event_loop.run_until_complete(|completer| {
    ///     let host = ("localhost", address.port());
    ///     TcpStream::connect_to_host(&handle, host, |connected| completer.complete(connected));
    /// });
    /// assert_eq!(connected.unwrap()?.peer_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the resolver says. When no address takes the connection, an error of the last one's kind, in which
    /// an [`AggregateError`](loop_core::AggregateError) has them all; `NotFound`, if there is none. `Cancelled`,
    /// when the loop is closed first.
    ///
    /// asyncio: `create_connection`.
    #[track_caller]
    pub fn connect_to_host(
        handle: &LoopHandle,
        host: (&str, u16),
        callback: impl FnOnce(io::Result<TcpStream>) + 'static,
    ) -> Operation {
        connect_to_host(handle, host, &ConnectOptions::default(), |connected| {
            callback(connected.map(|socket| TcpStream(Stream::new(socket))));
        })
    }
}

/// Looks a host up and connects to the first of its addresses that takes the connection.
///
/// # Errors
/// As [`TcpStream::connect_to_host`].
#[track_caller]
pub(crate) fn connect_to_host(
    handle: &LoopHandle,
    (host, port): (&str, u16),
    options: &ConnectOptions,
    callback: impl FnOnce(io::Result<Socket>) + 'static,
) -> Operation {
    let connecting = Connecting::new(options, Callback::new(handle, callback));
    let looking = connecting.clone();
    let resolving = resolve(handle, host, port, move |found| match found {
        Ok(addresses) => looking.try_all(addresses),
        Err(error) => looking.finish(Err(error)),
    });
    connecting.running.set(Some(resolving));
    Operation::pending(&connecting, Ticket::default())
}

impl Connecting {
    fn new(options: &ConnectOptions, callback: Callback<io::Result<Socket>>) -> Rc<Connecting> {
        let (running, left, failures) = (Cell::new(None), Cell::new(None), RefCell::default());
        Rc::new(Connecting { options: options.clone(), running, left, failures, callback })
    }

    fn try_all(self: &Rc<Self>, addresses: Vec<SocketAddr>) {
        self.left.set(Some(addresses.into_iter()));
        self.try_next();
    }

    fn try_next(self: &Rc<Self>) {
        let Some(mut left) = self.left.take() else { return self.finish(Err(Cancelled.into())) };
        let Some(address) = left.next() else {
            return self.finish(Err(none_connected(self.failures.take())));
        };
        self.left.set(Some(left));
        let connecting = self.clone();
        let attempt = connect_socket(self.callback.handle(), address, &self.options, {
            move |connected| connecting.settle(address, connected)
        });
        self.running.set(Some(attempt));
    }

    fn settle(self: &Rc<Self>, address: SocketAddr, connected: io::Result<Socket>) {
        match connected {
            Err(error) if !is_cancelled(&error) => {
                self.failures.borrow_mut().push((address, error));
                self.try_next();
            }
            ended => self.finish(ended),
        }
    }

    fn finish(&self, connected: io::Result<Socket>) {
        if let Some(callback) = self.callback.take() {
            // What runs is the look-up or an attempt, which the program did not begin itself.
            self.callback.handle().job_began_at(Some(self.callback.called_at()));
            callback(connected);
        }
    }
}

impl CancelTarget for Connecting {
    fn cancel(self: Rc<Self>, _ticket: Ticket) -> Cancelling {
        let untried = self.left.take().is_some();
        let running = self.running.take();
        let cancelled = running.as_ref().is_some_and(Operation::cancel);
        self.running.set(running);
        (cancelled || untried).into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::TcpListener;

    use loop_core::EventLoop;

    use super::*;

    fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Tries the addresses, and returns the peer of the connection, or what it failed with.
    fn tried(addresses: Vec<SocketAddr>, cancel_after: Option<usize>) -> io::Result<SocketAddr> {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let ended = event_loop.run_until_complete(|completer| {
            let callback = Callback::new(&handle, |connected: io::Result<Socket>| {
                completer.complete(connected.and_then(|socket| socket.io().peer_addr()));
            });
            let connecting = Connecting::new(&ConnectOptions::default(), callback);
            connecting.try_all(addresses);
            if let Some(failures) = cancel_after {
                assert_eq!(connecting.failures.borrow().len(), failures);
                let whole = Operation::pending(&connecting, Ticket::default());
                assert!(whole.cancel() && !whole.cancel());
            }
        });
        ended.unwrap()
    }

    #[test]
    fn the_first_address_that_takes_the_connection_has_it_and_none_is_tried_after_it() {
        let ((refusing, refused), (first, open)) = (listen(), listen());
        drop(refusing);
        let (later, never) = listen();
        assert_eq!(tried(vec![refused, open, never], None).unwrap(), open);
        assert!(first.accept().is_ok());
        later.set_nonblocking(true).unwrap();
        assert_eq!(later.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn every_failure_is_told_in_the_order_of_the_addresses() {
        let ((first, one), (second, two)) = (listen(), listen());
        drop((first, second));
        let error = tried(vec![one, two], None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let text = error.to_string();
        assert!(text.starts_with("none of 2 attempts succeeded"), "{text}");
        assert!(text.find(&one.to_string()) < text.find(&two.to_string()), "{text}");
    }

    #[test]
    fn what_is_cancelled_tries_no_further_address() {
        let (listener, open) = listen();
        assert!(is_cancelled(&tried(vec![open, open], Some(0)).unwrap_err()));
        // No broadcast takes one. An attempt that has failed before it was returned leaves nothing to cancel but the rest.
        let impossible = "255.255.255.255:1".parse().unwrap();
        assert!(is_cancelled(&tried(vec![impossible, open], Some(0)).unwrap_err()));
        drop(listener);
    }

    #[test]
    fn a_name_without_addresses_is_not_found() {
        assert_eq!(tried(vec![], None).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
