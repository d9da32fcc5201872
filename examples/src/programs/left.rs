//! What a program has left on its loop when it has ended.

use std::io;

use api_async::TaskInfo;
use loop_core::{Counts, EventLoop, Snapshot};

/// What is left over on a loop: nothing, if the program has cleaned up.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// What is queued, parked and timed.
    pub snapshot: Snapshot,
    /// The tasks that have not ended, which only one style has.
    pub tasks: Vec<TaskInfo>,
    /// What the loop has done.
    pub counts: Counts,
}

impl Left {
    /// Looks at a loop once all that was ready has run: what was cancelled ends from the queue.
    pub(crate) fn on(event_loop: &mut EventLoop) -> io::Result<Left> {
        let handle = event_loop.handle();
        // A loop that is told to stop first makes one turn, without waiting.
        handle.stop();
        event_loop.run_forever()?;
        let (snapshot, tasks) = (handle.snapshot(), api_async::tasks(&handle));
        Ok(Left { snapshot, tasks, counts: handle.counts() })
    }

    /// Tells whether there is nothing.
    pub fn is_nothing(&self) -> bool {
        let Snapshot { ready, parked, timed } = &self.snapshot;
        ready.is_empty() && parked.is_empty() && timed.is_empty() && self.tasks.is_empty()
    }
}
