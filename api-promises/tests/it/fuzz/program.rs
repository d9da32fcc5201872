//! One random program.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use api_promises::combine::{all, all_settled, any, each, map_limit, race, retry, timeout};
use api_promises::{CancellationToken, Promise, Resolver, Shared, callbackify, promisify};
use futures::executor::LocalPool;
use loop_core::{Backoff, EventLoop, LoopHandle, ManualClock};

use super::values::{Held, Reason, Value, begin, end, panic_rarely};

type Trunk = Promise<Value, Reason>;

/// What a program has left.
pub(super) struct Ended {
    pub(super) alive: isize,
    pub(super) reports: Vec<String>,
    pub(super) raised: Vec<String>,
    /// Whether panics may be plain rejections.
    pub(super) catches: bool,
}

/// What a program holds. Handlers refer to it weakly.
struct World {
    handle: LoopHandle,
    promises: RefCell<Vec<Trunk>>,
    /// Promises that were polled.
    awaited: RefCell<Vec<Trunk>>,
    resolvers: RefCell<Vec<Resolver<Value, Reason>>>,
    shared: RefCell<Vec<Shared<Value, Reason>>>,
    tokens: RefCell<Vec<CancellationToken>>,
    catches: bool,
}

/// Runs the program of a seed.
pub(super) fn run(seed: u64) -> Ended {
    begin(seed);
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let mut event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(RefCell::new(Vec::new()));
    keep_reports(&handle, &reports);
    let catches = fastrand::u8(0..8) == 0;
    let world = Rc::new(World {
        handle: handle.clone(),
        promises: RefCell::default(),
        awaited: RefCell::default(),
        resolvers: RefCell::default(),
        shared: RefCell::default(),
        tokens: RefCell::default(),
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
    let closes_first = fastrand::bool();
    if closes_first {
        close(&mut event_loop, &reports);
    }
    world.drop_all();
    if !closes_first {
        (0..100).for_each(|_| turn(&mut event_loop));
        // What ran has left more.
        world.drop_all();
        close(&mut event_loop, &reports);
    }
    world.drop_all();
    // A task that holds a promise of the world is the executor's.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(pool)));
    world.drop_all();
    drop(handle);
    drop(event_loop);
    drop(world);
    let (alive, raised) = end();
    Ended { alive, reports: reports.take(), raised, catches }
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
fn close(event_loop: &mut EventLoop, reports: &Rc<RefCell<Vec<String>>>) {
    event_loop.close();
    keep_reports(&event_loop.handle(), reports);
}

fn keep_reports(handle: &LoopHandle, reports: &Rc<RefCell<Vec<String>>>) {
    let (reports, held) = (reports.clone(), Held::calm());
    handle.set_exception_handler(move |_, context| {
        let _ = &held;
        reports.borrow_mut().push(context.message.clone());
    });
}

fn take<T>(list: &RefCell<Vec<T>>) -> Option<T> {
    let mut list = list.borrow_mut();
    let len = list.len();
    (len > 0).then(|| list.swap_remove(fastrand::usize(0..len)))
}

/// Takes the last of several, and drops the others before it is returned.
fn first<T>(mut all: Vec<T>) -> Option<T> {
    let last = all.pop();
    drop(all);
    last
}

/// What was handled, and is rejected with anew, would be told anew.
fn fresh_reason<T>(given: T) -> Reason {
    drop(given);
    Reason::new()
}

fn fresh_value<T>(given: T) -> Value {
    drop(given);
    Value::new()
}

/// What a handler does, and what it holds.
fn act(world: &Weak<World>, held: Held, own: Option<Trunk>) -> Promise<Value, Reason> {
    // First, here and elsewhere: see `rust::a_result_is_leaked_when_a_local_panics_behind_it`.
    drop(held);
    panic_rarely(10);
    let Some(world) = world.upgrade() else { panic!("a handler runs while there is a program") };
    match fastrand::u8(0..12) {
        0 => return Promise::reject(&world.handle, Reason::new()),
        1..4 => world.step(),
        4 => return own.unwrap_or_else(|| world.fresh()),
        5 => return world.fresh(),
        6 => world.push(own),
        _ => {}
    }
    Promise::resolve(&world.handle, Value::new())
}

impl World {
    fn push(&self, promise: impl IntoIterator<Item = Trunk>) {
        let promises = promise.into_iter();
        self.promises.borrow_mut().extend(promises);
    }

    fn step(self: &Rc<Self>) {
        match fastrand::u8(0..20) {
            0..3 => self.push([self.new_promise()]),
            3..8 => self.chain(),
            8..11 => self.combine(),
            11 | 12 => self.settle(),
            13 | 14 => self.share(),
            15 => self.token(),
            16 => self.consume(),
            17 => drop(take(&self.promises)),
            18 => self.wait(),
            _ => self.promisify(),
        }
    }

    /// Makes a promise out of nothing, or takes one.
    fn new_promise(&self) -> Trunk {
        let taken = if fastrand::bool() { take(&self.promises) } else { None };
        taken.unwrap_or_else(|| self.fresh())
    }

    /// Makes a promise that depends on nothing: what waits for itself stays, as in ECMAScript.
    fn fresh(&self) -> Trunk {
        match fastrand::u8(0..7) {
            0 => Promise::resolve(&self.handle, Value::new()),
            1 => Promise::reject(&self.handle, Reason::new()),
            2 => Promise::never(&self.handle),
            3 => self.sleep(),
            _ => {
                let (promise, resolver) = Promise::with_resolvers(&self.handle);
                self.resolvers.borrow_mut().push(resolver);
                promise
            }
        }
    }

    fn sleep(&self) -> Trunk {
        let slept = api_promises::sleep(&self.handle, Duration::from_millis(fastrand::u64(0..9)));
        slept.map_err(|_| Reason::new()).map(|()| Value::new())
    }

    /// Returns a handler.
    fn handler<T: 'static>(self: &Rc<Self>) -> impl FnOnce(T) -> Trunk + 'static {
        let own = if fastrand::u8(0..4) == 0 { take(&self.promises) } else { None };
        let (world, held) = (Rc::downgrade(self), Held::new());
        move |given| {
            drop(given);
            act(&world, held, own)
        }
    }

    /// Returns a function that is called many times.
    fn function(self: &Rc<Self>) -> impl FnMut() -> Trunk + 'static {
        let (world, _held) = (Rc::downgrade(self), Held::new());
        move || {
            let _ = &_held;
            act(&world, Held::new(), None)
        }
    }

    fn chain(self: &Rc<Self>) {
        let Some(promise) = take(&self.promises) else { return };
        // What is not moved into a promise would be this program's own to drop.
        let chained = match fastrand::u8(0..9) {
            0 | 1 => promise.then(self.handler()),
            2 => promise.catch(self.handler()),
            3 => promise.then_or(self.handler(), self.handler()),
            4 => {
                let held = Held::new();
                promise.map(move |value| {
                    drop(held);
                    panic_rarely(8);
                    value
                })
            }
            5 => {
                let held = Held::new();
                promise.inspect(move |_| {
                    drop(held);
                    panic_rarely(8);
                })
            }
            6 | 7 => {
                let handler = self.handler();
                promise.finally(move || handler(()))
            }
            _ => {
                let held = Held::new();
                promise.map_err(move |reason| {
                    drop(held);
                    reason
                })
            }
        };
        let catches = self.catches && fastrand::bool();
        self.push([if catches { chained.catch_panics() } else { chained }]);
    }

    fn combine(self: &Rc<Self>) {
        let mut parts: Vec<Trunk> = Vec::new();
        for _ in 0..fastrand::usize(0..4) {
            parts.push(self.new_promise());
        }
        let parts = parts.into_iter().inspect(|_| panic_rarely(60));
        let (handle, items) = (&self.handle, (0..fastrand::u8(0..5)).inspect(|_| panic_rarely(60)));
        let limit = fastrand::usize(0..4);
        let backoff = Backoff { attempts: 3, jitter: 0.0, ..Backoff::default() };
        let function = || self.function();
        let whole = match fastrand::u8(0..10) {
            0 => all(handle, parts).map(|values| first(values).unwrap_or_else(Value::new)),
            1 => any(handle, parts).map_err(fresh_reason),
            2 | 3 => race(handle, parts),
            4 => all_settled(handle, parts).map(fresh_value),
            5 => map_limit(handle, items, limit, {
                let mut f = function();
                move |_| f()
            })
            .map(fresh_value),
            6 => each(handle, items, {
                let mut f = function();
                move |_| f()
            })
            .map(fresh_value),
            7 => retry(handle, backoff, function()),
            8 => {
                let handler = self.handler();
                Promise::try_from_fn(handle, move || handler(()))
            }
            _ => {
                let delay = Duration::from_millis(fastrand::u64(0..9));
                timeout(handle, delay, self.new_promise())
            }
        };
        self.push([whole]);
    }

    fn settle(&self) {
        let Some(resolver) = take(&self.resolvers) else { return };
        match fastrand::u8(0..6) {
            0 | 1 => resolver.resolve(Value::new()),
            2 => resolver.reject(Reason::new()),
            3 => drop(resolver),
            4 => resolver.follow(self.fresh()),
            _ => {
                let shared = self.fresh().share();
                resolver.follow(shared.clone());
                self.shared.borrow_mut().push(shared);
            }
        }
    }

    fn share(&self) {
        match fastrand::u8(0..4) {
            0 => {
                let Some(promise) = take(&self.promises) else { return };
                self.shared.borrow_mut().push(promise.share());
            }
            1 => drop(take(&self.shared)),
            _ => {
                let Some(shared) = take(&self.shared) else { return };
                self.push([shared.promise()]);
                self.shared.borrow_mut().push(shared);
            }
        }
    }

    fn token(&self) {
        let token = take(&self.tokens).unwrap_or_default();
        let promise = match fastrand::u8(0..5) {
            0 => return token.cancel(),
            1 => return,
            2 => token.cancelled(&self.handle),
            _ => token.guard(self.new_promise()),
        };
        self.push([promise]);
        self.tokens.borrow_mut().push(token);
    }

    fn consume(self: &Rc<Self>) {
        let Some(promise) = take(&self.promises) else { return };
        match fastrand::bool() {
            true => {
                let held = Held::new();
                promise.detach(move |_| {
                    let _held = held;
                    panic_rarely(8);
                });
            }
            false => {
                let handler = self.handler();
                callbackify(promise, move |outcome| drop(handler(outcome)));
            }
        }
    }

    /// Polls a promise as a task does.
    fn wait(&self) {
        let Some(mut promise) = take(&self.promises).or_else(|| take(&self.awaited)) else {
            return;
        };
        match Pin::new(&mut promise).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => self.awaited.borrow_mut().push(promise),
            // Dropped by a handler, since its destructors are the program's own.
            Poll::Ready(outcome) => {
                let settled = Promise::resolve(&self.handle, Value::new());
                self.push([settled.map(move |value| {
                    drop(outcome);
                    value
                })]);
            }
        }
    }

    fn promisify(self: &Rc<Self>) {
        let (handle, held, stops) = (self.handle.clone(), Held::new(), Held::new());
        let handler = self.handler();
        let begins = move |resolver: Resolver<Value, Reason>| {
            panic_rarely(12);
            let callback = move || {
                let _held = held;
                panic_rarely(8);
                resolver.follow(handler(()));
            };
            // A closed loop hands the callback back: kept here, it would own what owns it.
            let scheduled = handle.try_call_at(handle.time(), callback).ok();
            move || {
                let _held = stops;
                if let Some(scheduled) = scheduled {
                    scheduled.cancel();
                }
                panic_rarely(8);
            }
        };
        self.push([promisify(&self.handle, begins)]);
    }

    fn spawn(self: &Rc<Self>, pool: &LocalPool) {
        let awaited = self.new_promise();
        let future = async move {
            let outcome = awaited.await.map_err(fresh_reason);
            panic_rarely(8);
            outcome
        };
        self.push(Promise::spawn(&self.handle, &pool.spawner(), future));
    }

    /// Drops what the program holds, in any order. What is dropped may leave more.
    fn drop_all(&self) {
        loop {
            let left = match fastrand::u8(0..5) {
                0 => take(&self.promises).map(drop),
                1 => take(&self.awaited).map(drop),
                2 => take(&self.resolvers).map(drop),
                3 => take(&self.shared).map(drop),
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
            && self.shared.borrow().is_empty()
            && self.tokens.borrow().is_empty()
    }
}
