//! What a program sees of a connection: how it writes, pauses and closes.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use loop_core::{Context, Direction};
use socket2::SockRef;

use super::{CLOSING, Connection, ENDED, EOF, FAILED, LOSING, Live, OVER, PAUSED, TOLD, UNSENT};
use crate::attempt::Socket;
use crate::protocol::{Protocol, Transport, WriteLimits};

/// How many pieces one system call takes.
const PIECES_PER_WRITE: usize = 16;

impl<P: Protocol + 'static> Transport for Connection<P> {
    fn write(&self, bytes: &[u8]) {
        if self.has(EOF | CLOSING | UNSENT) || bytes.is_empty() {
            return self.write_later(bytes);
        }
        if let Some(sent) = self.try_write(bytes)
            && sent < bytes.len()
        {
            self.keep(&[bytes], sent);
            self.pause_if_over();
        }
    }

    fn writelines(&self, pieces: &[&[u8]]) {
        if !self.takes_bytes() {
            return;
        }
        for pieces in pieces.chunks(PIECES_PER_WRITE) {
            let sent = if self.is_sent() { self.try_write_vectored(pieces) } else { Some(0) };
            let length: usize = pieces.iter().map(|piece| piece.len()).sum();
            match sent {
                Some(sent) if sent < length => self.keep(pieces, sent),
                Some(_) => {}
                None => return,
            }
        }
        // Not before all is kept: a protocol that ends this side there ends it behind these bytes.
        self.pause_if_over();
    }

    fn write_eof(&self) {
        if !self.has(EOF | CLOSING) {
            self.set(EOF);
            if self.is_sent() {
                self.shut_down();
            }
        }
    }

    fn shutdown_read(&self) {
        // One that the peer has left already has nothing to end.
        let _ = self.socket(|socket| socket.shutdown(Shutdown::Read));
    }

    fn close(&self) {
        if !self.has(CLOSING) {
            self.set(CLOSING);
            if self.is_sent() {
                self.lose(None);
            }
        }
    }

    fn abort(&self) {
        self.lose(None);
    }

    fn reset(&self) {
        // One that the peer has left already may have no options any more.
        let _ = self.socket(|socket| SockRef::from(socket).set_linger(Some(Duration::ZERO)));
        self.lose(None);
    }

    fn is_closing(&self) -> bool {
        self.has(CLOSING)
    }

    fn pause_reading(&self) {
        self.set(PAUSED);
    }

    fn resume_reading(&self) {
        if !self.has(PAUSED) {
            return;
        }
        self.clear(PAUSED);
        // What is queued already, or has not begun, sees to itself.
        let parked = |live: &Live<P>| live.source.unpark(Direction::Read);
        if let Some(this) = self.this.upgrade()
            && self.live.borrow().as_ref().is_some_and(parked)
        {
            this.begin();
        }
    }

    fn is_reading(&self) -> bool {
        !self.has(PAUSED | ENDED | CLOSING)
    }

    fn set_write_buffer_limits(&self, limits: WriteLimits) {
        assert!(limits.low <= limits.high, "the low mark is above the high one");
        self.limits.set(limits);
        self.pause_if_over();
    }

    fn write_buffer_size(&self) -> usize {
        self.unsent_bytes()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket(|socket| socket.local_addr())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket(|socket| socket.peer_addr())
    }
}

impl<P: Protocol + 'static> Connection<P> {
    /// Tells whether bytes can be written still; the loop hears of those that come too late.
    fn takes_bytes(&self) -> bool {
        if self.has(EOF | CLOSING) {
            self.refuse();
            return false;
        }
        true
    }

    #[cold]
    fn refuse(&self) {
        if self.has(FAILED | TOLD) {
            return;
        }
        self.set(TOLD);
        if let Some(live) = &*self.live.borrow() {
            let message = "bytes are dropped that were written after close or write_eof";
            let context = Context { message: message.to_owned(), scheduled_at: None, by: None };
            live.source.handle().report(&context);
        }
    }

    /// Keeps bytes that come behind others, or too late.
    #[cold]
    fn write_later(&self, bytes: &[u8]) {
        if self.takes_bytes() && !bytes.is_empty() {
            self.keep(&[bytes], 0);
            self.pause_if_over();
        }
    }

    /// Keeps what the socket did not take.
    #[cold]
    fn keep(&self, pieces: &[&[u8]], mut sent: usize) {
        let was_sent = self.is_sent();
        self.with_unsent(|unsent| {
            for piece in pieces {
                let skipped = sent.min(piece.len());
                unsent.extend(&piece[skipped..]);
                sent -= skipped;
            }
        });
        if was_sent {
            self.wait_to_write();
        }
    }

    #[cold]
    fn pause_if_over(&self) {
        if !self.has(OVER | LOSING) && self.unsent_bytes() > self.limits.get().high {
            self.set(OVER);
            if let Some(live) = &*self.live.borrow() {
                self.tell(&live.protocol, |protocol| protocol.pause_writing(self));
            }
        }
    }

    /// Sends at once what the socket takes; returns how much that was, if the connection lives on.
    fn try_write(&self, bytes: &[u8]) -> Option<usize> {
        self.try_to(|source| source.write(bytes))
    }

    fn try_write_vectored(&self, pieces: &[&[u8]]) -> Option<usize> {
        let mut slices = [IoSlice::new(&[]); PIECES_PER_WRITE];
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
        }
        self.try_to(|source| source.write_vectored(&slices[..pieces.len()]))
    }

    fn try_to(&self, write: impl FnOnce(&Socket) -> io::Result<usize>) -> Option<usize> {
        let live = self.live.borrow();
        let Some(Live { source, .. }) = &*live else { return None };
        match write(source) {
            Ok(count) => Some(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
            Err(error) => {
                self.lose(Some(error));
                None
            }
        }
    }

    fn socket<R>(&self, ask: impl FnOnce(&mio::net::TcpStream) -> io::Result<R>) -> io::Result<R> {
        match &*self.live.borrow() {
            Some(live) => ask(live.source.io()),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }
}
