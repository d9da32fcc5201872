//! The loops of a thread, and what Python's calls mean to them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Abort, EventLoop, Handle, LoopHandle, LoopTime, ManualClock, TurnRule};
use pyo3::prelude::*;

use crate::descriptor;

/// The origin of a script's clock on Python's, in seconds: so far back that a test's times before zero
/// are times as well.
pub(crate) const SCRIPTED_ORIGIN: f64 = -1_048_576.0;

/// What runs on the loop, as Python is told.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    Soon,
    Timer,
    Reader,
    Writer,
}

/// A loop, and what Python has on it.
pub(crate) struct State {
    event_loop: RefCell<EventLoop>,
    pub(crate) handle: LoopHandle,
    /// The clock of a script.
    clock: Option<ManualClock>,
    /// What can be cancelled, by Python's numbers.
    handles: RefCell<HashMap<u64, Handle>>,
    /// What is watched, by Python's numbers of descriptors.
    watched: RefCell<HashMap<i32, Watched>>,
    /// Python's loop, while it makes a turn.
    program: RefCell<Option<Py<PyAny>>>,
    /// The exception that has ended the turn.
    failure: Cell<Option<PyErr>>,
}

/// A descriptor with a reader, a writer, or both.
struct Watched {
    owner: Rc<OwnedFd>,
    reads: bool,
    writes: bool,
}

thread_local! {
    static LOOPS: RefCell<HashMap<u64, Rc<State>>> = RefCell::default();
}

/// Keeps a loop on this thread.
pub(crate) fn keep(id: u64, state: State) {
    LOOPS.with_borrow_mut(|loops| loops.insert(id, Rc::new(state)));
}

/// Finds a loop, if it stands on this thread.
pub(crate) fn of(id: u64) -> Option<Rc<State>> {
    LOOPS.try_with(|loops| loops.borrow().get(&id).cloned()).ok().flatten()
}

/// Closes a loop of this thread.
pub(crate) fn close(id: u64) {
    let state = LOOPS.with_borrow_mut(|loops| loops.remove(&id));
    // It is not closed from inside a turn: Python's loop refuses that, or the loop ends with the turn.
    if let Some(state) = state
        && let Ok(mut event_loop) = state.event_loop.try_borrow_mut()
    {
        event_loop.close();
    }
}

/// Turns a time of Python's clock into one since `origin`. What is before it counts as the origin, and
/// what no `LoopTime` holds as never.
pub(crate) fn since(origin: f64, time: f64) -> LoopTime {
    LoopTime::ORIGIN
        + Duration::try_from_secs_f64((time - origin).max(0.0)).unwrap_or(Duration::MAX)
}

/// Has Python run what `number` names. An exception that Python does not handle ends the turn.
pub(crate) fn run(id: u64, entry: Entry, number: u64) {
    let Some(state) = of(id) else { return };
    state.handles.borrow_mut().remove(&number);
    if let Err(error) = state
        .call(|py, program| program.call_method1(py, "_run_entry", (entry as u8, number)).map(drop))
    {
        state.failure.set(Some(error));
        resume_unwind(Box::new(Abort));
    }
}

/// Has Python poll, which queues what it finds, and moves the clock to Python's time.
fn poll(id: u64, timeout: Option<Duration>) -> io::Result<()> {
    let Some(state) = of(id) else { return Ok(()) };
    let timeout = timeout.map(|timeout| timeout.as_secs_f64());
    let polled = state.call(|py, program| {
        let now = program.call_method1(py, "_poll", (timeout,))?.extract(py)?;
        state.set_clock(since(SCRIPTED_ORIGIN, now));
        Ok(())
    });
    polled.map_err(|error| {
        state.failure.set(Some(error));
        io::Error::other("Python's poll failed")
    })
}

/// Makes one turn, without the interpreter but for what Python runs.
fn turn(id: u64, stopping: bool) -> io::Result<()> {
    let Some(state) = of(id) else { return Err(io::Error::other("no such loop")) };
    let Ok(mut event_loop) = state.event_loop.try_borrow_mut() else {
        return Err(io::Error::other("a turn within a turn"));
    };
    let turn = || {
        if stopping {
            // The step: one turn without a wait, which resets the flag.
            state.handle.stop();
            event_loop.run_forever()
        } else {
            event_loop.run_once()
        }
    };
    catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(left)
}

/// What it means that a turn was left by a panic.
fn left(payload: Box<dyn Any + Send>) -> io::Result<()> {
    if payload.is::<Abort>() { Ok(()) } else { resume_unwind(payload) }
}

impl State {
    /// Makes a loop on the system's clock.
    pub(crate) fn on_the_system() -> io::Result<State> {
        Ok(State::new(EventLoop::new()?, None))
    }

    /// Makes a loop on a clock that Python sets, whose poll is Python's.
    pub(crate) fn on_a_script() -> io::Result<State> {
        let (clock, id) = (ManualClock::new(), Rc::new(Cell::new(0)));
        let script = {
            let id = id.clone();
            move |timeout| poll(id.get(), timeout).map(|()| Vec::new())
        };
        let state = State::new(EventLoop::with_script(clock.clone(), script)?, Some(clock));
        id.set(state.handle.id());
        Ok(state)
    }

    fn new(event_loop: EventLoop, clock: Option<ManualClock>) -> State {
        let handle = event_loop.handle();
        // asyncio's rule, which its tests are about.
        handle.set_turn_rule(TurnRule::Snapshot);
        State {
            event_loop: RefCell::new(event_loop),
            handle,
            clock,
            handles: RefCell::default(),
            watched: RefCell::default(),
            program: RefCell::default(),
            failure: Cell::default(),
        }
    }

    /// Moves a script's clock to `now`; the system's goes its own way.
    pub(crate) fn set_clock(&self, now: LoopTime) {
        if let Some(clock) = &self.clock {
            clock.advance(now - clock.time());
        }
    }

    pub(crate) fn call_soon(&self, number: u64) {
        let id = self.handle.id();
        let handle = self.handle.call_soon(move || run(id, Entry::Soon, number));
        self.handles.borrow_mut().insert(number, handle);
    }

    pub(crate) fn call_at(&self, deadline: LoopTime, number: u64) {
        let id = self.handle.id();
        let handle = self.handle.call_at(deadline, move || run(id, Entry::Timer, number));
        self.handles.borrow_mut().insert(number, handle);
    }

    /// Cancels what was scheduled under `number`; tells whether it was still to run.
    pub(crate) fn cancel(&self, number: u64) -> bool {
        let handle = self.handles.borrow_mut().remove(&number);
        handle.is_some_and(|handle| handle.cancel())
    }

    /// Watches Python's `descriptor` in one direction, in the place of the watcher before.
    pub(crate) fn watch(&self, py: Python<'_>, descriptor: i32, writes: bool) -> PyResult<()> {
        let known = self.watched.borrow().get(&descriptor).map(|watched| watched.owner.clone());
        let owner = match known {
            Some(owner) => owner,
            None => Rc::new(descriptor::shared(py, descriptor)?),
        };
        let (id, number) = (self.handle.id(), u64::try_from(descriptor)?);
        if writes {
            self.handle.add_writer(&owner, move || run(id, Entry::Writer, number))?;
        } else {
            self.handle.add_reader(&owner, move || run(id, Entry::Reader, number))?;
        }
        let mut watched = self.watched.borrow_mut();
        let watched = watched.entry(descriptor).or_insert(Watched { owner, reads: false, writes });
        *(if writes { &mut watched.writes } else { &mut watched.reads }) = true;
        Ok(())
    }

    /// Ends the watching in one direction; tells whether there was any.
    pub(crate) fn unwatch(&self, descriptor: i32, writes: bool) -> bool {
        let mut all = self.watched.borrow_mut();
        let Some(watched) = all.get_mut(&descriptor) else { return false };
        let was = if writes {
            watched.writes = false;
            self.handle.remove_writer(&watched.owner)
        } else {
            watched.reads = false;
            self.handle.remove_reader(&watched.owner)
        };
        if !watched.reads && !watched.writes {
            all.remove(&descriptor);
        }
        was
    }

    /// Makes one turn of `program`, Python's loop, and raises what it failed with.
    pub(crate) fn turn(&self, py: Python<'_>, program: Py<PyAny>, stopping: bool) -> PyResult<()> {
        let before = self.program.replace(Some(program));
        let id = self.handle.id();
        let outcome = py.detach(move || turn(id, stopping));
        self.program.replace(before);
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(outcome?),
        }
    }

    /// Calls Python's loop, if it makes a turn.
    fn call(&self, call: impl FnOnce(Python<'_>, Py<PyAny>) -> PyResult<()>) -> PyResult<()> {
        Python::attach(|py| {
            let program = self.program.borrow().as_ref().map(|program| program.clone_ref(py));
            program.map_or(Ok(()), |program| call(py, program))
        })
    }
}
