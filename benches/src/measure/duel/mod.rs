//! `oneloop duel`: two servers on one processor, told apart by what a message costs them.
//!
//! Rates and latencies wander by more than servers differ; CPU time per message does not, if both
//! servers have the same processor at nearly the same time and always more to do than time for it.

mod arguments;
mod ballast;
mod bout;
mod outcome;
mod text;

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use examples::Style;

use crate::failure::Failure;
use crate::files::record;
use crate::files::run_directory::RunDirectory;
use crate::measure::arm::{Arm, ensure_distinct};
use crate::measure::load::Shape;
use crate::measure::peers::{self, Asked, Resolved};
use crate::measure::progress::Progress;
use crate::output;
use crate::process::cpu::{self, Placement};
use crate::process::interrupt::Interrupt;
use crate::process::limits;
use crate::statistics::Standing;
use bout::{Misfortune, Rules};
use outcome::{Bout, Outcome};

pub(crate) use arguments::{DuelArguments, EXAMPLES};

/// What the self-test's second server spends more than its first on each message.
const CONTROL_US: u64 = 5;

/// What a duel leaves.
const RECORD: &str = "duel.json";

/// Starting, connecting and warming up both servers of a bout.
const SET_UP_MS: u64 = 400;

/// Measures the null and every duel that is asked for, and prints what they mean.
pub(crate) fn run(asked: &DuelArguments) -> Result<(), Failure> {
    let Pairings { pairings, peers } = pairings(asked)?;
    ensure_cpu_time_is_told()?;
    let placement = Placement::choose().ok_or_else(|| {
        Failure::Refused(
            "a duel needs two processors, one for both servers and one for the generator; this \
             process may use only one"
                .to_owned(),
        )
    })?;
    limits::ensure_connections_fit(2 * asked.connections).map_err(|failure| {
        Failure::Usage(format!("a duel holds connections to two servers at once: {failure}"))
    })?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let rules = Rules {
        shape: Shape::plain(asked.connections, asked.size),
        length: Duration::from_secs_f64(asked.seconds),
        slices: asked.slices,
        // Short enough to be typed again.
        seed: asked.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
        placement,
        interrupt,
    };
    let mut outcome = Outcome::begin(&rules);
    let mut directory = RunDirectory::create(&asked.out, outcome.started)
        .map_err(|error| cannot_write(&asked.out, &error))?;
    outcome.peers = peers;
    let begun = Instant::now();
    measure(&rules, &pairings, &mut outcome);
    outcome.environment.finish(begun.elapsed());
    let left = record::leave(&mut directory, RECORD, &outcome, &outcome.table());
    print(&outcome, asked.json, left.is_ok().then_some(directory.path()))?;
    left.map_err(|error| cannot_write(&asked.out, &error))?;
    conclude(&outcome, asked.self_test)
}

/// The pairs of servers that meet, and what is to be said of the ready-made peers among them.
struct Pairings {
    pairings: Vec<(Arm, Arm)>,
    peers: Vec<String>,
}

/// Lists the pairs that meet: the base meets itself first.
fn pairings(asked: &DuelArguments) -> Result<Pairings, Failure> {
    let mut peers = Vec::new();
    let (base, others) = if asked.self_test {
        (Arm::Style(Style::Raw), vec![Arm::dearer_raw(CONTROL_US)])
    } else {
        let Resolved { mut arms, absent } = arms(asked)?;
        peers = peers::notes(&arms, &absent).collect();
        let others = arms.split_off(1);
        (arms.remove(0), others)
    };
    let others = [base.clone()].into_iter().chain(others);
    Ok(Pairings { pairings: others.map(|other| (base.clone(), other)).collect(), peers })
}

/// Returns the base, then those that are to meet it, peers last.
fn arms(asked: &DuelArguments) -> Result<Resolved, Failure> {
    let base = asked.base.clone().unwrap_or(Asked::Arm(Arm::Style(Style::Raw)));
    let all = Style::ALL.into_iter().filter(|&style| asked.all && style != Style::Raw);
    let all = all.map(|style| Asked::Arm(Arm::Style(style)));
    let asked: Vec<Asked> = [base]
        .into_iter()
        .chain(asked.other.clone())
        .chain(all)
        .chain(asked.peer.clone())
        .collect();
    let resolved = peers::resolve(&asked)?;
    // Against itself an arm may fight twice.
    let (base, others) = resolved.arms.split_first().expect("there is a base");
    let names = others.iter().filter(|other| *other != base).chain([base]);
    ensure_distinct(&names.cloned().collect::<Vec<_>>()).map_err(Failure::Usage)?;
    Ok(resolved)
}

fn measure(rules: &Rules, pairings: &[(Arm, Arm)], outcome: &mut Outcome) {
    // A refusal leaves the generator where it is; the servers pin themselves or fail.
    let _ = cpu::pin(rules.placement.generator);
    let bout_ms = rules.length.as_millis() as u64 + SET_UP_MS;
    let progress = Progress::begin(bout_ms * pairings.len() as u64);
    for (at, (base, other)) in pairings.iter().enumerate() {
        let names = (base.name(), other.name());
        progress.say(format!("{} against {}", names.1, names.0));
        let mut pairs = Vec::new();
        let fought = bout::fight(rules, base, other, &mut pairs);
        progress.advance(bout_ms);
        let misfortune = fought.err();
        let null = outcome.null();
        outcome.bouts.push(Bout::of(names, at == 0, pairs, misfortune.as_ref(), null));
        if let Some(Misfortune::Interrupted) = misfortune {
            outcome.partial = true;
            return;
        }
    }
}

/// Reads a duel that is over, if the path has one, and composes its report.
///
/// # Errors
/// Names the file and says why it cannot be used.
pub(crate) fn past(path: &Path) -> Result<Option<String>, Failure> {
    let Some(file) = record::find(path, RECORD) else { return Ok(None) };
    let outcome: Outcome = record::read(&file, outcome::SCHEMA)?;
    Ok(Some(text::compose(&outcome)))
}

fn cannot_write(to: &Path, error: &io::Error) -> Failure {
    Failure::Refused(format!("cannot write to {}: {error}", to.display()))
}

fn print(outcome: &Outcome, json: bool, directory: Option<&Path>) -> Result<(), Failure> {
    if !json {
        let files = directory.map_or(String::new(), |directory| {
            format!("\nFiles: {}, and every pair as duel.csv\n", directory.join(RECORD).display())
        });
        return output::print(&(text::compose(outcome) + &files));
    }
    let line = serde_json::to_string(outcome).expect("an outcome is plain data");
    output::print(&format!("{line}\n"))
}

fn conclude(outcome: &Outcome, is_self_test: bool) -> Result<(), Failure> {
    if outcome.partial {
        return Err(Failure::Interrupted);
    }
    if outcome.any_failed() {
        return Err(Failure::Arms);
    }
    let seen = || outcome.bouts.iter().any(|bout| bout.standing == Some(Standing::Dearer));
    if is_self_test && !seen() {
        let reason = format!("the self-test failed: {CONTROL_US} us a message were not seen");
        return Err(Failure::Server(reason));
    }
    Ok(())
}

/// Checks that the kernel tells what each thread has used.
fn ensure_cpu_time_is_told() -> Result<(), Failure> {
    match fs::read_to_string("/proc/thread-self/schedstat") {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Refused(format!(
            "a duel compares the CPU time that the kernel tells in /proc/PID/task/*/schedstat, \
             which is not to be had here: {error}"
        ))),
    }
}
