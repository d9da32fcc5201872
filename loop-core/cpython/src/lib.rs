//! The loop as a module of Python: what `on_core.py` puts in the place of asyncio's ready queue, timers,
//! selector and the entrance for threads, and no more.
//!
//! Python keeps the handles, so that its garbage collector sees them, and the loop keeps numbers: what
//! runs on the loop is the call of Python's loop with a number. Nothing of Python is held here but
//! during a turn.

mod descriptor;
mod state;

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use loop_core::{LoopHandle, Remote};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::state::{Entry, State};

/// A loop, as Python has it: its number, and its `Remote` for other threads. The loop itself stays on the
/// thread that made it.
#[pyclass(frozen)]
struct Core {
    id: u64,
    remote: Remote,
    /// The loop's origin on Python's clock, in seconds.
    origin: f64,
}

/// The turns that all loops of the process have made.
static TURNS: AtomicU64 = AtomicU64::new(0);

#[pymethods]
impl Core {
    /// Makes a loop on the system's clock and poll; one that is scripted has the clock and the poll of
    /// Python's loop, which each turn asks.
    #[new]
    fn new(py: Python<'_>, scripted: bool) -> PyResult<Core> {
        // Read before the loop is made: on Python's clock no timer is early then.
        let now: f64 = py.import("time")?.call_method0("monotonic")?.extract()?;
        let (state, origin) = if scripted {
            (State::on_a_script()?, state::SCRIPTED_ORIGIN)
        } else {
            (State::on_the_system()?, now)
        };
        let id = state.handle.id();
        let remote = state.handle.remote();
        state::keep(id, state);
        Ok(Core { id, remote, origin })
    }

    /// `call_soon`; from another thread, where asyncio allows it without a promise, through the `Remote`.
    fn call_soon(&self, number: u64) -> PyResult<()> {
        match state::of(self.id) {
            Some(state) => state.call_soon(number),
            None => self.call_soon_threadsafe(number)?,
        }
        Ok(())
    }

    /// `call_soon_threadsafe`, always through the loop's `Remote`.
    fn call_soon_threadsafe(&self, number: u64) -> PyResult<()> {
        self.remote
            .call_soon_threadsafe(move |handle| state::run(handle.id(), Entry::Soon, number))
            .map_err(|_| PyRuntimeError::new_err("Event loop is closed"))
    }

    /// `call_at`, with the time on Python's clock.
    fn call_at(&self, when: f64, number: u64) -> PyResult<()> {
        let deadline = state::since(self.origin, when);
        match state::of(self.id) {
            Some(state) => state.call_at(deadline, number),
            None => {
                let call = move |handle: &LoopHandle| {
                    if let Some(state) = state::of(handle.id()) {
                        state.call_at(deadline, number);
                    }
                };
                self.remote
                    .call_soon_threadsafe(call)
                    .map_err(|_| PyRuntimeError::new_err("Event loop is closed"))?;
            }
        }
        Ok(())
    }

    /// Cancels what was scheduled under `number`; tells whether it was still to run. From another
    /// thread it does nothing: Python's handle is marked, and passed over when its turn comes.
    fn cancel(&self, number: u64) -> bool {
        state::of(self.id).is_some_and(|state| state.cancel(number))
    }

    /// `add_reader`, or `add_writer`.
    fn watch(&self, py: Python<'_>, descriptor: i32, writes: bool) -> PyResult<()> {
        self.here()?.watch(py, descriptor, writes)
    }

    /// `remove_reader`, or `remove_writer`.
    fn unwatch(&self, descriptor: i32, writes: bool) -> PyResult<bool> {
        Ok(self.here()?.unwatch(descriptor, writes))
    }

    /// Makes one turn, in which `program`, Python's loop, is called: `_run_entry(entry, number)` for
    /// what runs, `_poll(timeout)` in place of the kernel's poll. A loop that is stopping does not wait.
    fn turn(&self, py: Python<'_>, program: Py<PyAny>, stopping: bool, now: f64) -> PyResult<()> {
        let state = self.here()?;
        TURNS.fetch_add(1, Ordering::Relaxed);
        state.set_clock(state::since(self.origin, now));
        state.turn(py, program, stopping)
    }

    /// Returns the loop's time, on Python's clock; `None` on another thread.
    fn time(&self) -> Option<f64> {
        state::of(self.id)
            .map(|state| self.origin + state.handle.time().since_origin().as_secs_f64())
    }

    /// Closes the loop.
    fn close(&self) {
        state::close(self.id);
    }
}

impl Core {
    fn here(&self) -> PyResult<Rc<State>> {
        state::of(self.id)
            .ok_or_else(|| PyRuntimeError::new_err("the loop is closed, or on another thread"))
    }
}

/// Returns how many turns all loops of the process have made.
#[pyfunction]
fn turns() -> u64 {
    TURNS.load(Ordering::Relaxed)
}

/// What Python finds in the module.
#[pymodule]
fn oneloop_core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Core>()?;
    module.add_function(wrap_pyfunction!(turns, module)?)
}
