//! A loop on a manual clock, and a trace of what ran on it.

use std::cell::RefCell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{EventLoop, LoopHandle, ManualClock, TurnRule};

/// A loop, and what ran on it.
pub(crate) struct Lab {
    pub(crate) event_loop: EventLoop,
    pub(crate) handle: LoopHandle,
    pub(crate) trace: Trace,
}

/// What ran, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

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
