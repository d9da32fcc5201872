//! What async is made of, in programs small enough to read: a scheduler of twenty lines, the state
//! machine behind an `async` block, and a task as a future that
//! drives a coroutine.
//!
//! Nothing here is used by the servers; the tests beside the code say what each program shows.

pub mod machine;
pub mod scheduler;
pub mod task;
