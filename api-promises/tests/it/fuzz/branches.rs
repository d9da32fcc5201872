//! Shared promises of a random program, and how many branches each has.
//!
//! A branch that is dropped with a rejection which no handler has taken reports it, as any promise does:
//! the branches of one shared promise report one reason, each once. A branch that has a consumer, or is
//! made after the outcome, has a clone of the reason, which has a name of its own in this fuzzer.

use std::cell::{Cell, RefCell};

use api_promises::Shared;
use loop_core::Context;

use super::program::{Trunk, take};
use super::values::{Reason, Value};

/// The shared promises that a program holds.
#[derive(Default)]
pub(super) struct Forks {
    held: RefCell<Vec<Fork>>,
    /// How many branches the shared promise with the most of them has had.
    branches_max: Cell<usize>,
}

/// A shared promise, and how many branches it has had.
struct Fork {
    shared: Shared<Value, Reason>,
    branches: usize,
}

/// Tells whether a report is that of a branch: this file alone makes branches that may lack a consumer.
pub(super) fn is_of_branch(report: &Context) -> bool {
    report.scheduled_at.is_some_and(|place| place.file().ends_with("fuzz/branches.rs"))
}

impl Forks {
    /// Shares a promise, and returns a clone of what it keeps.
    pub(super) fn share(&self, promise: Trunk) -> Shared<Value, Reason> {
        let shared = promise.share();
        self.held.borrow_mut().push(Fork { shared: shared.clone(), branches: 0 });
        shared
    }

    /// Makes a branch of a shared promise.
    pub(super) fn branch(&self) -> Option<Trunk> {
        let mut fork = take(&self.held)?;
        fork.branches += 1;
        self.branches_max.set(self.branches_max.get().max(fork.branches));
        let branch = fork.shared.promise();
        self.held.borrow_mut().push(fork);
        Some(branch)
    }

    /// Drops a shared promise; tells whether there was one.
    pub(super) fn drop_one(&self) -> bool {
        take(&self.held).map(drop).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.borrow().is_empty()
    }

    /// Returns how often one reason may be told by branches.
    pub(super) fn branches_max(&self) -> usize {
        self.branches_max.get()
    }
}
