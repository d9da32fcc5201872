//! What is offloaded: the work that has not ended, and what waits for its end.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;

use rayon_core::ThreadPool;
use slab::Slab;

use crate::timers::TimerKey;

/// Offloaded work that has not ended within the limit of a shutdown.
#[derive(Clone, Debug)]
pub struct StillRunning {
    /// Where each piece of work was offloaded, in the order of its coming.
    pub scheduled_at: Vec<&'static Location<'static>>,
}

/// What the threads of the pool do for one loop.
#[derive(Default)]
pub(crate) struct Offload {
    /// The threads, made when they are first needed.
    pub(crate) pool: RefCell<Option<ThreadPool>>,
    /// The work that has not ended. Its completion stays on the loop's thread, in a row.
    pub(crate) unfinished: RefCell<Slab<Offloaded>>,
    /// Whether no more work is taken.
    pub(crate) shut_down: Cell<bool>,
    /// What waits for the last piece of work, and the timer of its limit.
    pub(crate) shutdowns: RefCell<Vec<(Rc<Shutdown>, TimerKey)>>,
}

/// What the work returned, on its way between threads.
pub(crate) type Value = Box<dyn Any + Send>;

/// A piece of work that has not ended.
pub(crate) struct Offloaded {
    /// What is given the result.
    pub(crate) completion: Box<dyn FnOnce(io::Result<Value>)>,
    /// For the report of its failure, and for a shutdown that does not wait for it.
    pub(crate) scheduled_at: &'static Location<'static>,
}

/// Waits until all work has ended. Gone when told.
pub(crate) type Shutdown = Cell<Option<Box<dyn FnOnce(Result<(), StillRunning>)>>>;

impl Offload {
    /// Tells whether nothing is to come from the pool.
    pub(crate) fn is_idle(&self) -> bool {
        self.unfinished.borrow().is_empty()
    }

    pub(crate) fn still_running(&self) -> StillRunning {
        let unfinished = self.unfinished.borrow();
        StillRunning { scheduled_at: unfinished.iter().map(|(_, row)| row.scheduled_at).collect() }
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the executor still runs what was offloaded at")?;
        self.scheduled_at.iter().try_for_each(|place| write!(f, " {place}"))
    }
}

impl Error for StillRunning {}
