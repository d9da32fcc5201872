//! `run_once`, step by step: what is ready, parked and timed before each turn, how long its poll may
//! wait, and what runs in it with what is left behind (the notes' `run_once_demo.py`).

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use loop_core::{EventLoop, LoopHandle, ManualClock, Remote, ScriptedEvent, TurnRule};

use super::{Demonstration, Detail};

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "run-once",
    claims: "C01, C02",
    sentence: "A turn runs what was ready, then what the poll brought, then what is due",
    so: "The rule decides how much runs before a poll, and never the order.",
    show,
};

/// One turn of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The ready queue before it, front first.
    pub ready: Vec<&'static str>,
    /// How many wait for a descriptor before it.
    pub parked: usize,
    /// What waits for a deadline before it, and until when.
    pub timed: Vec<Duration>,
    /// How long its poll may wait; for ever, if there is none.
    pub timeout: Option<Duration>,
    /// What runs in it.
    pub ran: Vec<Ran>,
}

/// A callback that has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its name.
    pub name: &'static str,
    /// The ready queue when it returned, front first.
    pub behind: Vec<&'static str>,
}

/// What the callbacks of the program write down. Another thread's callback does so too.
#[derive(Default)]
struct Notes {
    /// Where what was scheduled, to find it in the queue.
    names: Mutex<HashMap<&'static Location<'static>, &'static str>>,
    ran: Mutex<Vec<Ran>>,
}

impl Notes {
    /// Queues a callback by its name, which goes on with `then`.
    #[track_caller]
    fn soon(
        self: &Arc<Self>,
        handle: &LoopHandle,
        name: &'static str,
        then: impl FnOnce(&Arc<Notes>, &LoopHandle) + 'static,
    ) {
        self.call(Location::caller(), name);
        let (notes, of_callback) = (self.clone(), handle.clone());
        handle.call_soon(move || {
            then(&notes, &of_callback);
            notes.note(&of_callback, name);
        });
    }

    /// Queues a callback from another thread.
    #[track_caller]
    fn post(self: &Arc<Self>, remote: &Remote, name: &'static str) {
        self.call(Location::caller(), name);
        let notes = self.clone();
        let posted = remote.call_soon_threadsafe(move |handle| notes.note(handle, name));
        posted.expect("the loop is open");
    }

    fn call(&self, place: &'static Location<'static>, name: &'static str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(place, name);
    }

    /// Notes that a callback has run.
    fn note(&self, handle: &LoopHandle, name: &'static str) {
        let ran = Ran { name, behind: self.ready(handle) };
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).push(ran);
    }

    /// Names what is in the ready queue.
    fn ready(&self, handle: &LoopHandle) -> Vec<&'static str> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |entry: &loop_core::ReadyEntry| {
            let known = entry.scheduled_at.and_then(|place| names.get(place).copied());
            // The loop names a kind where it has no place: of those that watch there is one here.
            known.unwrap_or(if entry.kind == "watcher" { "reader" } else { entry.kind })
        };
        handle.snapshot().ready.iter().map(name).collect()
    }

    fn take(&self) -> Vec<Ran> {
        std::mem::take(&mut self.ran.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs a small program under a turn rule, turn by turn.
///
/// `a` and `b` are queued, `a` queues `c`, and `c` queues `d`. A reader waits for a socket, which has
/// something to read at the second poll. A timer is due after three seconds; while the first poll
/// sleeps for it, another thread posts.
///
/// # Errors
/// When no loop can be made.
pub fn turns(rule: TurnRule) -> io::Result<Vec<Turn>> {
    let notes = Arc::new(Notes::default());
    let (socket, _peer) = UnixStream::pair()?;
    let socket = Rc::new(socket);
    let polled = Rc::new(std::cell::Cell::new(None));
    let (clock, posted) = (ManualClock::new(), Rc::new(std::cell::RefCell::new(None)));
    let poll = scripted_poll(&clock, &notes, (posted.clone(), polled.clone()), socket.as_raw_fd());
    let mut event_loop = EventLoop::with_script(clock, poll)?;
    let handle = event_loop.handle();
    posted.replace(Some(handle.remote()));
    handle.set_turn_rule(rule);

    notes.soon(&handle, "a", |notes, handle| {
        notes.soon(handle, "c", |notes, handle| notes.soon(handle, "d", |_, _| ()));
    });
    notes.soon(&handle, "b", |_, _| ());
    let (of_timer, by_timer) = (notes.clone(), handle.clone());
    handle.call_later(Duration::from_secs(3), move || of_timer.note(&by_timer, "timer"));
    let (of_reader, by_reader, read) = (notes.clone(), handle.clone(), socket.clone());
    handle.add_reader(&socket, move || {
        by_reader.remove_reader(&read);
        of_reader.note(&by_reader, "reader");
    })?;

    let mut turns = Vec::new();
    loop {
        let before = handle.snapshot();
        if before.ready.is_empty() && before.timed.is_empty() {
            return Ok(turns);
        }
        let ready = notes.ready(&handle);
        event_loop.run_once()?;
        turns.push(Turn {
            ready,
            parked: before.parked.len(),
            timed: before.timed.iter().map(|timed| timed.deadline.since_origin()).collect(),
            timeout: polled.take(),
            ran: notes.take(),
        });
    }
}

/// What posts, and where is written how long the poll may wait.
type Seams = (Rc<std::cell::RefCell<Option<Remote>>>, Rc<std::cell::Cell<Option<Duration>>>);

/// Stands where the kernel's poll would: sleeping is moving the clock.
fn scripted_poll(
    clock: &ManualClock,
    notes: &Arc<Notes>,
    (remote, polled): Seams,
    descriptor: std::os::fd::RawFd,
) -> impl FnMut(Option<Duration>) -> io::Result<Vec<ScriptedEvent>> + 'static {
    let (clock, notes, mut polls) = (clock.clone(), notes.clone(), 0);
    move |timeout| {
        polled.set(timeout);
        polls += 1;
        if polls == 2 {
            return Ok(vec![ScriptedEvent { descriptor, readable: true, writable: false }]);
        }
        let timeout = timeout.unwrap_or_default();
        match remote.borrow_mut().take_if(|_| !timeout.is_zero()) {
            Some(remote) => {
                // A second passes until another thread posts, which ends the poll.
                clock.advance(Duration::from_secs(1));
                let notes = notes.clone();
                let thread = thread::spawn(move || notes.post(&remote, "posted"));
                thread.join().map_err(|_| io::Error::other("the thread has panicked"))?;
            }
            None => clock.advance(timeout),
        }
        Ok(Vec::new())
    }
}

fn show(detail: Detail) -> io::Result<String> {
    let mut text = "under the snapshot rule\n".to_owned();
    for (number, turn) in turns(TurnRule::Snapshot)?.iter().enumerate() {
        tell(&mut text, number + 1, turn);
    }
    text += "under the bounded rule\n";
    for (number, turn) in turns(TurnRule::default())?.iter().enumerate() {
        if detail == Detail::Long {
            tell(&mut text, number + 1, turn);
        } else {
            let ran: Vec<_> = turn.ran.iter().map(|ran| ran.name).collect();
            writeln!(text, "  turn {}: {} runs", number + 1, list(&ran))
                .expect("a string takes all");
        }
    }
    Ok(text)
}

/// Tells what is ready, parked and timed before a turn, and what runs in it.
fn tell(text: &mut String, number: usize, turn: &Turn) {
    let timed: Vec<_> = turn.timed.iter().map(|at| format!("{at:?}")).collect();
    let (ready, parked, timed) = (list(&turn.ready), turn.parked, list(&timed));
    let waits = match turn.timeout {
        None => "for ever".to_owned(),
        Some(Duration::ZERO) => "no time".to_owned(),
        Some(timeout) => format!("{timeout:?}"),
    };
    writeln!(
        text,
        "  turn {number}: ready {ready}; parked {parked}; timed {timed}; the poll may wait {waits}"
    )
    .expect("a string takes all");
    for Ran { name, behind } in &turn.ran {
        writeln!(text, "    {name} runs, and leaves ready {}", list(behind))
            .expect("a string takes all");
    }
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}
