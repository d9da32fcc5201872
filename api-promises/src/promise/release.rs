//! Letting go of what users' code owns: whatever its destructors do, and without recursion.
//!
//! A handler may own a promise whose handler owns a promise, and so on. What such a structure lets go
//! of waits in a list of its thread once [`DEPTH_MAX`] releases are under way, one inside the other,
//! and the outermost takes it from there. A destructor that panics is caught and reported where it
//! ran, so that it neither leaves a walk half done nor meets another panic.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use loop_core::{Abort, Context, LoopHandle, panic_caught, panic_message};

use super::walk::{Downstream, Stranded, Upstream};

/// How many releases run one inside the other, so that what little is dropped is dropped at once.
const DEPTH_MAX: usize = 4;

/// Whose panic it is, in words.
const DESTRUCTOR: &str = "a destructor";

/// How often a panic's payload may panic in its own destructor before it is forgotten.
const PAYLOADS_MAX: usize = 8;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static LATER: RefCell<Vec<(u64, Release)>> = const { RefCell::new(Vec::new()) };
    /// Each with the number of the release that met it.
    static PUT_OFF: RefCell<Vec<(u64, Box<dyn PutOff>)>> = const { RefCell::new(Vec::new()) };
    /// The number of the release that is under way, and the last that was given.
    static NUMBERS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// The loop that hears of a failure, and where the promise that it concerns was made.
pub(crate) type Origin<'a> = (&'a LoopHandle, &'static Location<'static>);

/// Something to let go of.
enum Release {
    /// A chain whose consumer has gone, from its end; whether its rejection, if there is one, is handled.
    Abandon(Rc<dyn Upstream>, bool),
    /// A chain to which no outcome will come, from its beginning.
    Strand(Rc<dyn Downstream>, Stranded),
    /// A value.
    Drop(Box<dyn Any>, LoopHandle, &'static Location<'static>),
}

/// What is not to be dropped, since it is to be done whatever happens: a clean-up.
pub(crate) trait PutOff {
    /// Does it from the ready queue, and then the rest, the last of it first.
    fn start(self: Box<Self>, rest: Vec<Box<dyn PutOff>>);
}

impl Release {
    /// Lets go of it. What is put off meanwhile has its number.
    fn run(self, number: u64) {
        let (outer, last) = NUMBERS.get();
        NUMBERS.set((number, last));
        match self {
            Release::Abandon(last, handled) => {
                let mut next = Some(last);
                while let Some(node) = next {
                    next = node.abandon(handled);
                }
            }
            Release::Strand(first, why) => {
                let mut next = vec![first];
                while let Some(sink) = next.pop() {
                    sink.strand(why, &mut next);
                }
                reverse_put_off(number);
            }
            Release::Drop(value, handle, created_at) => {
                guard(DESTRUCTOR, (&handle, created_at), || drop(value));
            }
        }
        NUMBERS.set((outer, NUMBERS.get().1));
    }
}

/// Walks a chain back from its consumer, which has gone.
pub(crate) fn abandon(last: Rc<dyn Upstream>) {
    abandon_knowing(false, last);
}

/// As [`abandon`], where the consumer may have `handled` whatever the chain is rejected with.
pub(crate) fn abandon_knowing(handled: bool, last: Rc<dyn Upstream>) {
    release(Release::Abandon(last, handled));
}

/// Walks a chain down to which no outcome will come, so that nothing of it stays.
pub(crate) fn strand(first: Rc<dyn Downstream>, why: Stranded) {
    release(Release::Strand(first, why));
}

/// As [`strand`], for what a walk was to come to next.
pub(crate) fn strand_all(next: Vec<Rc<dyn Downstream>>, why: Stranded) {
    next.into_iter().for_each(|sink| strand(sink, why));
}

/// Drops a value that is, or owns, a user's.
pub(crate) fn discard<T: 'static>(value: T, origin: Origin<'_>) {
    discard_if_any(Some(value), origin);
}

/// As [`discard`], of a value that may be absent.
pub(crate) fn discard_if_any<T: 'static>(mut value: Option<T>, origin: Origin<'_>) {
    if mem::needs_drop::<T>() && value.is_some() {
        discard_owning(&mut value, origin);
    }
}

/// Runs users' code that nothing is there to catch, and reports the panic of `what` it is.
pub(crate) fn guard(what: &str, origin: Origin<'_>, work: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
        told(payload, what, origin);
    }
}

/// Reports the panic of `what`, and returns what it said. An [`Abort`] leaves the run from the queue.
pub(crate) fn told(payload: Box<dyn Any + Send>, what: &str, origin: Origin<'_>) -> String {
    let (handle, created_at) = origin;
    let message = panic_message(&*payload).to_owned();
    if payload.is::<Abort>() {
        abort_soon(handle);
        return message;
    }
    panic_caught(&message);
    dispose(payload);
    report(handle, &Context::new(format!("{what} panicked: {message}")).created_at(created_at));
    message
}

/// Tells the exception handler of a failure, whatever the handler does.
pub(crate) fn report(handle: &LoopHandle, context: &Context) {
    let report = catch_unwind(AssertUnwindSafe(|| handle.report(context)));
    if let Err(payload) = report {
        if payload.is::<Abort>() {
            abort_soon(handle);
        }
        dispose(payload);
    }
}

/// Drops what a panic was raised with, which may panic itself.
pub(crate) fn dispose(mut payload: Box<dyn Any + Send>) {
    for _ in 0..PAYLOADS_MAX {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    mem::forget(payload);
}

/// Leaves the run when what runs now has ended: its bookkeeping is not done yet.
fn abort_soon(handle: &LoopHandle) {
    // On a closed loop there is no run to leave.
    let _ = handle.try_call_soon(|| resume_unwind(Box::new(Abort)));
}

/// A value on its way out. These two functions are all that each type has of its own.
trait Discarded {
    /// Drops the value where it lies.
    fn drop_here(&mut self);

    /// Moves the value to the heap.
    fn boxed(&mut self) -> Box<dyn Any>;
}

impl<T: 'static> Discarded for Option<T> {
    fn drop_here(&mut self) {
        *self = None;
    }

    fn boxed(&mut self) -> Box<dyn Any> {
        Box::new(self.take())
    }
}

#[inline(never)]
fn discard_owning(value: &mut dyn Discarded, (handle, created_at): Origin<'_>) {
    if is_deep() {
        return release(Release::Drop(value.boxed(), handle.clone(), created_at));
    }
    descend(|| guard(DESTRUCTOR, (handle, created_at), || value.drop_here()));
}

/// Tells whether so many releases are under way that the next has to wait.
fn is_deep() -> bool {
    // A thread that ends has no list any more.
    DEPTH.try_with(Cell::get).is_ok_and(|depth| depth >= DEPTH_MAX)
}

fn release(what: Release) {
    // Numbers grow from the end of a structure to its inside, whatever has to wait.
    let number = next_number();
    if is_deep() {
        return LATER.with_borrow_mut(|later| later.push((number, what)));
    }
    descend(|| what.run(number));
}

fn next_number() -> u64 {
    let (current, last) = NUMBERS.get();
    NUMBERS.set((current, last + 1));
    last + 1
}

/// Runs a release one level down; the outermost then does what has to wait for it.
fn descend(run: impl FnOnce()) {
    let depth = DEPTH.try_with(|depth| depth.replace(depth.get() + 1)).unwrap_or(DEPTH_MAX);
    run();
    if depth == 0 {
        while let Some((number, next)) = LATER.with_borrow_mut(Vec::pop) {
            next.run(number);
        }
        start_put_off();
    }
    let _ = DEPTH.try_with(|now| now.set(depth));
}

/// Tells whether something can be put off: a thread that ends keeps nothing.
pub(crate) fn can_put_off() -> bool {
    PUT_OFF.try_with(|_| ()).is_ok()
}

/// Has something done when the releases that are under way have ended.
pub(crate) fn put_off(what: Box<dyn PutOff>) {
    if DEPTH.get() == 0 {
        return what.start(Vec::new());
    }
    // What is met outside of a walk has nothing to do with the others.
    let number = Some(NUMBERS.get().0).filter(|current| *current > 0).unwrap_or_else(next_number);
    PUT_OFF.with_borrow_mut(|put_off| put_off.push((number, what)));
}

/// A walk down a chain meets the inner first, a walk back meets it last: makes the one as the other.
fn reverse_put_off(number: u64) {
    let _ = PUT_OFF.try_with(|put_off| {
        let mut put_off = put_off.borrow_mut();
        let own: Vec<_> = put_off.extract_if(.., |(other, _)| *other == number).collect();
        put_off.extend(own.into_iter().rev());
    });
}

/// Does what was put off: that of the last number first, which is the inner.
fn start_put_off() {
    let put_off = PUT_OFF.try_with(RefCell::take).unwrap_or_default();
    let mut walks = BTreeMap::<u64, Vec<Box<dyn PutOff>>>::new();
    for (number, what) in put_off {
        walks.entry(number).or_default().push(what);
    }
    walks.into_values().rev().for_each(start_next);
}

/// Does what one walk has met, one after the other: the last first, which is the inner.
pub(crate) fn start_next(mut put_off: Vec<Box<dyn PutOff>>) {
    if let Some(next) = put_off.pop() {
        next.start(put_off);
    }
}
