//! Trees of futures, drawn at random.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use api_async::{CancellationToken, Resume, Task, sleep, spawn, suspend, task_slots, tasks};
use fastrand::Rng;
use futures::future::{FutureExt, LocalBoxFuture};
use loop_core::{Elapsed, LoopHandle};

use super::ledger::{Fallen, Held, Ledger, Watched};
use crate::lab::yield_now;

/// An error within a tree; the task's own is made of it.
pub(super) struct Soft(#[expect(dead_code, reason = "it counts drops")] pub(super) Option<Held>);

impl From<Elapsed> for Soft {
    fn from(_: Elapsed) -> Soft {
        Soft(None)
    }
}

pub(super) type Output = Result<Held, Fallen>;
pub(super) type Node = LocalBoxFuture<'static, Result<Held, Soft>>;

/// What trees grow on.
pub(super) struct Ground {
    pub(super) handle: LoopHandle,
    pub(super) ledger: Rc<Ledger>,
    random: RefCell<Rng>,
    handles: RefCell<Vec<Task<Output>>>,
    pub(super) token: RefCell<CancellationToken>,
    resumes: RefCell<Vec<Resume<()>>>,
    /// What was polled by a foreign waker, and waits.
    pub(super) foreign: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    /// How many tasks may still be spawned.
    pub(super) room: Cell<u32>,
    /// How many tasks there were at once, at most.
    peak: Cell<usize>,
}

impl Ground {
    pub(super) fn new(handle: &LoopHandle, ledger: &Rc<Ledger>, random: Rng) -> Rc<Ground> {
        Rc::new(Ground {
            handle: handle.clone(),
            ledger: ledger.clone(),
            random: RefCell::new(random),
            handles: RefCell::default(),
            token: RefCell::default(),
            resumes: RefCell::default(),
            foreign: RefCell::default(),
            room: Cell::new(200),
            peak: Cell::new(0),
        })
    }

    /// Spawns a tree, and keeps its handle.
    pub(super) fn spawn_tree(self: &Rc<Self>, depth: u32) {
        let task = spawn(&self.handle, self.body(depth));
        self.spawned();
        self.keep(task);
    }

    /// Takes note that a task was spawned.
    pub(super) fn spawned(&self) {
        self.peak.set(self.peak.get().max(tasks(&self.handle).len()));
    }

    /// Says how many slots are not used again, of those that hold no task: each is one that a task
    /// has not given back.
    pub(super) fn lost_slots(&self) -> usize {
        let peak = self.peak.get();
        for _ in tasks(&self.handle).len()..peak {
            spawn(&self.handle, pending::<()>()).detach();
        }
        task_slots(&self.handle) - peak
    }

    pub(super) fn keep(&self, task: Task<Output>) {
        self.handles.borrow_mut().push(task);
    }

    /// Takes a handle out.
    pub(super) fn draw_handle(&self) -> Option<Task<Output>> {
        let count = self.handles.borrow().len();
        (count > 0).then(|| self.below(count)).map(|n| self.handles.borrow_mut().swap_remove(n))
    }

    pub(super) fn take_handles(&self) -> Vec<Task<Output>> {
        self.handles.take()
    }

    /// Lets go of all that was kept.
    pub(super) fn end(&self) {
        drop((self.resumes.take(), self.foreign.take(), self.token.take()));
    }

    pub(super) fn below(&self, count: usize) -> usize {
        self.random.borrow_mut().usize(..count)
    }

    pub(super) fn one_in(&self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.below(12) as u64)
    }

    #[track_caller]
    pub(super) fn held(&self) -> Held {
        self.ledger.hold(self.one_in(10))
    }

    /// Has another value in the place of those that have come, which are dropped first.
    pub(super) fn instead<T>(&self, ended: Result<T, Soft>) -> Result<Held, Soft> {
        drop(ended?);
        Ok(self.held())
    }

    /// Makes the body of a task.
    pub(super) fn body(self: &Rc<Self>, depth: u32) -> Watched<Output> {
        let (own, node) = (self.clone(), self.node(depth));
        let body = async move {
            let ended = node.await;
            if ended.is_ok() && !own.one_in(8) {
                return ended.map_err(|_| unreachable!("it is a value"));
            }
            drop(ended);
            Err(own.ledger.fall(own.one_in(10)))
        };
        Watched::new(self.held(), false, body.boxed_local())
    }

    /// Draws a future that is awaited somewhere.
    pub(super) fn node(self: &Rc<Self>, depth: u32) -> Node {
        self.part(depth, true)
    }

    /// Draws a future that holds something and is watched.
    pub(super) fn part(self: &Rc<Self>, depth: u32, awaited: bool) -> Node {
        let drawn = match depth {
            0 => self.leaf(),
            _ => match self.below(4) {
                0 => self.leaf(),
                1 => self.of_tasks(depth - 1),
                2 => self.of_tokens(depth - 1),
                _ => self.combined(depth - 1),
            },
        };
        Watched::new(self.held(), awaited, drawn).boxed_local()
    }

    pub(super) fn leaf(self: &Rc<Self>) -> Node {
        let own = self.clone();
        let ends = move |own: &Rc<Ground>| match own.below(8) {
            0 => Err(Soft(Some(own.held()))),
            1 => own.ledger.panic(own.one_in(3)),
            _ => Ok(own.held()),
        };
        match self.below(6) {
            0 => async move { ends(&own) }.boxed_local(),
            1 => async move {
                yield_now().await;
                ends(&own)
            }
            .boxed_local(),
            2 => pending().boxed_local(),
            3 => self.suspended(),
            _ => {
                let slept = sleep(&self.handle, self.delay());
                async move {
                    slept.await;
                    ends(&own)
                }
                .boxed_local()
            }
        }
    }

    /// Waits for a callback, which may never come.
    fn suspended(self: &Rc<Self>) -> Node {
        let (own, delay) = (self.clone(), self.delay());
        let start = move |resume: Resume<()>| match own.below(4) {
            0 => drop(resume),
            1 => own.resumes.borrow_mut().push(resume),
            2 if own.one_in(4) => own.ledger.panic(false),
            _ => drop(own.handle.call_later(delay, || resume.with(()))),
        };
        let own = self.clone();
        async move {
            let ended = suspend(start).await;
            let other = if own.one_in(2) { own.resumes.borrow_mut().pop() } else { None };
            other.into_iter().for_each(|resume| resume.with(()));
            ended.map(|()| own.held()).map_err(|_| Soft(None))
        }
        .boxed_local()
    }

    /// Takes note of how a joined task has ended.
    pub(super) fn heard(&self, joined: Result<Output, api_async::TaskError>) -> Result<Held, Soft> {
        match joined {
            Ok(Ok(held)) => Ok(held),
            Ok(Err(fallen)) => {
                self.ledger.heard(fallen.number);
                Err(Soft(None))
            }
            Err(_) => Err(Soft(None)),
        }
    }
}
