//! The state that a loop's owner and its handles share, and the steps of a turn that need no poll.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use mio::Token;

use crate::clock::Clock;
use crate::job::Job;
use crate::net::chunk::Pool;
use crate::readiness::descriptors::Watch;
use crate::readiness::direction::Direction;
use crate::readiness::signs::Signs;
use crate::readiness::target::{self, Rows, Target, Targets};
use crate::readiness::waiters::Readiness;
use crate::ready::{Entry, ReadyQueue};
use crate::report::counts::Counters;
use crate::report::errors::Context;
use crate::report::running::{Handler, Running, Work};
use crate::threads::offloaded::Offload;
use crate::threads::self_pipe::Inbox;
use crate::threads::signals::Signals;
use crate::timers::{Action, TimerKey, Timers};

/// The token of the self-pipe; rows of the table never reach it.
pub(crate) const PIPE: Token = Token(usize::MAX);

/// Schedules work on a loop.
///
/// A handle is cheap to clone and stays on the loop's thread; [`Remote`](crate::Remote) is for the
/// others. It does not keep the loop running, and outlives it: on a closed loop every method says
/// what it does then.
///
/// asyncio: `AbstractEventLoop`, but the owner, who runs the loop, is a type of its own.
#[derive(Clone)]
pub struct LoopHandle {
    pub(crate) core: Rc<Core>,
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
    pub(crate) call: Box<dyn FnOnce(&LoopHandle) + Send>,
    pub(crate) scheduled_at: &'static Location<'static>,
}

/// What is told of a failure.
pub(crate) type ExceptionHandler = Box<dyn FnMut(&LoopHandle, &Context)>;

/// All that a loop is, but for the poll itself.
pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) ready: ReadyQueue,
    pub(crate) timers: Timers,
    pub(crate) clock: Clock,
    pub(crate) registry: mio::Registry,
    pub(crate) pool: Pool,
    pub(crate) counters: Counters,
    pub(crate) inbox: Arc<Inbox<Submission>>,
    pub(crate) signals: Signals,
    /// The raw descriptors that `add_reader` and `add_writer` watch.
    pub(crate) watches: RefCell<HashMap<RawFd, Rc<Watch>>>,
    /// Those of them that fired and must be armed again before the next poll. Weak: who is removed
    /// lets go of its descriptor.
    pub(crate) fired: RefCell<Vec<Weak<Watch>>>,
    /// Sockets that have used up their share of this turn and are ready in the next.
    pub(crate) deferred: RefCell<Vec<(Rc<Readiness>, Direction)>>,
    pub(crate) turn_rule: Cell<TurnRule>,
    pub(crate) stopping: Cell<bool>,
    /// Whether more is told of what goes wrong, at some cost.
    pub(crate) debug: Cell<bool>,
    /// Whether `close` has begun: what is cancelled now ends as such.
    pub(crate) closing: Cell<bool>,
    /// Whether `close` has ended: nothing is queued any more.
    pub(crate) closed: Cell<bool>,
    /// What is to be done first when the loop is closed.
    pub(crate) closers: RefCell<Vec<Box<dyn FnOnce()>>>,
    pub(crate) targets: Targets,
    /// Whom to tell that the ready queue is empty no more.
    pub(crate) ready_hook: RefCell<Option<Rc<dyn Fn()>>>,
    /// Whether a push on the ready queue is not all: there is such a hook, or the loop is closed.
    pub(crate) attentive: Cell<bool>,
    /// What threads of the pool do for the loop.
    pub(crate) offload: Offload,
    /// Whether guarded work has asked to leave the run.
    pub(crate) aborting: Cell<bool>,
    pub(crate) exception_handler: Handler<ExceptionHandler>,
    /// What runs now, for the report if it fails.
    pub(crate) running: Cell<Running>,
}

thread_local! {
    /// The loops of this thread, so that a submission from a loop's own thread needs no pipe.
    static LOOPS: RefCell<Vec<Weak<Core>>> = const { RefCell::new(Vec::new()) };
}

impl Default for TurnRule {
    /// Returns the bounded rule with 256 callbacks a turn.
    fn default() -> TurnRule {
        TurnRule::Bounded(256)
    }
}

impl Core {
    /// Makes the state of a loop and enters it in its thread's list.
    pub(crate) fn new(
        clock: Clock,
        registry: mio::Registry,
        inbox: Arc<Inbox<Submission>>,
    ) -> Rc<Core> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let core = Rc::new(Core {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            ready: ReadyQueue::default(),
            timers: Timers::default(),
            clock,
            registry,
            pool: Pool::default(),
            counters: Counters::default(),
            inbox,
            signals: Signals::default(),
            watches: RefCell::default(),
            fired: RefCell::default(),
            deferred: RefCell::default(),
            turn_rule: Cell::default(),
            stopping: Cell::new(false),
            debug: Cell::new(false),
            closing: Cell::new(false),
            closed: Cell::new(false),
            closers: RefCell::default(),
            targets: Targets::default(),
            ready_hook: RefCell::default(),
            attentive: Cell::new(false),
            offload: Offload::default(),
            aborting: Cell::new(false),
            exception_handler: Handler::default(),
            running: Cell::default(),
        });
        LOOPS.with_borrow_mut(|loops| {
            loops.retain(|core| core.strong_count() > 0);
            loops.push(Rc::downgrade(&core));
        });
        core
    }

    /// Finds a loop of this thread by its number.
    pub(crate) fn of_this_thread(id: u64) -> Option<Rc<Core>> {
        // The list is gone while its thread ends; nothing runs on a loop there any more.
        LOOPS
            .try_with(|loops| {
                loops.borrow().iter().filter_map(Weak::upgrade).find(|core| core.id == id)
            })
            .ok()
            .flatten()
    }

    /// Queues what other threads submitted.
    ///
    /// There is one order for all who submit, as in asyncio's one queue: whatever queues something
    /// asks the inbox first, so that what was submitted before is queued before. It is a load of a
    /// byte that other threads seldom write.
    #[inline]
    pub(crate) fn collect(self: &Rc<Self>) {
        if self.inbox.wake_up() {
            self.take_submissions();
        }
    }

    #[cold]
    fn take_submissions(self: &Rc<Self>) {
        for Submission { call, scheduled_at } in self.inbox.take() {
            let handle = LoopHandle { core: self.clone() };
            self.ready.push(Entry::Call(Box::new(move || call(&handle)), scheduled_at));
        }
    }

    /// Queues the handlers of the signals that were raised. Who raised one may have submitted before.
    #[cold]
    pub(crate) fn fire_signals(self: &Rc<Self>) {
        let raised = self.signals.raised();
        self.collect();
        raised.into_iter().for_each(|watcher| _ = self.ready.push(Entry::Job(watcher, 0)));
    }

    /// Hands a kernel event to the target that its token names, if that still lives. Wakers are
    /// anybody's code: nothing is borrowed then, and the caller catches their panics.
    #[inline(always)]
    pub(crate) fn fire<'a>(
        self: &'a Rc<Self>,
        rows: Rows<'a>,
        token: Token,
        signs: Signs,
    ) -> Rows<'a> {
        match target::named_by(token, &rows) {
            None => {}
            // Jobs are queued and no more, so that the table stays borrowed.
            Some(Target::Socket(readiness)) => {
                if let Some(news) = readiness.fire(signs, &self.ready) {
                    let readiness = readiness.clone();
                    drop(rows);
                    // Its socket may be gone when the waker returns.
                    self.with(readiness, |readiness| self.release_left_over(readiness, news));
                    self.collect();
                    return self.targets.borrow();
                }
            }
            Some(Target::Watch(watch)) => {
                watch.fire(signs, &self.ready);
                self.fired.borrow_mut().push(Rc::downgrade(watch));
            }
        }
        rows
    }

    /// Releases the sockets that had used up their share of the turn before.
    #[inline]
    pub(crate) fn fire_deferred(self: &Rc<Self>) {
        if !self.deferred.borrow().is_empty() {
            self.release_deferred();
        }
    }

    #[inline(never)]
    fn release_deferred(self: &Rc<Self>) {
        self.collect();
        let mut deferred = self.deferred.take();
        for (readiness, direction) in deferred.drain(..) {
            let release = |readiness: &Rc<Readiness>| self.release(readiness, direction);
            self.guard(|| self.with(readiness, release));
        }
        // The list goes back with its room, and with what was deferred meanwhile.
        deferred.append(&mut self.deferred.borrow_mut());
        self.deferred.replace(deferred);
    }

    /// Defers all that is parked at sockets that are ready. A waker that panicked has left its event
    /// half done, and the kernel does not report it again.
    #[cold]
    pub(crate) fn defer_all_ready(&self) {
        for target in self.targets.all() {
            let Target::Socket(readiness) = target else { continue };
            for direction in [Direction::Read, Direction::Write] {
                if readiness.is_ready(direction) && readiness.is_parked(direction) {
                    self.deferred.borrow_mut().push((readiness.clone(), direction));
                }
            }
        }
    }

    /// Moves the timers that are due into the ready queue. `now` is the time if it was just read.
    pub(crate) fn expire(self: &Rc<Self>, now: Option<Duration>) {
        if self.timers.is_empty() {
            return;
        }
        let now = now.unwrap_or_else(|| self.clock.time());
        self.collect();
        while let Some(key) = self.timers.pop_due(now) {
            self.ready.push(Entry::Timed(Some(key)));
        }
    }

    /// Runs what is ready, as far as the turn rule goes, and returns how many entries it took.
    ///
    /// One `catch_unwind` serves the batch: after a panic it goes on behind the failed entry.
    #[inline]
    pub(crate) fn run_ready(self: &Rc<Self>) -> usize {
        let snapshot = self.ready.len();
        if snapshot == 0 { 0 } else { self.run_batch(snapshot) }
    }

    // ANCHOR: batch
    fn run_batch(self: &Rc<Self>, snapshot: usize) -> usize {
        let limit = match self.turn_rule.get() {
            TurnRule::Snapshot => snapshot,
            TurnRule::Bounded(bound) => bound.max(snapshot),
        };
        let mut taken = 0;
        while taken < limit {
            let batch = catch_unwind(AssertUnwindSafe(|| {
                while taken < limit {
                    let Some(entry) = self.ready.pop() else { return false };
                    taken += 1;
                    self.run(entry);
                }
                true
            }));
            match batch {
                Ok(true) => {}
                Ok(false) => break,
                Err(payload) => self.panicked(payload),
            }
        }
        taken
    }
    // ANCHOR_END: batch

    /// Runs one entry. But for wakers, which `fire` calls, and for what closing does, this is the
    /// only place where the loop calls its users.
    #[inline]
    fn run(self: &Rc<Self>, entry: Entry) {
        match entry {
            Entry::Job(job, part) => self.run_job(job, part),
            Entry::Call(call, scheduled_at) => self.call(Work::Call, call, scheduled_at),
            Entry::Timed(Some(key)) => self.run_timed(key),
            Entry::Timed(None) => {}
        }
    }

    #[inline]
    fn run_job(&self, job: Rc<dyn Job>, part: u64) {
        self.counters.calls.count();
        self.running.set(Running::default());
        job.run(part);
    }

    fn call(&self, work: Work, call: Box<dyn FnOnce()>, place: &'static Location<'static>) {
        self.counters.calls.count();
        self.runs(work, place);
        call();
    }

    /// Runs what a timer held, unless it was cancelled. Kept out of line: `run` stays small.
    #[inline(never)]
    fn run_timed(self: &Rc<Self>, key: TimerKey) {
        match self.timers.take(key) {
            Some((Action::Call(call), place)) => self.call(Work::Timer, call, place),
            Some((Action::Job(job, part), _)) => self.run_job(job, part),
            Some((Action::Wake(waker), place)) => {
                self.counters.calls.count();
                self.runs(Work::Timer, place);
                self.with(waker, Waker::wake_by_ref);
            }
            None => {}
        }
    }
}
