//! What a loop still has when its program says that it has ended.

use api_async::TaskInfo;
use loop_core::{LoopHandle, Snapshot};

/// What is left over on a loop: nothing, if the program is right.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// What is queued, parked and timed.
    pub snapshot: Snapshot,
    /// The tasks that have not ended.
    pub tasks: Vec<TaskInfo>,
}

impl Left {
    /// Looks at a loop.
    pub(crate) fn on(handle: &LoopHandle) -> Left {
        Left { snapshot: handle.snapshot(), tasks: api_async::tasks(handle) }
    }

    /// Tells whether there is nothing.
    pub fn is_nothing(&self) -> bool {
        let Snapshot { ready, parked, timed } = &self.snapshot;
        ready.is_empty() && parked.is_empty() && timed.is_empty() && self.tasks.is_empty()
    }
}
