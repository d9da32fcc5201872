//! A generator by hand and an `async` block, stepped by the same scheduler of twenty lines, which
//! cannot tell one from the other (Beazley; `_PyGen_Send` in the notes).

use std::fmt::Write;
use std::io;

use super::{Demonstration, Detail};
use crate::patterns::made_of::scheduler::{CountDown, Scheduler, Trace, count_down};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "stepping",
    claims: "",
    sentence: "A generator and an async block are stepped alike, and leave the same trace",
    so: "An async block is a generator that the compiler has written.",
    show,
};

/// What came of stepping two programs in turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stepped {
    /// How often the scheduler went on with one of them.
    pub steps: usize,
    /// What they said, in order.
    pub trace: Vec<String>,
}

/// Counts down twice side by side, with generators by hand.
pub fn with_generators() -> Stepped {
    let trace = Trace::default();
    let mut scheduler = Scheduler::default();
    scheduler.spawn(CountDown::new("a", 2, &trace));
    scheduler.spawn(CountDown::new("b", 3, &trace));
    let steps = scheduler.run();
    Stepped { steps, trace: trace.take() }
}

/// Counts down twice side by side, with `async` blocks.
pub fn with_async_blocks() -> Stepped {
    let trace = Trace::default();
    let mut scheduler = Scheduler::default();
    scheduler.spawn(Box::pin(count_down("a", 2, &trace)));
    scheduler.spawn(Box::pin(count_down("b", 3, &trace)));
    let steps = scheduler.run();
    Stepped { steps, trace: trace.take() }
}

fn show(_: Detail) -> io::Result<String> {
    let (by_hand, by_compiler) = (with_generators(), with_async_blocks());
    let mut text = String::from("step  generator   async block\n");
    for (step, (hand, compiler)) in by_hand.trace.iter().zip(&by_compiler.trace).enumerate() {
        writeln!(text, "{:>4}  {hand:<10}  {compiler}", step + 1).expect("a string takes all");
    }
    let same = if by_hand == by_compiler { "the same" } else { "not the same" };
    writeln!(text, "\nThe traces are {same}.").expect("a string takes all");
    Ok(text)
}
