//! The branches of a tree: tasks, tokens, combinators, scopes.

use std::future::Future;
use std::rc::Rc;
use std::task::Context;

use api_async::combine::{all, all_settled, any, each, map_limit, race, retry, timeout};
use api_async::{Scope, Task, scope, shield, sleep, spawn};
use futures::future::{FutureExt, select};
use loop_core::Backoff;

use super::ledger::Held;
use super::tree::{Ground, Node, Output, Soft};
use crate::lab::yield_now;

impl Ground {
    /// A task that is joined, aborted, dropped, kept or shielded.
    pub(super) fn of_tasks(self: &Rc<Self>, depth: u32) -> Node {
        if self.room.replace(self.room.get().saturating_sub(1)) == 0 {
            return self.leaf();
        }
        let (own, body, kind) = (self.clone(), self.body(depth), self.below(8));
        async move {
            match kind {
                0 => {
                    let shielded = shield(&own.handle, own.delay(), body);
                    own.spawned();
                    own.heard(shielded.await)
                }
                1 => {
                    let shielded = shield(&own.handle, own.delay(), body);
                    own.spawned();
                    yield_now().await;
                    drop(shielded);
                    Ok(own.held())
                }
                _ => {
                    let task = spawn(&own.handle, body);
                    own.spawned();
                    own.of_spawned(task, kind).await
                }
            }
        }
        .boxed_local()
    }

    /// Aborts a task, keeps it, has its end told, or joins it or another one.
    async fn of_spawned(self: &Rc<Self>, task: Task<Output>, kind: usize) -> Result<Held, Soft> {
        match kind {
            2 => {
                yield_now().await;
                task.abort();
                self.heard(task.await)
            }
            3 => {
                self.keep(task);
                Ok(self.held())
            }
            4 => {
                self.told_at_the_end(task).await;
                Ok(self.held())
            }
            5 => match self.draw_handle() {
                // Another tree's task.
                Some(other) => {
                    self.keep(task);
                    self.heard(other.await)
                }
                None => self.heard(task.await),
            },
            _ => self.heard(task.await),
        }
    }

    /// Hears of a task by a callback, which may panic; waits for that or not.
    async fn told_at_the_end(self: &Rc<Self>, task: Task<Output>) {
        let (hears, held) = (self.clone(), self.held());
        let ends = task.on_end(move |end| {
            drop(hears.heard(end));
            drop(held);
            if hears.one_in(4) {
                hears.ledger.panic(false);
            }
        });
        self.spawned();
        if self.one_in(2) { ends.detach() } else { drop(ends.await) }
    }

    /// A future under a token, or a token that is cancelled.
    pub(super) fn of_tokens(self: &Rc<Self>, depth: u32) -> Node {
        let (own, node, kind) = (self.clone(), self.node(depth), self.below(5));
        async move {
            let token = own.token.borrow().child();
            match kind {
                0 => token.guard(node).await.unwrap_or(Err(Soft(None))),
                1 => {
                    drop(node);
                    token.cancelled().await;
                    Ok(own.held())
                }
                2 => {
                    let before = own.token.replace(token);
                    before.cancel();
                    node.await
                }
                3 => {
                    own.poll_foreign(async move { token.cancelled().await });
                    node.await
                }
                _ => {
                    own.poll_foreign(sleep(&own.handle, own.delay()));
                    node.await
                }
            }
        }
        .boxed_local()
    }

    /// Polls a future by a waker that is no task's, and keeps it.
    fn poll_foreign(&self, future: impl Future<Output = ()> + 'static) {
        let waker = self.ledger.waker(self.one_in(3));
        let mut future = future.boxed_local();
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.foreign.borrow_mut().push(future);
        }
    }

    /// Several futures as one.
    pub(super) fn combined(self: &Rc<Self>, depth: u32) -> Node {
        let own = self.clone();
        let (kind, count) = (self.below(10), self.below(5));
        // These drop their parts one by one, and lose no output.
        let awaited = kind > 3;
        let width = match kind {
            4 | 5 | 6 | 8 => 0,
            7 => 1,
            _ => count.max(1),
        };
        let nodes: Vec<Node> = (0..width).map(|_| self.part(depth, awaited)).collect();
        let makes = move || {
            if own.one_in(8) {
                own.ledger.panic(own.one_in(3));
            }
            own.node(depth.min(1))
        };
        let (own, limit) = (self.clone(), self.below(3));
        match kind {
            0 => all(nodes).map(move |end| own.instead(end)).boxed_local(),
            1 => any(nodes).map(|end| end.map_err(|_| Soft(None))).boxed_local(),
            2 => race(nodes).boxed_local(),
            3 => all_settled(nodes).map(move |end| own.instead(Ok(end))).boxed_local(),
            4 => map_limit(0..count, limit, move |_| makes())
                .map(move |end| own.instead(end))
                .boxed_local(),
            5 => each(0..count, move |_| makes()).map(move |end| own.instead(end)).boxed_local(),
            6 => {
                let backoff =
                    Backoff { first: self.delay(), attempts: 3, jitter: 0.0, ..Backoff::default() };
                async move { retry(&own.handle, backoff, makes).await }.boxed_local()
            }
            7 => {
                timeout(&self.handle, self.delay(), nodes.into_iter().next().unwrap()).boxed_local()
            }
            8 => select(self.node(depth), self.node(depth))
                .map(|first| {
                    let (result, other) = first.factor_first();
                    drop(other);
                    result
                })
                .boxed_local(),
            _ => self.scoped(nodes),
        }
    }

    fn scoped(self: &Rc<Self>, nodes: Vec<Node>) -> Node {
        let (own, limit) = (self.clone(), self.delay());
        let scoped = scope(&self.handle, move |scope: Scope<'static, Soft>| async move {
            for node in nodes {
                if own.one_in(3) {
                    drop(scope.spawn_shielded(limit, |_| node));
                } else if own.one_in(3) {
                    let waits = scope.spawn(node);
                    let slept = sleep(&own.handle, own.delay());
                    drop(select(waits, slept).await);
                } else {
                    drop(scope.spawn(node));
                }
            }
            match own.below(5) {
                0 => scope.cancel(),
                1 => scope.token().cancelled().await,
                2 => return Err(Soft(Some(own.held()))),
                3 => own.ledger.panic(false),
                _ => {}
            }
            Ok(own.held())
        });
        scoped.map(|end| end.map_err(|_| Soft(None))).boxed_local()
    }
}
