//! A loop on a manual clock, and a trace of what ran on it.

use std::cell::RefCell;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::resume_unwind;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use loop_core::{Abort, EventLoop, Job, LoopHandle, ManualClock, Source, TurnRule};

/// A loop, and what ran on it.
pub(crate) struct Lab {
    pub(crate) event_loop: EventLoop,
    pub(crate) handle: LoopHandle,
    pub(crate) trace: Trace,
}

/// What ran, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

/// A job that writes its part into a trace.
pub(crate) struct Note(pub(crate) Trace);

/// A job that leaves the run at once.
pub(crate) struct Leave;

/// Calls a closure when it is dropped; a callback that owns it touches it.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl Trace {
    pub(crate) fn add(&self, event: impl ToString) {
        self.0.borrow_mut().push(event.to_string());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// Returns a callback that adds `event`.
    pub(crate) fn adder(&self, event: impl ToString) -> impl Fn() + Clone + 'static {
        let (trace, event) = (self.clone(), event.to_string());
        move || trace.add(&event)
    }
}

impl Lab {
    /// Makes a loop whose clock stands at ten seconds.
    pub(crate) fn new(rule: TurnRule) -> Lab {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(10));
        let event_loop = EventLoop::with_clock(clock).unwrap();
        let handle = event_loop.handle();
        handle.set_turn_rule(rule);
        let trace = Trace::default();
        let reported = trace.clone();
        handle.set_exception_handler(move |_, context| {
            reported.add(format!("reported: {}", context.message));
        });
        Lab { event_loop, handle, trace }
    }

    /// Makes one turn that does not wait, and marks its end in the trace.
    pub(crate) fn turn(&mut self) {
        self.handle.stop();
        self.event_loop.run_forever().unwrap();
        self.trace.add("|");
    }

    /// Queues a callback that adds `event`.
    pub(crate) fn soon(&self, event: &str) -> loop_core::Handle {
        self.handle.call_soon(self.trace.adder(event))
    }
}

/// Returns a descriptor with `unread` bytes to read, and the other end, which must be kept.
pub(crate) fn readable(unread: usize) -> (Rc<UnixStream>, UnixStream) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.write_all(&vec![b'x'; unread]).unwrap();
    (Rc::new(ours), theirs)
}

impl Job for Note {
    fn run(self: Rc<Self>, part: u64) {
        self.0.add(part);
    }
}

impl Job for Leave {
    fn run(self: Rc<Self>, _part: u64) {
        resume_unwind(Box::new(Abort));
    }
}

impl<F: FnMut()> OnDrop<F> {
    pub(crate) fn touch(&self) {}
}

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Returns a source on the loop and its peer, which blocks.
pub(crate) fn connection(lab: &Lab) -> (Rc<Source<mio::net::TcpStream>>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let source = Source::new(&lab.handle, mio::net::TcpStream::from_std(stream)).unwrap();
    (Rc::new(source), peer)
}

/// Returns a waker that panics.
pub(crate) fn panicking_waker() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker on purpose");
        }
    }
    Arc::new(Panics).into()
}

/// Runs an ignored test in a process of its own, where no other test opens descriptors meanwhile.
pub(crate) fn alone(test: &str) {
    let arguments = ["--exact", test, "--ignored", "--nocapture"];
    let output = Command::new(std::env::current_exe().unwrap()).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}
