//! What a task's one allocation holds: the future, then its output.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;

use crate::task::erased::ErasedFuture;
use crate::task::panics::Panics;

/// A future, then its output, and what says whether that is a failure.
#[pin_project(project = Projected)]
pub(crate) enum TaskCell<F: Future> {
    Running(#[pin] F, fn(&F::Output) -> Option<String>),
    Ended(Option<F::Output>, fn(&F::Output) -> Option<String>),
}

impl<F: Future> TaskCell<F> {
    /// Puts the output in the place of the future.
    #[cold]
    fn end(mut self: Pin<&mut Self>, output: F::Output) {
        let Projected::Running(_, failure) = self.as_mut().project() else { return };
        let failure = *failure;
        // The future's destructor may panic: that is told, and the output is there even so.
        let mut panics = Panics::default();
        panics.catch(|| self.set(TaskCell::Ended(Some(output), failure)));
        panics.tell();
    }
}

impl<F: Future + 'static> ErasedFuture for TaskCell<F> {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Projected::Running(future, _) = self.as_mut().project() else {
            return Poll::Ready(());
        };
        let output = ready!(future.poll(cx));
        self.end(output);
        Poll::Ready(())
    }

    fn take_output(self: Pin<&mut Self>, output: &mut dyn Any) {
        if let Projected::Ended(ended, _) = self.project() {
            let output = output.downcast_mut::<Option<F::Output>>();
            *output.expect("a task is joined by its own type") = ended.take();
        }
    }

    fn failure(&self) -> Option<String> {
        match self {
            TaskCell::Ended(Some(output), failure) => failure(output),
            _ => None,
        }
    }
}
