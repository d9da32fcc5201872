//! A callback that spins, while bytes come for other connections. Spinning moves a clock by hand, so
//! that the delays are exact.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{EventLoop, LoopTime, ManualClock};

use crate::Style;
use crate::demonstrations::pair::Peer;

/// What the connections share: the clock, and what they saw on it.
struct Room {
    clock: ManualClock,
    spin: Duration,
    /// The other ends of the delayed connections.
    peers: RefCell<Vec<TcpStream>>,
    /// When the bytes were sent.
    sent: Cell<LoopTime>,
    delays: RefCell<Vec<Duration>>,
}

impl Room {
    /// The first connection's callback: bytes come for the others while it runs.
    fn spin(&self) {
        self.sent.set(self.clock.time());
        for peer in &mut *self.peers.borrow_mut() {
            peer.write_all(b"!").expect("the connection takes a byte");
        }
        self.clock.advance(self.spin);
    }

    /// The callback of the others.
    fn told(&self) {
        self.delays.borrow_mut().push(self.clock.time() - self.sent.get());
    }

    fn called(&self, spins: bool) {
        if spins { self.spin() } else { self.told() }
    }
}

/// Spins in the callback of one connection; returns how long each of the others waited for its own.
///
/// # Errors
/// What the system says.
pub fn delays(style: Style, spin: Duration, others: usize) -> io::Result<Vec<Duration>> {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone())?;
    let (peers, sent, delays) = (RefCell::default(), Cell::default(), RefCell::default());
    let room = Rc::new(Room { clock, spin, peers, sent, delays });
    let mut first = wait(style, &mut event_loop, room.clone(), true)?;
    for _ in 0..others {
        let peer = wait(style, &mut event_loop, room.clone(), false)?;
        room.peers.borrow_mut().push(peer);
    }
    first.write_all(b"!")?;
    while room.delays.borrow().len() < others {
        event_loop.run_once()?;
    }
    Ok(room.delays.take())
}

/// Connects, and waits for a byte in the given style; returns the other end.
fn wait(
    style: Style,
    event_loop: &mut EventLoop,
    room: Rc<Room>,
    spins: bool,
) -> io::Result<TcpStream> {
    let peer = Peer::listen()?;
    match style {
        Style::Callbacks => {
            let (stream, peer) = peer.callbacks(event_loop)?;
            stream.read_chunk(move |_, read| {
                if read.is_ok() {
                    room.called(spins);
                }
            });
            Ok(peer)
        }
        Style::Promises => {
            let (stream, peer) = peer.promises(event_loop)?;
            stream.read_chunk().map(move |_| room.called(spins)).detach(drop);
            Ok(peer)
        }
        _ => {
            let (stream, peer) = peer.async_await(event_loop)?;
            let reading = async move {
                stream.read_chunk().await?;
                room.called(spins);
                io::Result::Ok(())
            };
            api_async::spawn(&event_loop.handle(), reading).detach();
            Ok(peer)
        }
    }
}
