//! How a random program makes promises.

use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{all, all_settled, any, each, map_limit, race, retry, timeout};
use api_promises::{Promise, Resolver, promisify};
use futures::executor::LocalPool;
use loop_core::Backoff;

use super::program::{Trunk, World, take};
use super::values::{Held, Reason, Value, panic_rarely};

impl World {
    /// Makes a promise out of nothing, or takes one.
    pub(super) fn new_promise(&self) -> Trunk {
        let taken = if fastrand::bool() { take(&self.promises) } else { None };
        taken.unwrap_or_else(|| self.fresh())
    }

    /// Makes a promise that depends on nothing: what waits for itself stays, as in ECMAScript.
    pub(super) fn fresh(&self) -> Trunk {
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

    /// Makes a promise of several.
    pub(super) fn combine(self: &Rc<Self>) {
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

    /// Makes a promise of an operation that calls back.
    pub(super) fn promisify(self: &Rc<Self>) {
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

    /// Makes a promise of a task.
    pub(super) fn spawn(self: &Rc<Self>, pool: &LocalPool) {
        let awaited = self.new_promise();
        let future = async move {
            let outcome = awaited.await.map_err(fresh_reason);
            panic_rarely(8);
            outcome
        };
        self.push(Promise::spawn(&self.handle, &pool.spawner(), future));
    }
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
