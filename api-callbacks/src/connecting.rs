//! How sockets are made: what accepts and what connects.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use loop_core::{ConnectOptions, Direction, Job, LoopHandle, Source};

use crate::attempt::{READ, Socket, WRITE, attempt};
use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::pending::{Pending, already_pending, report_dropped};
use crate::user_code::discard;

pub(crate) type Accepted = io::Result<(Socket, SocketAddr)>;
type AcceptCallback = Box<dyn FnOnce(Rc<Listener>, Accepted)>;
type ConnectCallback = Box<dyn FnOnce(io::Result<Socket>)>;

/// What accepts.
pub(crate) struct Listener {
    pub(crate) source: Source<mio::net::TcpListener>,
    /// What hears of the next connection: one operation at a time.
    accepting: Pending<AcceptCallback>,
}

/// What connects.
struct Connector {
    /// Out of its place once the connection is made, or given up.
    connecting: Pending<(Socket, ConnectCallback)>,
}

/// Connects a socket that is not a stream yet.
#[track_caller]
pub(crate) fn connect_socket(
    handle: &LoopHandle,
    address: SocketAddr,
    options: &ConnectOptions,
    callback: impl FnOnce(io::Result<Socket>) + 'static,
) -> Operation {
    let source = match Source::connect(handle, address, options) {
        Ok(source) => source,
        Err(error) => return Operation::ended_with(handle, move || callback(Err(error))),
    };
    let connector = Rc::new(Connector { connecting: Pending::default() });
    source.park_job(Direction::Write, connector.clone(), WRITE);
    let number = connector.connecting.put((source, Box::new(callback)));
    Operation::pending(&connector, Ticket { part: WRITE, number })
}

impl Listener {
    /// Makes what accepts at a socket that listens.
    pub(crate) fn new(source: Source<mio::net::TcpListener>) -> Rc<Listener> {
        Rc::new(Listener { source, accepting: Pending::default() })
    }

    /// Accepts a connection that is not a stream yet.
    #[track_caller]
    pub(crate) fn accept(
        self: &Rc<Self>,
        callback: impl FnOnce(Rc<Listener>, Accepted) + 'static,
    ) -> Operation {
        let handle = self.source.handle();
        if handle.is_closed() {
            return Operation::refused(handle, callback);
        }
        if !self.accepting.is_free() {
            let listener = self.clone();
            return Operation::ended_with(handle, || callback(listener, Err(already_pending())));
        }
        let number = self.accepting.put(Box::new(callback));
        self.source.queue_when_ready(Direction::Read, self.clone(), READ);
        Operation::pending(self, Ticket { part: READ, number })
    }

    fn attempt(&self) -> Option<Accepted> {
        let accepted = attempt(self.accepting.is_cancelled(), || self.source.accept())?;
        let wrap = |(stream, peer)| Ok((Source::new(self.source.handle(), stream)?, peer));
        Some(accepted.and_then(wrap))
    }
}

impl Job for Listener {
    fn run(self: Rc<Self>, _part: u64) {
        self.source.handle().job_began_at(self.accepting.called_at());
        let ended = self.accepting.with(|callback| match self.attempt() {
            Some(accepted) => (None, Some((callback, accepted))),
            None => (Some(callback), None),
        });
        match ended {
            Some(Some((callback, accepted))) => callback(self, accepted),
            Some(None) => self.source.park_job(Direction::Read, self.clone(), READ),
            None => {}
        }
    }

    fn kind(&self) -> &'static str {
        "accept with a callback"
    }
}

impl Job for Connector {
    fn run(self: Rc<Self>, _part: u64) {
        let called_at = self.connecting.called_at();
        let connect = |(source, callback): (Socket, ConnectCallback)| match attempt(
            self.connecting.is_cancelled(),
            || source.connected(),
        ) {
            Some(connected) => {
                source.handle().job_began_at(called_at);
                (None, Some((callback, connected.map(|()| source))))
            }
            None => {
                source.park_job(Direction::Write, self.clone(), WRITE);
                (Some((source, callback)), None)
            }
        };
        if let Some(Some((callback, connected))) = self.connecting.with(connect) {
            callback(connected);
        }
    }

    fn kind(&self) -> &'static str {
        "connect with a callback"
    }
}

impl CancelTarget for Listener {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling {
        let cancelled = self.accepting.cancel(ticket.number);
        if cancelled && self.source.unpark(Direction::Read) {
            self.source.handle().clone().queue(self, READ);
        }
        cancelled.into()
    }
}

impl CancelTarget for Connector {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling {
        let cancelled = self.connecting.cancel(ticket.number);
        if cancelled {
            self.connecting.with(|(source, callback)| {
                if source.unpark(Direction::Write) {
                    source.handle().queue(self.clone(), WRITE);
                }
                (Some((source, callback)), ())
            });
        }
        cancelled.into()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.drop_uncalled(self.source.handle());
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        let called_at = self.connecting.called_at();
        if let (Some((source, callback)), Some(called_at)) = (self.connecting.take(), called_at) {
            report_dropped(source.handle(), called_at);
            discard(source.handle(), callback);
        }
    }
}
