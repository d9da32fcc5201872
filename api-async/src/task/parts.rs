//! Futures that are driven together, each polled when it was woken, in the order of the wakes.
//!
//! `FuturesUnordered` does the same, but forgets its futures when the destructor of one panics.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::task::panics::Panics;
use crate::task::report::Payload;

/// How many parts may be woken by their own poll before the others get their turn.
const YIELDS_MAX: usize = 2;

/// Several futures.
pub(crate) struct Parts<F> {
    /// By their numbers, which are never used again.
    parts: BTreeMap<usize, Part<F>>,
    /// The number of the next.
    next: usize,
    /// Shared with the wakers of the parts, which may be anywhere.
    woken: Arc<Woken>,
    /// How many polls are left before others get their turn; none when a pass begins.
    polls: usize,
    /// How many parts were woken by their own poll in this pass.
    yields: usize,
}

struct Part<F> {
    /// Pinned here, since parts are moved in the map.
    future: Pin<Box<F>>,
    /// Says whether the part is queued.
    wakes: Arc<PartWaker>,
    /// The same in the form that futures are given.
    waker: Waker,
}

/// The parts that were woken.
#[derive(Default)]
struct Woken(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    /// The parts in the order of their wakes.
    numbers: VecDeque<usize>,
    /// What to wake with the first of them.
    waker: Option<Waker>,
}

/// Wakes one part.
struct PartWaker {
    /// What it puts into the queue.
    number: usize,
    /// Whether the part is in the queue, or has ended.
    queued: AtomicBool,
    /// The queue of its set.
    woken: Arc<Woken>,
}

/// How a part has ended.
pub(crate) type Ended<T> = Result<T, Payload>;

impl<F: Future> Parts<F> {
    /// Makes a set without parts.
    pub(crate) fn new() -> Parts<F> {
        let woken = Arc::new(Woken::default());
        Parts { parts: BTreeMap::new(), next: 0, woken, polls: 0, yields: 0 }
    }

    /// Adds a part, which is polled for the first time behind those that were woken before.
    pub(crate) fn push(&mut self, future: F) {
        let (number, woken) = (self.next, self.woken.clone());
        self.next += 1;
        let wakes = Arc::new(PartWaker { number, queued: AtomicBool::new(true), woken });
        let waker = wakes.clone().into();
        self.parts.insert(number, Part { future: Box::pin(future), wakes, waker });
        self.woken.with(|queue| queue.numbers.push_back(number));
    }

    /// Returns how many have yet to end.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Has the next part that ends, with its number; `None` when all have ended. What a part has
    /// thrown goes on.
    pub(crate) async fn next(&mut self) -> Option<(usize, F::Output)> {
        let (number, ended) = poll_fn(|cx| self.poll_next(cx)).await?;
        let mut panics = Panics::default();
        match ended {
            Ok(output) => return Some((number, output)),
            Err(payload) => panics.note(payload),
        }
        self.clear(&mut panics);
        panics.resume();
        None
    }

    /// Polls the parts that were woken until one has ended. Its future is dropped by then.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, Ended<F::Output>)>> {
        if self.polls == 0 {
            (self.polls, self.yields) = (self.parts.len(), 0);
        }
        while let Some(number) = self.woken.next(cx.waker()) {
            let Some(part) = self.parts.get_mut(&number) else { continue };
            if self.polls == 0 || self.yields == YIELDS_MAX {
                // The others get their turn; this one is the first in the next pass.
                self.woken.with(|queue| queue.numbers.push_front(number));
                self.polls = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.polls -= 1;
            if let Some(ended) = part.poll() {
                return Poll::Ready(Some((number, self.remove(number, ended))));
            }
            self.yields += usize::from(part.wakes.queued.load(Ordering::Acquire));
        }
        self.polls = 0;
        if self.parts.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Drops a part that has ended.
    fn remove(&mut self, number: usize, ended: Ended<F::Output>) -> Ended<F::Output> {
        let Some(part) = self.parts.remove(&number) else { return ended };
        // A wake that comes late finds it queued.
        part.wakes.queued.store(true, Ordering::Release);
        let mut panics = Panics::default();
        let ended = match ended {
            Ok(output) => Some(output),
            Err(payload) => {
                panics.note(payload);
                None
            }
        };
        panics.catch(|| drop(part));
        match (panics.take(), ended) {
            (None, Some(output)) => Ok(output),
            (Some(payload), output) => {
                let mut beside = Panics::default();
                beside.drop_each(output);
                beside.tell();
                Err(payload)
            }
            (None, None) => unreachable!("a part has an output or has panicked"),
        }
    }
}

impl<F> Parts<F> {
    /// Drops all parts, in the order of their coming.
    pub(crate) fn clear(&mut self, panics: &mut Panics) {
        panics.drop_each(mem::take(&mut self.parts).into_values());
        let queue = self.woken.with(mem::take);
        panics.catch(|| drop(queue));
    }
}

impl<F: Future> FromIterator<F> for Parts<F> {
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Parts<F> {
        let mut parts = Parts::new();
        futures.into_iter().for_each(|future| parts.push(future));
        parts
    }
}

impl<F> Drop for Parts<F> {
    fn drop(&mut self) {
        let mut panics = Panics::default();
        self.clear(&mut panics);
        panics.resume();
    }
}

impl<F: Future> Part<F> {
    fn poll(&mut self) -> Option<Ended<F::Output>> {
        self.wakes.queued.store(false, Ordering::Release);
        let mut cx = Context::from_waker(&self.waker);
        match catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(output)) => Some(Ok(output)),
            Err(payload) => Some(Err(payload)),
        }
    }
}

impl Woken {
    /// Takes the next number, or leaves `waker` to be woken when there is one.
    fn next(&self, waker: &Waker) -> Option<usize> {
        let known = self.with(|queue| match queue.numbers.pop_front() {
            Some(number) => Ok(number),
            None => Err(queue.waker.as_ref().is_some_and(|known| known.will_wake(waker))),
        });
        match known {
            Ok(number) => return Some(number),
            Err(true) => return None,
            Err(false) => {}
        }
        // Cloned and dropped outside of the lock: a waker may be user code.
        let waker = waker.clone();
        let (before, number) =
            self.with(|queue| (queue.waker.replace(waker), queue.numbers.pop_front()));
        drop(before);
        number
    }

    fn with<R>(&self, change: impl FnOnce(&mut Queue) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wake for PartWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let waker = self.woken.with(|queue| {
            queue.numbers.push_back(self.number);
            queue.waker.take()
        });
        waker.into_iter().for_each(Waker::wake);
    }
}
