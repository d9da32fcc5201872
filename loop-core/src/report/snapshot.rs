//! What a loop has done, and what is ready, parked and timed at this moment: why nothing moves.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::handle::LoopHandle;
use crate::job::Job;
use crate::kit::loop_time::LoopTime;
use crate::readiness::direction::Direction;
use crate::readiness::reactor::Target;
use crate::ready::Entry;
use crate::report::counts::Counts;
use crate::scheduled::Handle;

/// What a loop has before it.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The ready queue, front first.
    pub ready: Vec<ReadyEntry>,
    /// What waits for a descriptor.
    pub parked: Vec<Parked>,
    /// What waits for a deadline, earliest first.
    pub timed: Vec<Timed>,
}

/// An entry of the ready queue.
#[derive(Clone, Copy, Debug)]
pub struct ReadyEntry {
    /// What it is: a call, a timer, a kind of job.
    pub kind: &'static str,
    /// Where it was scheduled, if it is a call.
    pub scheduled_at: Option<&'static Location<'static>>,
}

/// Something that waits for a descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Parked {
    /// What it waits for.
    pub direction: Direction,
    /// Where the socket, or the watch of a raw descriptor, was created.
    pub created_at: &'static Location<'static>,
}

/// A timer.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// When it is due, in the loop's time.
    pub deadline: LoopTime,
    /// Where it was scheduled.
    pub scheduled_at: &'static Location<'static>,
}

impl LoopHandle {
    /// Returns what the loop has done so far.
    pub fn counts(&self) -> Counts {
        let counters = self.state.counters();
        Counts {
            turns: counters.turns.value(),
            polls: counters.polls.value(),
            events: counters.events.value(),
            hops: self.state.ready().hops(),
            calls: counters.calls.value(),
            registrations: counters.registrations.value(),
            wake_writes: self.state.inbox().wakes(),
            reads: counters.reads.value(),
            writes: counters.writes.value(),
            accepts: counters.accepts.value(),
        }
    }

    /// Lists what is ready, parked and timed.
    ///
    /// ```
    /// let event_loop = loop_core::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// handle.call_later(std::time::Duration::from_secs(5), || ());
    /// println!("{}", handle.snapshot());
    /// assert_eq!(handle.snapshot().timed.len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        // A job's description may be a program's code: it is asked for outside the borrow.
        let mut waiting = Vec::new();
        self.state.ready().for_each(|entry| waiting.extend(describe(entry)));
        snapshot.ready.extend(waiting.into_iter().map(|(kind, scheduled_at)| match kind {
            Kind::Is(kind) => ReadyEntry { kind, scheduled_at },
            Kind::Of(job) => ReadyEntry { kind: job.kind(), scheduled_at },
        }));
        for target in self.state.reactor().targets() {
            for direction in [Direction::Read, Direction::Write] {
                if is_parked(&target, direction) {
                    snapshot.parked.push(Parked { direction, created_at: created_at(&target) });
                }
            }
        }
        self.state.timers().for_each(|deadline, scheduled_at| {
            snapshot.timed.push(Timed { deadline, scheduled_at });
        });
        snapshot.timed.sort_by_key(|timed| timed.deadline);
        snapshot
    }
}

/// What an entry is, or the job that knows it.
enum Kind {
    Is(&'static str),
    Of(Rc<dyn Job>),
}

fn describe(entry: &Entry) -> Option<(Kind, Option<&'static Location<'static>>)> {
    match entry {
        Entry::Call(_, place) => Some((Kind::Is("call"), Some(place))),
        Entry::Timed(_) => Some((Kind::Is("timer"), None)),
        Entry::Job(job, _) => Some((Kind::Of(job.clone()), None)),
        Entry::Cancelled => None,
    }
}

fn is_parked(target: &Target, direction: Direction) -> bool {
    match target {
        Target::Socket(socket) => socket.is_parked(direction),
        Target::Watch(watch) => watch.is_watched(direction),
    }
}

fn created_at(target: &Target) -> &'static Location<'static> {
    match target {
        Target::Socket(socket) => socket.created_at(),
        Target::Watch(watch) => watch.created_at(),
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ready: {}", self.ready.len())?;
        for entry in &self.ready {
            match entry.scheduled_at {
                Some(place) => writeln!(f, "  {} scheduled at {place}", entry.kind)?,
                None => writeln!(f, "  {}", entry.kind)?,
            }
        }
        writeln!(f, "parked: {}", self.parked.len())?;
        for parked in &self.parked {
            writeln!(f, "  {:?} on what was created at {}", parked.direction, parked.created_at)?;
        }
        writeln!(f, "timed: {}", self.timed.len())?;
        for timed in &self.timed {
            let deadline = timed.deadline.since_origin();
            writeln!(f, "  at {deadline:?}, scheduled at {}", timed.scheduled_at)?;
        }
        Ok(())
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("cancelled", &self.cancelled()).finish_non_exhaustive()
    }
}
