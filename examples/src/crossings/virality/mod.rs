//! Virality: one small program, eight calls deep, before and after its leaf must wait (claim C10).
//!
//! [`before`] is where the styles start from; [`threads`], [`callbacks`], [`promises`] and
//! [`async_await`] are where they end. The same program with a core that does no input is
//! [`sans_io_before`] and [`sans_io`]; [`framed`] is a protocol made so. Rule: each end is written as an expert of the style would; all
//! print the same receipt.

pub mod async_await;
pub mod before;
pub mod callbacks;
pub mod framed;
pub mod promises;
pub mod sans_io;
pub mod sans_io_before;
pub mod threads;

mod changes;

use std::time::Duration;

pub use changes::{Change, Changes, changes};

/// How long the leaf waits.
const DELAY: Duration = Duration::from_millis(1);

/// What a customer wants.
#[derive(Clone, Debug)]
pub struct Order {
    /// What that is.
    pub customer: usize,
    /// The numbers of the things.
    pub items: Vec<u32>,
}

/// Returns what a thing costs, in cents.
fn price(item: u32) -> u32 {
    100 * item
}
