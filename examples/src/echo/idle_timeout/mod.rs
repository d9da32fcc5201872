//! The echo with an idle timeout: a connection that is silent for too long is closed.
//!
//! Rule: each style sets a deadline when it begins to read and takes it back when something has come, in the
//! way in which its users do. What that costs a message is measured; the echo without it is what is read.

mod async_await;
mod callbacks;
mod fibers;
mod promises;
mod protocol;
mod smol;
mod tokio;

pub(super) use self::smol::echo as smol;
pub(super) use self::tokio::echo as tokio;
pub(super) use async_await::serve as async_await;
pub(super) use callbacks::serve as callbacks;
pub(super) use fibers::serve as fibers;
pub(super) use promises::serve as promises;
pub(super) use protocol::Echo as Protocol;
