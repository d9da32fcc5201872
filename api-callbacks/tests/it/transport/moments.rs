//! The moments at which a protocol is called, and what is seen of its connection.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use api_callbacks::Transport;

/// Where the protocol acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Made,
    Data,
    Eof,
    Pause,
    /// When all is sent.
    Resume,
    /// When a rest is unsent.
    ResumeWithRest,
    Lost,
}

/// What a protocol has seen of its connection.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) transport: RefCell<Option<Rc<dyn Transport>>>,
    pub(super) acted: Cell<bool>,
    /// Each `connection_lost`.
    pub(super) lost: RefCell<Vec<Option<ErrorKind>>>,
    pub(super) called_after: Cell<bool>,
    pub(super) peer: RefCell<Option<std::net::TcpStream>>,
}

/// A peer that says something, ends its side or not, and reads to the end.
pub(super) fn peer(listener: &TcpListener, ends: bool) -> JoinHandle<()> {
    let listener = listener.try_clone().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // This side may have aborted already.
        let _ = stream.write_all(b"x");
        if ends {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut buffer = vec![0; 1 << 20];
        while matches!(stream.read(&mut buffer), Ok(count) if count > 0) {}
    })
}
