//! `add_reader` and its kin: a callback that runs again and again while a raw descriptor is watched.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use mio::Interest;
use mio::event::Source as _;
use mio::unix::SourceFd;

use crate::handle::LoopHandle;
use crate::job::Job;
use crate::readiness::direction::Direction;
use crate::readiness::reactor::Target;
use crate::readiness::source::Source;
use crate::readiness::watch::{Watch, Watching};
use crate::report::errors::closed;
use crate::report::running::Work;

/// A callback that runs again and again, until it is cancelled.
pub(crate) struct Watcher {
    /// Where its failures are reported.
    handle: LoopHandle,
    /// What it watches, for the report of its failure.
    work: Work,
    /// Where it was added, for the same report.
    added_at: &'static Location<'static>,
    /// Out of its cell while it runs.
    callback: RefCell<Option<Box<dyn FnMut()>>>,
    /// Whether it is not to run again, even if it is queued.
    cancelled: Cell<bool>,
}

impl<S: AsFd> Source<S> {
    /// Takes the descriptor off the loop, for an owner that keeps it when the source is dropped. What waits
    /// here is told of nothing any more.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn deregister(&self) -> io::Result<()> {
        let descriptor = self.io().as_fd().as_raw_fd();
        SourceFd(&descriptor).deregister(self.handle().state.reactor().registry())
    }
}

impl LoopHandle {
    /// Calls `callback` whenever `descriptor` can be read, in the place of the reader before.
    ///
    /// The loop shares the descriptor's ownership while it watches, so that it cannot be closed
    /// under it. The callback runs in every turn in which there is something to read, an end of
    /// file included; it need not read all.
    ///
    /// # Errors
    /// What the kernel says: a regular file cannot be watched; a closed loop is [`Cancelled`](crate::Cancelled).
    ///
    /// asyncio: `BaseSelectorEventLoop.add_reader`.
    #[track_caller]
    pub fn add_reader<D: AsFd + 'static>(
        &self,
        descriptor: &Rc<D>,
        callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        self.watch(descriptor.clone(), Direction::Read, self.watcher(Work::Reader, callback))
    }

    /// Calls `callback` whenever `descriptor` can be written, in the place of the writer before.
    ///
    /// # Errors
    /// As [`LoopHandle::add_reader`].
    ///
    /// asyncio: `BaseSelectorEventLoop.add_writer`.
    #[track_caller]
    pub fn add_writer<D: AsFd + 'static>(
        &self,
        descriptor: &Rc<D>,
        callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        self.watch(descriptor.clone(), Direction::Write, self.watcher(Work::Writer, callback))
    }

    /// Ends the watching for reading; tells whether there was a reader. A reader that is queued
    /// already does not run.
    ///
    /// asyncio: `BaseSelectorEventLoop.remove_reader`.
    pub fn remove_reader(&self, descriptor: &impl AsFd) -> bool {
        self.unwatch(descriptor, Direction::Read)
    }

    /// Ends the watching for writing; tells whether there was a writer.
    ///
    /// asyncio: `BaseSelectorEventLoop.remove_writer`.
    pub fn remove_writer(&self, descriptor: &impl AsFd) -> bool {
        self.unwatch(descriptor, Direction::Write)
    }

    /// Makes a watcher whose failures name it and the place where it was added.
    #[track_caller]
    pub(crate) fn watcher(&self, work: Work, callback: impl FnMut() + 'static) -> Rc<Watcher> {
        let callback: Box<dyn FnMut()> = Box::new(callback);
        Rc::new(Watcher {
            handle: self.clone(),
            work,
            added_at: Location::caller(),
            callback: RefCell::new(Some(callback)),
            cancelled: Cell::new(false),
        })
    }

    #[track_caller]
    fn watch<D: AsFd + 'static>(
        &self,
        descriptor: Rc<D>,
        direction: Direction,
        watcher: Rc<Watcher>,
    ) -> io::Result<()> {
        let state = &self.state;
        if self.is_closing() {
            state.discard(watcher);
            return Err(closed());
        }
        let (reactor, number) = (state.reactor(), descriptor.as_fd().as_raw_fd());
        state.counters().registrations.count();
        if let Some(watch) = reactor.watch(number) {
            let before = watch.replace(direction, Some(watcher));
            let updated = watch.update(reactor.registry());
            // The watcher before is dropped last: its destructor may use the loop.
            state.discard(before);
            return updated;
        }
        let watch = Watch::new(descriptor, Location::caller());
        watch.placed(reactor.insert(Target::Watch(watch.clone())));
        let interest = match direction {
            Direction::Read => Interest::READABLE,
            Direction::Write => Interest::WRITABLE,
        };
        if let Err(error) = watch.register(reactor.registry(), interest) {
            reactor.remove(watch.row());
            state.discard((watcher, watch));
            return Err(error);
        }
        // It is new, and replaces none.
        let _none = watch.replace(direction, Some(watcher));
        reactor.keep_watch(number, watch);
        Ok(())
    }

    fn unwatch(&self, descriptor: &impl AsFd, direction: Direction) -> bool {
        let (reactor, number) = (self.state.reactor(), descriptor.as_fd().as_raw_fd());
        let Some(watch) = reactor.watch(number) else { return false };
        let before = watch.replace(direction, None);
        let watched = before.is_some();
        if watched {
            self.state.counters().registrations.count();
            // The descriptor is registered and open, since the watch shares its ownership.
            watch.update(reactor.registry()).expect("a watched descriptor can be updated");
        }
        if watch.interest().is_none() {
            reactor.forget_watch(number, &watch);
        }
        self.state.discard(before);
        // It may have been the last to refer to the descriptor's owner.
        self.state.discard(watch);
        watched
    }
}

impl Watching for Watcher {
    fn cancel(&self) {
        self.cancelled.set(true);
    }
}

impl Job for Watcher {
    fn run(self: Rc<Self>, _part: u64) {
        if self.cancelled.get() {
            return;
        }
        let Some(mut callback) = self.callback.take() else { return };
        let state = &self.handle.state;
        state.reporting().runs(self.work, self.added_at);
        let outcome = catch_unwind(AssertUnwindSafe(&mut callback));
        if !self.cancelled.get() {
            self.callback.replace(Some(callback));
        } else {
            // Before the unwinding goes on: a destructor that panics meanwhile ends the process.
            state.guard(|| drop(callback));
        }
        if let Err(payload) = outcome {
            resume_unwind(payload);
        }
    }

    fn kind(&self) -> &'static str {
        "watcher"
    }
}
