//! What every whole of several operations keeps: where its parts stand, and what it has come to.
//!
//! Parts start and arrive in `part.rs`; the whole ends in `ending.rs`. Nothing here is borrowed while
//! users' code runs.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use loop_core::{AggregateError, LoopHandle, Panicked};

use super::callback::Callback;
use crate::operation::Operation;
use crate::user_code::discard;

/// Where a part stands that has not arrived.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | - | `Starting` | `begin` | its function is about to be called |
/// | 2 | `Starting` | `Running` | `begin` | the function has returned an operation that is pending |
/// | 3 | `Starting` | `Ended` | `begin`, `Part::end` | it has ended before it returned: the result comes from the queue |
/// | 4 | `Starting` | `Dropped` | `Part::drop` | it has dropped its completion before it returned |
/// | 5 | `Starting` | `ToCancel` | `PartsOfWhole::next` | the whole is cancelled or over meanwhile |
/// | 6 | `ToCancel` | `Cancelled` | `begin` | the function has returned, and its operation was cancelled |
/// | 7 | `ToCancel` | `Ended`, `Dropped` | `begin`, `Part::end`, `Part::drop` | as 3 and 4 |
/// | 8 | `Running` | `Ended` | `PartsOfWhole::next` | it is asked to end; the result is on its way if it was not pending |
/// | 9 | `Ended` | `Cancelled` | `PartsOfWhole::told` | it was pending when it was asked |
/// | 10 | `Running`, `Ended` | forgotten | `PartsOfWhole::next`, `PartsOfWhole::failed` | what cancels it is gone, or has panicked |
/// | 11 | any | arrived | `arrive`, `Part::drop` | its completion was called, or dropped |
pub(super) enum Stage {
    /// Its function is being called.
    Starting,
    /// So it is, and it is to be cancelled once that has returned.
    ToCancel,
    /// Its function is being called, and has dropped its completion.
    Dropped,
    /// Its operation is pending.
    Running(Operation),
    /// It was cancelled, and will call back as such.
    Cancelled,
    /// It had ended before it could be cancelled: its result is on its way.
    Ended,
}

/// The parts of a whole, and what they come to.
pub(super) struct Whole<R: 'static> {
    /// By the order of their starting.
    stages: RefCell<BTreeMap<usize, Stage>>,
    /// How many parts are to be cancelled, or were and have not called back.
    cancelled: Cell<usize>,
    /// Whether no part has a say any more.
    over: Cell<bool>,
    /// What the whole has come to, until the parts that were cancelled have called back.
    output: Cell<Option<R>>,
    /// Whether the callback comes from the queue: behind what was cancelled, or after a panic.
    soon: Cell<bool>,
    /// Whether a part has ended by a panic.
    panicked: Cell<bool>,
    /// What hears of the whole's end, once, or is reported.
    pub(super) callback: Callback<R>,
}

/// A combinator: what it makes of its parts' results.
pub(super) trait Combined: Sized + 'static {
    type Value: 'static;
    type Error: 'static;
    type Output: 'static;

    fn whole(&self) -> &Whole<Self::Output>;

    /// A part has ended, and the whole is not over.
    fn settle(self: &Rc<Self>, index: usize, result: Result<Self::Value, Self::Error>);

    /// Tells whether the whole can come to nothing once a part will never end.
    fn needs_all(&self) -> bool {
        true
    }

    /// Returns the error of a part that has panicked, if there can be one.
    fn panicked(panicked: Panicked) -> Option<Self::Error> {
        as_error(panicked)
    }

    /// The parts were asked to end; tells whether the whole is cancelled.
    fn cancelled(&self, any: bool) -> bool;

    /// The whole is over: gives up what else it has.
    fn give_up(&self);
}

/// Puts a panic into an error, if errors of this type are known to hold one.
fn as_error<E: 'static>(panicked: Panicked) -> Option<E> {
    let error: io::Error = match cast(panicked) {
        Ok(error) => return Some(error),
        Err(panicked) => panicked.into(),
    };
    cast(error).or_else(|error| cast(AggregateError::from(error))).ok()
}

/// Returns the error as one of another type, if it is of that type.
pub(super) fn cast<T: 'static, E: 'static>(error: T) -> Result<E, T> {
    let mut error = Some(error);
    let of_type = (&mut error as &mut dyn Any).downcast_mut::<Option<E>>().and_then(Option::take);
    of_type.ok_or_else(|| error.expect("it was not taken"))
}

/// Drops what may be the last reference to a whole.
pub(super) fn release<C: Combined>(combined: Rc<C>) {
    if Rc::strong_count(&combined) == 1 {
        let handle = combined.whole().handle().clone();
        discard(&handle, combined);
    }
}

impl<R: 'static> Whole<R> {
    pub(super) fn new(callback: Callback<R>) -> Whole<R> {
        Whole {
            stages: RefCell::default(),
            cancelled: Cell::new(0),
            over: Cell::new(false),
            output: Cell::new(None),
            soon: Cell::new(false),
            panicked: Cell::new(false),
            callback,
        }
    }

    pub(super) fn handle(&self) -> &LoopHandle {
        self.callback.handle()
    }

    /// Tells whether the whole has come to its result, or was given up.
    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Takes the say from the parts; tells whether they had none any more.
    pub(super) fn end(&self) -> bool {
        self.over.replace(true)
    }

    /// Keeps what the whole has come to.
    pub(super) fn keep(&self, output: R) {
        self.output.set(Some(output));
    }

    /// Takes what the whole has come to, if every part that was cancelled has called back.
    pub(super) fn take_when_quiet(&self) -> Option<R> {
        if self.cancelled.get() > 0 { None } else { self.output.take() }
    }

    /// Tells whether a part has ended by a panic.
    pub(super) fn has_panicked(&self) -> bool {
        self.panicked.get()
    }

    /// Notes that a part has ended by a panic.
    pub(super) fn note_panic(&self) {
        self.panicked.set(true);
    }

    /// Has the callback come from the queue.
    pub(super) fn call_back_soon(&self) {
        self.soon.set(true);
    }

    /// Tells whether the callback comes from the queue.
    pub(super) fn calls_back_soon(&self) -> bool {
        self.soon.get()
    }

    /// Returns the parts that have not arrived.
    pub(super) fn parts(&self) -> Vec<usize> {
        self.stages.borrow().keys().copied().collect()
    }

    /// Tells whether every part has arrived.
    pub(super) fn is_idle(&self) -> bool {
        self.stages.borrow().is_empty()
    }

    /// Tells whether the result of some part is on its way.
    pub(super) fn has_ended_part(&self) -> bool {
        self.stages.borrow().values().any(|stage| matches!(stage, Stage::Ended))
    }

    /// Tells whether the results of all parts are on their way.
    pub(super) fn all_parts_have_ended(&self) -> bool {
        self.stages.borrow().values().all(|stage| matches!(stage, Stage::Ended))
    }

    /// Enters an operation that is no part: a pause between two.
    pub(super) fn enter(&self, index: usize, operation: Operation) {
        self.set(index, Stage::Running(operation));
    }

    /// Takes a pause out that is over.
    pub(super) fn leave(&self, index: usize) {
        self.take(index);
    }

    pub(super) fn set(&self, index: usize, stage: Stage) {
        if matches!(stage, Stage::Cancelled | Stage::ToCancel) {
            self.cancelled.set(self.cancelled.get() + 1);
        }
        self.stages.borrow_mut().insert(index, stage);
    }

    pub(super) fn take(&self, index: usize) -> Option<Stage> {
        let stage = self.stages.borrow_mut().remove(&index)?;
        if matches!(stage, Stage::Cancelled | Stage::ToCancel) {
            self.cancelled.set(self.cancelled.get() - 1);
        }
        Some(stage)
    }

    pub(super) fn is_cancelled(&self, index: usize) -> bool {
        matches!(self.stages.borrow().get(&index), Some(Stage::Cancelled))
    }
}
