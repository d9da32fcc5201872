//! One duel: two servers and a busy loop on one processor, load that alternates between the two.

use std::thread;
use std::time::Duration;

use examples::Server;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::arguments::Slices;
use super::ballast::Ballast;
use crate::measure::arm::{Arm, Setting};
use crate::measure::load::{Generator, Limit, Recorder, Shape, Trouble};
use crate::process::cpu::{self, Placement};
use crate::process::ending;
use crate::process::interrupt::Interrupt;
use crate::values::Rule;

/// What precedes the first pair, for each server.
const WARM_UP: Duration = Duration::from_millis(100);

/// In which a server that has nothing left to do goes to sleep, so that its CPU time is exact.
const REST: Duration = Duration::from_millis(1);

/// What all duels of a run have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) shape: Shape,
    pub(super) length: Duration,
    pub(super) slices: Slices,
    pub(super) seed: u64,
    pub(super) placement: Placement,
    pub(super) interrupt: Interrupt,
}

/// What one server did in one slice.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Slice {
    /// Messages echoed.
    pub(crate) messages: u64,
    /// CPU time of all the server's threads.
    pub(crate) cpu_ns: u64,
    /// How often its threads went to sleep: a server that is always behind hardly ever does.
    pub(crate) sleeps: u64,
}

/// Two slices of the same length, one after the other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Pair {
    /// The length that was drawn for both.
    pub(crate) slice_ms: u64,
    /// Whether the base came first.
    pub(crate) base_first: bool,
    /// The server compared with.
    pub(crate) base: Slice,
    /// The server compared.
    pub(crate) other: Slice,
}

impl Slice {
    /// Returns the nanoseconds of CPU for each message.
    pub(crate) fn per_message(&self) -> f64 {
        self.cpu_ns as f64 / self.messages as f64
    }
}

/// Why a duel ended before its time.
#[derive(Debug)]
pub(super) enum Misfortune {
    /// A server is at fault: its name, and what happened.
    Failed { arm: String, reason: String },
    /// The user has ended the run.
    Interrupted,
}

/// A server with the connections that are held to it.
struct Corner<'a> {
    arm: &'a Arm,
    server: Server,
    generator: Generator,
}

/// Lets two servers duel. What was measured before a misfortune is in `pairs` all the same.
pub(super) fn fight(
    rules: &Rules,
    base: &Arm,
    other: &Arm,
    pairs: &mut Vec<Pair>,
) -> Result<(), Misfortune> {
    let mut base = Corner::enter(rules, base)?;
    let mut other = Corner::enter(rules, other)?;
    // Only now: it would make starting and connecting slow.
    let _ballast = Ballast::begin(rules.placement.server);
    for (slice, base_first) in schedule(rules) {
        let (first, second) =
            if base_first { (&mut base, &mut other) } else { (&mut other, &mut base) };
        let outcome = first.slice(slice).map_err(|trouble| (base_first, trouble));
        let outcome = outcome.and_then(|first| {
            second.slice(slice).map(|second| (first, second)).map_err(|error| (!base_first, error))
        });
        let (first, second) = match outcome {
            Ok(slices) => slices,
            Err((true, trouble)) => return Err(base.blame(rules, trouble)),
            Err((false, trouble)) => return Err(other.blame(rules, trouble)),
        };
        let (base, other) = if base_first { (first, second) } else { (second, first) };
        pairs.push(Pair { slice_ms: slice.as_millis() as u64, base_first, base, other });
    }
    Ok(())
}

/// Draws lengths and orders until the slices fill the time.
fn schedule(rules: &Rules) -> Vec<(Duration, bool)> {
    let mut random = SmallRng::seed_from_u64(rules.seed);
    let Slices { least, most } = rules.slices;
    let (mut left, mut pairs) = (rules.length, Vec::new());
    while !left.is_zero() {
        let millis = random.random_range(least.as_millis() as u64..=most.as_millis() as u64);
        let slice = Duration::from_millis(millis);
        pairs.push((slice, random.random()));
        left = left.saturating_sub(2 * slice);
    }
    pairs
}

impl<'a> Corner<'a> {
    /// Starts a server, connects to it and warms it up.
    fn enter(rules: &Rules, arm: &'a Arm) -> Result<Corner<'a>, Misfortune> {
        let processor = Some(rules.placement.server);
        let setting = Setting {
            rule: Rule::Bounded,
            counts: false,
            idle_timeout: false,
            cpu: processor,
            tool: &[],
        };
        let server = arm
            .start(setting, &rules.interrupt)
            .map_err(|error| rules.blame(arm, format!("did not start: {error}")))?;
        let warm = Generator::connect(server.addr(), rules.shape, &rules.interrupt).and_then(
            |mut generator| {
                generator.closed(Limit::Time(WARM_UP), &mut Recorder::new())?;
                generator.stay_awake();
                Ok(generator)
            },
        );
        match warm {
            Ok(generator) => Ok(Corner { arm, server, generator }),
            Err(trouble) => Err(rules.charge(arm, server, &trouble)),
        }
    }

    /// Loads the server for a while and measures what that cost it.
    fn slice(&mut self, length: Duration) -> Result<Slice, Option<Trouble>> {
        let pid = self.server.pid();
        let before = cpu::time_used(pid).zip(sleeps(pid)).ok_or(None)?;
        let closed = self.generator.closed(Limit::Time(length), &mut Recorder::new())?;
        thread::sleep(REST);
        let after = cpu::time_used(pid).zip(sleeps(pid)).ok_or(None)?;
        Ok(Slice {
            messages: closed.messages,
            cpu_ns: after.0.saturating_sub(before.0).as_nanos() as u64,
            sleeps: after.1.saturating_sub(before.1),
        })
    }

    /// Finds out what became of a server; `None` is a process whose figures have gone.
    fn blame(self, rules: &Rules, trouble: Option<Trouble>) -> Misfortune {
        match trouble {
            Some(trouble) => rules.charge(self.arm, self.server, &trouble),
            None => {
                let reason = ending::of_trouble(self.server);
                let reason = reason.unwrap_or_else(|| "its CPU time cannot be read".to_owned());
                rules.blame(self.arm, reason)
            }
        }
    }
}

impl Rules {
    fn charge(&self, arm: &Arm, server: Server, trouble: &Trouble) -> Misfortune {
        if let Trouble::Interrupted = trouble {
            return Misfortune::Interrupted;
        }
        // A server that hung up may have died of it.
        let reason = match ending::of_trouble(server) {
            Some(ending) => format!("{ending}; {trouble}"),
            None => trouble.to_string(),
        };
        self.blame(arm, reason)
    }

    /// What servers do after a Ctrl-C is not their fault.
    fn blame(&self, arm: &Arm, reason: String) -> Misfortune {
        if self.interrupt.is_raised() {
            Misfortune::Interrupted
        } else {
            Misfortune::Failed { arm: arm.to_string(), reason }
        }
    }
}

/// Counts how often the threads of a process have gone to sleep.
fn sleeps(pid: u32) -> Option<u64> {
    let mut sleeps = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let status = std::fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        sleeps += line.trim().parse::<u64>().ok()?;
    }
    Some(sleeps)
}
