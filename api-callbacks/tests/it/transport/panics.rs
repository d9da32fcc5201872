//! A protocol that panics: its connection is lost, once, and the loop goes on.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::rc::Rc;

use api_callbacks::{ClientBuilder, Protocol, Transport, WriteLimits};
use loop_core::EventLoop;

use super::moments::Moment::{self, Data, Eof, Lost, Made, Pause, Resume};
use super::moments::{Seen, peer};
use super::{run_for_a_while, run_until};

/// Panics at one moment, and when it is dropped.
struct Panics(Moment, Rc<Seen>);

impl Panics {
    fn at(&self, moment: Moment) {
        assert!(self.0 != moment, "{moment:?} on purpose");
    }
}

impl Protocol for Panics {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
        self.at(Made);
    }

    fn data_received(&self, transport: &dyn Transport, _: &[u8]) {
        self.at(Data);
        super::use_up_share(transport);
    }

    fn eof_received(&self, _: &dyn Transport) -> bool {
        self.at(Eof);
        false
    }

    fn pause_writing(&self, _: &dyn Transport) {
        self.at(Pause);
    }

    fn resume_writing(&self, _: &dyn Transport) {
        self.at(Resume);
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        self.1.lost.borrow_mut().push(error.map(|error| error.kind()));
        self.at(Lost);
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a destructor on purpose");
    }
}

#[test]
fn a_protocol_that_panics_at_any_moment_is_lost_once_and_its_destructor_does_no_harm() {
    for moment in [Made, Data, Eof, Pause, Resume, Lost] {
        let mut event_loop = EventLoop::new().unwrap();
        let (handle, seen) = (event_loop.handle(), Rc::new(Seen::default()));
        let reports = Rc::new(Cell::new(0));
        let count = reports.clone();
        handle.set_exception_handler(move |_, _| count.set(count.get() + 1));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = peer(&listener, true);
        let address = listener.local_addr().unwrap();
        ClientBuilder::new().connect(&handle, address, Panics(moment, seen.clone()), |_| ());
        run_until(&mut event_loop, || !seen.lost.borrow().is_empty() && peer.is_finished());
        run_for_a_while(&mut event_loop);
        let failed = (moment != Lost).then_some(ErrorKind::Other);
        assert_eq!(*seen.lost.borrow(), [failed], "{moment:?}");
        assert_eq!(reports.get(), 2, "{moment:?}: the panic, and the destructor's");
        assert!(handle.snapshot().parked.is_empty());
    }
}
