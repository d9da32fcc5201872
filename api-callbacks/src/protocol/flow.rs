//! Flow control for protocols that write from many places: wait until there is room.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::{Rc, Weak};

use loop_core::{Cancelled, Job, LoopHandle};

use crate::cancelling::{CancelTarget, Cancelling, Ticket};
use crate::operation::Operation;
use crate::pending::Pending;

type DrainCallback = Box<dyn FnOnce(io::Result<()>)>;

/// Knows whether a protocol may write, and calls back what waits for it.
///
/// The protocol hands on its [`pause_writing`](crate::protocol::Protocol::pause_writing),
/// `resume_writing` and `connection_lost`; what writes calls [`FlowControl::drain`] between two
/// writes. asyncio: `FlowControlMixin` and `StreamWriter.drain`.
pub struct FlowControl {
    handle: LoopHandle,
    state: Cell<FlowState>,
    /// What is called back when the state allows it.
    waiting: Rc<Waiting>,
    /// How many have ever waited: a number is given once.
    drains: Cell<u64>,
}

/// What waits, in the order of the calls. One that is cancelled leaves at once.
type Waiting = RefCell<BTreeMap<u64, Rc<Draining>>>;

/// Whether a protocol may write.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | `Open` | `Paused` | [`pause`](FlowControl::pause) | the transport has more unsent than its high mark |
/// | 2 | `Paused` | `Open` | [`resume`](FlowControl::resume) | no more than its low one: all that wait are called back |
/// | 3 | any | `Lost` | [`lose`](FlowControl::lose) | the connection is lost: all that wait hear of that |
#[derive(Clone, Copy, PartialEq, Eq)]
enum FlowState {
    Open,
    Paused,
    Lost,
}

struct Draining {
    handle: LoopHandle,
    /// Where it waits, and under which number.
    entry: (Weak<Waiting>, u64),
    callback: Pending<DrainCallback>,
    /// Whether it is called back because the connection is lost.
    lost: Cell<bool>,
}

impl FlowControl {
    /// Makes the flow control of one connection, which may write.
    pub fn new(handle: &LoopHandle) -> FlowControl {
        let (state, waiting) = (Cell::new(FlowState::Open), Rc::default());
        FlowControl { handle: handle.clone(), state, waiting, drains: Cell::new(0) }
    }

    /// Calls back when the protocol may write.
    ///
    /// # Errors
    /// `ConnectionReset` when the connection is lost first.
    #[track_caller]
    pub fn drain(&self, callback: impl FnOnce(io::Result<()>) + 'static) -> Operation {
        match self.state.get() {
            FlowState::Open => Operation::ended_with(&self.handle, || callback(Ok(()))),
            FlowState::Lost => {
                let lost = ErrorKind::ConnectionReset;
                Operation::ended_with(&self.handle, move || callback(Err(lost.into())))
            }
            FlowState::Paused => {
                let drain = self.drains.get();
                self.drains.set(drain + 1);
                let draining = Rc::new(Draining {
                    handle: self.handle.clone(),
                    entry: (Rc::downgrade(&self.waiting), drain),
                    callback: Pending::default(),
                    lost: Cell::new(false),
                });
                let number = draining.callback.put(Box::new(callback));
                self.waiting.borrow_mut().insert(drain, draining.clone());
                Operation::pending(&draining, Ticket { part: 0, number })
            }
        }
    }

    /// Tells whether the protocol should not write now.
    pub fn is_paused(&self) -> bool {
        self.state.get() == FlowState::Paused
    }

    /// To be called from `pause_writing`.
    pub fn pause(&self) {
        if self.state.get() == FlowState::Open {
            self.state.set(FlowState::Paused);
        }
    }

    /// To be called from `resume_writing`.
    pub fn resume(&self) {
        if self.state.get() == FlowState::Paused {
            self.state.set(FlowState::Open);
            self.call_back();
        }
    }

    /// To be called from `connection_lost`.
    pub fn lose(&self) {
        self.state.set(FlowState::Lost);
        self.call_back();
    }

    /// Queues the callbacks, in the order of the calls.
    fn call_back(&self) {
        for (_, draining) in self.waiting.take() {
            draining.lost.set(self.state.get() == FlowState::Lost);
            self.handle.queue(draining, 0);
        }
    }
}

impl Job for Draining {
    fn run(self: Rc<Self>, _part: u64) {
        let Some(callback) = self.callback.take_to_call(&self.handle) else { return };
        callback(match (self.callback.is_cancelled(), self.lost.get()) {
            (true, _) => Err(Cancelled.into()),
            (false, true) => Err(ErrorKind::ConnectionReset.into()),
            (false, false) => Ok(()),
        });
    }

    fn kind(&self) -> &'static str {
        "drain with a callback"
    }
}

impl CancelTarget for Draining {
    fn cancel(self: Rc<Self>, ticket: Ticket) -> Cancelling {
        let cancelled = self.callback.cancel(ticket.number);
        if cancelled {
            let (waiting, drain) = &self.entry;
            let waited = waiting.upgrade().and_then(|waiting| waiting.borrow_mut().remove(drain));
            // One that does not wait any more is queued already.
            if let Some(draining) = waited {
                self.handle.queue(draining, 0);
            }
        }
        cancelled.into()
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        // It may hold another connection's flow control, and that one further callbacks.
        self.callback.drop_uncalled(&self.handle);
    }
}

impl fmt::Debug for FlowControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowControl")
            .field("is_paused", &self.is_paused())
            .field("waiting", &self.waiting.borrow().len())
            .finish_non_exhaustive()
    }
}
