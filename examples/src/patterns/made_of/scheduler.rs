//! A generator by hand and an `async` block, stepped by the same scheduler of twenty lines.
//!
//! A generator keeps its own place and goes on from there when it is asked to; so does the future
//! that the compiler makes of an `async` block. The scheduler cannot tell one from the other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// What can be gone on with until it is done.
pub trait Step {
    /// Goes on to the next pause; tells whether that was the end.
    fn step(&mut self) -> bool;
}

/// Runs what it is given in turns, first in, first out, until all is done.
#[derive(Default)]
pub struct Scheduler<'a> {
    ready: VecDeque<Box<dyn Step + 'a>>,
}

impl<'a> Scheduler<'a> {
    /// Queues something to step.
    pub fn spawn(&mut self, step: impl Step + 'a) {
        self.ready.push_back(Box::new(step));
    }

    /// Steps all that is queued until nothing is; returns how many steps it took.
    pub fn run(&mut self) -> usize {
        let mut steps = 0;
        while let Some(mut step) = self.ready.pop_front() {
            steps += 1;
            if !step.step() {
                self.ready.push_back(step);
            }
        }
        steps
    }
}

/// What the programs below say, line by line.
pub type Trace = RefCell<Vec<String>>;

/// Counts down by hand: a generator that remembers how far it is.
pub struct CountDown<'a> {
    name: &'static str,
    left: u32,
    trace: &'a Trace,
}

impl<'a> CountDown<'a> {
    /// Makes a generator that counts down from `from`.
    pub fn new(name: &'static str, from: u32, trace: &'a Trace) -> CountDown<'a> {
        CountDown { name, left: from, trace }
    }
}

impl Step for CountDown<'_> {
    fn step(&mut self) -> bool {
        if self.left == 0 {
            self.trace.borrow_mut().push(format!("{} done", self.name));
            return true;
        }
        self.trace.borrow_mut().push(format!("{} {}", self.name, self.left));
        self.left -= 1;
        false
    }
}

/// Counts down as one would write it: the place is where the program is.
pub async fn count_down(name: &'static str, from: u32, trace: &Trace) {
    for left in (1..=from).rev() {
        trace.borrow_mut().push(format!("{name} {left}"));
        Pause(false).await;
    }
    trace.borrow_mut().push(format!("{name} done"));
}

/// Any future is a step: nothing has to wake it, since the scheduler asks again by itself.
impl<F: Future<Output = ()> + ?Sized> Step for Pin<Box<F>> {
    fn step(&mut self) -> bool {
        self.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}

/// Is pending once: what `yield` is to a generator.
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_by_hand_and_an_async_block_leave_the_same_trace() {
        let (by_hand, by_compiler) = (Trace::default(), Trace::default());
        let mut scheduler = Scheduler::default();
        scheduler.spawn(CountDown::new("a", 2, &by_hand));
        scheduler.spawn(CountDown::new("b", 3, &by_hand));
        let steps = scheduler.run();
        scheduler.spawn(Box::pin(count_down("a", 2, &by_compiler)));
        scheduler.spawn(Box::pin(count_down("b", 3, &by_compiler)));
        assert_eq!(scheduler.run(), steps);
        assert_eq!(by_hand, by_compiler);
        assert_eq!(*by_hand.borrow(), ["a 2", "b 3", "a 1", "b 2", "a done", "b 1", "b done"]);
    }

    #[test]
    fn both_run_side_by_side() {
        let trace = Trace::default();
        let mut scheduler = Scheduler::default();
        scheduler.spawn(CountDown::new("hand", 1, &trace));
        scheduler.spawn(Box::pin(count_down("block", 1, &trace)));
        assert_eq!(scheduler.run(), 4);
        assert_eq!(*trace.borrow(), ["hand 1", "block 1", "hand done", "block done"]);
    }
}
