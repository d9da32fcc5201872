//! From each colour of function to each other: the twelve crossings, and what crosses with them.
//!
//! [`virality`] is how a colour spreads through a program, and [`wrong_colour`] what the compiler
//! refuses.
//!
//! Each crossing is composed of two functions of each wing, which know callbacks and futures but not each other.
//! [`TABLE`] says what becomes of a value, an error, a panic, and of giving up on either side; a test
//! holds every cell of it, and `oneloop show crossings` prints it.

pub mod from_async;
pub mod from_callback;
pub mod from_promise;
pub mod from_sync;
pub mod virality;
pub mod wrong_colour;

mod scale;
mod table;
mod trips;

pub use scale::Yardstick;
pub use table::{Colour, Crossing, Effect, Event, TABLE};
pub use trips::trips;

/// How they are written, in the order of [`Colour::ALL`] by caller; the steps are named `to_CALLEE`.
pub const SOURCES: [&str; 4] = [
    include_str!("from_sync.rs"),
    include_str!("from_callback.rs"),
    include_str!("from_promise.rs"),
    include_str!("from_async.rs"),
];
