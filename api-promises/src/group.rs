//! Groups: promises that run on their own, and end with their owner.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::rc::Rc;

use loop_core::LoopHandle;

use crate::promise::{Cancel, Outcome, Promise, Reason, Resolver, lose};

/// Promises that run without a consumer and belong to one owner: dropping the group cancels what is pending of it.
///
/// A failure of one leaves the others alone. It goes to the group's handler, or, without one, to the loop's
/// exception handler, as a rejection that nothing has handled.
///
/// ```
/// use api_promises::{PromiseGroup, sleep};
/// use std::{io, time::Duration};
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let group = PromiseGroup::<io::Error>::new(&handle);
/// for millis in 1..=3 {
///     group.add(sleep(&handle, Duration::from_millis(millis)));
/// }
/// assert_eq!(group.len(), 3);
/// group.on_empty().run_until_complete(&mut event_loop).unwrap()?;
/// assert!(group.is_empty());
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Limits
/// A promise of the group that owns the group keeps it, and itself, until [`PromiseGroup::abort_all`].
///
/// KJ: `TaskSet`. Seastar: `gate`, which counts and cannot cancel. The async wing: `TaskGroup`.
#[must_use = "dropping a group cancels its promises"]
pub struct PromiseGroup<E: Reason>(Rc<Members<E>>);

/// Tells what waits, when it is dropped, that the group is empty, if it is.
struct TellsIfEmpty<'a, E: Reason>(&'a Members<E>);

struct Members<E: Reason> {
    handle: LoopHandle,
    /// Gets what a promise was rejected with.
    on_failure: Option<Box<dyn Fn(E)>>,
    /// The promises that have not ended, by the order in which they came.
    pending: RefCell<BTreeMap<u64, Promise<(), E>>>,
    /// What waits until there is none.
    waiting: RefCell<BTreeMap<u64, Resolver<(), E>>>,
    /// The number of what comes next, in either list.
    next: Cell<u64>,
}

impl<E: Reason> PromiseGroup<E> {
    /// Makes a group without promises; what they are rejected with is reported.
    pub fn new(handle: &LoopHandle) -> PromiseGroup<E> {
        PromiseGroup::of(handle, None)
    }

    /// Makes a group without promises; what one is rejected with goes to `on_failure`, from the ready queue,
    /// when that promise is no more in the group.
    ///
    /// KJ: `TaskSet::ErrorHandler`.
    pub fn with_handler(handle: &LoopHandle, on_failure: impl Fn(E) + 'static) -> PromiseGroup<E> {
        PromiseGroup::of(handle, Some(Box::new(on_failure)))
    }

    fn of(handle: &LoopHandle, on_failure: Option<Box<dyn Fn(E)>>) -> PromiseGroup<E> {
        PromiseGroup(Rc::new(Members {
            handle: handle.clone(),
            on_failure,
            pending: RefCell::default(),
            waiting: RefCell::default(),
            next: Cell::default(),
        }))
    }

    /// Takes a promise into the group; its value is dropped.
    #[track_caller]
    pub fn add<T: 'static>(&self, promise: Promise<T, E>) {
        let (number, created_at) = (self.0.number(), Location::caller());
        let members = Rc::downgrade(&self.0);
        let member = promise.inspect_outcome(move |outcome| {
            if let Some(members) = members.upgrade() {
                members.ended(number, outcome, created_at);
            }
        });
        self.0.pending.borrow_mut().insert(number, member);
    }

    /// Returns a promise that is fulfilled when no promise is in the group, which may be so already.
    ///
    /// KJ: `TaskSet::onEmpty`, but for as many as ask. Seastar: `gate::close`.
    #[track_caller]
    pub fn on_empty(&self) -> Promise<(), E> {
        if self.is_empty() {
            return Promise::resolve(&self.0.handle, ());
        }
        let number = self.0.number();
        let (promise, resolver) = Promise::cancelling(&self.0.handle, self.0.clone(), number);
        self.0.waiting.borrow_mut().insert(number, resolver);
        promise
    }

    /// Cancels every promise; returns how many were still to end. The group is empty then.
    ///
    /// KJ: `TaskSet::clear`.
    pub fn abort_all(&self) -> usize {
        let pending = self.0.pending.take();
        let count = pending.len();
        drop(pending);
        self.0.tell_if_empty();
        count
    }

    /// Returns how many promises have not ended.
    pub fn len(&self) -> usize {
        self.0.pending.borrow().len()
    }

    /// Tells whether every promise has ended.
    pub fn is_empty(&self) -> bool {
        self.0.pending.borrow().is_empty()
    }

    /// Returns the handle of the group's loop.
    pub fn handle(&self) -> &LoopHandle {
        &self.0.handle
    }
}

impl<E: Reason> Members<E> {
    fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// A promise has its outcome.
    fn ended<T: 'static>(
        &self,
        number: u64,
        outcome: Outcome<T, E>,
        created_at: &'static Location<'static>,
    ) {
        // Its last link is running: nothing of it is left to cancel.
        let member = self.pending.borrow_mut().remove(&number);
        drop(member);
        // Behind the handler, which may add to the group, and may panic.
        let _last = TellsIfEmpty(self);
        match (outcome, &self.on_failure) {
            (Err(rejection), Some(on_failure)) => on_failure(rejection.reason),
            (outcome, _) => lose(outcome, (&self.handle, created_at)),
        }
    }

    fn tell_if_empty(&self) {
        if self.pending.borrow().is_empty() {
            let waiting = mem::take(&mut *self.waiting.borrow_mut());
            waiting.into_values().for_each(|resolver| resolver.resolve(()));
        }
    }
}

/// What waited for the end has gone.
impl<E: Reason> Cancel for Members<E> {
    fn cancel(&self, number: u64, _handled: bool) {
        let resolver = self.waiting.borrow_mut().remove(&number);
        resolver.into_iter().for_each(Resolver::give_up);
    }
}

impl<E: Reason> Drop for TellsIfEmpty<'_, E> {
    fn drop(&mut self) {
        self.0.tell_if_empty();
    }
}

impl<E: Reason> Drop for PromiseGroup<E> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<E: Reason> fmt::Debug for PromiseGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromiseGroup").field("promises", &self.len()).finish_non_exhaustive()
    }
}
