//! From each colour of function to each other: the twelve crossings, and what crosses with them.
//!
//! Each is composed of the doors of the wings, which know callbacks and futures but not each other.
//! [`TABLE`] says what becomes of a value, an error, a panic, and of giving up on either side; a test
//! holds every cell of it, and `oneloop show crossings` prints it.

pub mod from_async;
pub mod from_callback;
pub mod from_promise;
pub mod from_sync;

mod scale;
mod table;
mod trips;

pub use scale::Yardstick;
pub use table::{Colour, Crossing, Event, Fate, TABLE};
pub use trips::trips;
