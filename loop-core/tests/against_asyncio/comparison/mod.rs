//! One random program, run on asyncio and on this loop: the traces are to be equal.
//!
//! `program` is what is run, `draw` makes one from a seed, `machine` runs it here, `oracle` runs it
//! on asyncio, `recorded` keeps what asyncio did, and `shrink` makes a short program of one that
//! shows a difference.
//!
//! # What is equal by arrangement
//!
//! - asyncio's heap does not keep the order of equal deadlines; the oracle orders its timers by
//!   deadline and sequence.
//! - asyncio lets a cancelled timer expire into the ready queue if it is not the first of the heap,
//!   where only a run that was aborted shows it: the next run then polls once without waiting. The
//!   oracle takes such timers out of the queue after an abort.
//! - asyncio's self-pipe is a reader like any other and takes a place in the ready queue. The
//!   oracle's selector never reports it, and ends the poll itself.
//! - Time passes where the poll may wait, and where a callback works: this loop does not read the
//!   clock a second time around a poll that may not wait.
//! - `Handle::cancel` tells whether the callback was still to run, which asyncio does not: the oracle
//!   computes it. On a closed loop `call_later` and `call_at` panic here and raise there; the
//!   programs do not try.

pub(crate) mod draw;
pub(crate) mod machine;
pub(crate) mod oracle;
pub(crate) mod program;
pub(crate) mod recorded;
pub(crate) mod shrink;
