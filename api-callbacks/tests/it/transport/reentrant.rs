//! Every method of a transport, called from inside every method of its protocol.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use api_callbacks::{ClientBuilder, Protocol, Transport, WriteLimits};
use loop_core::EventLoop;

use super::moments::Moment::{self, Data, Eof, Lost, Made, Pause, Resume, ResumeWithRest};
use super::moments::{Seen, peer};
use super::{run_for_a_while, run_until};

const MOMENTS: [Moment; 7] = [Made, Data, Eof, Pause, Resume, ResumeWithRest, Lost];

type Act = fn(&dyn Transport);

const ACTS: [(&str, Act); 19] = [
    ("nothing", |_| ()),
    ("write", |t| t.write(b"answer")),
    ("writelines", |t| t.writelines(&[b"an", b"", b"swer"])),
    ("write much", |t| t.write(&vec![b'm'; 1 << 20])),
    ("write_eof", |t| t.write_eof()),
    ("write_eof twice", |t| (0..2).for_each(|_| t.write_eof())),
    ("write, write_eof", |t| {
        t.write(b"answer");
        t.write_eof();
    }),
    ("write much, write_eof", |t| {
        t.write(&vec![b'm'; 1 << 20]);
        t.write_eof();
    }),
    ("write_eof, close", |t| {
        t.write_eof();
        t.close();
    }),
    ("close", |t| t.close()),
    ("close twice", |t| (0..2).for_each(|_| t.close())),
    ("close, write_eof", |t| {
        t.close();
        t.write_eof();
    }),
    ("write much, close", |t| {
        t.write(&vec![b'm'; 1 << 20]);
        t.close();
    }),
    ("abort", |t| t.abort()),
    ("reset", |t| t.reset()),
    ("close, abort, write_eof", |t| {
        t.close();
        t.abort();
        t.write_eof();
    }),
    ("pause_reading", |t| t.pause_reading()),
    ("pause_reading, resume_reading", |t| {
        t.pause_reading();
        t.resume_reading();
    }),
    ("set_write_buffer_limits", |t| t.set_write_buffer_limits(WriteLimits { low: 0, high: 0 })),
];

/// Acts once, at one moment.
struct Acting {
    moment: Moment,
    act: Act,
    stays_open: bool,
    seen: Rc<Seen>,
}

impl Acting {
    fn reach(&self, moment: Moment, transport: &dyn Transport) {
        self.seen.called_after.set(!self.seen.lost.borrow().is_empty() && moment != Lost);
        if moment == self.moment && !self.seen.acted.replace(true) {
            (self.act)(transport);
        }
    }
}

impl Protocol for Acting {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.seen.transport.replace(Some(transport.clone()));
        transport.set_write_buffer_limits(match self.moment {
            ResumeWithRest => WriteLimits { low: 7 << 20, high: 8 << 20 },
            _ => WriteLimits { low: 0, high: 0 },
        });
        self.reach(Made, &**transport);
    }

    fn data_received(&self, transport: &dyn Transport, _: &[u8]) {
        match self.moment {
            // More than the share of a turn: the rest stays unsent.
            Pause | Resume => (0..2).for_each(|_| transport.write(&[b'x'; 65_536])),
            ResumeWithRest => _ = super::fill(transport),
            _ => {}
        }
        self.reach(Data, transport);
    }

    fn eof_received(&self, transport: &dyn Transport) -> bool {
        self.reach(Eof, transport);
        self.stays_open
    }

    fn pause_writing(&self, transport: &dyn Transport) {
        self.reach(Pause, transport);
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        let moment = if transport.write_buffer_size() == 0 { Resume } else { ResumeWithRest };
        // Whether a rest is there, the system decides; mostly one is.
        self.reach(if self.moment == ResumeWithRest { ResumeWithRest } else { moment }, transport);
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        self.seen.lost.borrow_mut().push(error.map(|error| error.kind()));
        let transport = self.seen.transport.borrow().clone();
        self.reach(Lost, &*transport.expect("it was made"));
    }
}

/// Runs a connection to its end, and returns what is wrong with that.
fn run(moment: Moment, (name, act): (&str, Act), stays_open: bool) -> Option<String> {
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, seen) = (event_loop.handle(), Rc::new(Seen::default()));
    let panics = Rc::new(RefCell::new(Vec::new()));
    let told: Rc<RefCell<Vec<String>>> = panics.clone();
    handle.set_exception_handler(move |_, context| {
        // That bytes come too late is told, and is right.
        if !context.message.contains("written after") {
            told.borrow_mut().push(context.message.clone());
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = peer(&listener, moment == Eof || stays_open);
    let protocol = Acting { moment, act, stays_open, seen: seen.clone() };
    let address = listener.local_addr().unwrap();
    ClientBuilder::new().connect(&handle, address, protocol, |made| assert!(made.is_ok()));
    let ended = || !seen.lost.borrow().is_empty();
    let is_sent = || {
        let transport = seen.transport.borrow();
        transport.as_ref().is_some_and(|transport| transport.write_buffer_size() == 0)
    };
    if moment != Lost {
        run_until(&mut event_loop, || ended() || seen.acted.get() && is_sent());
    }
    run_until(&mut event_loop, || seen.transport.borrow().is_some());
    let transport = seen.transport.borrow().clone().unwrap();
    for _ in 0..3 {
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
    }
    transport.close();
    run_until(&mut event_loop, ended);
    // Nothing of this is an end of its own.
    transport.write_eof();
    transport.close();
    transport.abort();
    transport.resume_reading();
    run_until(&mut event_loop, || peer.is_finished());
    peer.join().unwrap();
    let case = format!("{name} at {moment:?}, stays open: {stays_open}");
    let lost = seen.lost.borrow().clone();
    let parked = handle.snapshot().parked.len();
    let right = lost == [None] && !seen.called_after.get() && panics.borrow().is_empty();
    (!right || parked > 0).then(|| format!("{case}: {lost:?}, {panics:?}, {parked} parked"))
}

#[test]
fn whatever_a_protocol_does_at_any_moment_its_connection_is_lost_once_and_without_an_error() {
    let mut wrong = Vec::new();
    for moment in MOMENTS {
        for act in ACTS {
            for stays_open in [false, true] {
                wrong.extend(run(moment, act, stays_open));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Ends its side when it may write again, whether or not all is sent.
struct EndsInResume(Rc<Seen>);

impl Protocol for EndsInResume {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.0.transport.replace(Some(transport.clone()));
        transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
        super::use_up_share(&**transport);
    }

    fn data_received(&self, _: &dyn Transport, _: &[u8]) {}

    fn eof_received(&self, _: &dyn Transport) -> bool {
        true
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        transport.write_eof();
        // The peer answers the end with a reset before this returns.
        let peer = self.0.peer.take().unwrap();
        let mut buffer = vec![0; 1 << 20];
        while matches!((&peer).read(&mut buffer), Ok(count) if count > 0) {}
        super::reset(peer);
        self.0.acted.set(true);
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        self.0.lost.borrow_mut().push(error.map(|error| error.kind()));
    }
}

#[test]
fn a_side_that_ends_while_it_resumes_is_shut_down_once() {
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, seen) = (event_loop.handle(), Rc::new(Seen::default()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let protocol = EndsInResume(seen.clone());
    ClientBuilder::new().connect(&handle, address, protocol, |made| assert!(made.is_ok()));
    seen.peer.replace(Some(listener.accept().unwrap().0));
    run_until(&mut event_loop, || seen.acted.get());
    run_until(&mut event_loop, || !seen.lost.borrow().is_empty());
    run_for_a_while(&mut event_loop);
    assert_eq!(*seen.lost.borrow(), [Some(ErrorKind::ConnectionReset)], "the peer has reset it");
}

#[test]
fn an_end_inside_pause_writing_comes_behind_all_pieces_that_are_being_written() {
    struct EndsInPause(Rc<Cell<bool>>);
    impl Protocol for EndsInPause {
        fn connection_made(&self, transport: &Rc<dyn Transport>) {
            transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
            // More than the share of a turn, in more pieces than one system call takes.
            let piece = vec![b'p'; 16_384];
            transport.writelines(&[&piece[..]; 64]);
        }

        fn data_received(&self, _: &dyn Transport, _: &[u8]) {}

        fn pause_writing(&self, transport: &dyn Transport) {
            transport.write_eof();
        }

        fn connection_lost(&self, error: Option<io::Error>) {
            assert!(error.is_none());
            self.0.set(true);
        }
    }
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, lost) = (event_loop.handle(), Rc::new(Cell::new(false)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let protocol = EndsInPause(lost.clone());
    ClientBuilder::new().connect(&handle, address, protocol, |made| assert!(made.is_ok()));
    let reading = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap()
    });
    run_until(&mut event_loop, || lost.get());
    assert_eq!(reading.join().unwrap(), 64 * 16_384);
}
