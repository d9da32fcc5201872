//! What a program has left on its loop when it has its result.

use loop_core::EventLoop;

/// What is still there, counted; all of it is nothing when the program has cleaned up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Callbacks and jobs that are ready to run.
    pub ready: usize,
    /// What waits for a socket.
    pub parked: usize,
    /// Timers.
    pub timed: usize,
    /// Tasks, which only one style has.
    pub tasks: usize,
}

impl Left {
    /// Counts what is left once all that was ready has run: what was cancelled ends from the queue.
    pub(crate) fn on(event_loop: &mut EventLoop) -> std::io::Result<Left> {
        let handle = event_loop.handle();
        // A loop that is told to stop first makes one turn, without waiting.
        handle.stop();
        event_loop.run_forever()?;
        let snapshot = handle.snapshot();
        Ok(Left {
            ready: snapshot.ready.len(),
            parked: snapshot.parked.len(),
            timed: snapshot.timed.len(),
            tasks: api_async::tasks(&handle).len(),
        })
    }

    /// Tells whether nothing is left.
    pub fn is_nothing(self) -> bool {
        self == Left::default()
    }
}
