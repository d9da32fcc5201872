//! Callbacks of wholes that call one another, without recursion.

use std::cell::RefCell;
use std::collections::VecDeque;

use loop_core::LoopHandle;

use crate::operation::Operation;
use crate::pending::Caller;

/// How deep callbacks of wholes call one another before the next one waits until the first returns.
const CALLS_MAX: usize = 16;

/// A callback that waits until those before it have returned.
type PutOff = (LoopHandle, Caller, Box<dyn FnOnce()>);

/// The callbacks of wholes that one loop is in.
struct Calls {
    loop_id: u64,
    depth: usize,
    put_off: VecDeque<PutOff>,
}

/// Ends a level of [`Calls`], also when its callback panics.
struct Level;

thread_local! {
    /// One for each loop that runs inside another's callback.
    static CALLS: RefCell<Vec<Calls>> = const { RefCell::new(Vec::new()) };
}

/// Calls `call` now, or when the callbacks have returned that it is called from, if these are many.
pub(crate) fn call_in_bounds(
    handle: &LoopHandle,
    called_at: Caller,
    call: impl FnOnce() + 'static,
) {
    let outermost = CALLS.with_borrow_mut(|calls| {
        match calls.last_mut().filter(|calls| calls.loop_id == handle.id()) {
            Some(calls) if calls.depth == CALLS_MAX => None,
            Some(calls) => {
                calls.depth += 1;
                Some(false)
            }
            None => {
                let (loop_id, put_off) = (handle.id(), VecDeque::new());
                calls.push(Calls { loop_id, depth: 1, put_off });
                Some(true)
            }
        }
    });
    let Some(outermost) = outermost else {
        return with_calls(|calls| {
            calls.put_off.push_back((handle.clone(), called_at, Box::new(call)));
        });
    };
    let level = Level;
    call();
    while outermost && let Some((_, _, next)) = with_calls(|calls| calls.put_off.pop_front()) {
        next();
    }
    drop(level);
}

fn with_calls<R>(work: impl FnOnce(&mut Calls) -> R) -> R {
    CALLS.with_borrow_mut(|calls| work(calls.last_mut().expect("a callback is being called")))
}

impl Drop for Level {
    fn drop(&mut self) {
        let ended = CALLS.with_borrow_mut(|calls| {
            let last = calls.last_mut().expect("a callback is being called");
            last.depth -= 1;
            if last.depth == 0 { calls.pop() } else { None }
        });
        // After a panic what was put off comes from the queue.
        for (handle, called_at, call) in ended.into_iter().flat_map(|calls| calls.put_off) {
            Operation::ended_at(&handle, called_at, call);
        }
    }
}
