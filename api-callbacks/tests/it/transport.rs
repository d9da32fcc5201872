//! Transports and protocols: each sentence of asyncio's contract.

mod bounds;
mod ends;
mod moments;
mod order;
mod panics;
mod reentrant;
mod writing;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use api_callbacks::{ClientBuilder, Protocol, Transport};
use loop_core::{EventLoop, LoopHandle, is_cancelled};

/// Keeps what its protocol was told, and does what a test asks for.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) calls: RefCell<Vec<String>>,
    pub(crate) bytes: RefCell<Vec<u8>>,
    pub(crate) transport: RefCell<Option<Rc<dyn Transport>>>,
    /// What `eof_received` returns.
    pub(crate) stays_open: Cell<bool>,
    /// What is done with each piece of data.
    pub(crate) on_data: RefCell<Option<OnData>>,
}

type OnData = Rc<dyn Fn(&dyn Transport, &[u8])>;

/// The protocol of a record.
pub(crate) struct Recorder(pub(crate) Rc<Record>);

impl Record {
    fn tell(&self, call: impl Into<String>) {
        self.calls.borrow_mut().push(call.into());
    }

    pub(crate) fn on_data(&self, on_data: impl Fn(&dyn Transport, &[u8]) + 'static) {
        self.on_data.replace(Some(Rc::new(on_data)));
    }

    pub(crate) fn transport(&self) -> Rc<dyn Transport> {
        self.transport.borrow().clone().expect("the connection is made")
    }

    pub(crate) fn was_told(&self, call: &str) -> bool {
        self.calls.borrow().iter().any(|told| told == call)
    }
}

impl Protocol for Recorder {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.0.transport.replace(Some(transport.clone()));
        self.0.tell("made");
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        self.0.bytes.borrow_mut().extend(bytes);
        self.0.tell("data");
        let on_data = self.0.on_data.borrow().clone();
        if let Some(on_data) = on_data {
            on_data(transport, bytes);
        }
    }

    fn eof_received(&self, _transport: &dyn Transport) -> bool {
        self.0.tell("eof");
        self.0.stays_open.get()
    }

    fn pause_writing(&self, _transport: &dyn Transport) {
        self.0.tell("pause");
    }

    fn resume_writing(&self, _transport: &dyn Transport) {
        self.0.tell("resume");
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        self.0.tell(match error {
            None => "lost".to_owned(),
            Some(error) if is_cancelled(&error) => "lost: cancelled".to_owned(),
            Some(error) => format!("lost: {:?}", error.kind()),
        });
    }
}

/// Connects a recorder with a blocking socket.
pub(crate) fn connected() -> (EventLoop, LoopHandle, Rc<Record>, std::net::TcpStream) {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let record = Rc::new(Record::default());
    let protocol = Recorder(record.clone());
    let connected = event_loop.run_until_complete(|completer| {
        let address = listener.local_addr().unwrap();
        let client = ClientBuilder::new().timeout(Duration::from_secs(10));
        client.connect(&handle, address, protocol, |made| completer.complete(made.is_ok()));
    });
    assert!(connected.unwrap());
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    (event_loop, handle, record, peer)
}

/// Makes turns until `done` says so.
pub(crate) fn run_until(event_loop: &mut EventLoop, done: impl Fn() -> bool) {
    let begun = Instant::now();
    let handle = event_loop.handle();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "in vain");
        // A tick, so that a turn ends; it is no timer of the program's.
        let tick = handle.call_later(Duration::from_millis(1), || ());
        event_loop.run_once().unwrap();
        tick.cancel();
    }
}

/// Makes turns for a while in which nothing is to happen.
pub(crate) fn run_for_a_while(event_loop: &mut EventLoop) {
    let begun = Instant::now();
    run_until(event_loop, || begun.elapsed() > Duration::from_millis(20));
}

/// Writes more than the sockets on the way hold.
pub(crate) fn fill(transport: &dyn Transport) -> usize {
    transport.write(&vec![b'x'; 32 << 20]);
    32 << 20
}

/// Uses up the connection's share of this turn, until bytes stay unsent.
pub(crate) fn use_up_share(transport: &dyn Transport) -> usize {
    let mut written = 0;
    while transport.write_buffer_size() == 0 {
        transport.write(&[b'x'; 65_536]);
        written += 65_536;
    }
    written
}

/// Ends a connection by a reset.
pub(crate) fn reset(peer: std::net::TcpStream) {
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
}

pub(crate) fn send(peer: &mut std::net::TcpStream, bytes: &[u8]) {
    peer.write_all(bytes).unwrap();
}
