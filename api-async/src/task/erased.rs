//! A future of any type, as a slot has it.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future and, when it has ended, its output, in one allocation; their types are erased.
pub(crate) trait ErasedFuture {
    /// Polls the future; `Ready` means that the output is there.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Moves the output to `output`, which is an `Option` of its type.
    fn take_output(self: Pin<&mut Self>, output: &mut dyn Any);

    /// Says what the output has failed with, if it has.
    fn failure(&self) -> Option<String>;
}
