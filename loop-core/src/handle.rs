//! What a program holds of its loop, and the state behind it, which the loop's owner shares.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::ending::Ending;
use crate::readiness::reactor::Reactor;
use crate::ready::{Entry, ReadyQueue};
use crate::report::counts::Counters;
use crate::report::errors::Context;
use crate::report::running::Reporting;
use crate::spares::store::Store;
use crate::threads::offloaded::Offload;
use crate::threads::self_pipe::Inbox;
use crate::threads::signals::Signals;
use crate::timers::Timers;

/// Schedules work on a loop.
///
/// A handle is cheap to clone and stays on the loop's thread; [`Remote`](crate::Remote) is for the
/// others. It does not keep the loop running, and outlives it: what a closed loop answers is one
/// rule: [`closed_loop`](crate::closed_loop).
///
/// asyncio: `AbstractEventLoop`, but the owner, which runs the loop, is a type of its own.
#[derive(Clone)]
pub struct LoopHandle {
    pub(crate) state: Rc<LoopState>,
}

/// How long a turn runs callbacks before it polls again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnRule {
    /// Runs what was ready when the pass began, goes on with what became ready meanwhile until this
    /// many callbacks ran, then polls. Order is as under [`TurnRule::Snapshot`]; a hop costs no
    /// poll, and I/O waits for at most so many callbacks, or for what was ready when the turn began.
    Bounded(usize),
    /// Runs what was ready when the pass began, then polls.
    ///
    /// asyncio: `ntodo` in `BaseEventLoop._run_once`.
    Snapshot,
}

/// A closure from another thread.
pub(crate) struct Submission {
    /// What is to run.
    pub(crate) call: Box<dyn FnOnce(&LoopHandle) + Send>,
    /// For the report of its failure.
    pub(crate) scheduled_at: &'static Location<'static>,
}

/// What is told of a failure.
pub(crate) type ExceptionHandler = Box<dyn FnMut(&LoopHandle, &Context)>;

/// What a loop's owner and its handles share: all that a loop is, but for the poll itself.
///
/// No field is borrowed while users' code runs. Each part keeps that rule for what is in it: it hands
/// out copies, or moves what it holds to the caller.
pub(crate) struct LoopState {
    /// Tells the loops of a process apart: what leaves the thread holds a number and no reference.
    id: u64,
    /// What runs next. One queue for all styles, so that there is one order.
    ready: ReadyQueue,
    /// What a foreign loop wants to be told of that queue.
    ready_hook: RefCell<Option<Rc<dyn Fn()>>>,
    /// Whether a push takes the slow way: there is a hook to call, or the loop is closed. One flag, so
    /// that the fast way asks once.
    pushes_slowly: Cell<bool>,
    /// What waits for a deadline.
    timers: Timers,
    /// What deadlines are compared with.
    clock: Clock,
    /// What waits for the kernel.
    reactor: Reactor,
    /// What is kept to be used again.
    store: Store,
    /// What [`LoopHandle::counts`] tells.
    counters: Counters,
    /// What other threads submit; shared with them.
    inbox: Arc<Inbox<Submission>>,
    /// The signals that the loop handles: raised anywhere, looked at in a turn.
    signals: Signals,
    /// What the threads of the pool do for the loop.
    offload: Offload,
    /// How many callbacks a turn runs.
    turn_rule: Cell<TurnRule>,
    /// How far the run and the loop are from their end.
    ending: Ending,
    /// What runs now and what hears of its failure.
    reporting: Reporting<ExceptionHandler>,
}

impl Default for TurnRule {
    /// Returns the bounded rule with 256 callbacks a turn.
    fn default() -> TurnRule {
        TurnRule::Bounded(256)
    }
}

impl LoopState {
    /// Makes the state of a loop in which nothing waits.
    pub(crate) fn new(
        clock: Clock,
        registry: mio::Registry,
        inbox: Arc<Inbox<Submission>>,
    ) -> Rc<LoopState> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Rc::new(LoopState {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            ready: ReadyQueue::default(),
            ready_hook: RefCell::default(),
            pushes_slowly: Cell::new(false),
            timers: Timers::default(),
            clock,
            reactor: Reactor::new(registry),
            store: Store::default(),
            counters: Counters::default(),
            inbox,
            signals: Signals::default(),
            offload: Offload::default(),
            turn_rule: Cell::default(),
            ending: Ending::default(),
            reporting: Reporting::default(),
        })
    }

    /// Queues what is scheduled from outside of a turn's own steps: behind what other threads have
    /// submitted before. Returns its number in the queue.
    #[inline(always)]
    pub(crate) fn push(self: &Rc<Self>, entry: Entry) -> u64 {
        if self.inbox.is_told() | self.pushes_slowly.get() {
            return self.push_slow(entry);
        }
        self.ready.push(entry)
    }

    /// Queues an entry and says so to a foreign loop if nothing was ready. A closed loop drops it.
    #[cold]
    fn push_slow(self: &Rc<Self>, entry: Entry) -> u64 {
        if self.ending.is_closed() {
            self.discard(entry);
            return u64::MAX;
        }
        let was_empty = self.ready.is_empty();
        self.collect();
        let number = self.ready.push(entry);
        if was_empty {
            self.call_ready_hook();
        }
        number
    }

    /// Queues what other threads submitted.
    ///
    /// There is one order for all that is submitted, as in asyncio's one queue: whatever queues
    /// something asks the inbox first, so that what was submitted before is queued before. It is a
    /// load of a byte that other threads seldom write.
    pub(crate) fn collect(self: &Rc<Self>) {
        if self.inbox.wake_up() {
            self.collect_slow();
        }
    }

    #[cold]
    fn collect_slow(self: &Rc<Self>) {
        for Submission { call, scheduled_at } in self.inbox.take() {
            let handle = LoopHandle { state: self.clone() };
            self.ready.push(Entry::Call(Box::new(move || call(&handle)), scheduled_at));
        }
    }

    /// Sets what a foreign loop wants to be told of the ready queue, and returns what was set before.
    pub(crate) fn set_ready_hook(&self, hook: Option<Rc<dyn Fn()>>) -> Option<Rc<dyn Fn()>> {
        self.pushes_slowly.set(hook.is_some() || self.ending.is_closed());
        self.ready_hook.replace(hook)
    }

    /// Returns what a foreign loop wants to be told of the ready queue.
    pub(crate) fn ready_hook(&self) -> Option<Rc<dyn Fn()>> {
        self.ready_hook.borrow().clone()
    }

    /// Queues nothing from here on: the loop is closed.
    pub(crate) fn refuse_pushes(&self) {
        self.ending.close();
        self.pushes_slowly.set(true);
    }

    /// Tells whether the next poll should not wait: the run is to end, or there is something to run.
    pub(crate) fn is_busy(&self) -> bool {
        self.ending.is_stopping() || !self.ready.is_empty() || self.reactor.has_deferred()
    }

    pub(crate) fn ready(&self) -> &ReadyQueue {
        &self.ready
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.timers
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn inbox(&self) -> &Arc<Inbox<Submission>> {
        &self.inbox
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    pub(crate) fn offload(&self) -> &Offload {
        &self.offload
    }

    pub(crate) fn ending(&self) -> &Ending {
        &self.ending
    }

    pub(crate) fn reporting(&self) -> &Reporting<ExceptionHandler> {
        &self.reporting
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn turn_rule(&self) -> TurnRule {
        self.turn_rule.get()
    }
}

impl LoopHandle {
    /// Sets how long a turn runs callbacks before it polls.
    pub fn set_turn_rule(&self, rule: TurnRule) {
        self.state.turn_rule.set(rule);
    }

    /// Returns a number that no other loop of the process has.
    pub fn id(&self) -> u64 {
        self.state.id
    }
}
