//! The end of a loop: what is pending ends as cancelled, and the rest is dropped.

use std::rc::Rc;
use std::task::Waker;

use crate::core::Core;
use crate::readiness::direction::Direction;
use crate::readiness::signs::Signs;
use crate::readiness::target::Target;
use crate::ready::Entry;
use crate::report::stderr;
use crate::timers::Action;

/// How many entries of the queue closing looks at: a program that tries again for ever whatever the
/// error is cut short there.
const CLOSING_ENTRIES_MAX: usize = 1 << 20;

impl Core {
    /// Ends the loop: hooks first, then every pending operation ends as cancelled, then all that
    /// is left is dropped. Nothing is borrowed while users' code runs or is dropped.
    pub(crate) fn close(self: &Rc<Self>) {
        if self.closing.replace(true) {
            return;
        }
        for closer in self.closers.take() {
            self.guard(closer);
        }
        for target in self.targets.all() {
            self.guard(|| self.cancel_target(&target, Direction::Read));
            self.guard(|| self.cancel_target(&target, Direction::Write));
            // It may be the last to refer to the owner of a descriptor.
            self.guard(|| drop(target));
        }
        for action in self.timers.clear() {
            self.guard(|| match action {
                Action::Job(job, part) => job.run(part),
                Action::Wake(waker) => self.with(waker, Waker::wake_by_ref),
                Action::Call(call) => drop(call),
            });
        }
        self.cancel_offloaded();
        self.end_jobs();
        self.closed.set(true);
        self.attentive.set(true);
        self.drop_all();
        self.end_exception_handler();
        stderr::tell_left_out();
    }

    /// Ends the operation that waits in this direction. One direction a call: a waker or a destructor
    /// that panics does not take the other along.
    fn cancel_target(self: &Rc<Self>, target: &Target, direction: Direction) {
        match target {
            Target::Socket(readiness) => {
                readiness.set(Signs::CANCELLED);
                self.release(readiness, direction);
            }
            // A watcher is no pending operation: it is dropped with its loop, as in asyncio.
            Target::Watch(watch) => drop(watch.replace(direction, None)),
        }
    }

    /// Runs the jobs that are queued, since they bring the end of an operation to who waits for it.
    fn end_jobs(self: &Rc<Self>) {
        for _ in 0..CLOSING_ENTRIES_MAX {
            match self.ready.pop() {
                Some(Entry::Job(job, part)) => self.guard(|| job.run(part)),
                Some(other) => self.guard(|| drop(other)),
                None => break,
            }
        }
    }

    /// Drops all that waits. Destructors may panic: each is on its own.
    fn drop_all(self: &Rc<Self>) {
        let hook = self.ready_hook.take();
        self.guard(|| drop(hook));
        self.signals.take().into_iter().for_each(|row| self.guard(|| drop(row)));
        self.inbox.close().into_iter().for_each(|call| self.guard(|| drop(call)));
        self.timers.clear().into_iter().for_each(|action| self.guard(|| drop(action)));
        self.targets.take().into_iter().for_each(|row| self.guard(|| drop(row)));
        self.watches.take().into_iter().for_each(|watch| self.guard(|| drop(watch)));
        self.deferred.take().into_iter().for_each(|socket| self.guard(|| drop(socket)));
        while let Some(entry) = self.ready.pop() {
            self.guard(|| drop(entry));
        }
    }
}
