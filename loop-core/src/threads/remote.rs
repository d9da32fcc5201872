//! The loop as other threads see it.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::handle::{LoopHandle, LoopState, Submission};
use crate::report::errors::Closed;
use crate::threads::self_pipe::Inbox;

/// Schedules work on a loop from any thread.
///
/// ```
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let remote = event_loop.handle().remote();
/// let thread = std::thread::spawn(move || remote.call_soon_threadsafe(|handle| handle.stop()));
/// event_loop.run_forever()?;
/// assert!(thread.join().unwrap().is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Remote {
    /// By which a thread finds out whether the loop is its own.
    loop_id: u64,
    /// Where the submissions of other threads go.
    inbox: Arc<Inbox<Submission>>,
}

impl LoopHandle {
    /// Returns what other threads use to schedule work here.
    pub fn remote(&self) -> Remote {
        Remote { loop_id: self.id(), inbox: self.state.inbox().clone() }
    }
}

impl Remote {
    /// Queues `callback` and ends the loop's poll. The callback is given the loop's handle, which
    /// it could not bring from its own thread.
    ///
    /// Submissions of one thread run in order, and there is one order for all that is submitted: what
    /// was submitted before something was queued on the loop's thread runs before it. Any number of
    /// them costs one write to the self-pipe of a loop that sleeps, and none to one that works; one
    /// from the loop's own thread costs none and goes straight to the ready queue.
    ///
    /// # Errors
    /// [`Closed`] when the loop is closed or gone; the callback comes back in it.
    ///
    /// asyncio: `call_soon_threadsafe`, but the wake-up is coalesced.
    #[track_caller]
    pub fn call_soon_threadsafe<F>(&self, callback: F) -> Result<(), Closed<RemoteCallback>>
    where
        F: FnOnce(&LoopHandle) + Send + 'static,
    {
        let callback: RemoteCallback = Box::new(callback);
        if let Some(state) = of_this_thread(self.loop_id) {
            let handle = LoopHandle { state };
            if handle.is_closed() {
                return Err(Closed(callback));
            }
            handle.call_soon({
                let handle = handle.clone();
                move || callback(&handle)
            });
            return Ok(());
        }
        let submission = Submission { call: callback, scheduled_at: Location::caller() };
        self.inbox.submit(submission).map_err(|submission| Closed(submission.call))
    }
}

/// A callback from another thread, boxed.
pub type RemoteCallback = Box<dyn FnOnce(&LoopHandle) + Send>;

thread_local! {
    /// The loops of this thread, so that a submission from a loop's own thread needs no pipe.
    static LOOPS: RefCell<Vec<Weak<LoopState>>> = const { RefCell::new(Vec::new()) };
}

/// Enters a loop in its thread's list.
pub(crate) fn enter(state: &Rc<LoopState>) {
    LOOPS.with_borrow_mut(|loops| {
        loops.retain(|state| state.strong_count() > 0);
        loops.push(Rc::downgrade(state));
    });
}

/// Finds a loop of this thread by its number.
fn of_this_thread(id: u64) -> Option<Rc<LoopState>> {
    // The list is gone while its thread ends; nothing runs on a loop there any more.
    LOOPS
        .try_with(|loops| {
            loops.borrow().iter().filter_map(Weak::upgrade).find(|state| state.id() == id)
        })
        .ok()
        .flatten()
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("loop_id", &self.loop_id).finish_non_exhaustive()
    }
}
