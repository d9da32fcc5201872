//! `oneloop compare`: the arms, in interleaved rounds, each with a fresh server.

mod arguments;
pub(crate) mod counts;
pub(crate) mod progress;
mod rounds;
pub(crate) mod visit;

use std::time::Instant;

use rand::seq::SliceRandom;

use crate::failure::Failure;
use crate::files::interval_log::IntervalLog;
use crate::files::run_directory::RunDirectory;
use crate::files::run_file::{Arguments, Run};
use crate::measure::arm::Arm;
use crate::measure::latencies::Latencies;
use crate::measure::load::Shape;
use crate::measure::load_alone::ensure_schedule_fits;
use crate::measure::peers::Resolved;
use crate::measure::suites::{Citation, Suite};
use crate::output::{self, Dress};
use crate::past_run;
use crate::process::cpu::{self, Placement};
use crate::process::environment::Environment;
use crate::process::interrupt::Interrupt;
use crate::process::limits;
use crate::process::open;
use crate::report;
pub(crate) use arguments::{CompareArguments, EXAMPLES};
use progress::Progress;

/// What a comparison needs to know from beginning to end.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) arguments: Arguments,
    pub(crate) shape: Shape,
    seed: u64,
    pub(crate) placement: Option<Placement>,
    pub(crate) interrupt: Interrupt,
}

/// What a comparison has found so far.
#[derive(Debug)]
struct Findings {
    run: Run,
    latencies: Latencies,
    log: IntervalLog,
}

/// Compares by one load, or by each load of a suite.
pub(crate) fn run(asked: &CompareArguments) -> Result<(), Failure> {
    let loads = asked.suite.as_ref().map(Suite::citations);
    let loads: Vec<_> = loads.map_or(vec![None], |loads| loads.into_iter().map(Some).collect());
    for load in &loads {
        let shape = load.as_ref().map_or(asked.shape(), |load| load.shape);
        limits::ensure_connections_fit(shape.connections_max())?;
    }
    ensure_schedule_fits(asked.rate, asked.seconds)?;
    let resolved = asked.selection.arms()?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let mut outcome = Ok(());
    for load in loads {
        let plan = Plan::new(asked, resolved.clone(), interrupt.clone()).under(load);
        match run_load(asked, &plan) {
            // The other loads say something all the same.
            Err(Failure::Arms) => outcome = Err(Failure::Arms),
            run => run?,
        }
    }
    outcome
}

/// Compares, writes the files, prints the report.
fn run_load(asked: &CompareArguments, plan: &Plan) -> Result<(), Failure> {
    let environment = Environment::observe(plan.placement);
    let run = Run::begin(environment, plan.arguments.clone(), plan.seed);
    let cannot_write =
        |error| Failure::Refused(format!("cannot write to {}: {error}", asked.out.display()));
    let mut directory = RunDirectory::create(&asked.out, run.started).map_err(cannot_write)?;
    let log = IntervalLog::create(directory.path()).map_err(cannot_write)?;

    let begun = Instant::now();
    let mut found = Findings { run, latencies: Latencies::default(), log };
    let finished = measure(plan, &mut found);
    let Findings { mut run, latencies, log } = found;
    run.partial = finished.is_err();
    run.environment.finish(begun.elapsed());
    run.verdict = report::verdict(&run);
    let latencies = latencies.counted(&plan.arguments.arms);
    let written = log.finish().and_then(|()| directory.complete(&mut run, &latencies));
    let page = written.is_ok().then(|| past_run::write_page(directory.path()));
    // A report is no worse for a full disk.
    let files = written.is_ok().then_some(directory.path());
    output::print(&report::compose(&run, &latencies, files, Dress::of_stdout()))?;
    written.map_err(cannot_write)?;
    match page {
        Some(Ok(page)) if asked.open => open::in_browser(&page),
        // The run is no worse for it: its figures are printed and written.
        Some(Err(failure)) => output::complain(&failure.to_string()),
        _ => {}
    }
    match finished {
        Err(Interrupted) => Err(Failure::Interrupted),
        Ok(()) if !run.failures.is_empty() => Err(Failure::Arms),
        Ok(()) => Ok(()),
    }
}

/// The user has ended the run.
#[derive(Debug)]
pub(crate) struct Interrupted;

fn measure(plan: &Plan, found: &mut Findings) -> Result<(), Interrupted> {
    if let Some(placement) = plan.placement {
        // A refusal leaves the generator where it is; the servers pin themselves or fail.
        let _ = cpu::pin(placement.generator);
    }
    let progress = Progress::begin(rounds::cost_ms(plan) + counts::cost_ms(plan));
    for round in 1..=plan.arguments.rounds {
        rounds::measure(plan, round, found, &progress)?;
    }
    counts::measure(plan, &mut found.run, &progress)
}

impl Plan {
    pub(crate) fn new(asked: &CompareArguments, of: Resolved, interrupt: Interrupt) -> Plan {
        let arguments = Arguments {
            connections: asked.connections,
            size_bytes: asked.size,
            rounds: asked.rounds,
            seconds: asked.seconds,
            rate: asked.rate,
            arms: of.arms,
            absent: of.absent,
            suite: None,
        };
        Plan {
            arguments,
            shape: asked.shape(),
            // Short enough to be typed again.
            seed: asked.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
            placement: Placement::choose(),
            interrupt,
        }
    }

    /// Takes the load of a suite, if there is one, in the place of the plain one.
    fn under(mut self, load: Option<Citation>) -> Plan {
        if let Some(load) = load {
            self.shape = load.shape;
            self.arguments.connections = load.shape.connections;
            self.arguments.size_bytes = load.shape.size;
            self.arguments.suite = Some(load);
        }
        self
    }

    /// Draws the order of the arms that have not failed.
    fn order(&self, run: &Run, random: &mut rand::rngs::SmallRng) -> Vec<&Arm> {
        let alive = |arm: &&Arm| !run.has_failed(arm.name());
        let mut arms: Vec<_> = self.arguments.arms.iter().filter(alive).collect();
        arms.shuffle(random);
        arms
    }
}
