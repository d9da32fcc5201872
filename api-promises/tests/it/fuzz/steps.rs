//! What a random program does with its promises.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use api_promises::{Promise, callbackify};

use super::program::{World, take};
use super::values::{Held, Reason, Value, panic_rarely};

impl World {
    /// Does something.
    pub(super) fn step(self: &Rc<Self>) {
        match fastrand::u8(0..20) {
            0..3 => self.push([self.new_promise()]),
            3..8 => self.chain(),
            8..11 => self.combine(),
            11 | 12 => self.settle(),
            13 | 14 => self.share(),
            15 => self.token(),
            16 => self.consume(),
            17 if fastrand::u8(0..8) == 0 => _ = self.group.abort_all(),
            17 => drop(take(&self.promises)),
            18 => self.wait(),
            _ => self.promisify(),
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

    fn settle(&self) {
        let Some(resolver) = take(&self.resolvers) else { return };
        match fastrand::u8(0..6) {
            0 | 1 => resolver.resolve(Value::new()),
            2 => resolver.reject(Reason::new()),
            3 => drop(resolver),
            4 => resolver.follow(self.fresh()),
            _ => resolver.follow(self.forks.share(self.fresh())),
        }
    }

    fn share(&self) {
        match fastrand::u8(0..4) {
            0 => {
                let Some(promise) = take(&self.promises) else { return };
                drop(self.forks.share(promise));
            }
            1 => drop(self.forks.drop_one()),
            _ => self.push(self.forks.branch()),
        }
    }

    fn token(&self) {
        let token = take(&self.tokens).unwrap_or_default();
        let promise = match fastrand::u8(0..5) {
            0 => return token.cancel(),
            1 => return,
            2 => token.cancelled(&self.handle).map(|()| Value::new()),
            _ => token.guard(self.new_promise()),
        };
        self.push([promise]);
        self.tokens.borrow_mut().push(token);
    }

    fn consume(self: &Rc<Self>) {
        let Some(promise) = take(&self.promises) else { return };
        match fastrand::u8(0..5) {
            0 => self.group.add(promise),
            1 | 2 => {
                let held = Held::new();
                promise.detach(move |_| {
                    let _held = held;
                    panic_rarely(8);
                });
            }
            _ => {
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
}
