//! A task is a future with a coroutine: the same head, and what it drives.
//!
//! In CPython a `TaskObj` begins with `FutureObj_HEAD`, so that code which awaits a future
//! can await a task and does not know the difference. Here the head is a type, and the task holds one.
//! Other code settles a future; a task settles itself, with what its coroutine returns.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loop_core::LoopHandle;
use slab::Slab;

type Callback<T> = Box<dyn FnOnce(Rc<T>)>;

/// What futures and tasks have in common: a result to come, and the callbacks that wait for it.
/// CPython: `FutureObj_HEAD`.
pub struct Head<T> {
    handle: LoopHandle,
    result: RefCell<Option<Rc<T>>>,
    callbacks: RefCell<Vec<Callback<T>>>,
}

/// A future that other code settles. CPython: `FutureObj`, which is the head and nothing more.
pub struct PlainFuture<T>(Rc<Head<T>>);

/// A future that settles itself. CPython: `TaskObj`.
///
/// Only its owners keep it, as in asyncio: one that is dropped while it waits goes no further.
pub struct Task<T> {
    head: Rc<Head<T>>,
    /// What the task drives; gone when it has ended. CPython: `task_coro`.
    coroutine: RefCell<Option<Pin<Box<dyn Future<Output = T>>>>>,
    /// Whether a step is queued.
    queued: Cell<bool>,
    itself: Weak<Task<T>>,
    row: Row,
}

impl<T: 'static> Head<T> {
    fn new(handle: &LoopHandle) -> Rc<Head<T>> {
        let (result, callbacks) = (RefCell::default(), RefCell::default());
        Rc::new(Head { handle: handle.clone(), result, callbacks })
    }

    /// Calls back with the result, from the queue, in the order of asking; even if it is there already.
    pub fn add_done_callback(&self, callback: impl FnOnce(Rc<T>) + 'static) {
        let result = self.result.borrow().clone();
        match result {
            Some(result) => drop(self.handle.call_soon(move || callback(result))),
            None => self.callbacks.borrow_mut().push(Box::new(callback)),
        }
    }

    /// Settles: every callback is queued, none is called.
    fn set_result(&self, result: T) {
        let result = Rc::new(result);
        let before = self.result.replace(Some(result.clone()));
        assert!(before.is_none(), "a future is settled once");
        for callback in self.callbacks.take() {
            let result = result.clone();
            self.handle.call_soon(move || callback(result));
        }
    }
}

impl<T: 'static> PlainFuture<T> {
    /// Makes a future that is pending.
    pub fn new(handle: &LoopHandle) -> PlainFuture<T> {
        PlainFuture(Head::new(handle))
    }

    /// Settles the future.
    ///
    /// # Panics
    /// When it is settled already.
    pub fn set_result(&self, result: T) {
        self.0.set_result(result);
    }

    /// Returns what it has in common with tasks.
    pub fn head(&self) -> &Head<T> {
        &self.0
    }
}

impl<T: 'static> Task<T> {
    /// Makes a task of a coroutine, and queues its first step.
    pub fn new(handle: &LoopHandle, coroutine: impl Future<Output = T> + 'static) -> Rc<Task<T>> {
        let task = Rc::new_cyclic(|itself| Task {
            head: Head::new(handle),
            coroutine: RefCell::new(Some(Box::pin(coroutine))),
            queued: Cell::new(false),
            itself: itself.clone(),
            row: Row::of(itself.clone()),
        });
        task.queue();
        task
    }

    /// Returns what it has in common with futures.
    pub fn head(&self) -> &Head<T> {
        &self.head
    }

    /// Drives the coroutine to its next pause. CPython: `task_step`.
    fn step(self: Rc<Self>) {
        self.queued.set(false);
        let Some(mut coroutine) = self.coroutine.take() else { return };
        match coroutine.as_mut().poll(&mut Context::from_waker(&self.row.waker())) {
            Poll::Ready(result) => self.head.set_result(result),
            Poll::Pending => drop(self.coroutine.replace(Some(coroutine))),
        }
    }
}

/// What a waker does to a task, whatever that returns.
trait Queue {
    fn queue(&self);
}

impl<T: 'static> Queue for Task<T> {
    fn queue(&self) {
        if let (Some(task), false) = (self.itself.upgrade(), self.queued.replace(true)) {
            self.head.handle.call_soon(move || task.step());
        }
    }
}

thread_local! {
    /// The tasks of this thread. A waker must be fit to be sent: it holds no more than a number.
    static TASKS: RefCell<Slab<Weak<dyn Queue>>> = const { RefCell::new(Slab::new()) };
}

/// A task's number among those of its thread; given back with the task.
struct Row(usize);

impl Row {
    fn of(task: Weak<dyn Queue>) -> Row {
        Row(TASKS.with_borrow_mut(|tasks| tasks.insert(task)))
    }

    /// Makes a waker of the task, for the thread of its loop.
    fn waker(&self) -> Waker {
        struct Numbered(usize);
        impl Wake for Numbered {
            fn wake(self: Arc<Self>) {
                let task = TASKS.with_borrow(|tasks| tasks.get(self.0).and_then(Weak::upgrade));
                task.into_iter().for_each(|task| task.queue());
            }
        }
        Arc::new(Numbered(self.0)).into()
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        TASKS.with_borrow_mut(|tasks| tasks.remove(self.0));
    }
}

/// Awaits a head, be it a future's or a task's: the awaiting task's waker is a callback like any other.
pub async fn result_of<T: 'static>(head: &Head<T>) -> Rc<T> {
    let mut asked = false;
    std::future::poll_fn(|cx| {
        if let Some(result) = &*head.result.borrow() {
            return Poll::Ready(result.clone());
        }
        if !std::mem::replace(&mut asked, true) {
            let waker = cx.waker().clone();
            head.callbacks.borrow_mut().push(Box::new(move |_| waker.wake()));
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use loop_core::EventLoop;

    use super::*;

    /// Makes a turn that does not wait.
    fn turn(event_loop: &mut EventLoop) {
        event_loop.handle().stop();
        event_loop.run_forever().unwrap();
    }

    #[test]
    fn who_awaits_a_future_awaits_a_task_by_the_same_head() {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let bare = Rc::new(PlainFuture::new(&handle));
        let inner = bare.clone();
        let middle = Task::new(&handle, async move { *result_of(inner.head()).await + 1 });
        let awaited = middle.clone();
        let outer = Task::new(&handle, async move { *result_of(awaited.head()).await * 2 });
        turn(&mut event_loop);
        assert!(outer.head().result.borrow().is_none());
        bare.set_result(20);
        (0..4).for_each(|_| turn(&mut event_loop));
        assert_eq!(outer.head().result.borrow().as_deref(), Some(&42));
    }

    #[test]
    fn a_task_that_is_dropped_while_it_waits_goes_no_further_and_leaves_its_row() {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let bare = Rc::new(PlainFuture::<()>::new(&handle));
        let inner = bare.clone();
        let task = Task::new(&handle, async move { *result_of(inner.head()).await });
        turn(&mut event_loop);
        assert_eq!(TASKS.with_borrow(Slab::len), 1);
        drop(task);
        assert_eq!((TASKS.with_borrow(Slab::len), Rc::strong_count(&bare)), (0, 1));
        bare.set_result(());
        turn(&mut event_loop);
    }

    /// The thirteenth of the behaviours that any loop like asyncio's shows.
    #[test]
    fn settling_calls_nobody_and_queues_all_in_order() {
        let mut event_loop = EventLoop::new().unwrap();
        let bare = PlainFuture::new(&event_loop.handle());
        let trace = Rc::new(RefCell::new(Vec::new()));
        let add = |name: &'static str| {
            let trace = trace.clone();
            bare.head().add_done_callback(move |_| trace.borrow_mut().push(name));
        };
        add("d1");
        add("d2");
        bare.set_result(());
        add("d3");
        assert!(trace.borrow().is_empty());
        turn(&mut event_loop);
        assert_eq!(*trace.borrow(), ["d1", "d2", "d3"]);
    }
}
