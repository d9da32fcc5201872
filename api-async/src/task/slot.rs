//! The place of one task, which is the job that the loop queues, and is used again by the next.
//!
//! A slot is shared by the thread's table, the ready queue and whoever may join the task. It needs no
//! borrow of anything while the future is polled: the future is out of its cell then.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loop_core::{Abort, Job, LocalWake, panic_message};

use crate::task::about::{About, Rare};
use crate::task::contain::{self, Payload};
use crate::task::current::{self, Wait};
use crate::task::executor::Executor;
use crate::task::waker::TaskWaker;
use crate::task::work::Work;

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits to be polled.
    Waiting,
    /// It is being polled.
    Polled,
    /// It was aborted while it was polled, and ends when the poll returns.
    Aborting,
    /// It has ended, and its output was not taken yet.
    Ended,
    /// It has panicked.
    Panicked,
    /// It was aborted.
    Aborted,
}

/// The place of a task.
pub(crate) struct Slot {
    pub(crate) executor: Rc<Executor>,
    pub(crate) task_waker: Arc<TaskWaker>,
    /// The same waker in the form that futures are given.
    waker: Waker,
    /// Tells the task from the next one in the slot, and from all others of the thread.
    number: Cell<u64>,
    phase: Cell<Phase>,
    /// Whether the task is in the ready queue.
    queued: Cell<bool>,
    /// Whether nobody can join the task any more.
    detached: Cell<bool>,
    /// Whether the row of the waker is this slot's: the next task may have both then.
    has_row: Cell<bool>,
    /// The future, then its output. Out of its place while it is polled.
    work: Cell<Option<Pin<Box<dyn Work>>>>,
    /// Who awaits the task.
    joiner: Cell<Option<Waker>>,
    pub(crate) about: About,
}

/// What a task has left: its output, and what few tasks have.
pub(crate) type Left = (Option<Pin<Box<dyn Work>>>, Option<Box<Rare>>);

impl Slot {
    /// Makes an empty slot in a row of the table.
    pub(crate) fn new(executor: Rc<Executor>, row: usize) -> Slot {
        let task_waker = Arc::new(TaskWaker::new(row, executor.handle.remote()));
        Slot {
            executor,
            waker: task_waker.clone().into(),
            task_waker,
            number: Cell::new(0),
            phase: Cell::new(Phase::Aborted),
            queued: Cell::new(false),
            detached: Cell::new(false),
            has_row: Cell::new(true),
            work: Cell::default(),
            joiner: Cell::default(),
            about: About::new(),
        }
    }

    /// Tells whether no waker of an earlier task is about, so that the next one may have the slot.
    pub(crate) fn is_unique(&self) -> bool {
        // The slot's own two.
        Arc::strong_count(&self.task_waker) == 2
    }

    /// The row is another slot's, or no slot's any more.
    pub(crate) fn lose_row(&self) {
        self.has_row.set(false);
    }

    /// Takes a task in, and queues it unless the loop is closing.
    pub(crate) fn fill(
        self: &Rc<Self>,
        number: u64,
        work: Pin<Box<dyn Work>>,
        spawned_at: &'static Location<'static>,
    ) {
        self.number.set(number);
        self.phase.set(Phase::Waiting);
        self.queued.set(false);
        self.detached.set(false);
        self.work.set(Some(work));
        self.about.spawned_at.set(spawned_at);
        self.about.polls.set(0);
        self.about.wakes.set(0);
        self.about.waits.set(Wait::Yielding);
        self.executor.live.set(self.executor.live.get() + 1);
        if self.executor.handle.is_closing() {
            self.abort();
        } else {
            self.queue();
        }
    }

    /// Returns the number of the task that the slot holds now.
    pub(crate) fn number(&self) -> u64 {
        self.number.get()
    }

    /// Tells whether `waker` is the slot's own.
    pub(crate) fn is_woken_by(&self, waker: &Waker) -> bool {
        self.waker.will_wake(waker)
    }

    /// Returns how far the task has come.
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Tells whether the task is in the ready queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.get()
    }

    /// Says which task it is, for a report.
    pub(crate) fn describe(&self) -> String {
        describe(self.about.name())
    }

    /// Tells whether the task has yet to end.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase.get(), Phase::Waiting | Phase::Polled | Phase::Aborting)
    }

    /// Queues the task, if it is not queued already.
    pub(crate) fn wake(self: &Rc<Self>) {
        if LocalWake::wake(&**self).is_some() {
            self.queue();
        }
    }

    fn queue(self: &Rc<Self>) {
        self.queued.set(true);
        self.executor.handle.queue(self.clone(), self.number.get());
    }

    /// Takes the task's end, if it has come; else `waker` is woken when it comes.
    pub(crate) fn join(self: &Rc<Self>, waker: &Waker) -> Option<Phase> {
        if self.is_live() {
            current::wait(Wait::Joining);
            // Cloned and dropped outside every borrow: a waker may be anybody's code.
            let joiner = match self.joiner.take() {
                Some(joiner) if joiner.will_wake(waker) => joiner,
                _ => waker.clone(),
            };
            drop(self.joiner.replace(Some(joiner)));
        }
        // Dropping a waker may have aborted the task.
        (!self.is_live()).then(|| self.phase.get())
    }

    /// Gives up the slot: the next task may have it. Returns what the task has left.
    pub(crate) fn release(self: &Rc<Self>) -> Left {
        let work = self.work.take();
        let rare = self.about.rare.take();
        self.phase.set(Phase::Aborted);
        self.number.set(0);
        self.forget_joiner();
        if self.has_row.get() {
            self.executor.free.borrow_mut().push(self.task_waker.row());
        }
        (work, rare)
    }

    /// Drops the waker of who waited for the end, and waits no more.
    fn forget_joiner(&self) {
        if let Some(joiner) = self.joiner.take() {
            self.contained("a waker's destructor panicked", || drop(joiner));
        }
    }

    /// Calls what may be anybody's code; a panic is told to the loop and goes no further.
    fn contained(&self, what: &str, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            let place = Some(self.about.spawned_at.get());
            contain::tell_panic(&self.executor.handle, what, payload, place);
        }
    }

    /// Lets the task end without being joined; a failure is reported then.
    pub(crate) fn detach(self: &Rc<Self>) {
        self.detached.set(true);
        if self.is_live() {
            self.forget_joiner();
        } else {
            self.report();
        }
    }

    /// Drops the task's future, now or when its poll returns; tells whether it was still to end.
    pub(crate) fn abort(self: &Rc<Self>) -> bool {
        match self.phase.get() {
            Phase::Waiting => {
                let (future, place) = (self.work.take(), self.about.spawned_at.get());
                self.end(Phase::Aborted);
                // Last, since its destructor is anybody's code: by then the end is known.
                if let Some(future) = future {
                    contain::discard(future, &self.executor.handle, place);
                }
                true
            }
            Phase::Polled => {
                self.phase.set(Phase::Aborting);
                true
            }
            _ => false,
        }
    }

    /// The task has ended: wakes who awaits it.
    fn end(self: &Rc<Self>, phase: Phase) {
        self.phase.set(phase);
        let executor = &self.executor;
        if self.about.polls.get() == 0 {
            self.report_never_polled();
        }
        self.about.cancel_late();
        if let Some(joiner) = self.joiner.take() {
            self.contained("a waker panicked", || joiner.wake());
        }
        executor.ended();
        if self.detached.get() {
            self.report();
        }
    }

    /// Reports the failure of a task that nobody joined, and gives up the slot.
    fn report(self: &Rc<Self>) {
        let (ended, executor) = (self.phase.get() == Phase::Ended, self.executor.clone());
        let (spawned_at, task) = (self.about.spawned_at.get(), self.about.name());
        let (work, _rare) = self.release();
        let Some(work) = work else { return };
        if let Some(failure) = failure(&*work).filter(|_| ended) {
            let message = format!("{} failed and nobody joined it: {failure}", describe(task));
            contain::tell(&executor.handle, &context(message, spawned_at));
        }
        contain::discard(work, &executor.handle, spawned_at);
    }

    /// Ends a task that has panicked. The loop hears of it; who joins the task hears the message.
    #[cold]
    fn panicked(self: &Rc<Self>, work: Pin<Box<dyn Work>>, payload: Payload) {
        let (executor, spawned_at) = (self.executor.clone(), self.about.spawned_at.get());
        let message = panic_message(&*payload).to_owned();
        let report = context(format!("a task panicked: {message}"), spawned_at);
        self.about.rare(|rare| rare.panicked = Some(message));
        self.end(Phase::Panicked);
        let told = match payload.is::<Abort>() {
            true => Err(payload),
            false => {
                contain::discard_payload(payload);
                catch_unwind(AssertUnwindSafe(|| executor.handle.report(&report)))
            }
        };
        contain::discard(work, &executor.handle, spawned_at);
        // The task, or the exception handler, asks to leave the run.
        if let Err(payload) = told {
            resume_unwind(payload);
        }
    }

    /// A poll has returned, and the task does not just go on waiting.
    #[cold]
    fn polled(self: &Rc<Self>, work: Pin<Box<dyn Work>>, polled: Result<Poll<()>, Payload>) {
        match polled {
            Err(payload) => self.panicked(work, payload),
            Ok(_) if self.phase.get() == Phase::Aborting => {
                let (executor, spawned_at) = (self.executor.clone(), self.about.spawned_at.get());
                self.end(Phase::Aborted);
                contain::discard(work, &executor.handle, spawned_at);
            }
            Ok(_) => {
                self.work.set(Some(work));
                self.end(Phase::Ended);
            }
        }
    }

    #[inline(always)]
    fn poll(&self, work: &mut Pin<Box<dyn Work>>) -> Result<Poll<()>, Payload> {
        current::begin(self.task_waker.row());
        let mut cx = Context::from_waker(&self.waker);
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut cx)));
        self.about.waits.set(current::end());
        polled
    }
}

impl LocalWake for Slot {
    fn wake(&self) -> Option<u64> {
        self.about.wakes.set(self.about.wakes.get().wrapping_add(1));
        (!self.queued.replace(true)).then(|| self.number.get())
    }
}

impl Job for Slot {
    fn run(self: Rc<Self>, number: u64) {
        if self.number.get() != number {
            // The task has ended since it was queued.
            return;
        }
        self.queued.set(false);
        if self.phase.get() != Phase::Waiting {
            return;
        }
        let mut work = self.work.take().expect("a waiting task has its future");
        self.phase.set(Phase::Polled);
        self.about.polls.set(self.about.polls.get().wrapping_add(1));
        let polled = match self.executor.watch.get() {
            None => self.poll(&mut work),
            Some(threshold) => self.watched(threshold, || self.poll(&mut work)),
        };
        if let (Ok(Poll::Pending), Phase::Polled) = (&polled, self.phase.get()) {
            self.work.set(Some(work));
            self.phase.set(Phase::Waiting);
        } else {
            self.polled(work, polled);
        }
    }

    fn kind(&self) -> &'static str {
        "task"
    }
}

/// Says which task it is, for a report.
fn describe(name: Option<String>) -> String {
    name.map_or("a task".into(), |name| format!("the task {name:?}"))
}

/// Says what an output has failed with. To say it is anybody's code, and may panic itself.
fn failure(work: &dyn Work) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| work.failure())).unwrap_or_else(|payload| {
        let message = format!("an error that cannot be shown: {}", panic_message(&*payload));
        contain::discard_payload(payload);
        Some(message)
    })
}

pub(super) fn context(
    message: String,
    spawned_at: &'static Location<'static>,
) -> loop_core::Context {
    loop_core::Context::new(message).created_at(spawned_at)
}
