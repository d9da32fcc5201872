//! One random program.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use api_promises::{CancellationToken, Promise, PromiseGroup, Resolver};
use futures::executor::LocalPool;
use loop_core::{EventLoop, LoopHandle, ManualClock};

use super::branches::{Forks, is_of_branch};
use super::values::{Held, Reason, Value, begin, end};

pub(super) type Trunk = Promise<Value, Reason>;

/// What a program has left.
pub(super) struct Ended {
    pub(super) alive: isize,
    pub(super) reports: Vec<Report>,
    pub(super) raised: Vec<String>,
    /// Whether panics may be plain rejections.
    pub(super) catches: bool,
    /// How often branches may tell one reason.
    pub(super) branches_max: usize,
}

/// What the exception handler was told.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) message: String,
    /// Whether a branch of a shared promise tells it.
    pub(super) of_branch: bool,
}

type Reports = Rc<RefCell<Vec<Report>>>;

/// What a program holds. Handlers refer to it weakly.
pub(super) struct World {
    pub(super) handle: LoopHandle,
    pub(super) promises: RefCell<Vec<Trunk>>,
    /// Promises that were polled.
    pub(super) awaited: RefCell<Vec<Trunk>>,
    pub(super) resolvers: RefCell<Vec<Resolver<Value, Reason>>>,
    pub(super) forks: Forks,
    pub(super) tokens: RefCell<Vec<CancellationToken>>,
    pub(super) group: PromiseGroup<Reason>,
    pub(super) catches: bool,
}

/// Runs the program of a seed.
pub(super) fn run(seed: u64) -> Ended {
    begin(seed);
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let mut event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    let reports = Reports::default();
    keep_reports(&handle, &reports);
    let catches = fastrand::u8(0..8) == 0;
    let world = Rc::new(World {
        handle: handle.clone(),
        promises: RefCell::default(),
        awaited: RefCell::default(),
        resolvers: RefCell::default(),
        forks: Forks::default(),
        tokens: RefCell::default(),
        group: PromiseGroup::new(&handle),
        catches,
    });
    let mut pool = LocalPool::new();
    for _ in 0..fastrand::usize(5..60) {
        match fastrand::u8(0..40) {
            0 if handle.is_closed() || fastrand::bool() => {}
            0 => close(&mut event_loop, &reports),
            1..8 => turn(&mut event_loop),
            8 => run_tasks(&mut pool),
            9 => world.spawn(&pool),
            _ => world.step(),
        }
    }
    close_in_some_order(&world, &mut event_loop, &reports);
    world.drop_all();
    // A task that holds a promise of the world is the executor's.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(pool)));
    world.drop_all();
    drop(handle);
    drop(event_loop);
    let branches_max = world.forks.branches_max();
    drop(world);
    let (alive, raised) = end();
    Ended { alive, reports: reports.take(), raised, catches, branches_max }
}

/// Closes the loop before what the program holds is dropped, or when it has run on without it.
fn close_in_some_order(world: &World, event_loop: &mut EventLoop, reports: &Reports) {
    let closes_first = fastrand::bool();
    if closes_first {
        close(event_loop, reports);
    }
    world.drop_all();
    if !closes_first {
        (0..100).for_each(|_| turn(event_loop));
        // What ran has left more.
        world.drop_all();
        close(event_loop, reports);
    }
}

fn turn(event_loop: &mut EventLoop) {
    event_loop.run_ready();
    let left = event_loop.handle().snapshot();
    if !event_loop.handle().is_closed() && !left.timed.is_empty() {
        event_loop.run_once().unwrap();
    }
}

fn run_tasks(pool: &mut LocalPool) {
    // What unwinds here is a destructor of a future: the executor's to tell.
    let _ = catch_unwind(AssertUnwindSafe(|| pool.run_until_stalled()));
}

/// Closes the loop, which drops its exception handler: sets the next, which lives as long as a node.
fn close(event_loop: &mut EventLoop, reports: &Reports) {
    event_loop.close();
    keep_reports(&event_loop.handle(), reports);
}

fn keep_reports(handle: &LoopHandle, reports: &Reports) {
    let (reports, held) = (reports.clone(), Held::calm());
    handle.set_exception_handler(move |_, context| {
        let _ = &held;
        let (message, of_branch) = (context.message.clone(), is_of_branch(context));
        reports.borrow_mut().push(Report { message, of_branch });
    });
}

/// Takes one of a list.
pub(super) fn take<T>(list: &RefCell<Vec<T>>) -> Option<T> {
    let mut list = list.borrow_mut();
    let len = list.len();
    (len > 0).then(|| list.swap_remove(fastrand::usize(0..len)))
}

impl World {
    /// Keeps promises.
    pub(super) fn push(&self, promise: impl IntoIterator<Item = Trunk>) {
        let promises = promise.into_iter();
        self.promises.borrow_mut().extend(promises);
    }

    /// Drops what the program holds, in any order. What is dropped may leave more.
    fn drop_all(&self) {
        loop {
            let left = match fastrand::u8(0..6) {
                0 => take(&self.promises).map(drop),
                1 => take(&self.awaited).map(drop),
                2 => take(&self.resolvers).map(drop),
                3 => self.forks.drop_one().then_some(()),
                4 => (self.group.abort_all() > 0).then_some(()),
                _ => take(&self.tokens).map(drop),
            };
            if left.is_none() && self.is_empty() {
                return;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.promises.borrow().is_empty()
            && self.awaited.borrow().is_empty()
            && self.resolvers.borrow().is_empty()
            && self.forks.is_empty()
            && self.tokens.borrow().is_empty()
            && self.group.is_empty()
    }
}
