//! `add_reader` and its kin: raw descriptors, watched for as long as somebody wants to know.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::Location;
use std::rc::Rc;

use mio::Interest;

use crate::core::LoopHandle;
use crate::handle::closed;
use crate::readiness::descriptors::Watch;
use crate::readiness::direction::Direction;
use crate::readiness::target::Target;
use crate::readiness::watcher::Watcher;
use crate::report::running::Work;

impl LoopHandle {
    /// Calls `callback` whenever `descriptor` can be read, in the place of the reader before.
    ///
    /// The loop shares the descriptor's ownership while it watches, so that it cannot be closed
    /// under it. The callback runs in every turn in which there is something to read, an end of
    /// file included; it need not read all.
    ///
    /// # Errors
    /// What the kernel says: a regular file cannot be watched; a closed loop is `NotConnected`.
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
        Watcher::new(self.clone(), work, Location::caller(), callback)
    }

    #[track_caller]
    fn watch<D: AsFd + 'static>(
        &self,
        descriptor: Rc<D>,
        direction: Direction,
        watcher: Rc<Watcher>,
    ) -> io::Result<()> {
        let core = &self.core;
        if self.is_closing() {
            core.discard(watcher);
            return Err(closed());
        }
        let number = descriptor.as_fd().as_raw_fd();
        let known = core.watches.borrow().get(&number).cloned();
        core.counters.registrations.count();
        if let Some(watch) = known {
            let before = watch.replace(direction, Some(watcher));
            let updated = watch.update(&core.registry);
            // The watcher before is dropped last: its destructor may use the loop.
            core.discard(before);
            return updated;
        }
        let watch = Watch::new(descriptor, Location::caller());
        watch.placed(core.targets.insert(Target::Watch(watch.clone())));
        let interest = match direction {
            Direction::Read => Interest::READABLE,
            Direction::Write => Interest::WRITABLE,
        };
        if let Err(error) = watch.register(&core.registry, interest) {
            core.targets.remove(watch.row());
            core.discard((watcher, watch));
            return Err(error);
        }
        // It is new, and replaces none.
        let _none = watch.replace(direction, Some(watcher));
        core.watches.borrow_mut().insert(number, watch);
        Ok(())
    }

    fn unwatch(&self, descriptor: &impl AsFd, direction: Direction) -> bool {
        let number = descriptor.as_fd().as_raw_fd();
        let Some(watch) = self.core.watches.borrow().get(&number).cloned() else {
            return false;
        };
        let before = watch.replace(direction, None);
        if before.is_some() {
            self.core.counters.registrations.count();
            // The descriptor is registered and open, since the watch shares its ownership.
            watch.update(&self.core.registry).expect("a watched descriptor can be updated");
        }
        if watch.interest().is_none() {
            self.core.watches.borrow_mut().remove(&number);
            self.core.targets.remove(watch.row());
        }
        let watched = before.is_some();
        self.core.discard(before);
        // It may have been the last to refer to the descriptor's owner.
        self.core.discard(watch);
        watched
    }
}
