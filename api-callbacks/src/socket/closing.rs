//! How a program ends what is pending on a connection, and the connection itself.

use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Cancelled, Direction};
use socket2::SockRef;

use super::{Begun, Stream};
use crate::attempt::{part_of, with_count};
use crate::cancelling::{self, Ticket};
use crate::operation::Operation;

const DIRECTIONS: [Direction; 2] = [Direction::Read, Direction::Write];

impl Stream {
    /// Cancels what is pending in either direction; tells whether something was.
    pub(crate) fn cancel_pending(self: &Rc<Self>) -> bool {
        let pending = DIRECTIONS.into_iter().filter(|direction| self.is_under_way(*direction));
        let cancelled = pending.map(|direction| {
            let number = self.pending(direction).last();
            cancelling::cancel(self.clone(), Ticket { part: part_of(direction), number })
        });
        cancelled.fold(false, |any, cancelled| any | cancelled)
    }

    /// Ends what is pending from the queue, lets nothing begin any more, and closes the socket behind
    /// the callbacks.
    pub(crate) fn close(self: &Rc<Self>) {
        if self.is_closed() {
            return;
        }
        let handle = self.source.handle();
        for direction in DIRECTIONS {
            self.source.unpark(direction);
            if let Some((begun, called_at)) = self.pending(direction).close() {
                let stream = self.clone();
                Operation::ended_at(handle, called_at, move || begun.end(stream));
            }
        }
        let stream = self.clone();
        Operation::queue_unreported(handle, move || stream.let_go());
    }

    /// Shuts one side or both down, unless the stream was closed.
    pub(crate) fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        if self.is_closed() { Err(self.reading.refusal()) } else { self.source.io().shutdown(how) }
    }

    fn is_closed(&self) -> bool {
        self.reading.is_closed()
    }

    /// Tells whether an operation is pending whose result is not on its way.
    fn is_under_way(&self, direction: Direction) -> bool {
        let waits = self.pending(direction).with(|begun| {
            let waits = !matches!(begun, Begun::Written(..) | Begun::Transferred(..));
            (Some(begun), waits)
        });
        waits == Some(true)
    }

    /// The socket closes with the last that names the stream. If that is not this job, the peer is to
    /// hear of it all the same, but not of an end where the close is to be a reset.
    fn let_go(self: Rc<Self>) {
        let io = self.source.io();
        let resets = || SockRef::from(io).linger().is_ok_and(|it| it == Some(Duration::ZERO));
        if Rc::strong_count(&self) > 1 && !resets() {
            // One that the peer has left already has nothing to end.
            let _ = io.shutdown(Shutdown::Both);
        }
    }
}

impl Begun {
    /// Calls back: with its result, or as cancelled if that has not come.
    fn end(self, stream: Rc<Stream>) {
        match self {
            Begun::Read(callback) => callback(stream, Err(Cancelled.into())),
            Begun::Write(callback, chunk, length) => {
                let cancelled = with_count(Err(Cancelled.into()), || length - chunk.len());
                drop(chunk);
                callback(stream, cancelled);
            }
            Begun::Written(callback, written) => callback(stream, written),
            Begun::Transfer(transfer) => transfer.end(stream, Err(Cancelled.into())),
            Begun::Transferred(transfer, moved) => transfer.end(stream, moved),
        }
    }
}
